"""What others made and what is shipped holds: each piece, its licence, and the texts that come with it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

LICENCE_FILE = re.compile(r"(LICEN[CS]E|COPYING|COPYRIGHT|NOTICE|PATENTS|UNLICENSE)([-._].*)?", re.IGNORECASE)


@dataclass(frozen=True)
class Component:
    """A crate, a Go module, or a part of the platform that is linked in statically."""

    name: str
    version: str
    purl: str
    licence: str
    """An SPDX expression."""
    texts: tuple[str, ...]
    """Its licence and copyright files."""
    sha256: str | None = None
    """Of the source archive that it came in, where the registry gives one."""
    needs: frozenset[str] = frozenset()
    """The purls of the components that it uses."""


@dataclass(frozen=True)
class Inventory:
    """All components of one artefact."""

    components: tuple[Component, ...]
    direct: frozenset[str]
    """The purls of those that this project's own code uses."""


def licence_texts(folder: Path) -> tuple[str, ...]:
    """The licence files of a source tree, those of what it has copied in included."""
    found = (path for path in folder.rglob("*") if LICENCE_FILE.fullmatch(path.name) and path.is_file())
    sources = {".c", ".go", ".h", ".rs", ".S"}
    texts = (
        path.read_text(errors="replace").rstrip().lstrip("\r\n") for path in sorted(found) if path.suffix not in sources
    )
    return tuple(dict.fromkeys(text for text in texts if text))
