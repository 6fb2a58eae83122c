"""The end of the program, while daemon threads are inside of the library.

A thread that comes back while Python goes down is ended there and then, which can abort the process (before Python
3.14). So calls are ended while Python is still whole, and their threads are held where they do no harm.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
import weakref
from typing import Protocol

# Within this the threads that have left the library are held.
_SETTLE_S = 0.02


class Ends(Protocol):
    """What has calls to be ended."""

    def end(self) -> bool:
        """Ends them and waits for them, for a moment at most. Whether there were any."""


_live: weakref.WeakSet[Ends] = weakref.WeakSet()
_ending = False
# Nobody ever gets it.
_held = threading.Lock()
_held.acquire()


def end_with_the_program(what: Ends) -> None:
    _live.add(what)


def hold_at_the_end() -> None:
    """Keeps this thread, once the program ends. The main thread goes on: it has to end it."""
    if _ending and not in_main_thread():
        _held.acquire()


def in_main_thread() -> bool:
    """Whether this thread is the one that runs Python's signal handlers."""
    return threading.get_ident() == threading.main_thread().ident


def _end_all() -> None:
    global _ending
    _ending = True
    ended = [each.end() for each in list(_live)]
    if True in ended:
        time.sleep(_SETTLE_S)


atexit.register(_end_all)
# The calls of a parent are not the child's to end.
os.register_at_fork(after_in_child=_live.clear)
