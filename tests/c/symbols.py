"""Hold what libraries export against the header: symbols.py LIBRARY.so|ARCHIVE.a ...

A shared library exports the header's functions and nothing else, has its SONAME, and stays mapped. An archive has no
other global symbols either, so that it links beside any other.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

HEADER = Path(__file__).resolve().parents[2] / "include" / "psat_attestor.h"
SONAME = "libpsat_attestor.so.1"


def output_of(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def declared() -> set[str]:
    """The functions of the header, without its comments."""
    code = re.sub(r"/\*.*?\*/|//[^\n]*", "", HEADER.read_text(), flags=re.DOTALL)
    return set(re.findall(r"\b(psat_\w+)\s*\(", code))


def defined(library: Path) -> set[str]:
    """The symbols that a library shows to others."""
    shown = ["--dynamic"] if library.suffix == ".so" else ["--extern-only"]
    lines = output_of("nm", *shown, "--defined-only", "--format=posix", str(library)).splitlines()
    # An archive's members are headed by their names, which end in a colon.
    return {line.split()[0].partition("@")[0] for line in lines if line and not line.endswith(":")}


def faults_of_symbols(library: Path) -> list[str]:
    wanted, found = declared(), defined(library)
    faults = [f"exports {name}, which the header does not declare" for name in sorted(found - wanted)]
    faults += [f"lacks {name}, which the header declares" for name in sorted(wanted - found)]
    if not wanted:
        faults.append(f"no functions are found in {HEADER.name}")
    return faults


def faults_of_dynamic_section(library: Path) -> list[str]:
    dynamic = output_of("readelf", "--wide", "--dynamic", str(library))
    faults = []
    if f"Library soname: [{SONAME}]" not in dynamic:
        faults.append(f"has another SONAME than {SONAME}")
    if not re.search(r"\(FLAGS_1\).*\bNODELETE\b", dynamic):
        faults.append("can be unmapped: NODELETE is not set")
    if "TEXTREL" in dynamic:
        faults.append("has text relocations")
    return faults


def main(libraries: list[Path]) -> int:
    failed = 0
    for library in libraries:
        faults = faults_of_symbols(library)
        if library.suffix == ".so":
            faults += faults_of_dynamic_section(library)
        print(f"FAILED {library}" if faults else f"ok {library} exports the {len(declared())} functions of the header")
        for fault in faults:
            print(f"  {fault}")
        failed += bool(faults)
    print(f"{len(libraries) - failed} passed, {failed} failed")
    return int(failed > 0)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: symbols.py LIBRARY.so|ARCHIVE.a ...")
    sys.exit(main([Path(argument) for argument in sys.argv[1:]]))
