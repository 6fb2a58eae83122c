"""Runs the tests with every Python from 3.9 on that can be had here; the last line is the sum: `N passed, N failed`.

    python3 bindings/python/tests/every_python.py [NAME...]

This Python runs each child process as often as run.py says, the others a tenth of that. Others are looked for in PATH
and among pyenv's.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
OLDEST, NEWEST = 9, 14
ROUNDS = int(os.environ.get("PSAT_ROUNDS", "100"))


def version_of(program: str) -> tuple[int, int] | None:
    """None if it does not run: pyenv leaves programs in PATH that do not."""
    ask = [program, "-c", "import sys; print(*sys.version_info[:2])"]
    done = subprocess.run(ask, capture_output=True, text=True, timeout=30)
    if done.returncode != 0:
        return None
    major, minor = map(int, done.stdout.split())
    return major, minor


def pythons() -> dict[tuple[int, int], str]:
    found = {(sys.version_info[0], sys.version_info[1]): sys.executable}
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for minor in range(OLDEST, NEWEST + 1):
        programs = [shutil.which(f"python3.{minor}"), *map(str, sorted(pyenv.glob(f"3.{minor}.*/bin/python3")))]
        for program in filter(None, programs):
            version = version_of(program)
            if version == (3, minor):
                found.setdefault(version, program)
    return dict(sorted(found.items()))


def run(program: str, rounds: int, names: list[str]) -> tuple[int, int]:
    """How many tests passed and failed. The line that says so is not shown, lest it be added twice."""
    environment = {**os.environ, "PSAT_ROUNDS": str(rounds)}
    command = [program, str(HERE / "run.py"), *names]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)
    assert process.stdout is not None
    passed, failed = 0, 0
    for line in process.stdout:
        counts = re.match(r"(\d+) passed, (\d+) failed", line)
        if counts:
            passed, failed = int(counts[1]), int(counts[2])
        else:
            print(line, end="", flush=True)
    if process.wait() != 0:
        failed = max(failed, 1)
    return passed, failed


def main(names: list[str]) -> int:
    sums = [0, 0]
    told = []
    for version, program in pythons().items():
        this = version == sys.version_info[:2]
        name = ".".join(map(str, version))
        print(f"\nPython {name}: {program}", flush=True)
        passed, failed = run(program, ROUNDS if this else max(ROUNDS // 10, 1), names)
        told.append(f"Python {name}: {passed} passed, {failed} failed")
        sums = [sums[0] + passed, sums[1] + failed]
    print("\n" + "\n".join(told))
    print(f"{sums[0]} passed, {sums[1]} failed")
    return int(sums[1] > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
