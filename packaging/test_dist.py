"""Holds what `make dist` left in target/dist against what is promised of it, and uses it as its receivers do.

    python3 packaging/test_dist.py

`make dist devcluster` comes first.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from base64 import urlsafe_b64encode
from pathlib import Path

import dist
import dist_tools
import project
import python_environments
from checks import attests, check, run, summary

VERSION = project.version()
WHEEL = next(project.DIST.glob("*.whl"), project.DIST / "there is no wheel")
TAG = WHEEL.stem.removeprefix(f"psat_attestor-{VERSION}-py3-none-")
SDIST = project.DIST / f"psat_attestor-{VERSION}.tar.gz"
C_ARCHIVE = project.DIST / f"psat-attestor-{VERSION}-x86_64-linux-gnu.tar.gz"
PLUGIN = project.DIST / f"spire-plugin-k8s-psat-{VERSION}-x86_64-linux"
DESCRIBED = {"psat-attestor", "spire-plugin-k8s-psat"}


def checksums_hold() -> None:
    assert WHEEL.exists(), "run `make dist` first"
    run("sha256sum", "--check", "--strict", "SHA256SUMS", cwd=project.DIST)
    listed = {line.split("  ")[1] for line in (project.DIST / "SHA256SUMS").read_text().splitlines()}
    wanted = {WHEEL.name, SDIST.name, C_ARCHIVE.name, PLUGIN.name}
    wanted |= {f"{name}-{VERSION}.{kind}" for name in DESCRIBED for kind in ("cdx.json", "THIRD-PARTY.txt")}
    assert listed == wanted, listed ^ wanted
    assert {path.name for path in project.DIST.iterdir()} == wanted | {"SHA256SUMS"}


def a_second_run_gives_the_same_bytes() -> None:
    before = (project.DIST / "SHA256SUMS").read_text()
    run(sys.executable, "packaging/dist.py", cwd=project.ROOT, limit=300)
    assert (project.DIST / "SHA256SUMS").read_text() == before


def wheel_holds_the_package_and_nothing_else() -> None:
    sources = run("git", "ls-files", "bindings/python/psat_attestor", cwd=project.ROOT).splitlines()
    info = f"psat_attestor-{VERSION}.dist-info/"
    wanted = {name.removeprefix("bindings/python/") for name in sources} | {"psat_attestor/libpsat_attestor.so.1"}
    described = ("licenses/LICENSE", "licenses/THIRD-PARTY.txt", "sboms/psat-attestor.cdx.json")
    wanted |= {info + name for name in ("METADATA", "WHEEL", "RECORD", *described)}
    with zipfile.ZipFile(WHEEL) as wheel:
        names = wheel.namelist()
        assert len(names) == len(set(names)) and set(names) == wanted, set(names) ^ wanted
        rows = csv.reader(io.StringIO(wheel.read(f"{info}RECORD").decode()))
        record = {name: (digest, size) for name, digest, size in rows}
        assert record.keys() == wanted
        for name in wanted - {f"{info}RECORD"}:
            contents = wheel.read(name)
            digest = urlsafe_b64encode(hashlib.sha256(contents).digest()).decode().rstrip("=")
            assert record[name] == (f"sha256={digest}", str(len(contents))), name
        tags = wheel.read(f"{info}WHEEL").decode()
        assert "Root-Is-Purelib: false" in tags and f"Tag: py3-none-{TAG}" in tags, tags
        metadata = wheel.read(f"{info}METADATA").decode()
        assert f"\nVersion: {VERSION}\n" in metadata and "\nLicense-File: THIRD-PARTY.txt\n" in metadata, metadata


def wheel_has_the_shipped_library_stripped(folder: Path) -> None:
    """The same code as the shared library for C hosts, without its symbol table."""
    stripped = folder / "stripped"
    run("strip", "--strip-unneeded", "-o", str(stripped), str(project.SHIP / "release" / "libpsat_attestor.so"))
    with zipfile.ZipFile(WHEEL) as wheel:
        assert wheel.read("psat_attestor/libpsat_attestor.so.1") == stripped.read_bytes()
    assert ".symtab" not in run("readelf", "-S", "-W", str(stripped))


def auditwheel_agrees_with_the_tag() -> None:
    """A second opinion on symbols and libraries, for the oldest systems that the tag allows."""
    told = run(str(dist_tools.PYTHON), "-m", "auditwheel", "show", str(WHEEL))
    words = " ".join(told.split())
    assert f'consistent with the following platform tag: "{TAG}"' in words, told


def a_newer_glibc_than_promised_is_refused() -> None:
    dist.check_glibc(WHEEL.name, dist.GLIBC_FLOOR)
    floor = f"{dist.GLIBC_FLOOR[0]}.{dist.GLIBC_FLOOR[1]}"
    assert f"glibc {floor}" in (project.ROOT / "docs" / "packaging.md").read_text()
    for name, words in (
        ("psat_attestor-1.0.0-py3-none-manylinux_2_39_x86_64.whl", f"needs glibc 2.39, and releases promise {floor}"),
        ("psat_attestor-1.0.0-py3-none-linux_x86_64.whl", "is not for glibc"),
    ):
        try:
            dist.check_glibc(name, dist.GLIBC_FLOOR)
        except dist.DistError as error:
            assert words in str(error), error
        else:
            raise AssertionError(f"{name} was let through")


def nothing_names_the_machine_that_built_it(folder: Path) -> None:
    for archive in (C_ARCHIVE, SDIST, WHEEL):
        shutil.unpack_archive(archive, folder / archive.name, "zip" if archive == WHEEL else "gztar")
    for path in [PLUGIN, *folder.rglob("*")]:
        if path.is_file():
            contents = path.read_bytes()
            for private in (project.ROOT, Path.home() / ".cargo", Path.home() / "go"):
                assert str(private).encode() not in contents, f"{path} has {private}"


def plugin_is_static() -> None:
    """And starts with nothing around it."""
    assert run(str(PLUGIN), "--version", environment={}) == f"spire-plugin-k8s-psat {VERSION}\n"
    assert PLUGIN.read_bytes() == project.PLUGIN.read_bytes()
    assert os.access(PLUGIN, os.X_OK)
    headers = run("readelf", "-l", "-d", "-W", str(PLUGIN))
    assert "INTERP" not in headers and "NEEDED" not in headers, headers


def bill_is_valid_and_complete(name: str) -> None:
    bill = project.DIST / f"{name}-{VERSION}.cdx.json"
    run(str(dist_tools.PYTHON), str(project.PACKAGING / "validate_sbom.py"), str(bill))
    document = json.loads(bill.read_text())
    assert document["metadata"]["component"]["version"] == VERSION
    listed = {f"{part['name']}-{part['version']}" for part in document["components"]}
    missing = _seen_inside(name) - listed
    assert not missing, f"{name} holds {sorted(missing)}, and the bill does not"
    references = {part["bom-ref"] for part in document["components"]}
    for entry in document["dependencies"]:
        assert set(entry["dependsOn"]) <= references, entry

    texts = (project.DIST / f"{name}-{VERSION}.THIRD-PARTY.txt").read_text()
    for part in document["components"]:
        # Once in the list, and once above each of its texts.
        assert texts.count(f"\n{part['name']} {part['version']}") >= 2, f"no licence text of {part['name']}"


def _seen_inside(name: str) -> set[str]:
    """What the binary itself tells of its parts: where panics of crates are, and the modules that Go lists."""
    binary = PLUGIN if name in PLUGIN.name else project.SHIP / "release" / "libpsat_attestor.so"
    sources = re.findall(rb"/cargo/registry/src/[^/]+/([\w-]+-\d+\.\d+\.\d+)/", binary.read_bytes())
    assert len(set(sources)) > 20, f"{binary} names hardly any crate"
    parts = {source.decode() for source in sources}
    if binary == PLUGIN:
        lines = (line.split() for line in run("go", "version", "-m", str(PLUGIN)).splitlines())
        parts |= {f"{words[1]}-{words[2]}" for words in lines if words[0] == "dep"} | {"rust-std-" + _rust()}
    return parts


def _rust() -> str:
    return run("rustc", "--version").split()[1]


def an_unlisted_licence_is_refused(folder: Path) -> None:
    rules = (project.ROOT / "deny.toml").read_text()
    assert '"ISC"' in rules
    stricter = folder / "deny.toml"
    stricter.write_text(rules.replace('"ISC", ', ""))
    command = [str(dist_tools.CARGO_DENY), "--locked", "--config", str(stricter), "check", "licenses"]
    done = subprocess.run(command, cwd=project.ROOT, capture_output=True, text=True, check=False)
    assert done.returncode != 0 and "ISC" in done.stderr, done.stderr


def c_archive_works_where_it_is_unpacked(folder: Path) -> None:
    with tarfile.open(C_ARCHIVE) as archive:
        members = archive.getmembers()
        assert {(member.uid, member.gid, member.uname, member.gname) for member in members} == {(0, 0, "", "")}
        assert {member.mtime for member in members} == {project.commit_time()}
        archive.extractall(folder, filter="data")
    (top,) = folder.iterdir()
    environment = {"PATH": os.environ["PATH"], "PKG_CONFIG_LIBDIR": str(top / "lib" / "pkgconfig")}
    flags = run("pkg-config", "--cflags", "--libs", "psat_attestor", environment=environment).split()
    examples = top / "share" / "doc" / "psat-attestor" / "examples"
    run("cc", "-std=c99", str(examples / "attest.c"), "-o", str(top / "attest"), *flags)
    attests([str(top / "attest")], {"LD_LIBRARY_PATH": str(top / "lib")})
    for name in ("LICENSE", "README.md", "share/doc/psat-attestor/THIRD-PARTY.txt"):
        assert (top / name).is_file(), name


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="psat-test-dist-") as name:
        folder = Path(name)
        check("the checksums hold, and every file has one", checksums_hold)
        check("a second run gives the same bytes", a_second_run_gives_the_same_bytes)
        check("the wheel holds the package and nothing else", wheel_holds_the_package_and_nothing_else)
        check("the wheel has the shipped library, stripped", wheel_has_the_shipped_library_stripped, folder)
        check("auditwheel agrees with the tag", auditwheel_agrees_with_the_tag)
        check("a newer glibc than promised is refused", a_newer_glibc_than_promised_is_refused)
        check("nothing names the machine that built it", nothing_names_the_machine_that_built_it, folder / "all")
        check("the plugin is one static file", plugin_is_static)
        for artefact in sorted(DESCRIBED):
            check(f"the bill of {artefact} is valid and complete", bill_is_valid_and_complete, artefact)
        check("an unlisted licence is refused", an_unlisted_licence_is_refused, folder)
        check("the archive works where it is unpacked", c_archive_works_where_it_is_unpacked, folder / "c")
        python_environments.check_all(folder, WHEEL, SDIST)
    return summary()


if __name__ == "__main__":
    sys.exit(main())
