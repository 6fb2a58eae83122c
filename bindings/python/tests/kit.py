"""What the tests share: dev clusters, child processes, and what must be as it was before."""

from __future__ import annotations

import atexit
import functools
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psat_attestor

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
DEVCLUSTER = os.environ.get("PSAT_DEVCLUSTER", str(ROOT / "target" / "debug" / "devcluster"))

IDENTITY = "spiffe://example.org/spire/agent/k8s_psat/demo/0d6c9a52-3f0e-4b7c-8a61-5e2d7f4c1a90"

# Every token review is taken and never answered.
HANGING = {"answers": {"token_review": [{"fault": "hang_before_headers"}]}}

# How often a child process is run where a race could spoil it.
ROUNDS = int(os.environ.get("PSAT_ROUNDS", "100"))


class Cluster:
    """A dev cluster with a world of its own, until the program ends."""

    def __init__(self, world: dict[str, Any]) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="psat-python-")
        self.path = Path(self._directory.name)
        described = self.path / "given-world.json"
        described.write_text(json.dumps(world))
        self._server = subprocess.Popen(
            [DEVCLUSTER, "serve", "--dir", str(self.path), "--world", str(described)], stdout=subprocess.DEVNULL
        )
        atexit.register(self._stop)
        self.config_file = self.path / "config.json"
        self.payload_file = self.path / "payload.json"
        self.refused_file = self.path / "payload-refused.json"
        # The world is what is written last.
        soon(lambda: self._complete("world.json") and self._complete("config.json"), "the dev cluster writes its files")
        self.config: dict[str, Any] = json.loads(self.config_file.read_text())
        self.payload = self.payload_file.read_bytes()
        self.refused = self.refused_file.read_bytes()
        self.token: str = json.loads(self.payload)["token"]

    def with_settings(self, **settings: Any) -> dict[str, Any]:
        """The configuration with other settings of the cluster."""
        return {**self.config, "clusters": {"demo": {**self.config["clusters"]["demo"], **settings}}}

    def _complete(self, name: str) -> bool:
        path = self.path / name
        return path.exists() and path.read_text().rstrip().endswith("}")

    def _stop(self) -> None:
        self._server.kill()
        self._server.wait()
        self._directory.cleanup()


@functools.cache
def _cluster(world: str) -> Cluster:
    return Cluster(json.loads(world))


def cluster(world: dict[str, Any] | None = None) -> Cluster:
    """The cluster of this world; tests share it."""
    return _cluster(json.dumps(world or {}))


def hanging() -> Cluster:
    return cluster(HANGING)


def soon(holds: Callable[[], Any], what: str) -> None:
    """Waits for what must become true without further doing."""
    end = time.monotonic() + 10
    while not holds():
        if time.monotonic() > end:
            raise AssertionError(f"not within 10 s: {what}")
        time.sleep(0.005)


def documents_alive() -> int:
    """Of the whole process; the attestor is only there to be asked."""
    with psat_attestor.Attestor() as attestor:
        return attestor.stats().documents_alive


def threads(process: int | str = "self") -> list[str]:
    """The names of a process's threads, as the system has them."""
    names = []
    for path in Path(f"/proc/{process}/task").iterdir():
        try:
            names.append((path / "comm").read_text().strip())
        except OSError:
            # It is gone by now.
            continue
    return names


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


class Case(unittest.TestCase):
    """A test that leaves no document and no thread of the library behind."""

    maxDiff = None

    def setUp(self) -> None:
        before = len(threads())
        self.addCleanup(soon, lambda: documents_alive() == 0, "all documents are freed")
        self.addCleanup(soon, lambda: len(threads()) <= before, "all threads have ended")

    def refusal(self, kind: type[psat_attestor.AttestorError], call: Callable[..., Any], *a: Any, **k: Any) -> Any:
        """The exception of this very class."""
        with self.assertRaises(kind) as caught:
            call(*a, **k)
        self.assertIs(type(caught.exception), kind)
        return caught.exception


def start_child(script: str, *arguments: object, **environment: str) -> subprocess.Popen[str]:
    """Runs a script of the folder `children`."""
    return subprocess.Popen(
        [sys.executable, "-X", "faulthandler", str(HERE / "children" / script), *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )


def ends_well(case: unittest.TestCase, script: str, *arguments: object, rounds: int = 1) -> str:
    """Runs a script so often: exit code 0, and nothing on stderr. Returns what the last one printed."""
    output = ""
    left = rounds
    while left > 0:
        # Some at once, since they mostly wait.
        children = [start_child(script, *arguments) for _ in range(min(left, 4))]
        left -= len(children)
        for child, (output, errors) in [(child, finish(child)) for child in children]:
            case.assertEqual((child.returncode, errors), (0, ""), f"{script} {arguments}\n{output}")
    return output


def finish(child: subprocess.Popen[str]) -> tuple[str, str]:
    """What it printed on stdout and stderr, in at most 30 seconds."""
    try:
        return child.communicate(timeout=30)
    except subprocess.TimeoutExpired:
        # Its faulthandler shows where every thread is.
        child.send_signal(signal.SIGABRT)
        output, errors = child.communicate()
        raise AssertionError(f"a child did not end within 30 s\n{output}\n{errors}") from None
