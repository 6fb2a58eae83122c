"""What a program asks of the system's loader, read from its ELF file."""

from __future__ import annotations

import struct
from pathlib import Path

PT_DYNAMIC = 2
PT_INTERP = 3
DT_NEEDED = 1


def wishes(program: Path) -> set[str]:
    """INTERP if it names a loader, NEEDED if it names libraries; a static file does neither."""
    content = program.read_bytes()
    # Of 64 bits, little-endian.
    if content[:6] != b"\x7fELF\x02\x01":
        raise ValueError(f"{program} is no ELF file as expected")
    (first,) = struct.unpack_from("<Q", content, 32)
    size, count = struct.unpack_from("<HH", content, 54)
    found = set()
    for header in range(first, first + size * count, size):
        kind, _, offset, _, _, length = struct.unpack_from("<IIQQQQ", content, header)
        if kind == PT_INTERP:
            found.add("INTERP")
        if kind == PT_DYNAMIC and any(
            tag == DT_NEEDED for tag, _ in struct.iter_unpack("<qQ", content[offset : offset + length])
        ):
            found.add("NEEDED")
    return found
