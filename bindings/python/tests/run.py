"""Runs the tests of the Python package and counts: the last line is `N passed, N failed`.

    python3 bindings/python/tests/run.py [NAME...]

A NAME is a module, class or test, such as test_aio or test_aio.Cancelling. The package is the installed one, or else
the one beside this folder, and then the library is the one of `make ship`. PSAT_DEVCLUSTER names the dev cluster's
program. PSAT_ROUNDS says how often each child process is run that must end well, 100 times if absent.
"""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
import time
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]


def find_package() -> None:
    """For this process and for the children."""
    if importlib.util.find_spec("psat_attestor") is None:
        sys.path.append(str(HERE.parent))
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(HERE.parent), os.environ.get("PYTHONPATH")]))
        shipped = ROOT / "target" / "ship" / "release" / "libpsat_attestor.so.1"
        os.environ.setdefault("PSAT_ATTESTOR_LIBRARY", str(shipped))


class Result(unittest.TextTestResult):
    """Counts what passed, and shows what takes long."""

    passed = 0
    begun = 0.0

    def startTest(self, test: unittest.TestCase) -> None:
        super().startTest(test)
        self.begun = time.monotonic()

    def addSuccess(self, test: unittest.TestCase) -> None:
        super().addSuccess(test)
        self.passed += 1

    def stopTest(self, test: unittest.TestCase) -> None:
        took = time.monotonic() - self.begun
        if self.showAll and took > 1:
            self.stream.writeln(f"    {took:.1f} s")
        super().stopTest(test)


def main(names: list[str]) -> int:
    find_package()
    # A shell starts what is in the background with Ctrl-C ignored, and the children would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.path.insert(0, str(HERE))
    loader = unittest.TestLoader()
    suite = loader.loadTestsFromNames(names) if names else loader.discover(str(HERE), top_level_dir=str(HERE))
    runner = unittest.TextTestRunner(sys.stdout, verbosity=2, resultclass=Result)  # type: ignore[arg-type]
    result = runner.run(suite)
    assert isinstance(result, Result)
    failed = len(result.failures) + len(result.errors) + len(result.unexpectedSuccesses)
    for test, reason in result.skipped:
        print(f"skipped: {test}: {reason}")
    print(f"{result.passed} passed, {failed} failed", flush=True)
    return int(failed > 0 or result.passed == 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
