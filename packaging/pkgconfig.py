"""Write psat_attestor.pc: `pkgconfig.py OUT --libdir DIR --includedir DIR [--prefix DIR] [--rpath]`.

With --rpath, programs find the library where it was built, which is for the build tree alone.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import project


def render(prefix: str, libdir: str, includedir: str, rpath: bool = False) -> str:
    values = {
        "PREFIX": prefix,
        "LIBDIR": libdir,
        "INCLUDEDIR": includedir,
        "VERSION": project.version(),
        "RPATH": " -Wl,-rpath,${libdir}" if rpath else "",
    }
    return project.fill(project.PACKAGING / "psat_attestor.pc.in", values)


def main() -> None:
    parser = argparse.ArgumentParser(description="Write psat_attestor.pc.")
    parser.add_argument("out", type=Path)
    parser.add_argument("--prefix", default="/usr/local")
    parser.add_argument("--libdir", default="${prefix}/lib")
    parser.add_argument("--includedir", default="${prefix}/include")
    parser.add_argument("--rpath", action="store_true", help="for programs that run from the build tree")
    arguments = parser.parse_args()
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(render(arguments.prefix, arguments.libdir, arguments.includedir, arguments.rpath))


if __name__ == "__main__":
    main()
