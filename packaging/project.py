"""What every artefact asks of the project: its folder, its version, the time of its last commit."""

from __future__ import annotations

import subprocess
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGING = ROOT / "packaging"
SHIP = ROOT / "target" / "ship"
PLUGIN = ROOT / "target" / "plugin" / "spire-plugin-k8s-psat"
DIST = ROOT / "target" / "dist"


def version() -> str:
    manifest = tomllib.loads((ROOT / "Cargo.toml").read_text())
    return str(manifest["workspace"]["package"]["version"])


def abi_version() -> str:
    """The number in the SONAME, as the header says it."""
    for line in (ROOT / "include" / "psat_attestor.h").read_text().splitlines():
        if line.startswith("#define PSAT_ABI_VERSION "):
            return line.split()[2]
    raise ValueError("include/psat_attestor.h does not define PSAT_ABI_VERSION")


def commit_time() -> int:
    """Seconds since 1970: the one time that appears in artefacts."""
    log = ["git", "-C", str(ROOT), "log", "-1", "--format=%ct"]
    return int(subprocess.run(log, check=True, capture_output=True, text=True).stdout)


def fill(template: Path, values: dict[str, str]) -> str:
    """The template with each @NAME@ replaced."""
    text = template.read_text()
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    return text
