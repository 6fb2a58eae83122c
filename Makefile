# Every habit of this project is one command: see `make help`.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

CARGO ?= cargo
CC ?= cc
CXX ?= c++
GO ?= go
PYTHON ?= python3

PREFIX ?= /usr/local
LIBDIR ?= lib
DESTDIR ?=

SHIP := target/ship
LIB_DIR := $(CURDIR)/$(SHIP)/release
# How `make bench` measures: short, full, record or instructions; see bench/run.py.
BENCH ?= full
# How often `make soak` attests.
SOAK ?= 100000
DEVCLUSTER := target/debug/devcluster
# What `make mutants` uses, and changes.
CARGO_MUTANTS := target/mutants-tool/27.1.0
FILE ?= src/outcome.rs src/config/**/*.rs src/attest/**/*.rs
# What `make differential` generates.
CASES ?= 20000
SEED ?= 1
CFLAGS_STRICT := -Wall -Wextra -Wpedantic -Werror

# No path of the builder's machine is shipped, so that the same sources give the same bytes in any folder of anyone.
CARGO_HOME ?= $(HOME)/.cargo
SHIP_RUSTFLAGS := --remap-path-prefix=$(CARGO_HOME)=/cargo

.PHONY: help
help: ## List the commands
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' Makefile

.PHONY: build
build: ## Build everything for development
	$(CARGO) build --locked --workspace --all-targets

.PHONY: ship
ship: ## Build the shared and the static library as they are shipped, under target/ship
	@# Without rlib, or cargo leaves link-time optimisation out without a word.
	RUSTFLAGS="$(SHIP_RUSTFLAGS)" $(CARGO) rustc --locked --release --lib --crate-type cdylib,staticlib --target-dir $(SHIP)
	ln -sf libpsat_attestor.so $(LIB_DIR)/libpsat_attestor.so.1
	$(PYTHON) packaging/narrow_archive.py $(LIB_DIR)/libpsat_attestor.a $(SHIP)/libpsat_attestor.a
	$(PYTHON) packaging/pkgconfig.py $(SHIP)/pkgconfig/psat_attestor.pc --libdir $(LIB_DIR) --includedir $(CURDIR)/include --rpath

.PHONY: devcluster
devcluster:
	$(CARGO) build --locked -p devcluster

.PHONY: demo
demo: ship devcluster ## Attest on the dev cluster and show the identity
	@mkdir -p target/demo
	$(CC) -std=c99 $(CFLAGS_STRICT) -O2 -Iinclude examples/attest.c -o target/demo/attest \
	    -L$(LIB_DIR) -lpsat_attestor -Wl,-rpath,$(LIB_DIR)
	@$(DEVCLUSTER) exec -- bash examples/demo.sh target/demo/attest

.PHONY: test
test: ship devcluster ## Run all tests that need no Kubernetes
	$(PYTHON) tests/run.py test

.PHONY: differential
differential: ## Compare with SPIRE's own plugin on generated cases; CASES=20000 SEED=1
	@mkdir -p target/differential
	$(GO) -C tests/differential/upstream build -o $(CURDIR)/target/differential/upstream .
	$(CARGO) run --locked --quiet -p differential -- --cases $(CASES) --seed $(SEED)

.PHONY: plugin
plugin: ship ## Build the SPIRE server plugin, one static file, under target/plugin
	@mkdir -p target/plugin
	@# The digest makes Go's build cache look at the header and the archive.
	CGO_ENABLED=1 CGO_LDFLAGS=$(CURDIR)/$(SHIP)/libpsat_attestor.a \
	    CGO_CFLAGS="-O2 -g -I$(CURDIR)/include -DPSAT_DIGEST=0x$$(cat include/psat_attestor.h $(SHIP)/libpsat_attestor.a | sha256sum | cut -c1-16)" \
	    $(GO) -C bindings/go build -trimpath -buildvcs=false -tags netgo,osusergo,psat_static \
	    -ldflags '-s -w -buildid= -linkmode external -extldflags "-static"' \
	    -o $(CURDIR)/target/plugin/spire-plugin-k8s-psat ./cmd/spire-plugin-k8s-psat

.PHONY: install
install: $(SHIP)/libpsat_attestor.a ## Install for C and C++ under PREFIX (/usr/local), LIBDIR (lib) in it, all below DESTDIR
	$(PYTHON) packaging/install.py --prefix "$(PREFIX)" --libdir "$(LIBDIR)" --destdir "$(DESTDIR)"

# What is built is installed as it is: root, who installs, may have no Rust.
$(SHIP)/libpsat_attestor.a:
	$(MAKE) ship

.PHONY: dist
dist: ship plugin ## Build everything that is released, under target/dist
	$(PYTHON) packaging/dist.py

.PHONY: sanitize
sanitize: ship ## Models of every order of threads; the C tests under the sanitizers and valgrind
	$(PYTHON) tests/run.py sanitize

.PHONY: e2e
e2e: ship plugin ## Attest real tokens on a real kube-apiserver, and agents of a stock SPIRE server
	$(PYTHON) tests/e2e/run.py

.PHONY: bench
bench: ship ## Measure beside SPIRE's own plugin; BENCH=short takes two minutes
	$(PYTHON) bench/run.py $(BENCH)

.PHONY: soak
soak: ship ## Attest SOAK times (100000) while everything goes wrong: nothing may be lost, doubled or left behind
	@mkdir -p target/soak
	$(CC) -std=c99 $(CFLAGS_STRICT) -D_POSIX_C_SOURCE=200809L -O2 -pthread -Iinclude tests/soak/host/*.c -o target/soak/host \
	    -L$(LIB_DIR) -lpsat_attestor -Wl,-rpath,$(LIB_DIR)
	$(CARGO) run --locked --quiet -p soak -- target/soak/host --count $(SOAK)

.PHONY: test-dist
test-dist: dist devcluster ## Test what make dist leaves, and make install: the wheel in clean environments, the sdist, programs from installed files
	$(PYTHON) tests/run.py dist

.PHONY: fuzz
fuzz: ## Fuzz every parser and the ABI for FUZZ_SECONDS (25) each
	$(PYTHON) fuzz/run.py

.PHONY: diagnoses
diagnoses: ship plugin ## Write docs/diagnoses.md anew: what the operator's tool shows of each fault
	PSAT_RECORD=1 $(PYTHON) tests/e2e/run.py --only diagnosis

.PHONY: mutants
mutants: $(CARGO_MUTANTS)/bin/cargo-mutants ## Change what decides, one place at a time: a test must fail; FILE=src/outcome.rs for one file
	@mkdir -p target/mutants
	@# Nobody reads the backtraces, which take longer than the tests. 3 = a change made a test run for ever, and so was noticed.
	RUST_BACKTRACE=0 CARGO_TARGET_DIR=$(CURDIR)/target/mutants/build $< mutants --output target/mutants \
	    $(foreach file,$(FILE),--file '$(file)') || [[ $$? -eq 3 ]]

$(CARGO_MUTANTS)/bin/cargo-mutants:
	$(CARGO) install --locked --debug --version $(notdir $(CARGO_MUTANTS)) --root $(CARGO_MUTANTS) cargo-mutants

.PHONY: lint
lint: ship ## Check style: rustfmt, clippy, gofmt, go vet, staticcheck, ruff, mypy, documents
	$(PYTHON) tests/run.py lint

.PHONY: generate
generate: ## Write the generated files anew: the header, docs/reasons.md, the reasons of Go and Python, ctypes declarations
	PSAT_GENERATE=1 $(CARGO) test --locked --quiet --test generated

.PHONY: doc
doc: ## Build the documentation of Rust, C, Go and Python, under target/doc; a warning is an error
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --no-deps --workspace --document-private-items
	doxygen packaging/Doxyfile
	@mkdir -p target/doc/go
	cd bindings/go && for package in . spireplugin; do $(GO) doc -all ./$$package; done > ../../target/doc/go/psat.txt
	$(PYTHON) tests/run.py tools
	PYTHONPATH=bindings/python target/lint-tools/bin/python -W error -m pdoc -o target/doc/python psat_attestor psat_attestor.aio

.PHONY: clean
clean: ## Remove everything that was built
	$(CARGO) clean
