"""docs/diagnoses.md: what the operator's tool shows of each fault, written by the tool itself.

The cases of test_diagnosis hold the page against what the tool shows now. With PSAT_RECORD=1 they write it anew.
"""

from __future__ import annotations

import os
import re
import subprocess
import unittest
from collections.abc import Sequence
from pathlib import Path

from build_tools import ROOT
from spire import plugin_path
from world import CLUSTER_NAME

PAGE = ROOT / "docs" / "diagnoses.md"
ARGUMENTS = {
    "check": ["check", "--config", "server.conf"],
    "explain": ["explain", "--config", "server.conf", "--cluster", CLUSTER_NAME, "--token-file", "token"],
}
# What differs from run to run, and what stands for it; of the same length, so that no line is broken elsewhere.
CHANGING = [
    (r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "0d6c9a52-3f0e-4b7c-8a61-5e2d7f4c1a90"),
    (r"\b127\.0\.0\.1:\d{5}\b", "127.0.0.1:16443"),
    (r"\b20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", "2026-01-02T03:04:05Z"),
    (r"\b(in|took) \d+(?:\.\d+)? (?:ms|s)\b", r"\1 5.0 ms"),
]


def output(command: str, directory: Path) -> str:
    """The command and all that it prints, as a reader would see it."""
    arguments = ARGUMENTS[command]
    done = subprocess.run(
        [plugin_path(), *arguments], cwd=directory, capture_output=True, text=True, check=False, timeout=60
    )
    shown = done.stdout + done.stderr
    for pattern, word in CHANGING:
        shown = re.sub(pattern, word, shown)
    return f"$ spire-plugin-k8s-psat {' '.join(arguments)}\n{shown.rstrip()}\n$ echo $?\n{done.returncode}\n"


def hold(case: unittest.TestCase, title: str, outputs: Sequence[str]) -> None:
    """Holds the page's section against the outputs, or writes it."""
    wanted = "\n".join(f"```text\n{each}```\n" for each in outputs)
    text = PAGE.read_text()
    heading = f"## {title}\n"
    case.assertIn(heading, text, f"{PAGE.name} has no section {title!r}")
    begin = text.index(heading) + len(heading)
    end = text.find("\n## ", begin)
    end = end if end >= 0 else len(text)
    # What stands before the first block is written by hand.
    words = text[begin:end].partition("```text\n")[0].strip()
    section = "\n" + (f"{words}\n\n" if words else "") + wanted
    if os.environ.get("PSAT_RECORD") == "1":
        PAGE.write_text(text[:begin] + section + text[end:])
    else:
        case.maxDiff = None
        case.assertEqual(text[begin:end], section, "the page is not what the tool shows: run `make diagnoses`")
