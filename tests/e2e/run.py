"""The end-to-end tests: real TokenRequest tokens, a real kube-apiserver, and the library: through its C ABI, and as a
plugin of a stock SPIRE server.

    python3 tests/e2e/run.py                    all cases
    python3 tests/e2e/run.py --only tampered    the cases whose name holds the word
    python3 tests/e2e/run.py --server-only      the cases that need no library
    python3 tests/e2e/run.py --without-spire    the cases that need neither SPIRE nor the plugin

PSAT_LIB names the library to load; absent, it is target/ship/release/libpsat_attestor.so. PSAT_PLUGIN names the plugin;
absent, it is target/plugin/spire-plugin-k8s-psat. With CI=true a case that skips counts as failed.
"""

from __future__ import annotations

import argparse
import faulthandler
import os
import signal
import sys
import tempfile
import time
import unittest
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import build_tools
from build_tools import ROOT, BuildFailed
from cluster import Cluster
from kubectl import Kubectl
from psat import Library
from spire import plugin_path
from spire_case import SpireCase
from world import USERS, ServerCase, World

SERVER_MODULES = ["test_server"]
# The restarts come last: whatever they leave behind disturbs nobody.
LIBRARY_MODULES = [
    "test_identity",
    "test_refusals",
    "test_vanishing",
    "test_lookup",
    "test_permissions",
    "test_credentials",
    "test_diagnosis",
    "test_signing_keys",
    "test_turmoil",
    "test_restart",
]
# Its own restart of the API server comes last too.
SPIRE_MODULES = ["test_spire", "test_spire_beside", "test_spire_many"]
# A case that takes longer hangs in a call that should have had a deadline.
CASE_SECONDS = 240
IN_CI = os.environ.get("CI") == "true"


class Listing(unittest.TestResult):
    """One line for each case as it ends; what went wrong is told at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.passed = 0
        self._began = 0.0

    def startTest(self, test: unittest.TestCase) -> None:
        super().startTest(test)
        self._began = time.monotonic()
        faulthandler.dump_traceback_later(CASE_SECONDS, exit=True)

    def stopTest(self, test: unittest.TestCase) -> None:
        faulthandler.cancel_dump_traceback_later()
        word = "ok"
        if any(whole(each) is test for each, _ in [*self.failures, *self.errors]):
            word = "FAILED"
        elif any(whole(each) is test for each, _ in self.skipped):
            word = "skipped"
        self.passed += word == "ok"
        print(f"{word:7}  {readable(test)}  ({time.monotonic() - self._began:.1f} s)", flush=True)
        super().stopTest(test)

    def left_out(self) -> int:
        """A case that could not run here; in CI each has to."""
        return 0 if IN_CI else len(self.skipped)

    def failed(self) -> int:
        return self.testsRun - self.passed - self.left_out()

    def tell(self) -> None:
        for test, why in self.skipped:
            print(f"skipped{', which CI forbids' if IN_CI else ''}: {readable(test)}: {why}")
        for test, trace in [*self.failures, *self.errors]:
            print(f"\n=== {readable(test)}\n{trace}", flush=True)


def main() -> int:
    arguments = parse()
    library = None if arguments.server_only else load_library()
    with_spire = not (arguments.server_only or arguments.without_spire)
    if with_spire and not plugin_path().is_file():
        sys.exit(f"there is no plugin at {plugin_path()}: build it first, set PSAT_PLUGIN, or say --without-spire")
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    tools = build_tools.build()
    if with_spire:
        build_tools.build_spire(tools)
    result = Listing()
    with tempfile.TemporaryDirectory(prefix="psat-e2e-") as name:
        directory = Path(name)
        cluster = Cluster(tools, directory, USERS)
        try:
            spire = f"; SPIRE is {build_tools.spire_version()}" if with_spire else ""
            report(f"kube-apiserver {build_tools.kubernetes_version()} starts{spire}")
            cluster.start()
            ServerCase.world = World(cluster, Kubectl(tools.kubectl, directory), directory, library)
            ServerCase.world.has_plugin = with_spire
            ServerCase.world.populate()
            SpireCase.world, SpireCase.tools = ServerCase.world, tools
            modules = SERVER_MODULES + (LIBRARY_MODULES if library else []) + (SPIRE_MODULES if with_spire else [])
            cases(arguments.only, modules).run(result)
        except BaseException:
            report(cluster.tails())
            raise
        finally:
            cluster.stop()
        result.tell()
        if result.failed():
            report(cluster.tails())
    skipped = f", {result.left_out()} skipped" if result.left_out() else ""
    report(f"{result.passed} passed, {result.failed()} failed{skipped}")
    return 1 if result.failed() or not result.passed else 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Attests real tokens at a real kube-apiserver.")
    parser.add_argument("--only", default="", metavar="WORD", help="run the cases whose name holds this")
    parser.add_argument("--server-only", action="store_true", help="run the cases that need no library")
    parser.add_argument("--without-spire", action="store_true", help="leave out the cases with SPIRE")
    return parser.parse_args()


def load_library() -> Library:
    path = Path(os.environ.get("PSAT_LIB") or ROOT / "target" / "ship" / "release" / "libpsat_attestor.so")
    if not path.is_file():
        sys.exit(f"there is no library at {path}: build it first, or set PSAT_LIB")
    return Library(path)


def cases(word: str, modules: list[str]) -> unittest.TestSuite:
    loaded = unittest.defaultTestLoader.loadTestsFromNames(modules)
    return unittest.TestSuite(each for each in flat(loaded) if word.replace("_", " ") in readable(each))


def flat(suite: unittest.TestSuite) -> Iterator[unittest.TestCase]:
    for each in suite:
        if isinstance(each, unittest.TestSuite):
            yield from flat(each)
        else:
            yield each


def whole(test: unittest.TestCase) -> unittest.TestCase:
    """The test that a subtest is a part of; any other is itself."""
    case: unittest.TestCase = getattr(test, "test_case", test)
    return case


def readable(test: unittest.TestCase) -> str:
    """`test_server.ServerTest.test_a_pod_is_gone` as `server: a pod is gone`."""
    module, _, method = test.id().split(".", 2)
    return f"{module.removeprefix('test_').replace('_', ' ')}: {method.removeprefix('test_').replace('_', ' ')}"


def interrupt(number: int, _: FrameType | None) -> None:
    raise KeyboardInterrupt(signal.Signals(number).name)


def report(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BuildFailed as failure:
        sys.exit(str(failure))
    except KeyboardInterrupt:
        sys.exit("interrupted")
