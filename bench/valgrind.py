"""Runs a program under one of valgrind's tools, for few times and for many: starting costs nothing in the difference.

What all threads of the program do counts.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from programs import OUT, Load, Settings, command_of
from server import Server

RUN_SECONDS = 300


@dataclass(frozen=True)
class Way:
    """A way through the library."""

    name: str
    load: Load | None
    """None: a configuration is checked."""
    few: int
    many: int

    def outputs(self, tool: str, server: Server, *options: str) -> tuple[Path, Path]:
        """What the tool has to say after few times and after many."""
        few, many = (self._output(tool, count, server.folder, options) for count in (self.few, self.many))
        return few, many

    @property
    def times(self) -> int:
        """By how many times the two differ."""
        return self.many - self.few

    def _output(self, tool: str, count: int, folder: Path, options: tuple[str, ...]) -> Path:
        out = OUT / tool / f"{self.name.replace(' ', '-')}-{count}"
        out.parent.mkdir(exist_ok=True)
        command = ["valgrind", f"--tool={tool}", "--quiet", f"--{tool}-out-file={out}", *options]
        subprocess.run(
            command + self._command(count, folder),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=True,
            timeout=RUN_SECONDS,
        )
        return out

    def _command(self, count: int, folder: Path) -> list[str]:
        load = Load(**{**vars(self.load or Load()), "count": count, "blocking": True})
        command = command_of("ours", load, folder)
        if self.load is None:
            # The configuration that has been written for it.
            return [str(OUT / "validate"), str(folder / "ours.conf"), str(count)]
        return command


def ways() -> list[Way]:
    claims: Settings = (("lookup", "claims"), ("allowed_node_label_keys", []), ("allowed_pod_label_keys", []))
    return [
        Way("configuration checked", None, 100, 600),
        Way("refused: cluster not configured", Load("unknown"), 200, 1200),
        Way("refused: token without a signature", Load("unsigned"), 200, 1200),
        Way("refused: forged signature", Load("forged"), 50, 450),
        Way("attested by TokenReview alone (claims)", Load(settings=claims), 50, 450),
        Way("attested, one call after the other (sequential)", Load(settings=(("lookup", "sequential"),)), 50, 450),
        ATTESTED,
    ]


ATTESTED = Way("attested (auto)", Load(), 50, 450)
