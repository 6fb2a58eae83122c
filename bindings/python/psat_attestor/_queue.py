"""Documents and completion queues of the library, each freed once."""

from __future__ import annotations

import ctypes
import weakref
from typing import NamedTuple

from psat_attestor import _capi
from psat_attestor.errors import error_of


def take(library: ctypes.CDLL, document: ctypes.c_void_p) -> bytes | None:
    """Reads a document and frees it. None if there is none."""
    if not document.value:
        return None
    try:
        return ctypes.string_at(document.value)
    finally:
        library.psat_string_free(document)


class Completion(NamedTuple):
    """One finished operation, or one event."""

    kind: int
    code: int
    tag: int
    document: bytes


def freed(pointer: ctypes.c_void_p) -> ctypes.c_void_p:
    """Takes a handle out of a pointer, so that who still comes with the pointer comes with NULL.

    Some do: when a heap of garbage is collected, handles are freed first, and then its coroutines are closed, which
    still run.
    """
    handle = ctypes.c_void_p(pointer.value)
    pointer.value = None
    return handle


class Queue:
    """A completion queue with one consumer.

    It is freed when nobody refers to it any more, and so when nobody is inside of it.
    """

    def __init__(self, library: ctypes.CDLL, capacity: int) -> None:
        self._library = library
        self._capacity = capacity
        self._batch = (_capi.psat_completion_t * capacity)()
        self.pointer = ctypes.c_void_p()
        code = library.psat_queue_new(ctypes.byref(self.pointer))
        if code != _capi.PSAT_OK:
            raise error_of(code, None)
        self._free = weakref.finalize(self, _free, library, self.pointer)
        self._free.atexit = False

    def next(self, timeout_ms: int) -> tuple[int, list[Completion]]:
        """The library's code, and what was taken: at most `capacity`, none when the time has passed."""
        count = ctypes.c_size_t()
        taken = []
        try:
            code = self._library.psat_queue_next(
                self.pointer, self._batch, self._capacity, timeout_ms, ctypes.byref(count)
            )
        finally:
            # Ctrl-C may come out of the call, and documents with it.
            for each in self._batch[: count.value]:
                taken.append(Completion(each.kind, each.code, each.tag, ctypes.string_at(each.json, each.json_len)))
                self._library.psat_string_free(each.json)
        return code, taken

    def descriptor(self) -> int:
        """Readable while something can be taken; -1 if there is none to be had."""
        return int(self._library.psat_queue_fd(self.pointer))

    def close(self) -> None:
        """Refuses what comes, and ends `next` when all has come that was to come."""
        self._library.psat_queue_close(self.pointer)

    def free(self) -> None:
        """Frees it now, with what waits in it. Its consumer alone may do so, who then leaves it alone."""
        self._free()


def _free(library: ctypes.CDLL, pointer: ctypes.c_void_p) -> None:
    library.psat_queue_free(freed(pointer))
