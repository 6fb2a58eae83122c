"""The answers for one event loop: a queue whose descriptor the loop watches."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import weakref

from psat_attestor import _capi, _fork, reasons
from psat_attestor._answers import Answer
from psat_attestor._queue import Queue
from psat_attestor.errors import error_of, refusal

# How many answers are taken before the loop goes on with other things.
_BATCH = 64


class LoopAnswers:
    """Hands each answer to the coroutine that waits for it. Used on the loop's own thread alone.

    The loop holds it. It does not hold the attestor, which may be collected while the loop runs.
    """

    def __init__(self, library: ctypes.CDLL, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.queue = Queue(library, _BATCH)
        self._descriptor = self.queue.descriptor()
        if self._descriptor < 0:
            raise refusal(reasons.RUNTIME_UNAVAILABLE, "No descriptor is left for the answers of an event loop.")
        self._last_tag = 0
        self._waiting: dict[int, asyncio.Future[Answer]] = {}
        loop.add_reader(self._descriptor, self._take)

    def expect(self) -> tuple[int, asyncio.Future[Answer]]:
        """A tag for a submission, and the future of its answer."""
        self._last_tag += 1
        answer = self._waiting[self._last_tag] = self._loop.create_future()
        return self._last_tag, answer

    def forget(self, tag: int) -> None:
        """Nobody waits for this answer any more; if it still comes, it is dropped."""
        self._waiting.pop(tag, None)

    def _take(self) -> int:
        code, completions = self.queue.next(0)
        for each in completions:
            answer = self._waiting.pop(each.tag, None)
            if answer is not None and not answer.done():
                answer.set_result(Answer(each.code, each.document))
        if code not in (_capi.PSAT_OK, _capi.PSAT_CLOSED):
            self._fail(code)
        return len(completions)

    def _fail(self, code: int) -> None:
        """The library gives no answers any more: nobody shall wait for one."""
        self._loop.remove_reader(self._descriptor)
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(error_of(code, None))
        self._waiting.clear()

    def retire(self) -> None:
        """Hands on what has come, and leaves the loop. The attestor has been shut down: nothing more comes."""
        while self._take() > 0:
            pass
        self._loop.remove_reader(self._descriptor)
        self.queue.free()


class Loops:
    """The answers of one attestor for each loop that it is used on.

    Neither loops nor answers are kept alive: a closed loop is collected with its tasks, which cancels their
    attestations, and with its answers, which frees their queue.
    """

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        self._born = _fork.generation()
        self._answers: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, weakref.ref[LoopAnswers]]
        self._answers = weakref.WeakKeyDictionary()

    def answers(self, loop: asyncio.AbstractEventLoop) -> LoopAnswers:
        known = self._answers.get(loop)
        found = known() if known is not None else None
        if found is None:
            found = LoopAnswers(self._library, loop)
            self._answers[loop] = weakref.ref(found)
        return found

    def retire(self, running: asyncio.AbstractEventLoop | None = None) -> None:
        """Leaves all loops, each on its own thread; the one that runs here at once."""
        # The loops of a parent share their descriptors with it.
        while self._born == _fork.generation():
            try:
                loop, known = self._answers.popitem()
            except KeyError:
                return
            answers = known()
            if answers is None:
                continue
            if loop is running:
                answers.retire()
                continue
            # A closed loop refuses, and has left the queue already.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(answers.retire)
