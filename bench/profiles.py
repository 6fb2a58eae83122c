"""Where one attestation spends its instructions, and where it allocates."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import callgrind
from server import Server
from valgrind import ATTESTED

FUNCTIONS = 12
PLACES = 12
# A function belongs to the first part that its name begins with.
PARTS = {
    "this crate": r"<?psat",
    "serde": r"<?(&mut )?serde|<core::marker::PhantomData<T> as serde",
    "TLS: rustls, aws-lc": r"<?(rustls|tokio_rustls|hyper_rustls|aws_lc|_?aesni|_?gcm|_?sha|bn_|ec_|EVP|rsa|RSA|BN_)",
    "HTTP: h2, hyper, http, tower": r"<?(h2|hyper|http|tower)",
    "runtime: tokio, mio, futures": r"<?(tokio|mio|parking_lot|futures)",
    "memory: malloc, free, memcpy": r"_?(malloc|free|calloc|realloc|_?int_|_*mem|_*str|unlink_chunk|posix_mem)",
    "Rust's standard library and small crates": r"<?&?(core|alloc|std|__rust|hashbrown|bytes|base64)",
}
REST = "everything else"
ALLOCATORS = re.compile(r"malloc|calloc|realloc|memalign|__rust|alloc::|RawVec|^\?")

Listing = list[tuple[str, float]]


def instructions(server: Server) -> tuple[Listing, Listing]:
    """The share of each part, and the instructions of the functions that take most by themselves."""
    server.delay(0)
    few, many = ATTESTED.outputs("callgrind", server)
    spent = callgrind.difference(few, many, ATTESTED.times)
    everything = sum(spent.values())
    parts = dict.fromkeys([*PARTS, REST], 0.0)
    for name, count in spent.items():
        part = next((part for part, pattern in PARTS.items() if re.match(pattern, name)), REST)
        parts[part] += count / everything
    return largest({part: max(share, 0.0) for part, share in parts.items()}, len(parts)), largest(spent, FUNCTIONS)


def allocations(server: Server) -> Listing:
    """The functions of this crate in which most is allocated, libraries below them included."""
    server.delay(0)
    few, many = (by_place(output) for output in ATTESTED.outputs("dhat", server, "--num-callers=40"))
    made = {name: (count - few.get(name, 0)) / ATTESTED.times for name, count in many.items()}
    return largest(made, PLACES)


def largest(counts: dict[str, float], number: int) -> Listing:
    return sorted(counts.items(), key=lambda item: -item[1])[:number]


def by_place(output: Path) -> dict[str, float]:
    """How often was allocated in each function of this crate; elsewhere, in the function that did it."""
    recorded: dict[str, Any] = json.loads(output.read_text())
    names = [frame.partition(": ")[2].partition(" (")[0] for frame in recorded["ftbl"]]
    found: dict[str, float] = {}
    for point in recorded["pps"]:
        stack = [names[index] for index in point["fs"]]
        place = next((name for name in stack if name.lstrip("<").startswith("psat_attestor::")), None)
        place = place or next((name for name in stack if name and not ALLOCATORS.search(name)), REST)
        found[place] = found.get(place, 0) + point["tbk"]
    return found
