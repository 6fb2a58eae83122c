"""The library's log records, handed to Python's `logging`."""

from __future__ import annotations

import atexit
import ctypes
import json
import logging
import os
import sys
import threading
import weakref
from collections.abc import Mapping
from typing import Any

from psat_attestor import _capi
from psat_attestor._queue import Queue

TRACE = 5
"""The level of records about each call to an API server, below `logging.DEBUG`."""

_LEVELS = {
    "error": logging.ERROR,
    "warn": logging.WARNING,
    "info": logging.INFO,
    "debug": logging.DEBUG,
    "trace": TRACE,
}
_BATCH = 64
# How long the end of the program waits for handlers that still write.
_PATIENCE_S = 2.0

_live: weakref.WeakSet[EventLog] = weakref.WeakSet()


class EventLog:
    """Takes the records of one attestor from a queue of their own, on a thread of its own."""

    def __init__(self, library: ctypes.CDLL, logger: logging.Logger, level: int | None) -> None:
        self.level = _library_level(logger.getEffectiveLevel() if level is None else level)
        self.queue = Queue(library, _BATCH)
        # The thread holds the queue, not this object, nor the attestor.
        self._thread = threading.Thread(target=_read, args=(self.queue, logger), name="psat-attestor-log", daemon=True)

    def start(self) -> None:
        self._thread.start()
        _live.add(self)

    def end(self) -> None:
        """Takes no further records. Those that came before are still handed on. Never waits."""
        self.queue.close()

    def join(self, timeout: float | None = None) -> None:
        """Waits until all records have been handed on, unless a handler itself asks."""
        if self._thread.ident is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout)


def _library_level(level: int) -> int:
    for number, words in enumerate(("error", "warn", "info", "debug"), start=1):
        if level >= _LEVELS[words]:
            return number
    return 5


def _read(queue: Queue, logger: logging.Logger) -> None:
    while True:
        code, completions = queue.next(-1)
        for each in completions:
            if each.kind == _capi.PSAT_COMPLETION_EVENT:
                _hand_on(logger, json.loads(each.document))
        if code != _capi.PSAT_OK:
            return


def _hand_on(logger: logging.Logger, event: Mapping[str, Any]) -> None:
    level = _LEVELS.get(event["level"], logging.INFO)
    if not logger.isEnabledFor(level):
        return
    fields = event["fields"]
    # As JSON, so that no value can look like a further field or a further line.
    words = [event["message"], *(f"{name}={json.dumps(value)}" for name, value in fields.items())]
    record = logger.makeRecord(logger.name, level, "psat_attestor", 0, " ".join(words), (), None)
    record.created = event["unix_ms"] / 1000
    record.msecs = event["unix_ms"] % 1000
    record.event = event["message"]
    record.fields = fields
    try:
        logger.handle(record)
    except Exception:
        # A filter or handler of the program has a fault. It is told as those of any thread are; the log goes on.
        threading.excepthook(threading.ExceptHookArgs((*sys.exc_info(), threading.current_thread())))


def _end_all() -> None:
    """At the end of the program: no thread of this package comes back from the library while Python goes down."""
    logs = list(_live)
    for log in logs:
        log.end()
    for log in logs:
        log.join(_PATIENCE_S)


atexit.register(_end_all)
# The parent's logs have no threads in a child.
os.register_at_fork(after_in_child=_live.clear)
