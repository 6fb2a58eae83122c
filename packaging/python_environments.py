"""Installs wheel and source distribution into clean environments, with every Python that runs here, and uses them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import dist_tools
import project
from checks import DEVCLUSTER, attests, check, clean_environment, run

# The versions that the package is for; each that runs here is tried, and the one of this program in any case.
VERSIONS = ("3.9", "3.10", "3.11", "3.12", "3.13")

BINDING = project.ROOT / "bindings" / "python"
# How often a test repeats what a race could spoil. `make test` does it more often, with one Python.
ROUNDS = "5"

WHAT_IS_LOADED = """
import json, sys, psat_attestor
version = psat_attestor.version()
with open("/proc/self/maps") as maps:
    mapped = {line.split()[-1] for line in maps if "libpsat_attestor" in line}
print(json.dumps({"version": version, "package": psat_attestor.__file__, "mapped": sorted(mapped), "path": sys.path}))
"""

ATTEST = """
import sys, psat_attestor
config, payload = (open(name, "rb").read() for name in sys.argv[1:])
with psat_attestor.Attestor(config) as attestor:
    try:
        print(attestor.attest(payload).agent_attributes.spiffe_id)
    except psat_attestor.AttestorError as refusal:
        sys.exit(print(refusal.reason) or 1)
"""


def check_all(folder: Path, wheel: Path, sdist: Path) -> None:
    found = interpreters()
    missing = [version for version in VERSIONS if version not in found]
    if missing:
        print(f"        (no Python {', '.join(missing)} here)")
    for version, interpreter in found.items():
        check(f"the wheel, Python {version}", wheel_works, folder / f"wheel-{version}", interpreter, wheel)
    check("the source distribution", sdist_works, folder / "sdist", wheel, sdist)


def interpreters() -> dict[str, Path]:
    """Each version with the program that is it, and really starts."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    found = {}
    for version in VERSIONS:
        named = shutil.which(f"python{version}")
        candidates = [Path(sys.executable), *pyenv.glob(f"versions/{version}.*/bin/python{version}")]
        candidates += [Path(named)] if named else []
        fitting = [candidate for candidate in candidates if python_version(candidate) == version]
        if fitting:
            found[version] = fitting[0]
    return found


def python_version(interpreter: Path) -> str | None:
    try:
        return run(str(interpreter), "-c", "import sys; print('%d.%d' % sys.version_info[:2])").strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def wheel_works(folder: Path, interpreter: Path, wheel: Path) -> None:
    python = new_environment(folder, interpreter)
    run(
        str(python),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-index",
        str(wheel),
        cwd=folder,
        environment=clean_environment(),
    )
    the_bundled_library_is_loaded(folder, python)
    attests([str(python), "-I", "-c", ATTEST], {}, cwd=folder)
    the_tests_pass(folder, python)


def the_tests_pass(folder: Path, python: Path) -> None:
    """The package's own tests on the installed package, in a folder that has all but the package."""
    copy = folder / "copy"
    binding = copy / BINDING.relative_to(project.ROOT)
    shutil.copytree(BINDING, binding, ignore=shutil.ignore_patterns("psat_attestor", "__pycache__", ".*cache"))
    shutil.copytree(project.ROOT / "include", copy / "include")
    environment = {**clean_environment(), "PSAT_DEVCLUSTER": str(DEVCLUSTER), "PSAT_ROUNDS": ROUNDS}
    command = [str(python), str(binding / "tests" / "run.py")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    told = done.stdout + done.stderr
    # What failed comes behind the first double rule.
    assert done.returncode == 0, told[told.find("=" * 70) :]
    last = done.stdout.splitlines()[-1]
    assert re.fullmatch(r"[1-9]\d* passed, 0 failed", last), told
    print(f"        Python {python_version(python)}: the package's tests: {last}", flush=True)


def sdist_works(folder: Path, wheel: Path, sdist: Path) -> None:
    """Built by pip, with cargo and what pyproject.toml asks for: to the same library, in another folder."""
    python = new_environment(folder, Path(sys.executable))
    # The crates that the library stands on are kept from run to run.
    environment = {**clean_environment(), "CARGO_TARGET_DIR": str(project.ROOT / "target" / "sdist")}
    sources = ["--no-index", "--find-links", str(dist_tools.WHEELS)]
    pip = [str(python), "-m", "pip", "install", "--quiet", *sources, str(sdist)]
    run(*pip, cwd=folder, environment=environment, limit=900)
    library = the_bundled_library_is_loaded(folder, python)
    attests([str(python), "-I", "-c", ATTEST], {}, cwd=folder)
    shutil.unpack_archive(wheel, folder / "wheel", "zip")
    shipped = folder / "wheel" / "psat_attestor" / library.name
    assert library.read_bytes() == shipped.read_bytes(), "built from the source distribution, the library differs"


def new_environment(folder: Path, interpreter: Path) -> Path:
    """A Python with nothing in it but pip."""
    folder.mkdir()
    run(str(interpreter), "-m", "venv", str(folder / "venv"), environment=clean_environment())
    return folder / "venv" / "bin" / "python"


def the_bundled_library_is_loaded(folder: Path, python: Path) -> Path:
    told = json.loads(run(str(python), "-I", "-c", WHAT_IS_LOADED, cwd=folder, environment=clean_environment()))
    package = Path(told["package"]).parent
    assert package.is_relative_to(folder / "venv"), package
    assert told["mapped"] == [str(package / "libpsat_attestor.so.1")], told["mapped"]
    assert told["version"] == project.version(), told["version"]
    assert not any(Path(entry).is_relative_to(project.ROOT) for entry in told["path"]), told["path"]
    return package / "libpsat_attestor.so.1"
