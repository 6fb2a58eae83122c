"""Tells a forked child from its parent. The PID does not: in a PID namespace of its own a child can have the same."""

from __future__ import annotations

import os

_forks = 0


def _count() -> None:
    global _forks
    _forks += 1


os.register_at_fork(after_in_child=_count)


def generation() -> int:
    """How many forks lie between the first process and this one. What was made at another number is the parent's."""
    return _forks
