"""A server that these tests start: its log, and how it is stopped."""

from __future__ import annotations

import ctypes
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


def _die_with_the_tests() -> None:
    """Runs in the child: the kernel ends it should the tests themselves be killed."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Process:
    """One running program. Signals go to its own id, never to a group or a name."""

    def __init__(self, command: Sequence[str | Path], log: Path) -> None:
        self.log = log
        self._name = Path(command[0]).name
        with log.open("ab") as output:
            self._child = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # A group of its own, so that Ctrl-C reaches the tests alone, which then stop it in order.
                process_group=0,
                preexec_fn=_die_with_the_tests,
            )

    def is_running(self) -> bool:
        return self._child.poll() is None

    def send(self, number: signal.Signals) -> None:
        if self.is_running():
            self._child.send_signal(number)

    def wait(self, seconds: float) -> None:
        """Waits for its end; one that does not come is forced."""
        try:
            self._child.wait(seconds)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()

    def stop(self, seconds: float = 20.0) -> None:
        self.send(signal.SIGTERM)
        self.wait(seconds)

    def tail(self, lines: int = 40) -> str:
        """The end of the log, for a reader who has to find out what went wrong."""
        text = self.log.read_text(errors="replace").splitlines()[-lines:]
        return "\n".join([f"--- {self._name}: last lines of its log", *text])
