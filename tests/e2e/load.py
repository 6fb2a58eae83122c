"""Attestations at a steady pace through one queue, while the test does something to the server."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from psat import Answer, Attestor, Completion, Queue

INTERVAL_SECONDS = 0.01
POLL_MS = 200
# How much later than its deadline a completion may be read on a busy machine.
GRACE_SECONDS = 2.0


@dataclass(frozen=True)
class Outcome:
    answer: Answer
    seconds: float


def counted(outcomes: Sequence[Outcome]) -> str:
    """How many there were, and what became of them."""
    said = Counter(each.answer.reason for each in outcomes)
    return ", ".join([f"{len(outcomes)} attestations", *(f"{count} {reason}" for reason, count in said.most_common())])


class Load:
    """One thread submits, one reads completions; `finish` waits until every operation had the time it was given."""

    def __init__(self, attestor: Attestor, queue: Queue, payloads: Sequence[bytes], timeout_ms: int) -> None:
        self._attestor = attestor
        self._queue = queue
        self._payloads = payloads
        self._timeout_ms = timeout_ms
        self._submitted: dict[int, float] = {}
        self._read: list[tuple[Completion, float]] = []
        self._failures: list[BaseException] = []
        self._no_more = threading.Event()
        self._submitter = threading.Thread(target=self._guarded, args=(self._submit,))
        self._reader = threading.Thread(target=self._guarded, args=(self._consume,))

    def start(self) -> None:
        self._reader.start()
        self._submitter.start()

    def outcomes(self) -> list[Outcome]:
        """What has completed so far."""
        return [Outcome(each.answer, at - self._submitted[each.tag]) for each, at in list(self._read)]

    def finish(self) -> list[Outcome]:
        """Ends the load. Exactly one completion must have come for each operation, and none too late."""
        self._no_more.set()
        self._submitter.join()
        self._reader.join()
        if self._failures:
            raise self._failures[0]
        counted = Counter(each.tag for each, _ in self._read)
        missing = self._submitted.keys() - counted.keys()
        repeated = [tag for tag, count in counted.items() if count > 1]
        unknown = counted.keys() - self._submitted.keys()
        if missing or repeated or unknown:
            raise AssertionError(f"missing completions: {missing}, repeated: {repeated}, never submitted: {unknown}")
        latest = max(self.outcomes(), key=lambda outcome: outcome.seconds)
        if latest.seconds > self._timeout_ms / 1000 + GRACE_SECONDS:
            raise AssertionError(f"a completion came after {latest.seconds:.1f} s: {latest.answer.document}")
        return self.outcomes()

    def _guarded(self, work: object) -> None:
        assert callable(work)
        try:
            work()
        except BaseException as failure:  # told by finish(), in the thread of the test
            self._failures.append(failure)

    def _submit(self) -> None:
        tag = 0
        while not self._no_more.wait(INTERVAL_SECONDS):
            tag += 1
            self._submitted[tag] = time.monotonic()
            payload = self._payloads[tag % len(self._payloads)]
            self._attestor.submit(self._queue, tag, payload, {"timeout_ms": self._timeout_ms})

    def _consume(self) -> None:
        give_up = float("inf")
        while time.monotonic() < give_up:
            self._read += [(each, time.monotonic()) for each in self._queue.next(POLL_MS)]
            if self._no_more.is_set() and not self._submitter.is_alive():
                allowed = self._timeout_ms / 1000 + GRACE_SECONDS
                give_up = min(give_up, time.monotonic() + allowed)
                if len(self._read) >= len(self._submitted):
                    # A last look for a completion too many.
                    self._read += [(each, time.monotonic()) for each in self._queue.next(POLL_MS)]
                    return
