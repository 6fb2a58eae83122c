"""Builds what the benchmark runs. The shared library is built before, by `make ship`."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

from programs import ALLOCATIONS, LIBRARY, OUT, ROOT

BENCH = ROOT / "bench"
SERVER = ROOT / "target" / "release" / "bench-server"
FLAGS = ["-std=c11", "-O2", "-g", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-D_GNU_SOURCE", f"-I{ROOT}/include"]


def build() -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    call("cargo", "build", "--locked", "--release", "-p", "bench-server")
    program("ours", "ours", "crowd", "beside", "payloads", "process")
    program("validate", "validate", "process")
    # Without builtins, the compiler cannot take the functions for what they stand in for.
    compile_c("-fno-builtin", "-shared", "-fPIC", source("allocations"), "-o", str(ALLOCATIONS))
    shared = {
        "PKG_CONFIG_PATH": str(ROOT / "target" / "ship" / "pkgconfig"),
        # Go's build cache looks at flags, not at the library that they lead to.
        "CGO_CFLAGS": f"-O2 -g -DPSAT_DIGEST=0x{digest()}",
    }
    for command in ("upstream", "psat", "forms"):
        go = ["go", "-C", str(BENCH / "go"), "build", "-trimpath", "-buildvcs=false"]
        call(*go, "-o", str(OUT / command), f"./{command}", variables=shared)


def program(name: str, *sources: str) -> None:
    folder = LIBRARY.parent
    link = ["-pthread", f"-L{folder}", "-lpsat_attestor", f"-Wl,-rpath,{folder}"]
    compile_c(*map(source, sources), "-o", str(OUT / name), *link)


def compile_c(*arguments: str) -> None:
    call(os.environ.get("CC", "cc"), *FLAGS, *arguments)


def source(name: str) -> str:
    return str(BENCH / "drivers" / f"{name}.c")


def digest() -> str:
    """Of what the Go programs are linked with."""
    header = ROOT / "include" / "psat_attestor.h"
    return hashlib.sha256(header.read_bytes() + LIBRARY.read_bytes()).hexdigest()[:16]


def stripped_bytes() -> int:
    """How large the shared library is without any symbol that nobody links."""
    stripped: Path = OUT / "stripped.so"
    call("strip", "--strip-unneeded", "-o", str(stripped), str(LIBRARY))
    return stripped.stat().st_size


def call(*command: str, variables: dict[str, str] | None = None) -> None:
    subprocess.run(command, cwd=ROOT, env={**os.environ, **(variables or {})}, check=True)
