"""The Go modules that are linked into the plugin, and what a static Go program holds of its platform."""

from __future__ import annotations

import json
import platform
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import project
from components import LICENCE_FILE, Component, Inventory, licence_texts

BINDING = project.ROOT / "bindings" / "go"
COMMAND = "./cmd/spire-plugin-k8s-psat"
TAGS = "netgo,osusergo,psat_static"
# Modules may have these. MPL-2.0 asks for the sources of its own files, which are published unchanged under the name
# and version that the bill of materials gives.
ALLOWED = frozenset({"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MPL-2.0"})


def inventory() -> Inventory:
    modules, needs = _modules()
    sums = dict(_built_in())
    if sums.keys() != modules.keys():
        raise ValueError(f"{project.PLUGIN} was built from other modules than go.mod names now: run `make plugin`")
    purls = {path: f"pkg:golang/{path}@{module['Version']}" for path, module in modules.items()}
    licences = _licences({path: Path(module["Dir"]) for path, module in modules.items()})
    components = [standard_library(), c_library()]
    direct = frozenset(component.purl for component in components)
    for path, module in modules.items():
        needed = frozenset(purls[other] for other in needs[path] if other in purls)
        texts = licence_texts(Path(module["Dir"]))
        components.append(Component(path, module["Version"], purls[path], licences[path], texts, needs=needed))
    direct |= {purls[other] for other in needs[""] if other in purls}
    return Inventory(tuple(sorted(components, key=lambda component: component.name)), direct)


def standard_library() -> Component:
    root = Path(_go("env", "GOROOT").strip())
    release = _go("env", "GOVERSION").strip().removeprefix("go")
    texts = tuple((root / name).read_text().strip() for name in ("LICENSE", "PATENTS"))
    return Component("go-std", release, f"pkg:golang/std@{release}", "BSD-3-Clause", texts)


def c_library() -> Component:
    name, release = platform.libc_ver()
    if name != "glibc":
        raise ValueError("the plugin is linked with another C library than glibc, and its licence is not known here")
    text = (project.PACKAGING / "licenses" / "LGPL-2.1.txt").read_text().strip()
    return Component("glibc", release, f"pkg:generic/glibc@{release}", "LGPL-2.1-or-later", (text,))


def _modules() -> tuple[dict[str, dict[str, Any]], dict[str, set[str]]]:
    """The modules by path, and what each uses; the binding itself is the empty path."""
    modules: dict[str, dict[str, Any]] = {}
    imports: dict[str, tuple[str, list[str]]] = {}
    for package in _packages():
        module = package.get("Module")
        if module is None:
            continue
        path = "" if module.get("Main") else module["Path"]
        if path:
            modules[path] = module
        imports[package["ImportPath"]] = (path, package.get("Imports", []))
    needs: dict[str, set[str]] = {path: set() for path in ["", *modules]}
    for path, names in imports.values():
        needs[path] |= {imports[name][0] for name in names if name in imports} - {path}
    return modules, needs


def _packages() -> Iterator[dict[str, Any]]:
    text = _go("list", "-deps", "-tags", TAGS, "-json=ImportPath,Imports,Module", COMMAND)
    decoder = json.JSONDecoder()
    at = 0
    while at < len(text):
        package, at = decoder.raw_decode(text, at)
        yield package
        at += len(text[at:]) - len(text[at:].lstrip())


def _built_in() -> Iterator[tuple[str, str]]:
    """Path and checksum of the modules, as the plugin's file itself has them."""
    for line in _go("version", "-m", str(project.PLUGIN)).splitlines():
        words = line.split()
        if words[0] == "dep":
            yield words[1], words[3]


def _licences(folders: dict[str, Path]) -> dict[str, str]:
    """What licence the file at the root of each module is."""
    files = {path: _licence_file(path, folder) for path, folder in folders.items()}
    command = ["go", "-C", str(project.PACKAGING / "golicenses"), "run", ".", *map(str, files.values())]
    found = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    licences = dict(zip(files, found, strict=True))
    refused = [f"{path} ({licence})" for path, licence in licences.items() if licence not in ALLOWED]
    if refused:
        raise ValueError(f"licences that are not allowed in the plugin: {', '.join(refused)}")
    return licences


def _licence_file(path: str, folder: Path) -> Path:
    for file in sorted(folder.iterdir()):
        if re.match(r"LICEN[CS]E|COPYING", file.name, re.IGNORECASE) and LICENCE_FILE.fullmatch(file.name):
            return file
    raise ValueError(f"{path} has no licence file")


def _go(*arguments: str) -> str:
    return subprocess.run(["go", *arguments], cwd=BINDING, check=True, capture_output=True, text=True).stdout
