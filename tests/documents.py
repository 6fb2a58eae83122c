"""Hold the documents against the tree: links lead somewhere, and tests that docs/security.md names are there."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urldefrag

ROOT = Path(__file__).resolve().parent.parent

FENCE = re.compile(r"^(```|~~~).*?^\1\s*$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)
# Rust's and Python's tests by name, conformance cases as file/name, programs by file.
TEST = re.compile(r"(?:async )?(?:fn|def) (\w+)")
NAMED = re.compile(r"`(\w+_[\w/.]+)`")
SHOWN_BY = re.compile(r"^\| promise \| shown by \|\n\|---\|---\|\n((?:\|.*\n)+)", re.MULTILINE)


def tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z", *patterns], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in listed.stdout.split("\0") if name]


def prose(document: Path) -> str:
    return FENCE.sub("", document.read_text())


def anchors(document: Path) -> set[str]:
    """Of the headings, as the common hosts make them."""
    words = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in HEADING.findall(prose(document)))
    return {word.replace(" ", "-") for word in words}


def dead_links(document: Path) -> Iterator[str]:
    for link in LINK.findall(prose(document)):
        if ":" in link:
            continue
        path, anchor = urldefrag(link)
        target = document.parent / path if path else document
        if not target.exists():
            yield f"{link}: no such file"
        elif anchor and anchor not in anchors(target):
            yield f"{link}: no such heading"


def tests() -> set[str]:
    found = set()
    for source in tracked("*.rs", "tests/e2e/*.py", "bindings/python/tests/*.py"):
        found.update(TEST.findall(source.read_text()))
    for data in tracked("tests/conformance/*.json"):
        found.update(f"{data.stem}/{case['name']}" for case in json.loads(data.read_text()).get("cases", []))
    found.update(program.name for program in tracked("tests/c/*.c"))
    return found


def missing_tests(document: Path) -> Iterator[str]:
    """Of those in the last column of its tables "promise, shown by"."""
    tables = SHOWN_BY.findall(prose(document))
    rows = [row for table in tables for row in table.splitlines()]
    named = {name for row in rows for name in NAMED.findall(row.rstrip(" |").rsplit(" | ", 1)[-1])}
    there = tests()
    if len(named) < 50:
        yield f"only {len(named)} tests are named: has its form changed?"
    for name in sorted(named - there):
        yield f"{name}: no such test"


def main() -> int:
    faults = [
        f"{document.relative_to(ROOT)}: {fault}" for document in tracked("*.md") for fault in dead_links(document)
    ]
    faults += [f"docs/security.md: {fault}" for fault in missing_tests(ROOT / "docs" / "security.md")]
    for fault in faults:
        print(fault)
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
