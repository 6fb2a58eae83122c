"""Builds the examples from the installed files alone, in another folder, and attests with them.

    python3 packaging/test_install.py

`make ship devcluster` comes first.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import project
from checks import attests, check, run, summary

PREFIX = "/opt/psat-attestor"
CONSUMER = """\
cmake_minimum_required(VERSION 3.16)
project(consumer C)
set(CMAKE_C_STANDARD 99)
find_package(PsatAttestor {version} REQUIRED)
foreach(example attest attest_queue)
  add_executable(${{example}}-shared ${{example}}.c)
  target_link_libraries(${{example}}-shared PRIVATE PsatAttestor::psat_attestor)
  add_executable(${{example}}-static ${{example}}.c)
  target_link_libraries(${{example}}-static PRIVATE PsatAttestor::static)
endforeach()
"""


def install(destdir: Path, *options: str) -> Path:
    """The prefix as it lies under the folder."""
    run("make", "-s", "install", f"DESTDIR={destdir}", f"PREFIX={PREFIX}", *options, cwd=project.ROOT)
    return destdir / PREFIX.removeprefix("/")


def examples(folder: Path) -> Path:
    folder.mkdir()
    for source in (project.ROOT / "examples").glob("*.c"):
        shutil.copy(source, folder)
    return folder


def pkg_config(prefix: Path, *options: str) -> list[str]:
    """What pkg-config answers, in an environment that knows this installation alone."""
    environment = {
        "PATH": os.environ["PATH"],
        "PKG_CONFIG_LIBDIR": str(prefix / "lib" / "pkgconfig"),
        "PKG_CONFIG_SYSROOT_DIR": str(prefix).removesuffix(PREFIX),
    }
    return run("pkg-config", *options, "psat_attestor", environment=environment).split()


def files_are_where_they_belong(prefix: Path) -> None:
    lib = prefix / "lib"
    version = project.version()
    assert os.readlink(lib / "libpsat_attestor.so") == "libpsat_attestor.so.1"
    assert os.readlink(lib / "libpsat_attestor.so.1") == f"libpsat_attestor.so.{version}"
    dynamic = run("readelf", "-d", str(lib / f"libpsat_attestor.so.{version}"))
    assert "soname: [libpsat_attestor.so.1]" in dynamic, dynamic
    documents = prefix / "share" / "doc" / "psat-attestor"
    for file in ("LICENSE", "README.md", "docs/abi.md", "docs/reasons.md", "examples/attest.c"):
        assert (documents / file).is_file(), file
    for path in prefix.rglob("*"):
        if path.is_file() and not path.is_symlink():
            wanted = 0o755 if ".so." in path.name else 0o644
            assert path.stat().st_mode & 0o777 == wanted, f"{path} has mode {path.stat().st_mode:o}"


def nothing_installed_names_the_source_tree(prefix: Path) -> None:
    for path in prefix.rglob("*"):
        if path.is_file():
            assert str(project.ROOT).encode() not in path.read_bytes(), path


def pkg_config_builds(prefix: Path, work: Path, kind: str) -> None:
    """Shared; or static to the last bit, the C library included."""
    link = ["--static"] if kind == "static" else []
    flags = pkg_config(prefix, "--cflags", "--libs", *link)
    assert f"-I{prefix}/include" in flags, flags
    assert pkg_config(prefix, "--modversion") == [project.version()]
    for name in ("attest", "attest_queue"):
        program = work / f"{name}-{kind}"
        options = ["-static"] if kind == "static" else []
        run("cc", "-std=c99", f"{name}.c", "-o", str(program), *options, *flags, cwd=work)
        needed = run("readelf", "-d", str(program))
        assert ("libpsat_attestor.so.1" in needed) == (kind == "shared"), needed
        attests([str(program)], {"LD_LIBRARY_PATH": str(prefix / "lib")} if kind == "shared" else {})


def cmake_builds(prefix: Path, work: Path) -> None:
    cmake_configure(prefix, work, project.version())
    run("cmake", "--build", "build", cwd=work)
    for kind in ("shared", "static"):
        for name in ("attest", "attest_queue"):
            # CMake's programs find the library of the build by themselves.
            attests([str(work / "build" / f"{name}-{kind}")], {})
    needed = run("readelf", "-d", str(work / "build" / "attest-static"))
    assert "libpsat_attestor" not in needed, needed


def cmake_configure(prefix: Path, work: Path, version: str) -> str:
    (work / "CMakeLists.txt").write_text(CONSUMER.format(version=version))
    shutil.rmtree(work / "build", ignore_errors=True)
    return run("cmake", "-S", ".", "-B", "build", f"-DCMAKE_PREFIX_PATH={prefix}", cwd=work)


def cmake_refuses(prefix: Path, work: Path, version: str) -> None:
    try:
        cmake_configure(prefix, work, version)
    except subprocess.CalledProcessError as error:
        assert f'"{version}"' in error.stderr and "PsatAttestor" in error.stderr, error.stderr
    else:
        raise AssertionError(f"version {version} was found in an installation of {project.version()}")


def cmake_takes_older_wishes(prefix: Path, work: Path) -> None:
    major, minor = project.version().split(".")[:2]
    cmake_configure(prefix, work, f"{major}.{minor}")
    cmake_configure(prefix, work, "")


def another_libdir_is_found(destdir: Path, work: Path) -> None:
    prefix = install(destdir, "LIBDIR=lib/x86_64-linux-gnu")
    assert not list((prefix / "lib").glob("*.so*"))
    cmake_configure(prefix, work, project.version())
    run("cmake", "--build", "build", cwd=work)
    attests([str(work / "build" / "attest-shared")], {})


def installing_again_replaces(destdir: Path) -> None:
    """A program that runs on the old library keeps the old file."""
    prefix = install(destdir)
    library = prefix / "lib" / f"libpsat_attestor.so.{project.version()}"
    held = library.open("rb")
    before = os.fstat(held.fileno()).st_ino
    install(destdir)
    assert library.stat().st_ino != before
    held.close()


def mistakes_are_named(destdir: Path) -> None:
    command = [sys.executable, "packaging/install.py", "--destdir", str(destdir)]
    for option, value, words in (
        ("--prefix", "usr", "must be an absolute path"),
        ("--libdir", "/usr/lib64", "must be relative to the prefix"),
    ):
        done = subprocess.run([*command, option, value], cwd=project.ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 2 and words in done.stderr and value in done.stderr, done.stderr
    assert not destdir.exists()


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="psat-install-") as name:
        folder = Path(name)
        prefix = install(folder / "root")
        check("the installed files are where they belong", files_are_where_they_belong, prefix)
        check("nothing installed names the source tree", nothing_installed_names_the_source_tree, prefix)
        work = examples(folder / "work")
        check("pkg-config, shared", pkg_config_builds, prefix, work, "shared")
        check("pkg-config, static", pkg_config_builds, prefix, work, "static")
        check("CMake, shared and static", cmake_builds, prefix, work)
        check("CMake takes an older minor version", cmake_takes_older_wishes, prefix, work)
        check("CMake refuses a newer version", cmake_refuses, prefix, work, "99.0")
        check("CMake, another LIBDIR", another_libdir_is_found, folder / "multiarch", work)
        check("installing again replaces files", installing_again_replaces, folder / "twice")
        check("mistakes are named", mistakes_are_named, folder / "nothing")
    return summary()


if __name__ == "__main__":
    sys.exit(main())
