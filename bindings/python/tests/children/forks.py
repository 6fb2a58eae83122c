"""Forks with an attestor at work, and uses it on both sides: HOW CONFIG PAYLOAD. The payload is accepted."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import multiprocessing
import os
import sys
import threading
import warnings
from pathlib import Path

import psat_attestor
from psat_attestor import aio

HOW, CONFIG, PAYLOAD = sys.argv[1:]
config, payload = Path(CONFIG).read_bytes(), Path(PAYLOAD).read_bytes()
logger = logging.getLogger("psat")
logger.addHandler(logging.NullHandler())
# Python 3.12 and later warn of every fork of a process with threads, whosever they are.
warnings.filterwarnings("ignore", message=".*multi-threaded, use of fork", category=DeprecationWarning)


def refuses(call: object) -> None:
    try:
        call()  # type: ignore[operator]
    except psat_attestor.ForkedError as error:
        assert (error.code, error.reason, error.grpc_code) == (1002, "FORKED", 13)
    else:
        raise AssertionError("an inherited attestor must refuse")


def inherited(attestor: psat_attestor.Attestor) -> None:
    """In the child: what is inherited refuses at once, closing it does nothing, and a new one works."""
    refuses(lambda: attestor.attest(payload))
    refuses(lambda: attestor.explain(payload))
    refuses(attestor.check)
    refuses(attestor.stats)
    refuses(lambda: attestor.configure(config))
    attestor.close()
    fresh()


def fresh() -> None:
    with psat_attestor.Attestor(config, logger=logger) as attestor:
        assert attestor.attest(payload).agent_attributes.can_reattest

    async def main() -> None:
        async with aio.Attestor(config) as attestor:
            assert (await attestor.attest(payload)).agent_attributes.can_reattest

    asyncio.run(main())


def keep_attesting(attestor: psat_attestor.Attestor, stop: threading.Event) -> None:
    while not stop.is_set():
        with contextlib.suppress(psat_attestor.UnavailableError):
            attestor.attest(payload)


def with_the_parent_at_work(begin: object) -> None:
    """Threads of the parent are inside of every lock and call while it forks."""
    stop = threading.Event()
    with psat_attestor.Attestor(config, logger=logger, log_level=psat_attestor.TRACE) as attestor:
        users = [threading.Thread(target=keep_attesting, args=(attestor, stop)) for _ in range(4)]
        for user in users:
            user.start()
        try:
            begin(attestor)  # type: ignore[operator]
            attestor.attest(payload)
        finally:
            stop.set()
            for user in users:
                user.join()


def forked(attestor: psat_attestor.Attestor) -> None:
    for _ in range(5):
        pid = os.fork()
        if pid == 0:
            # The block of the parent ends here too, and so does the program.
            inherited(attestor)
            del attestor
            gc.collect()
            sys.exit(0)
        assert os.waitpid(pid, 0)[1] == 0


def by_os_fork() -> None:
    parent = os.getpid()
    try:
        with_the_parent_at_work(forked)
    except SystemExit:
        # The child's own end, with handlers of atexit; the parent's threads are not there to be waited for.
        assert os.getpid() != parent
        raise


def by_multiprocessing(method: str) -> None:
    context = multiprocessing.get_context(method)

    def begin(attestor: psat_attestor.Attestor) -> None:
        target, arguments = (inherited, (attestor,)) if method == "fork" else (fresh, ())
        children = [context.Process(target=target, args=arguments) for _ in range(3)]  # type: ignore[attr-defined]
        for child in children:
            child.start()
        for child in children:
            child.join()
            assert child.exitcode == 0, child.exitcode

    with_the_parent_at_work(begin)


def fork() -> None:
    by_multiprocessing("fork")


def spawn() -> None:
    by_multiprocessing("spawn")


def pickled() -> None:
    context = multiprocessing.get_context("spawn")
    with psat_attestor.Attestor(config) as attestor:
        try:
            context.Process(target=inherited, args=(attestor,)).start()
        except TypeError as error:
            assert "make one in each process" in str(error)
        else:
            raise AssertionError("an attestor must not be sent to another process")


def asynchronous() -> None:
    """The loop of the parent does not see what the child does with its copy."""

    async def main() -> None:
        async with aio.Attestor(config) as attestor:
            await attestor.attest(payload)
            pid = os.fork()
            if pid == 0:
                os._exit(in_the_child(attestor))
            assert os.waitpid(pid, 0)[1] == 0
            await attestor.attest(payload)

    asyncio.run(main())


def in_the_child(attestor: aio.Attestor) -> int:
    refuses(attestor.stats)
    # The parent's loop is not for the child; it takes one of its own.
    asyncio._set_running_loop(None)

    async def main() -> None:
        for call in (attestor.attest, attestor.explain):
            try:
                await call(payload)
            except psat_attestor.ForkedError:
                continue
            return
        await attestor.close()

    asyncio.new_event_loop().run_until_complete(main())
    fresh()
    return 0


if __name__ == "__main__":
    globals()[HOW]()
