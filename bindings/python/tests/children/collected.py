"""Collects objects with work pending, in several orders, and looks what is left: CONFIG PAYLOAD."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import logging
import signal
import sys
import time
from pathlib import Path

from psat_attestor import Attestor, aio
from psat_attestor._queue import Queue

CONFIG, PAYLOAD = sys.argv[1:]
config, payload = Path(CONFIG).read_bytes(), Path(PAYLOAD).read_bytes()
logger = logging.getLogger("psat")
logger.addHandler(logging.NullHandler())
logging.getLogger("asyncio").setLevel(logging.CRITICAL)


def submitted() -> tuple[Attestor, Queue]:
    attestor = Attestor(config, logger=logger)
    queue = Queue(attestor._core.library, 8)
    for tag in (1, 2, 3):
        assert attestor._core.submit(payload, None, queue, tag, ctypes.c_uint64()) == 0
    return attestor, queue


def attestor_first() -> None:
    attestor, queue = submitted()
    del attestor
    # Each operation has been stopped, and its completion waits.
    assert [each.tag for each in sorted(queue.next(0)[1], key=lambda each: each.tag)] == [1, 2, 3]


def queue_first() -> None:
    attestor, queue = submitted()
    del queue
    assert attestor.stats().clusters["demo"].in_flight == 3
    del attestor


def in_a_cycle() -> None:
    held: list[object] = [*submitted()]
    held.append(held)


def explaining() -> None:
    """The main thread leaves; the attestor is collected when the thread behind has its answer."""
    attestor = Attestor(config, logger=logger)

    def leave(*_: object) -> None:
        raise TimeoutError

    signal.signal(signal.SIGALRM, leave)
    signal.setitimer(signal.ITIMER_REAL, 0.02)
    with contextlib.suppress(TimeoutError):
        attestor.explain(payload, timeout=0.1)


def with_its_loop() -> None:
    """Task, loop and attestor are one heap of garbage."""
    loop = asyncio.new_event_loop()
    attestor = aio.Attestor(config, logger=logger)
    held = [loop.create_task(attestor.attest(payload)) for _ in range(3)]
    loop.run_until_complete(asyncio.sleep(0.005))
    assert attestor.stats().clusters["demo"].in_flight == 3
    loop.close()
    held.append(held)  # type: ignore[arg-type]


def while_its_loop_runs() -> None:
    async def main() -> None:
        attestor = aio.Attestor(config, logger=logger)
        task = asyncio.ensure_future(attestor.attest(payload))
        await asyncio.sleep(0.005)
        task.cancel()
        del attestor
        await asyncio.gather(task, return_exceptions=True)
        del task
        gc.collect()
        await asyncio.sleep(0)

    asyncio.run(main())


def nothing_is_left() -> bool:
    gc.collect()
    names = [(path / "comm").read_text() for path in Path("/proc/self/task").iterdir()]
    with Attestor() as attestor:
        return len(names) == 1 and attestor.stats().documents_alive == 0


for work in (attestor_first, queue_first, in_a_cycle, explaining, with_its_loop, while_its_loop_runs):
    work()
end = time.monotonic() + 10
while time.monotonic() < end:
    with contextlib.suppress(OSError):
        if nothing_is_left():
            sys.exit(0)
    time.sleep(0.01)
sys.exit("something is left behind")
