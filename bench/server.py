"""The API servers that attestation is measured on: dev clusters in a process of their own."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any


class Server:
    """Runs bench/server, and speaks to it: each command is a line, and so is its answer."""

    def __init__(self, program: Path, folder: Path, agents: int) -> None:
        self.folder = folder
        self._delay = 0
        self._process = subprocess.Popen(
            [program, folder, str(agents)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._answer()

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, what: BaseException | None, where: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=10)

    def delay(self, milliseconds: int) -> None:
        """From now on every answer waits this long."""
        if milliseconds != self._delay:
            self._ask({"latency_ms": milliseconds})
            self._delay = milliseconds

    def counters(self) -> dict[str, int]:
        """What it has counted since it began: calls, connections, and the nanoseconds of CPU that it used."""
        counted: dict[str, int] = self._ask("counters")
        return {**counted, "cpu_ns": self._cpu_ns()}

    def _ask(self, command: object) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the server has ended with {self._process.wait()}")
        return json.loads(line)

    def _cpu_ns(self) -> int:
        # The name in the second field may hold spaces; what follows its bracket does not.
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        ticks = int(fields[11]) + int(fields[12])
        return ticks * 1_000_000_000 // os.sysconf("SC_CLK_TCK")
