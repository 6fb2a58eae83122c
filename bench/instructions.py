"""How many instructions each way through the library and each piece of it takes, and the change against the record.

The counts are steady within a few per cent where the network takes part (how many frames come in one read differs), and
nearly exact where it does not.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from callgrind import difference
from server import Server
from valgrind import ATTESTED, ways

RECORDED = Path(__file__).with_name("instructions.json")
# What one attestation consists of, by the function that does it and all that it calls. Names are those of the shipped
# library; where the compiler has made a function a part of its caller, the piece cannot be told and is left out.
PIECES = {
    "payload, and what the token tells by itself": "psat_attestor::engine::task::begin",
    "token: signature and claims": "psat_attestor::engine::generation::ClusterAtWork::judge",
    "token: signature (RS256)": "aws_lc_rs::rsa::signature::verify_rsa_signature",
    "TokenReview: asking, reading": "ClusterApi>::review_token::{{closure}}",
    "pod: asking, reading": "ClusterApi>::pod::{{closure}}",
    "node: asking, reading": "ClusterApi>::node::{{closure}}",
    "ID and selectors": "psat_attestor::attest::identity::describe",
    "document: writing, looking for credentials": "psat_attestor::engine::task::write",
}


def counts(server: Server) -> dict[str, int]:
    """Instructions of each way, and of the pieces of an attestation."""
    server.delay(0)
    counted = {}
    for way in ways():
        few, many = way.outputs("callgrind", server)
        counted[way.name] = round((total(many) - total(few)) / way.times)
        if way == ATTESTED:
            spent = difference(few, many, way.times, "--inclusive=yes")
            counted |= {f"of which {piece}": round(of(spent, function)) for piece, function in PIECES.items()}
    return {name: count for name, count in counted.items() if count > 0}


def of(spent: dict[str, float], function: str) -> float:
    return sum(count for name, count in spent.items() if name.endswith(function))


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
