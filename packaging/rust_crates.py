"""The crates that are linked into the library, and Rust's own standard library."""

from __future__ import annotations

import html
import json
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import project
from components import Component, Inventory, licence_texts

CRATE = "psat-attestor"
# Crates that leave the text to their repository. It is the text of this project's own LICENSE.
STANDARD_TEXTS = {"Apache-2.0": (project.ROOT / "LICENSE").read_text().strip()}


def inventory() -> Inventory:
    metadata = json.loads(_run("cargo", "metadata", "--locked", "--format-version", "1"))
    # Cargo's metadata has the features of the whole workspace; its tree, those of the library alone.
    linked = _tree()
    packages = {p["id"]: p for p in metadata["packages"] if (p["name"], p["version"]) in linked}
    needs = {
        node["id"]: frozenset(_purl(packages[i]) for i in _needed(node) if i in packages)
        for node in metadata["resolve"]["nodes"]
    }
    locked = tomllib.loads((project.ROOT / "Cargo.lock").read_text())["package"]
    checksums = {(p["name"], p["version"]): p.get("checksum") for p in locked}
    crates = [standard_library()]
    direct = frozenset(crate.purl for crate in crates)
    for identity, package in packages.items():
        name, version = package["name"], package["version"]
        if name == CRATE:
            direct |= needs[identity]
            continue
        # The older way to say "or" was a slash.
        licence = re.sub(r"\s*/\s*", " OR ", package["license"])
        texts = _texts(name, licence, Path(package["manifest_path"]).parent)
        checksum = checksums[name, version]
        crates.append(Component(name, version, _purl(package), licence, texts, checksum, needs[identity]))
    return Inventory(tuple(sorted(crates, key=lambda crate: (crate.name, crate.version))), direct)


def standard_library() -> Component:
    release = _run("rustc", "--version").split()[1]
    notices = Path(_run("rustc", "--print", "sysroot").strip(), "share", "doc", "rust", "COPYRIGHT-library.html")
    if not notices.exists():
        raise FileNotFoundError(f"{notices} is not there: Rust's copyright notices come with a toolchain of rustup")
    text = html.unescape(re.sub(r"<[^>]+>", "", notices.read_text()))
    return Component(
        name="rust-std",
        version=release,
        purl=f"pkg:generic/rust-std@{release}",
        licence="MIT OR Apache-2.0",
        texts=(re.sub(r"\s*\n\s*\n\s*", "\n\n", text).strip(),),
    )


def _tree() -> set[tuple[str, str]]:
    """Name and version of what is linked in on this platform: no build tools, no procedural macros."""
    host = next(line.split()[1] for line in _run("rustc", "-vV").splitlines() if line.startswith("host: "))
    edges = ["-e", "normal,no-proc-macro", "--target", host]
    lines = _run("cargo", "tree", "--locked", "-p", CRATE, *edges, "--prefix", "none", "-f", "{p}").splitlines()
    words = (line.split() for line in lines)
    return {(name, version.removeprefix("v")) for name, version, *_ in words}


def _needed(node: dict[str, Any]) -> list[str]:
    return [d["pkg"] for d in node["deps"] if any(kind["kind"] is None for kind in d["dep_kinds"])]


def _purl(package: dict[str, Any]) -> str:
    return f"pkg:cargo/{package['name']}@{package['version']}"


def _texts(name: str, licence: str, source: Path) -> tuple[str, ...]:
    texts = licence_texts(source)
    if not texts and licence not in STANDARD_TEXTS:
        raise ValueError(f"{name} brings no licence text for {licence}: add one to STANDARD_TEXTS")
    return texts or (STANDARD_TEXTS[licence],)


def _run(*command: str) -> str:
    return subprocess.run(command, cwd=project.ROOT, check=True, capture_output=True, text=True).stdout
