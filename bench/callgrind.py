"""What callgrind's output says about functions."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

LINE = re.compile(r"^\s*([\d,]+)\s+\(\s*[\d.]+%\)\s+[^:\s]+:(.*?)(?: \[[^\]]*\])?$", re.MULTILINE)
# callgrind counts the levels of a recursion apart.
LEVEL = re.compile(r"'\d+$")


def difference(few: Path, many: Path, times: int, *options: str) -> dict[str, float]:
    """Instructions of each function for one time. With `--inclusive=yes` all that it calls counts too."""
    before, after = by_function(few, options), by_function(many, options)
    return {name: (count - before.get(name, 0)) / times for name, count in after.items()}


def by_function(output: Path, options: tuple[str, ...]) -> dict[str, int]:
    command = ["callgrind_annotate", "--threshold=100", *options, str(output)]
    listing = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    found: dict[str, int] = {}
    for count, name in LINE.findall(listing):
        function = LEVEL.sub("", name)
        found[function] = found.get(function, 0) + int(count.replace(",", ""))
    return found
