"""Tokens that are no good, and what deliberately spoils one."""

from __future__ import annotations

GARBAGE = "this-is-no-token-at-all"


def tampered(token: str) -> str:
    """The same header and claims under a signature that is off by one character in its middle."""
    head, _, signature = token.rpartition(".")
    middle = len(signature) // 2
    other = "A" if signature[middle] != "A" else "B"
    return f"{head}.{signature[:middle]}{other}{signature[middle + 1 :]}"
