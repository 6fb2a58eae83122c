"""Ctrl-C ends a blocking call in the main thread, and signal handlers run during it."""

from __future__ import annotations

import contextlib
import functools
import signal
import time
import unittest

from kit import Case, cluster, finish, hanging, soon, start_child

from psat_attestor import Attestor, UnavailableError


class CtrlC(unittest.TestCase):
    def interrupted(self, call: str) -> str:
        """What a process printed that was interrupted in this call, and then ended by KeyboardInterrupt."""
        given = hanging()
        child = start_child("interrupted.py", call, given.config_file, given.payload_file)
        assert child.stdout is not None
        self.assertEqual(child.stdout.readline(), "begins\n")
        time.sleep(0.3)
        begun = time.monotonic()
        child.send_signal(signal.SIGINT)
        output, errors = finish(child)
        self.assertEqual(child.returncode, -signal.SIGINT, errors)
        self.assertTrue(errors.endswith("KeyboardInterrupt\n"), errors)
        # The library's own timeout is 30 s.
        self.assertLess(time.monotonic() - begun, 10)
        return output

    def test_it_cancels_an_attestation(self) -> None:
        self.assertEqual(self.interrupted("attest"), "{'CANCELED': 1}\nclosed\n")

    def test_it_leaves_an_explanation(self) -> None:
        self.assertEqual(self.interrupted("explain"), "closed\n")

    def test_it_leaves_a_check(self) -> None:
        self.assertEqual(self.interrupted("check"), "closed\n")


class Handlers(Case):
    def test_a_handler_that_raises_nothing_leaves_the_attestation_alone(self) -> None:
        slow = cluster({"answers": {"token_review": [{"delay_ms": 300}]}})
        ran = []
        before = signal.signal(signal.SIGALRM, lambda *_: ran.append(time.monotonic()))
        self.addCleanup(signal.signal, signal.SIGALRM, before)
        with Attestor(slow.config) as attestor:
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            attestor.attest(slow.payload)
            self.assertLess(ran[0], time.monotonic() - 0.05, "it ran while the attestation waited")

    def test_a_handler_may_attest_itself(self) -> None:
        slow = cluster({"answers": {"token_review": [{"delay_ms": 300}]}})
        names = []
        with Attestor(slow.config) as attestor:

            def attest(name: str) -> None:
                names.append(attestor.attest(slow.payload, request_id=name).diagnostics.request_id)

            before = signal.signal(signal.SIGALRM, lambda *_: attest("handler"))
            self.addCleanup(signal.signal, signal.SIGALRM, before)
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            attest("main")
        self.assertEqual(names, ["handler", "main"])

    def test_a_handler_may_close_the_attestor(self) -> None:
        given = hanging()
        for when in (0.05, 0.0005, 0.001, 0.002, 0.003):
            attestor = Attestor(given.config)
            before = signal.signal(signal.SIGALRM, lambda *_, attestor=attestor: attestor.close())
            signal.setitimer(signal.ITIMER_REAL, when)
            with contextlib.suppress(UnavailableError):
                # At times it comes while the attestor is being closed.
                if when == 0.05:
                    attestor.attest(given.payload)
                    self.fail("it goes on with a closed attestor")
            attestor.close()
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)

    def are_cancelled(self, attestor: Attestor, count: int) -> bool:
        return attestor.stats().attestations == {"CANCELED": count}

    def test_what_a_handler_raises_cancels(self) -> None:
        given = hanging()

        def refuse(*_: object) -> None:
            raise TimeoutError("by the handler")

        before = signal.signal(signal.SIGALRM, refuse)
        self.addCleanup(signal.signal, signal.SIGALRM, before)
        with Attestor(given.config) as attestor:
            for count in (1, 2, 3):
                signal.setitimer(signal.ITIMER_REAL, 0.05)
                with self.assertRaisesRegex(TimeoutError, "by the handler"):
                    attestor.attest(given.payload)
                soon(functools.partial(self.are_cancelled, attestor, count), "it is cancelled")
