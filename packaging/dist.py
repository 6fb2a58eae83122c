"""Build what is released, under target/dist: `make dist` calls this, after `make ship plugin`.

A wheel and a source distribution for Python, the plugin, an archive for C hosts, for each of them what it holds of
others (a bill of materials, the licence texts), and SHA256SUMS over all. docs/packaging.md describes them.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import archive
import dist_tools
import go_modules
import project
import rust_crates
import sbom
import third_party
from components import Inventory
from install import SHARED, Places, install

# The oldest glibc that what is released may need. docs/packaging.md states it.
GLIBC_FLOOR = (2, 34)

LIBRARY = "psat-attestor"
PLUGIN = project.PLUGIN.name
# What `cargo package` adds about where it ran; the crate's own manifest is there in Cargo's own form.
NOT_SHIPPED = (".cargo_vcs_info.json", "Cargo.toml.orig")


class DistError(Exception):
    """Something that must not be released, in words."""


def main() -> int:
    try:
        dist_tools.install()
        check_licences()
        shutil.rmtree(project.DIST, ignore_errors=True)
        project.DIST.mkdir(parents=True)
        # Outside the checkout, whose .gitignore would have a say in what is packed.
        with tempfile.TemporaryDirectory(prefix="psat-dist-") as stage:
            build(Path(stage))
    except (DistError, OSError, ValueError) as error:
        print(f"dist: {error}", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        command = " ".join(map(str, error.cmd))
        print(f"dist: {command} ended with {error.returncode}\n{error.stderr or ''}", file=sys.stderr)
        return 1
    print((project.DIST / "SHA256SUMS").read_text(), end="")
    if _git("status", "--porcelain"):
        print("dist: the checkout differs from its last commit, and so does what was built", file=sys.stderr)
    return 0


def build(stage: Path) -> None:
    crates, modules = rust_crates.inventory(), go_modules.inventory()
    describe(LIBRARY, "library", crates)
    describe(PLUGIN, "application", with_library(modules, crates))
    python_distributions(stage)
    c_archive(stage)
    shutil.copy(project.PLUGIN, project.DIST / f"{PLUGIN}-{project.version()}-{system()}")
    checksums()


def check_licences() -> None:
    """Licences, banned crates and sources, as deny.toml has them."""
    check = ["--locked", "check", "--hide-inclusion-graph", "licenses", "bans", "sources"]
    subprocess.run([str(dist_tools.CARGO_DENY), *check], cwd=project.ROOT, check=True)


def with_library(modules: Inventory, crates: Inventory) -> Inventory:
    """The plugin holds the library too."""
    return Inventory(crates.components + modules.components, crates.direct | modules.direct)


def describe(name: str, kind: str, inventory: Inventory) -> None:
    description(name, "cdx.json").write_text(sbom.render(name, kind, inventory))
    description(name, "THIRD-PARTY.txt").write_text(third_party.render(name, inventory.components))


def description(name: str, kind: str) -> Path:
    return project.DIST / f"{name}-{project.version()}.{kind}"


def python_distributions(stage: Path) -> None:
    """Wheel and source distribution, from one folder that holds what the latter has."""
    folder = stage / "python"
    package = "bindings/python/"
    for name in _git("ls-files", "--cached", "--others", "--exclude-standard", package).splitlines():
        target = folder / name.removeprefix(package)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(project.ROOT / name, target)
    shutil.copy(project.ROOT / "LICENSE", folder)
    shutil.copy(description(LIBRARY, "THIRD-PARTY.txt"), folder / "THIRD-PARTY.txt")
    shutil.copy(description(LIBRARY, "cdx.json"), folder / "psat-attestor.cdx.json")
    crate(stage / "cargo", folder / "rust")

    environment = {**os.environ, "PSAT_BUILD_LIBRARY": str(SHARED), "SOURCE_DATE_EPOCH": str(project.commit_time())}
    hatchling = [str(dist_tools.PYTHON), "-m", "hatchling", "build", "-d", str(project.DIST)]
    subprocess.run(hatchling, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
    (wheel,) = project.DIST.glob("*.whl")
    check_glibc(wheel.name, GLIBC_FLOOR)


def crate(into: Path, folder: Path) -> None:
    """The sources of the library alone: cargo's own package, without the workspace around it."""
    package = ["cargo", "package", "--quiet", "--locked", "--allow-dirty", "--no-verify", "-p", LIBRARY]
    subprocess.run([*package, "--target-dir", str(into)], cwd=project.ROOT, check=True, capture_output=True, text=True)
    shutil.unpack_archive(into / "package" / f"{LIBRARY}-{project.version()}.crate", into, "gztar")
    (into / f"{LIBRARY}-{project.version()}").rename(folder)
    for name in NOT_SHIPPED:
        (folder / name).unlink(missing_ok=True)


def check_glibc(wheel: str, floor: tuple[int, int]) -> None:
    """The wheel's name tells what glibc the library needs."""
    tag = re.search(r"-manylinux_(\d+)_(\d+)_\w+\.whl$", wheel)
    if tag is None:
        raise DistError(f"{wheel} is not for glibc; releases are built on a system that has it")
    if (int(tag[1]), int(tag[2])) > floor:
        raise DistError(
            f"the library needs glibc {tag[1]}.{tag[2]}, and releases promise {floor[0]}.{floor[1]}: build on an older "
            "system, or raise GLIBC_FLOOR in packaging/dist.py and the figure in docs/packaging.md"
        )


def c_archive(stage: Path) -> None:
    """What `make install` installs, as a folder that may lie anywhere."""
    folder = stage / f"{LIBRARY}-{project.version()}-{system()}-gnu"
    install(Places(folder), pkgconfig_prefix="${pcfiledir}/../..")
    documents = folder / "share" / "doc" / LIBRARY
    shutil.copy(description(LIBRARY, "THIRD-PARTY.txt"), documents / "THIRD-PARTY.txt")
    shutil.copy(description(LIBRARY, "cdx.json"), documents / "psat-attestor.cdx.json")
    for name in ("LICENSE", "README.md"):
        (folder / name).symlink_to(Path("share", "doc", LIBRARY, name))
    archive.write(project.DIST / f"{folder.name}.tar.gz", folder, project.commit_time())


def system() -> str:
    return f"{platform.machine()}-linux"


def checksums() -> None:
    """In the form that `sha256sum --check` reads."""
    files = sorted(path for path in project.DIST.iterdir() if path.is_file())
    lines = (f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files)
    (project.DIST / "SHA256SUMS").write_text("".join(lines))


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=project.ROOT, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    sys.exit(main())
