"""Run the tests, the tests of what is released, the sanitizers, or the style checks, and count.

`make test`, `make test-dist`, `make sanitize` and `make lint` call this. Each step is one command, which anyone can run
alone; its output is shown as it comes, and the last line is the sum of all: `N passed, N failed`.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
import venv
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHIPPED = ROOT / "target" / "ship" / "release" / "libpsat_attestor.so"
TOOLS = ROOT / "target" / "lint-tools"

PARTS = ["tests", "doors", "examples"]
PROGRAMS = ["tests/run.py", "tests/examples.py", "tests/documents.py", "tests/c/symbols.py"]
DOORS = [
    "rust",
    "c=target/c/door",
    "go=target/go/door",
    "python=python3 bindings/python/doors/sync.py",
    "asyncio=python3 bindings/python/doors/aio.py",
]

CARGO_RESULT = re.compile(r"^test result: \w+\. (\d+) passed; (\d+) failed")
PLAIN_RESULT = re.compile(r"^(\d+) passed, (\d+) failed")


@dataclass(frozen=True)
class Step:
    """One command. It says itself how many tests it ran, or counts as one."""

    name: str
    command: list[str]
    counts: bool = False
    environment: dict[str, str] = field(default_factory=dict)


VALGRIND = Step("valgrind", ["make", "-C", "tests/c", "valgrind"], counts=True)


def test_steps() -> list[Step]:
    shipped = {"PSAT_LIB": str(SHIPPED)}
    python = {"PYTHONPATH": str(ROOT / "bindings" / "python"), "PSAT_ATTESTOR_LIBRARY": str(SHIPPED)}
    return [
        Step("Rust", ["cargo", "test", "--locked", "--workspace"], counts=True),
        Step("the release build", ["cargo", "build", "--locked", "--release"]),
        Step("C", ["make", "-C", "tests/c", "test"], counts=True),
        Step("C11 and C++", ["make", "-C", "tests/c", "dialects"]),
        VALGRIND,
        Step(
            "exported symbols",
            ["python3", "tests/c/symbols.py", "target/release/libpsat_attestor.so", str(SHIPPED)],
        ),
        Step("Go", ["make", "-s", "-C", "bindings/go", "test"], counts=True),
        Step("Go, static", ["make", "-s", "-C", "bindings/go", "static"], counts=True),
        Step("Go, cgo's checks", ["make", "-s", "-C", "bindings/go", "stress"], counts=True),
        Step("client-go", ["python3", "tests/clientgo/run.py"], counts=True),
        Step("Go's door and example", ["make", "-s", "-C", "bindings/go", "door", "example"]),
        Step("two Rust archives", ["python3", "tests/beside/run.py"], counts=True),
        Step("Python", ["python3", "bindings/python/tests/every_python.py"], counts=True, environment=python),
        Step("examples", ["python3", "tests/examples.py"], counts=True, environment=shipped),
        Step("the benchmark's table", ["python3", "-m", "unittest", "discover", "-s", "bench"]),
        Step("SPIRE's plugin on generated cases", ["make", "-s", "differential", "CASES=1000"]),
        Step("conformance", conformance(*DOORS), counts=True, environment={"GOGC": "1", **python}),
    ]


def dist_steps() -> list[Step]:
    return [
        Step("what make dist leaves", ["python3", "packaging/test_dist.py"], counts=True),
        Step("make install", ["python3", "packaging/test_install.py"], counts=True),
    ]


def sanitize_steps() -> list[Step]:
    model = ["cargo", "test", "--locked", "--lib", "--features", "model", "--", "engine::models", "--nocapture"]
    checked = ["make", "--no-print-directory", "-C", "tests/sanitize"]
    return [
        Step("models", model, counts=True),
        Step("AddressSanitizer, UndefinedBehaviorSanitizer", [*checked, "address"], counts=True),
        *([Step("ThreadSanitizer", [*checked, "thread"], counts=True)] if standard_library_sources() else []),
        Step("valgrind sees faults", [*checked, "memory"], counts=True),
        VALGRIND,
    ]


def standard_library_sources() -> bool:
    """Whether Rust's standard library can be built, which ThreadSanitizer needs. Asks rustup for the sources."""
    sysroot = subprocess.run(["rustc", "--print", "sysroot"], check=True, capture_output=True, text=True).stdout.strip()
    if Path(sysroot, "lib", "rustlib", "src", "rust", "library", "Cargo.lock").exists():
        return True
    added = shutil.which("rustup") and subprocess.run(["rustup", "component", "add", "rust-src"]).returncode == 0
    if not added:
        print("left out: ThreadSanitizer, as the sources of Rust's standard library are not here (component rust-src)")
    return bool(added)


def conformance(*doors: str) -> list[str]:
    options = [word for door in doors for word in ("--door", door)]
    return ["cargo", "run", "--locked", "--quiet", "-p", "conformance", "--", *options]


def lint_steps() -> list[Step]:
    tool = f"{TOOLS}/bin/"
    config = f"--config-file {ROOT}/mypy.ini"
    python = ["tests", "packaging", "examples", "bindings/python", "bench"]
    go_tools = "tests/e2e/tools tests/beside tests/clientgo tests/differential bench/go packaging/golicenses"
    pkg_config = {"PKG_CONFIG_PATH": str(ROOT / "target" / "ship" / "pkgconfig")}
    steps = [
        Step("rustfmt", ["cargo", "fmt", "--all", "--check"]),
        Step("clippy", ["cargo", "clippy", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"]),
        Step(
            "clippy with fault injection",
            ["cargo", "clippy", "--locked", "--features", "fault-injection", "--", "-D", "warnings"],
        ),
        Step(
            "clippy of the models",
            ["cargo", "clippy", "--locked", "--lib", "--tests", "--features", "model", "--", "-D", "warnings"],
        ),
        Step("documentation of Rust, C, Go, Python", ["make", "-s", "doc"]),
        Step("the Go binding", ["make", "-s", "-C", "bindings/go", "lint"]),
        Step("gofmt of the tools", ["bash", "-c", f'test -z "$(gofmt -l {go_tools} | tee /dev/stderr)"']),
        Step("go vet of the certificates", ["go", "-C", "tests/e2e/tools/certificates", "vet", "./..."]),
        Step("go vet of many-agents", ["go", "-C", "tests/e2e/tools/spire", "vet", "./many-agents"]),
        Step("go vet of client-go's oracle", ["go", "-C", "tests/clientgo", "vet", "./..."]),
        Step("go vet of SPIRE's plugin", ["go", "-C", "tests/differential/upstream", "vet", "./..."]),
        Step("go vet of the licences", ["go", "-C", "packaging/golicenses", "vet", "./..."]),
        Step("go vet of the benchmark", ["go", "-C", "bench/go", "vet", "./..."], environment=pkg_config),
        Step("ruff", [tool + "ruff", "check", *python]),
        Step("ruff format", [tool + "ruff", "format", "--check", *python]),
        Step("mypy", [tool + "mypy", *PROGRAMS, "packaging", "examples"]),
        Step("documents", ["python3", "tests/documents.py"]),
    ]
    # Programs of the same name, and packages that are imported from where they stand: one run for each folder.
    folders = [
        "tests/beside",
        "tests/clientgo",
        "tests/e2e",
        "tests/sanitize",
        "bench",
        *(f"bindings/python/{part}" for part in PARTS),
    ]
    commands = {folder: f"cd {folder} && MYPYPATH={ROOT}/bindings/python {tool}mypy {config} ." for folder in folders}
    commands["bindings/python"] = f"cd bindings/python && {tool}mypy {config} psat_attestor hatch_build.py"
    steps += [Step(f"mypy of {folder}", ["bash", "-c", command]) for folder, command in commands.items()]
    return steps


def run(step: Step) -> tuple[int, int]:
    """Run one step; how many tests passed and failed."""
    print(f"\n== {step.name}: {' '.join(step.command)}", flush=True)
    begun = time.monotonic()
    process = subprocess.Popen(
        step.command,
        cwd=ROOT,
        env={**os.environ, **step.environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    passed = failed = 0
    assert process.stdout is not None
    for line in process.stdout:
        print(line, end="", flush=True)
        result = CARGO_RESULT.match(line) or PLAIN_RESULT.match(line)
        if result and step.counts:
            passed += int(result[1])
            failed += int(result[2])
    code = process.wait()
    if not step.counts:
        passed = int(code == 0)
    if code != 0 or passed + failed == 0:
        # A step that ends badly, or that ran nothing, has failed whatever it counted.
        failed = max(failed, 1)
    print(f"== {step.name}: {passed} passed, {failed} failed ({time.monotonic() - begun:.0f} s)", flush=True)
    return passed, failed


def install_lint_tools() -> None:
    requirements = ROOT / "tests" / "lint-requirements.txt"
    stamp = TOOLS / "installed"
    if stamp.exists() and stamp.read_text() == requirements.read_text():
        return
    venv.create(TOOLS, with_pip=True, clear=True)
    pip = [str(TOOLS / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    subprocess.run([*pip, "--require-hashes", "-r", str(requirements)], check=True)
    stamp.write_text(requirements.read_text())


def main() -> int:
    if sys.argv[1:] == ["test"]:
        steps = test_steps()
    elif sys.argv[1:] == ["dist"]:
        steps = dist_steps()
    elif sys.argv[1:] == ["tools"]:
        install_lint_tools()
        return 0
    elif sys.argv[1:] == ["sanitize"]:
        steps = sanitize_steps()
    elif sys.argv[1:] == ["lint"]:
        install_lint_tools()
        steps = lint_steps()
    else:
        print("usage: run.py test|dist|sanitize|lint|tools", file=sys.stderr)
        return 2
    results = [(step, *run(step)) for step in steps]
    print()
    for step, passed, failed in results:
        print(f"{'ok' if failed == 0 else 'FAILED':7} {step.name}: {passed} passed, {failed} failed")
    print(f"{sum(r[1] for r in results)} passed, {sum(r[2] for r in results)} failed")
    return int(any(failed for _, _, failed in results))


if __name__ == "__main__":
    sys.exit(main())
