"""Put the Rust library into the wheel, under the version that Cargo.toml says.

The library is built from source by cargo, unless PSAT_BUILD_LIBRARY names one that is built already. The wheel is for
any Python 3 on the platform that the library runs on, and names the oldest glibc that has all that the library needs.
"""

# The build's own libraries are not among the tools of `make lint`, and their classes are of any type there.
# mypy: disable-error-code="import-not-found,misc"

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerNeedSection
from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

LIBRARY = "libpsat_attestor.so.1"
BILL_OF_MATERIALS = "psat-attestor.cdx.json"


def crate(root: str) -> Path:
    """The crate's folder: inside a source distribution, above the package in a checkout."""
    inside = Path(root, "rust")
    return inside if inside.is_dir() else Path(root).parent.parent


class CargoVersion(MetadataHookInterface):
    """Cargo.toml is where the version stands, and nowhere else."""

    def update(self, metadata: dict[str, Any]) -> None:
        manifest = tomllib.loads((crate(self.root) / "Cargo.toml").read_text(encoding="utf-8"))
        version = manifest["package"]["version"]
        if isinstance(version, dict):
            version = manifest["workspace"]["package"]["version"]
        metadata["version"] = version


class BundledLibrary(BuildHookInterface[Any]):
    """Adds the stripped library to the wheel, and the tag that goes with it."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        if self.target_name == "sdist":
            if not Path(self.root, "rust").is_dir():
                raise RuntimeError("this folder lacks the Rust sources: `make dist` builds the source distribution.")
        elif sys.platform != "linux":
            raise RuntimeError(f"psat-attestor builds on Linux alone so far, and this is {sys.platform}.")
        else:
            self.add_library(build_data)

    def add_library(self, build_data: dict[str, Any]) -> None:
        built = os.environ.get("PSAT_BUILD_LIBRARY") or build(crate(self.root), Path(self.directory, "cargo"))
        library = Path(self.directory, LIBRARY)
        library.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["strip", "--strip-unneeded", "-o", library, built], check=True)

        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{platform_tag(library)}"
        build_data["force_include"][str(library)] = f"psat_attestor/{LIBRARY}"
        if Path(self.root, BILL_OF_MATERIALS).exists():
            build_data["sbom_files"].append(BILL_OF_MATERIALS)

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002
        Path(self.directory, LIBRARY).unlink(missing_ok=True)


def build(crate: Path, target: Path) -> Path:
    """Build the library as `make ship` does, to the same bytes: which kinds are built has a say in them."""
    home = os.environ.get("CARGO_HOME") or Path.home() / ".cargo"
    target = Path(os.environ.get("CARGO_TARGET_DIR") or target)
    flags = f"{os.environ.get('RUSTFLAGS', '')} --remap-path-prefix={home}=/cargo".strip()
    cargo = ["cargo", "rustc", "--locked", "--release", "--lib", "--crate-type", "cdylib,staticlib"]
    try:
        subprocess.run([*cargo, "--target-dir", target], cwd=crate, env={**os.environ, "RUSTFLAGS": flags}, check=True)
    except FileNotFoundError:
        raise RuntimeError(
            "cargo is not on PATH: psat-attestor is built from source with Rust, see rustup.rs."
        ) from None
    return target / "release" / "libpsat_attestor.so"


def platform_tag(library: Path) -> str:
    """`manylinux_2_34_x86_64`, or `linux_x86_64` for a library that does not stand on glibc."""
    machine = sysconfig.get_platform().removeprefix("linux-").replace("-", "_")
    needed = glibc_needed(library)
    return f"manylinux_{needed[0]}_{needed[1]}_{machine}" if needed else f"linux_{machine}"


def glibc_needed(library: Path) -> tuple[int, int] | None:
    """The highest version among the GLIBC_ symbols that the library asks for."""
    found: set[tuple[int, int]] = set()
    with library.open("rb") as file:
        for section in ELFFile(file).iter_sections():
            if isinstance(section, GNUVerNeedSection):
                for _, versions in section.iter_versions():
                    names = (re.fullmatch(r"GLIBC_(\d+)\.(\d+)(?:\.\d+)?", version.name) for version in versions)
                    found.update((int(name[1]), int(name[2])) for name in names if name)
    return max(found, default=None)
