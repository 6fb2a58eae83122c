"""Many threads use one attestor, and nothing is left when they are done."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from kit import IDENTITY, Case, cluster, descriptors, documents_alive, hanging, soon, threads

import psat_attestor
from psat_attestor import Attestor

THREADS, ROUNDS = 64, 5


class Threads(Case):
    def test_each_of_64_threads_gets_its_own_answer(self) -> None:
        given = cluster()
        begin = threading.Barrier(THREADS + 1)

        def attest(number: int) -> None:
            begin.wait(10)
            for turn in range(ROUNDS):
                name = f"{number}-{turn}"
                if (number + turn) % 3 == 0:
                    refused = self.refusal(
                        psat_attestor.PermissionDeniedError, attestor.attest, given.refused, request_id=name
                    )
                    self.assertEqual(refused.diagnostics.request_id, name)
                else:
                    attested = attestor.attest(given.payload, request_id=name)
                    self.assertEqual(attested.diagnostics.request_id, name)
                    self.assertEqual(attested.agent_attributes.spiffe_id, IDENTITY)

        with Attestor(given.config) as attestor, ThreadPoolExecutor(THREADS) as pool:
            ended = [pool.submit(attest, number) for number in range(THREADS)]
            # The main thread takes another way into the library; it is the 65th.
            attest(THREADS)
            for each in ended:
                each.result()
            self.assertEqual(sum(attestor.stats().attestations.values()), (THREADS + 1) * ROUNDS)

    def test_closing_ends_the_calls_of_all_threads(self) -> None:
        given = hanging()
        attestor = Attestor(given.config)

        def attest() -> None:
            error = self.refusal(psat_attestor.UnavailableError, attestor.attest, given.payload)
            self.assertEqual(error.reason, "SHUTTING_DOWN")

        with ThreadPoolExecutor(16 + 3) as pool:
            ended = [pool.submit(attest) for _ in range(16)]
            soon(lambda: attestor.stats().clusters["demo"].in_flight == 16, "all are inside")
            closers = [pool.submit(attestor.close) for _ in range(3)]
            for each in [*ended, *closers]:
                each.result()

    def test_threads_that_come_while_it_closes_are_answered_or_refused(self) -> None:
        given = cluster()
        for _ in range(10):
            attestor = Attestor(given.config)
            outcomes: list[str] = []

            def attest(attestor: Attestor = attestor, outcomes: list[str] = outcomes) -> None:
                while True:
                    try:
                        attestor.attest(given.payload)
                        outcomes.append("OK")
                    except psat_attestor.UnavailableError as error:
                        outcomes.append(error.reason)
                        return

            users = [threading.Thread(target=attest) for _ in range(8)]
            for user in users:
                user.start()
            soon(lambda: len(outcomes) > 3, "some are answered")  # noqa: B023
            attestor.close()
            for user in users:
                user.join()
            self.assertEqual(set(outcomes), {"OK", "SHUTTING_DOWN"})

    def test_50_attestors_leave_no_thread_and_no_descriptor(self) -> None:
        given = cluster()

        def use(**arguments: Any) -> None:
            with Attestor(given.config, **arguments) as attestor:
                attestor.attest(given.payload)

        use()
        before = (len(threads()), descriptors())
        for _ in range(50):
            use()
        soon(lambda: (len(threads()), descriptors()) <= before, "threads and descriptors are as before")
        self.assertLessEqual(descriptors(), before[1])
        self.assertEqual(documents_alive(), 0)

    def test_an_attestor_that_is_collected_is_freed(self) -> None:
        given = cluster()
        before = (len(threads()), descriptors())
        for _ in range(10):
            attestor = Attestor(given.config)
            attestor.attest(given.payload)
            del attestor
        soon(lambda: len(threads()) <= before[0] and descriptors() <= before[1], "all ten are freed")
