"""The attestor for asyncio: answers, cancelling, loops that come and go."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Coroutine
from typing import Any

from kit import IDENTITY, Case, cluster, descriptors, documents_alive, hanging, soon, threads

import psat_attestor
from psat_attestor import aio

CROWD = 300


async def soon_in_loop(holds: Any, what: str) -> None:
    for _ in range(1000):
        if holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"not within 10 s: {what}")


class Attesting(Case):
    def test_an_agent_attests_and_another_is_refused(self) -> None:
        given = cluster()

        async def main() -> None:
            async with aio.Attestor(given.config) as attestor:
                attested = await attestor.attest(given.payload, peer="10.0.0.7:1")
                self.assertEqual(attested.agent_attributes.spiffe_id, IDENTITY)
                self.assertEqual(attested.diagnostics.peer, "10.0.0.7:1")
                with self.assertRaises(psat_attestor.PermissionDeniedError):
                    await attestor.attest(given.refused)
                with self.assertRaises(psat_attestor.OptionsMalformedError):
                    await attestor.attest(given.payload, options=b"[]")
                self.assertEqual((await attestor.configure(given.config)).config_generation, 2)

        asyncio.run(main())

    def test_each_of_a_crowd_gets_its_own_answer(self) -> None:
        given = cluster()

        async def attest(attestor: aio.Attestor, number: int) -> None:
            name = str(number)
            if number % 3 == 0:
                with self.assertRaises(psat_attestor.PermissionDeniedError) as caught:
                    await attestor.attest(given.refused, request_id=name)
                assert caught.exception.diagnostics is not None
                self.assertEqual(caught.exception.diagnostics.request_id, name)
            else:
                attested = await attestor.attest(given.payload, request_id=name)
                self.assertEqual(attested.diagnostics.request_id, name)

        async def main() -> None:
            async with aio.Attestor(given.config) as attestor:
                before = len(threads())
                await asyncio.gather(*(attest(attestor, number) for number in range(CROWD)))
                self.assertLessEqual(len(threads()), before, "no thread for each attestation")

        asyncio.run(main())

    def test_the_loop_goes_on_while_an_attestation_waits(self) -> None:
        slow = cluster({"answers": {"token_review": [{"delay_ms": 300}]}})

        async def main() -> None:
            async with aio.Attestor(slow.config) as attestor:
                attesting = asyncio.ensure_future(attestor.attest(slow.payload))
                turns = 0
                while not attesting.done():
                    turns += 1
                    await asyncio.sleep(0.001)
                self.assertGreater(turns, 10)
                self.assertEqual(attesting.result().agent_attributes.spiffe_id, IDENTITY)

        asyncio.run(main())


class Cancelling(Case):
    def test_a_cancelled_task_cancels_its_attestation_and_no_other(self) -> None:
        given = hanging()

        async def main() -> None:
            async with aio.Attestor(given.config) as attestor:
                tasks = [asyncio.ensure_future(attestor.attest(given.payload, timeout=5)) for _ in range(3)]
                await soon_in_loop(lambda: attestor.stats().clusters["demo"].in_flight == 3, "three are in flight")
                tasks[1].cancel()
                with self.assertRaises(asyncio.CancelledError):
                    await tasks[1]
                await soon_in_loop(lambda: attestor.stats().attestations == {"CANCELED": 1}, "it is cancelled")
                self.assertEqual(attestor.stats().clusters["demo"].in_flight, 2)
                self.assertFalse(tasks[0].done() or tasks[2].done())
                await attestor.close()
                for answer in await asyncio.gather(tasks[0], tasks[2], return_exceptions=True):
                    self.assertIsInstance(answer, psat_attestor.UnavailableError)

        asyncio.run(main())

    def test_wait_for_cancels_what_takes_too_long(self) -> None:
        given = hanging()

        async def main() -> None:
            async with aio.Attestor(given.config) as attestor:
                with self.assertRaises(asyncio.TimeoutError):
                    await asyncio.wait_for(attestor.attest(given.payload), 0.05)
                await soon_in_loop(lambda: attestor.stats().attestations == {"CANCELED": 1}, "it is cancelled")

        asyncio.run(main())

    def test_the_own_timeout_is_the_library_s(self) -> None:
        given = hanging()

        async def main() -> None:
            async with aio.Attestor(given.config) as attestor:
                with self.assertRaises(psat_attestor.DeadlineExceededError) as caught:
                    await attestor.attest(given.payload, timeout=0.05)
                self.assertIn("token_review", str(caught.exception.diagnostics))

        asyncio.run(main())

    def test_an_attestation_that_is_answered_and_cancelled_at_once_leaves_nothing(self) -> None:
        given = cluster()

        async def main() -> None:
            async with aio.Attestor(given.config) as attestor:
                for delay in range(40):
                    task = asyncio.ensure_future(attestor.attest(given.payload))
                    await asyncio.sleep(delay / 10_000)
                    task.cancel()
                    await asyncio.gather(task, return_exceptions=True)
                await soon_in_loop(lambda: sum(attestor.stats().attestations.values()) == 40, "each has ended")
            self.assertEqual(documents_alive(), 0)

        asyncio.run(main())


class Closing(Case):
    def test_it_answers_all_that_wait_and_refuses_what_comes(self) -> None:
        given = hanging()

        async def main() -> None:
            attestor = aio.Attestor(given.config)
            waiting = [asyncio.ensure_future(attestor.attest(given.payload)) for _ in range(5)]
            await asyncio.sleep(0.05)
            await asyncio.gather(attestor.close(), attestor.close())
            for answer in await asyncio.gather(*waiting, return_exceptions=True):
                self.assertIsInstance(answer, psat_attestor.UnavailableError)
            with self.assertRaises(psat_attestor.UnavailableError):
                await attestor.attest(given.payload)
            await attestor.close()

        asyncio.run(main())

    def test_50_attestors_on_one_loop_leave_no_thread_and_no_descriptor(self) -> None:
        given = cluster()

        async def use() -> None:
            async with aio.Attestor(given.config) as attestor:
                await attestor.attest(given.payload)

        async def main() -> None:
            await use()
            before = (len(threads()), descriptors())
            for _ in range(50):
                await use()
            soon(lambda: len(threads()) <= before[0] and descriptors() <= before[1], "all is as before")

        asyncio.run(main())

    def test_one_that_is_collected_leaves_its_loop(self) -> None:
        given = cluster()

        async def use() -> None:
            await aio.Attestor(given.config).attest(given.payload)

        async def main() -> None:
            before = descriptors()
            for _ in range(5):
                await use()
            gc.collect()
            await soon_in_loop(lambda: descriptors() <= before, "all descriptors are closed")

        asyncio.run(main())


class Loops(Case):
    def test_one_attestor_serves_one_loop_after_the_other(self) -> None:
        given = cluster()
        attestor = aio.Attestor(given.config)

        async def attest() -> None:
            self.assertEqual((await attestor.attest(given.payload)).agent_attributes.spiffe_id, IDENTITY)

        asyncio.run(attest())
        before = descriptors()
        for _ in range(20):
            asyncio.run(attest())
        # The library may have a file of its own open at the moment.
        soon(lambda: descriptors() <= before, "the queues of closed loops are freed")
        asyncio.run(attestor.close())

    def test_one_attestor_serves_loops_in_several_threads(self) -> None:
        given = cluster()
        attestor = aio.Attestor(given.config)
        faults: list[BaseException] = []

        async def attest(number: int) -> None:
            for turn in range(10):
                name = f"{number}-{turn}"
                attested = await attestor.attest(given.payload, request_id=name)
                self.assertEqual(attested.diagnostics.request_id, name)

        def run(work: Coroutine[Any, Any, None]) -> None:
            try:
                asyncio.run(work)
            except BaseException as fault:
                faults.append(fault)

        users = [threading.Thread(target=run, args=(attest(number),)) for number in range(8)]
        for user in users:
            user.start()
        for user in users:
            user.join()
        asyncio.run(attestor.close())
        self.assertEqual(faults, [])

    def test_closing_on_one_loop_answers_the_tasks_of_another(self) -> None:
        given = hanging()
        attestor = aio.Attestor(given.config)
        answers: list[object] = []

        async def attest() -> None:
            answers.extend(await asyncio.gather(attestor.attest(given.payload), return_exceptions=True))

        user = threading.Thread(target=asyncio.run, args=(attest(),))
        user.start()
        soon(lambda: attestor.stats().clusters["demo"].in_flight == 1, "it is in flight")
        asyncio.run(attestor.close())
        user.join()
        self.assertEqual([type(each) for each in answers], [psat_attestor.UnavailableError])
