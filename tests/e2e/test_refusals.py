"""Tokens that are refused for what they are, or for the state of a pod that is still there."""

from __future__ import annotations

import refusals
from tokens import GARBAGE, tampered
from world import ACCOUNT, AUDIENCE, NAMESPACE, AttestationCase


class RefusalTest(AttestationCase):
    def test_a_token_without_a_pod_is_refused(self) -> None:
        token = self.world.kubectl.create_token(NAMESPACE, ACCOUNT, AUDIENCE)
        answer = self.attest(self.attestor(), token)
        self.assert_refused(answer, 7, "TOKEN_NOT_POD_BOUND", refusals.NO_POD_NAME)
        self.assertEqual(answer.calls, ["token_review"])

    def test_a_token_for_another_audience_is_refused(self) -> None:
        pod = self.world.new_pod(audience="another-audience")
        answer = self.attest(self.attestor(), pod.token)
        self.assert_refused(answer, 16, "AUDIENCE_MISMATCH", refusals.REVIEW_FAILED)

    def test_a_service_account_that_is_not_listed_is_refused(self) -> None:
        pod = self.world.new_pod()
        attestor = self.attestor(service_account_allow_list=[f"{NAMESPACE}:another", f"another:{ACCOUNT}"])
        answer = self.attest(attestor, pod.token)
        self.assert_refused(answer, 7, "SERVICE_ACCOUNT_NOT_ALLOWED", refusals.NOT_ALLOWED)
        self.assertEqual(answer.calls, ["token_review"])

    def test_a_tampered_signature_is_refused(self) -> None:
        pod = self.world.new_pod()
        answer = self.attest(self.attestor(), tampered(pod.token))
        self.assert_refused(answer, 16, "TOKEN_REJECTED", refusals.REVIEW_FAILED)

    def test_a_tampered_signature_is_refused_in_upstreams_words(self) -> None:
        pod = self.world.new_pod()
        answer = self.attest(self.attestor(config={"error_style": "upstream"}), tampered(pod.token))
        self.assertEqual((answer.code, answer.reason), (13, "TOKEN_REJECTED"))
        said = f"{refusals.REVIEW_FAILED}: token review API response contains an error: [invalid bearer token, "
        self.assertEqual(answer.message[: len(said)], said)

    def test_garbage_is_refused_without_a_call(self) -> None:
        answer = self.attest(self.attestor(), GARBAGE)
        self.assert_refused(answer, 16, "TOKEN_MALFORMED", refusals.REFUSED_UNSEEN)
        self.assertEqual(answer.calls, [])

    def test_a_finished_pod_is_refused(self) -> None:
        for phase in ("Succeeded", "Failed"):
            with self.subTest(phase=phase):
                pod = self.world.new_pod()
                self.world.set_phase(pod.name, phase)
                answer = self.attest(self.attestor(), pod.token)
                self.assert_refused(answer, 7, "POD_TERMINATED", refusals.terminated(pod.name))

    def test_a_pod_without_a_node_is_refused(self) -> None:
        pod = self.world.new_pod(node=None)
        answer = self.attest(self.attestor(), pod.token)
        self.assert_refused(answer, 9, "POD_NOT_SCHEDULED", refusals.GET_NODE_FAILED)
