"""The tools that `make dist` needs, in target/dist-tools: from PyPI by their hashes, from crates.io by their locks."""

from __future__ import annotations

import os
import shutil
import subprocess
import venv

import project

TOOLS = project.ROOT / "target" / "dist-tools"
WHEELS = TOOLS / "wheels"
PYTHON = TOOLS / "bin" / "python"
CARGO_DENY = TOOLS / "cargo" / "bin" / "cargo-deny"
CARGO_DENY_VERSION = "0.20.2"
REQUIREMENTS = project.PACKAGING / "requirements.txt"


def install() -> None:
    _python()
    _cargo_deny()


def _python() -> None:
    """Wheels of everything, to be installed from without a network; and a Python that has them installed."""
    stamp = TOOLS / "installed"
    if stamp.exists() and stamp.read_text() == REQUIREMENTS.read_text():
        return
    venv.create(TOOLS, with_pip=True)
    pip = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "--quiet"]
    requirements = ["--require-hashes", "-r", str(REQUIREMENTS)]
    subprocess.run([*pip, "download", "--only-binary", ":all:", "--dest", str(WHEELS), *requirements], check=True)
    subprocess.run([*pip, "install", "--no-index", "--find-links", str(WHEELS), *requirements], check=True)
    stamp.write_text(REQUIREMENTS.read_text())


def _cargo_deny() -> None:
    wanted = f"cargo-deny {CARGO_DENY_VERSION}"
    if CARGO_DENY.exists():
        found = subprocess.run([CARGO_DENY, "--version"], check=True, capture_output=True, text=True).stdout
        if found.strip() == wanted:
            return
    print(f"installing {wanted}, which takes some minutes", flush=True)
    built = TOOLS / "cargo" / "target"
    where = ["--root", str(TOOLS / "cargo"), "--target-dir", str(built)]
    what = ["--quiet", "--locked", "--no-default-features", "--version", CARGO_DENY_VERSION, "cargo-deny"]
    environment = {**os.environ, "CARGO_PROFILE_RELEASE_LTO": "off"}
    subprocess.run(["cargo", "install", *where, *what], check=True, env=environment)
    shutil.rmtree(built)
