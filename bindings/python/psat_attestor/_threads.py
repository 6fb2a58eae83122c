"""Calls that block, made so that Ctrl-C and event loops are not held up."""

from __future__ import annotations

import _thread
import asyncio
import contextlib
import ctypes
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import TypeVar

from psat_attestor import _capi
from psat_attestor._answers import Answer
from psat_attestor._core import Core
from psat_attestor._ending import in_main_thread
from psat_attestor._queue import Queue

T = TypeVar("T")

# How long the main thread is in the library at a time, and so how long Ctrl-C may have to wait.
_SLICE_MS = 100


def attest_in_slices(core: Core, payload: bytes | None, options: bytes | None) -> Answer:
    """Attests, and lets signal handlers run meanwhile. What they raise cancels the operation."""
    queue = Queue(core.library, capacity=1)
    operation = ctypes.c_uint64()
    try:
        code = core.submit(payload, options, queue, 1, operation)
        while code == _capi.PSAT_OK:
            code, completions = queue.next(_SLICE_MS)
            for answer in completions:
                return Answer(answer.code, answer.document)
    except BaseException:
        core.cancel(operation)
        raise
    finally:
        queue.free()
    return Answer(code, None)


def begin(call: Callable[[], T]) -> Future[T]:
    """Makes a call on a thread of its own, which does not keep the program from ending."""
    future: Future[T] = Future()
    future.set_running_or_notify_cancel()

    def work() -> None:
        try:
            future.set_result(call())
        except BaseException as error:  # It is for who waits.
            future.set_exception(error)

    # Not by threading.Thread: its start() does not stand an exception of a signal handler.
    _thread.start_new_thread(work, ())
    return future


async def awaited(call: Callable[[], T]) -> T:
    """Makes a call that blocks, without holding up the running loop. The call outlives the loop and its tasks."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[T] = loop.create_future()

    def settle(done: Future[T]) -> None:
        error = done.exception()
        if answer.done():
            return
        if error is not None:
            answer.set_exception(error)
        else:
            answer.set_result(done.result())

    def tell(done: Future[T]) -> None:
        # A closed loop refuses: nobody waits any more.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, done)

    begin(call).add_done_callback(tell)
    return await answer


def interruptibly(call: Callable[[], T]) -> T:
    """Makes a call that blocks. In the main thread signal handlers run meanwhile; the call outlives what they raise."""
    if not in_main_thread():
        return call()
    future = begin(call)
    while not wait([future], _SLICE_MS / 1000).done:
        pass
    return future.result()
