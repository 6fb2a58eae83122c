"""Leaves work behind and lets the program end: HOW CONFIG PAYLOAD."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psat_attestor
from psat_attestor import aio

HOW, CONFIG, PAYLOAD = sys.argv[1:]
config, payload = Path(CONFIG).read_bytes(), Path(PAYLOAD).read_bytes()
logging.getLogger("psat").addHandler(logging.NullHandler())
logger = logging.getLogger("psat")
# Lives as long as this module.
kept: list[object] = []


def in_flight(attestor: psat_attestor.Attestor | aio.Attestor) -> int:
    return attestor.stats().clusters["demo"].in_flight


def wait_for(attestor: psat_attestor.Attestor | aio.Attestor, count: int) -> None:
    while in_flight(attestor) < count:
        time.sleep(0.001)


def attest(attestor: psat_attestor.Attestor) -> None:
    with contextlib.suppress(psat_attestor.AttestorError):
        attestor.attest(payload)


def behind(attestor: psat_attestor.Attestor, call: Callable[[psat_attestor.Attestor], object], count: int) -> None:
    for _ in range(count):
        threading.Thread(target=call, args=(attestor,), daemon=True).start()


def threads() -> None:
    """Daemon threads are inside of the blocking call, and the log's thread waits for records."""
    attestor = psat_attestor.Attestor(config, logger=logger, log_level=psat_attestor.TRACE)
    behind(attestor, attest, 4)
    wait_for(attestor, 4)
    sys.exit(0)


def answers() -> None:
    """Answers come while Python goes down: the time allowed runs out then."""
    attestor = psat_attestor.Attestor(config, logger=logger, log_level=psat_attestor.TRACE)

    def attest_shortly(attestor: psat_attestor.Attestor) -> None:
        with contextlib.suppress(psat_attestor.AttestorError):
            attestor.attest(payload, timeout=0.02)

    behind(attestor, attest_shortly, 8)
    time.sleep(0.02)


def main_thread() -> None:
    """The main thread leaves an attestation, which is cancelled, and an explanation, which goes on behind."""
    import signal

    attestor = psat_attestor.Attestor(config)

    def leave(*_: object) -> None:
        raise TimeoutError

    signal.signal(signal.SIGALRM, leave)
    for call in (attestor.attest, attestor.explain):
        signal.setitimer(signal.ITIMER_REAL, 0.03)
        with contextlib.suppress(TimeoutError):
            call(payload)


def tasks() -> None:
    """asyncio.run cancels what is pending, and nothing is closed."""

    async def main() -> None:
        attestor = aio.Attestor(config, logger=logger)
        left = [asyncio.ensure_future(attestor.attest(payload)) for _ in range(4)]
        explaining = asyncio.ensure_future(attestor.explain(payload))
        while in_flight(attestor) < 5:
            await asyncio.sleep(0.001)
        assert not explaining.done() and not any(task.done() for task in left)

    asyncio.run(main())


def loop() -> None:
    """The loop is never closed, and its tasks are pending when the program ends."""
    silence_asyncio()
    attestor = aio.Attestor(config)
    running = asyncio.new_event_loop()
    left = [running.create_task(attestor.attest(payload)) for _ in range(4)]
    running.run_until_complete(asyncio.sleep(0.01))
    kept.extend([attestor, running, *left])


def closed_loop() -> None:
    """The loop is closed with tasks pending, and the attestor outlives it."""
    silence_asyncio()
    attestor = aio.Attestor(config)
    running = asyncio.new_event_loop()
    left = [running.create_task(attestor.attest(payload)) for _ in range(4)]
    # Its answer comes when the loop is closed.
    left.append(running.create_task(attestor.explain(payload, timeout=0.1)))  # type: ignore[arg-type]
    while in_flight(attestor) < 4:
        running.run_until_complete(asyncio.sleep(0.001))
    running.close()
    del left, running
    # Loop and tasks are garbage now, and with the tasks goes what they waited for.
    gc.collect()
    while attestor.stats().attestations.get("CANCELED") != 4 or in_flight(attestor) > 0:
        time.sleep(0.001)
    asyncio.run(attestor.close())


def silence_asyncio() -> None:
    """It tells of every task that is destroyed while pending, whoever made it."""
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)


if __name__ == "__main__":
    globals()[HOW]()
