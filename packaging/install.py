"""Install for C and C++ hosts: `install.py [--prefix DIR] [--libdir NAME] [--destdir DIR]`, which `make install` calls.

Libraries, header, pkg-config file, CMake package, documentation, licence and examples go under the prefix; with
--destdir, everything is put under that folder as if it were the root, for whoever makes a package of it.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import pkgconfig
import project

SHARED = project.SHIP / "release" / "libpsat_attestor.so"
STATIC = project.SHIP / "libpsat_attestor.a"
CMAKE = project.PACKAGING / "cmake"


@dataclass(frozen=True)
class Places:
    """Where things go. `libdir` is relative to the prefix: lib, lib64, lib/x86_64-linux-gnu."""

    prefix: Path
    libdir: str = "lib"
    destdir: Path | None = None

    def under(self, *parts: str) -> Path:
        """Where a file of the prefix is really written."""
        path = self.prefix.joinpath(*parts)
        return self.destdir / path.relative_to("/") if self.destdir else path


def install(places: Places, pkgconfig_prefix: str | None = None) -> None:
    for built in (SHARED, STATIC):
        if not built.exists():
            raise FileNotFoundError(f"{built} is not there: run `make ship` first")
    _libraries(places)
    _copy(project.ROOT / "include" / "psat_attestor.h", places.under("include"))
    _packages(places, pkgconfig_prefix or str(places.prefix))
    _documents(places)


def _libraries(places: Places) -> None:
    libdir = places.under(places.libdir)
    file = f"libpsat_attestor.so.{project.version()}"
    soname = f"libpsat_attestor.so.{project.abi_version()}"
    _copy(SHARED, libdir, file, mode=0o755)
    _link(file, libdir / soname)
    _link(soname, libdir / "libpsat_attestor.so")
    _copy(STATIC, libdir)


def _packages(places: Places, prefix: str) -> None:
    """The files by which pkg-config and CMake find the rest."""
    _write(
        places.under(places.libdir, "pkgconfig", "psat_attestor.pc"),
        pkgconfig.render(prefix, f"${{prefix}}/{places.libdir}", "${prefix}/include"),
    )
    folder = f"{places.libdir}/cmake/PsatAttestor"
    values = {
        "VERSION": project.version(),
        "ABI_VERSION": project.abi_version(),
        "LIBDIR": places.libdir,
        "TO_PREFIX": os.path.relpath("/", f"/{folder}"),
    }
    for template in sorted(CMAKE.glob("*.in")):
        _write(places.under(folder, template.stem), project.fill(template, values))


def _documents(places: Places) -> None:
    """README and docs keep their places to each other, so that their links hold."""
    folder = places.under("share", "doc", "psat-attestor")
    for name in ("LICENSE", "README.md", "CHANGELOG.md"):
        _copy(project.ROOT / name, folder)
    for document in sorted((project.ROOT / "docs").glob("*.md")):
        _copy(document, folder / "docs")
    for example in sorted((project.ROOT / "examples").glob("*.c")):
        _copy(example, folder / "examples")


def _copy(source: Path, folder: Path, name: str | None = None, mode: int = 0o644) -> None:
    """A new file in place of the old one: a program that runs on a library must not see it change."""
    target = _fresh(folder / (name or source.name))
    shutil.copyfile(source, target)
    target.chmod(mode)


def _write(target: Path, text: str) -> None:
    _fresh(target).write_text(text)
    target.chmod(0o644)


def _link(to: str, target: Path) -> None:
    _fresh(target).symlink_to(to)


def _fresh(target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    return target


def main() -> int:
    parser = argparse.ArgumentParser(description="Install libraries, header, packages for pkg-config and CMake.")
    parser.add_argument("--prefix", type=Path, default=Path("/usr/local"))
    parser.add_argument("--libdir", default="lib", help="relative to the prefix; lib unless told")
    parser.add_argument("--destdir", default="", help="a folder to put in front of every path")
    arguments = parser.parse_args()
    if not arguments.prefix.is_absolute():
        parser.error(f"--prefix {arguments.prefix}: must be an absolute path, such as /usr/local")
    if Path(arguments.libdir).is_absolute():
        parser.error(f"--libdir {arguments.libdir}: must be relative to the prefix, such as lib64")
    destdir = Path(arguments.destdir).absolute() if arguments.destdir else None
    places = Places(arguments.prefix, arguments.libdir.strip("/"), destdir)
    try:
        install(places)
    except OSError as error:
        print(f"install: {error}", file=sys.stderr)
        return 1
    print(f"installed into {places.under()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
