"""How many instructions each way through the library takes, and the change against the last recorded counts.

The counts are steady within a few per cent where the network takes part (how many frames come in one read differs), and
nearly exact where it does not.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from server import Server
from valgrind import ways

RECORDED = Path(__file__).with_name("instructions.json")


def counts(server: Server) -> dict[str, int]:
    """Instructions of each way."""
    server.delay(0)
    counted = {}
    for way in ways():
        few, many = way.outputs("callgrind", server)
        counted[way.name] = round((total(many) - total(few)) / way.times)
    return counted


def total(output: Path) -> int:
    found = re.search(r"^(?:summary|totals): (\d+)", output.read_text(), re.MULTILINE)
    if found is None:
        raise RuntimeError(f"{output} has no sum")
    return int(found[1])


def record(counted: dict[str, int]) -> None:
    RECORDED.write_text(json.dumps(counted, indent=2) + "\n")


def changes(counted: dict[str, int]) -> list[list[str]]:
    """A table; its first line is the head."""
    before: dict[str, int] = json.loads(RECORDED.read_text()) if RECORDED.exists() else {}
    lines = [["path", "instructions", "recorded", "change"]]
    for name, count in counted.items():
        old = before.get(name)
        change = f"{(count - old) / old:+.1%}" if old else "-"
        lines.append([name, f"{count:,}", f"{old:,}" if old else "-", change])
    return lines
