"""An API server that ends, comes back or stops answering while attestations run."""

from __future__ import annotations

import signal
import time
from collections import Counter

import refusals
from load import Load, Outcome, counted
from psat import Answer, Attestor, Queue
from world import AttestationCase, payload

TIMEOUT_MS = 4000
RECOVERY_SECONDS = 15.0
# What may honestly be said of an attestation that met a server on its way down or up. A server that has just come up
# forbids everything for a moment, until it has read its roles.
HONEST = {
    (0, "OK"),
    (4, "DEADLINE_EXCEEDED"),
    (8, "OVERLOADED"),
    (9, "API_UNAUTHENTICATED"),
    (9, "API_FORBIDDEN"),
    (14, "API_UNREACHABLE"),
    (14, "API_ERROR"),
    (14, "API_THROTTLED"),
}
# So the server refuses a token whose pod it could not look up, for whatever cause.
POD_NOT_LOOKED_UP = "service account token has been invalidated"


def is_honest(answer: Answer) -> bool:
    if answer.reason == "TOKEN_REJECTED":
        return answer.code == 16 and POD_NOT_LOOKED_UP in str(answer.diagnostics["detail"])
    return (answer.code, answer.reason) in HONEST


class RestartTest(AttestationCase):
    def tearDown(self) -> None:
        self.world.cluster.signal_api_server(signal.SIGCONT)
        super().tearDown()

    def assert_recovered(self, attestor: Attestor, token: str) -> None:
        """The same attestor works again soon after the server does."""
        give_up = time.monotonic() + RECOVERY_SECONDS
        answer = self.attest(attestor, token, timeout_ms=TIMEOUT_MS)
        while answer.code != 0 and time.monotonic() < give_up:
            time.sleep(0.2)
            answer = self.attest(attestor, token, timeout_ms=TIMEOUT_MS)
        self.assert_attested(answer)

    def assert_honest(self, outcomes: list[Outcome]) -> None:
        said = Counter((each.answer.code, each.answer.reason) for each in outcomes)
        dishonest = [each.answer.document for each in outcomes if not is_honest(each.answer)]
        self.assertEqual(dishonest[:3], [], said)
        self.assertGreater(said[0, "OK"], 0, said)

    def restart_under_load(self, number: signal.Signals) -> list[Outcome]:
        tokens = [self.keep_secret(self.world.new_pod().token) for _ in range(4)]
        attestor = self.attestor(call_timeout_ms=2000)
        self.assert_attested(self.attest(attestor, tokens[0]))
        with Queue(self.library) as queue:
            load = Load(attestor, queue, [payload(each) for each in tokens], TIMEOUT_MS)
            load.start()
            try:
                time.sleep(1.0)
                self.world.cluster.end_api_server(number)
                time.sleep(1.0)
                self.world.cluster.start_api_server()
                self.assert_recovered(attestor, tokens[0])
                time.sleep(0.5)
            finally:
                outcomes = load.finish()
        print(f"{number.name}: {counted(outcomes)}", flush=True)
        self.assert_honest(outcomes)
        self.assert_none_is_lost(attestor, outcomes, tokens)
        return outcomes

    def assert_none_is_lost(self, attestor: Attestor, outcomes: list[Outcome], tokens: list[str]) -> None:
        """An agent that was refused tries again, as SPIRE's agents do: by now each attests."""
        for number in range(sum(each.answer.code != 0 for each in outcomes)):
            self.assert_recovered(attestor, tokens[number % len(tokens)])

    def test_a_server_that_ends_in_order_and_comes_back(self) -> None:
        outcomes = self.restart_under_load(signal.SIGTERM)
        self.assertIn("API_UNREACHABLE", {each.answer.reason for each in outcomes})

    def test_a_server_that_is_killed_and_comes_back(self) -> None:
        outcomes = self.restart_under_load(signal.SIGKILL)
        self.assertIn("API_UNREACHABLE", {each.answer.reason for each in outcomes})

    def test_a_server_that_accepts_and_never_answers(self) -> None:
        token = self.world.new_pod().token
        attestor = self.attestor()
        self.assert_attested(self.attest(attestor, token))
        self.world.cluster.signal_api_server(signal.SIGSTOP)
        for _ in range(2):
            began = time.monotonic()
            answer = self.attest(attestor, token, timeout_ms=1500)
            self.assertLess(time.monotonic() - began, 3.0)
            self.assert_refused(answer, 4, "DEADLINE_EXCEEDED", refusals.REVIEW_FAILED)
        self.world.cluster.signal_api_server(signal.SIGCONT)
        self.assert_recovered(attestor, token)
