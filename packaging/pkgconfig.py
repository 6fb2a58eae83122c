"""Write psat_attestor.pc: `pkgconfig.py OUT --libdir DIR --includedir DIR [--prefix DIR] [--rpath]`.

With --rpath, programs find the library where it was built, which is for the build tree alone.
"""

from __future__ import annotations

import argparse
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = ROOT / "packaging" / "psat_attestor.pc.in"


def version() -> str:
    manifest = tomllib.loads((ROOT / "Cargo.toml").read_text())
    package = manifest["package"]
    found = package["version"]
    if isinstance(found, dict):
        found = manifest["workspace"]["package"]["version"]
    return str(found)


def main() -> None:
    parser = argparse.ArgumentParser(description="Write psat_attestor.pc.")
    parser.add_argument("out", type=Path)
    parser.add_argument("--prefix", default="/usr/local")
    parser.add_argument("--libdir", default="${prefix}/lib")
    parser.add_argument("--includedir", default="${prefix}/include")
    parser.add_argument("--rpath", action="store_true", help="for programs that run from the build tree")
    arguments = parser.parse_args()

    text = TEMPLATE.read_text()
    for name, value in {
        "PREFIX": arguments.prefix,
        "LIBDIR": arguments.libdir,
        "INCLUDEDIR": arguments.includedir,
        "VERSION": version(),
        "RPATH": " -Wl,-rpath,${libdir}" if arguments.rpath else "",
    }.items():
        text = text.replace(f"@{name}@", value)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(text)


if __name__ == "__main__":
    main()
