"""The signing keys of the real API server: one round trip, no call for a forgery, and a rotation."""

from __future__ import annotations

import time
from pathlib import Path

from cluster import Cluster
from kubectl import Kubectl
from load import Load, counted
from psat import Answer, Attestor, Queue
from test_restart import HONEST
from tokens import tampered
from world import ACCOUNT, AUDIENCE, NAMESPACE, SERVER_ACCOUNT, USERS, AttestationCase, World, payload

TIMEOUT_MS = 4000
SOON_SECONDS = 15.0


def reviewer_in_a_pod(world: World) -> Path:
    """A service account's token: such a reviewer may read the signing keys by default."""
    token = world.kubectl.create_token(NAMESPACE, SERVER_ACCOUNT, None)
    return world.kubeconfigs.with_token("reviewer-in-a-pod", token)


class SigningKeysTest(AttestationCase):
    def knowing(self, attestor: Attestor, token: str) -> Answer:
        """An answer given with the keys known; the first may come before they are read."""
        give_up = time.monotonic() + SOON_SECONDS
        answer = self.attest(attestor, token)
        while answer.diagnostics.get("lookup") != "one_round_trip" and time.monotonic() < give_up:
            time.sleep(0.1)
            answer = self.attest(attestor, token)
        self.assertEqual(answer.diagnostics.get("lookup"), "one_round_trip", answer.document)
        return answer

    def test_one_round_trip_gives_what_one_call_after_the_other_gives(self) -> None:
        pod = self.world.new_pod(labels={"app": "agent"})
        kubeconfig = reviewer_in_a_pod(self.world)
        answer = self.knowing(self.attestor(kubeconfig, allowed_pod_label_keys=["app"]), pod.token)
        self.assert_attested(answer)
        self.assertEqual(sorted(answer.calls), ["node", "pod", "token_review"])
        sequential = self.attestor(kubeconfig, allowed_pod_label_keys=["app"], lookup="sequential")
        self.assertEqual(
            answer.document["agent_attributes"], self.attest(sequential, pod.token).document["agent_attributes"]
        )

    def test_a_reviewer_who_may_not_read_the_keys_attests_all_the_same(self) -> None:
        attestor = self.attestor()
        for _ in range(3):
            answer = self.attest(attestor, self.world.new_pod().token)
            self.assert_attested(answer)
            self.assertEqual(answer.diagnostics["lookup"], "two_round_trips")

    def test_a_forgery_makes_no_call(self) -> None:
        pod = self.world.new_pod()
        attestor = self.attestor(reviewer_in_a_pod(self.world))
        self.assert_attested(self.knowing(attestor, pod.token))
        answer = self.attest(attestor, tampered(pod.token))
        self.assertEqual((answer.code, answer.reason, answer.calls), (16, "SIGNATURE_INVALID", []), answer.document)

    def test_what_the_claims_alone_rule_out_makes_no_call(self) -> None:
        good = self.world.new_pod().token
        attestor = self.attestor(reviewer_in_a_pod(self.world))
        self.assert_attested(self.knowing(attestor, good))
        for reason, token in (
            ("AUDIENCE_MISMATCH", self.world.new_pod(audience="another-audience").token),
            ("SERVICE_ACCOUNT_NOT_ALLOWED", self.world.token_of_another_account()),
            ("TOKEN_NOT_POD_BOUND", self.world.kubectl.create_token(NAMESPACE, ACCOUNT, AUDIENCE)),
        ):
            with self.subTest(reason=reason):
                answer = self.attest(attestor, token)
                self.assertEqual((answer.reason, answer.calls), (reason, []), answer.document)

    def test_a_token_whose_pod_is_deleted_is_refused(self) -> None:
        attestor = self.attestor(reviewer_in_a_pod(self.world))
        self.assert_attested(self.knowing(attestor, self.world.new_pod().token))
        pod = self.world.new_pod()
        self.world.kubectl.delete("pod", pod.name, NAMESPACE)
        answer = self.attest(attestor, pod.token)
        # Its signature and its claims are as good as ever: TokenReview is the authority.
        self.assertEqual((answer.code, answer.reason), (16, "TOKEN_REJECTED"), answer.document)
        self.assertIn("token_review", answer.calls)

    def test_a_rotation_of_the_signing_key_refuses_no_agent(self) -> None:
        directory = self.world.directory / self.world.new_name("cluster")
        directory.mkdir()
        cluster = Cluster(self.world.cluster.tools, directory, USERS)
        self.addCleanup(cluster.stop)
        cluster.start()
        there = World(cluster, Kubectl(cluster.tools.kubectl, directory), directory, None)
        there.populate()
        attestor = self.attestor(reviewer_in_a_pod(there))
        old = [self.keep_secret(pod.token) for pod in there.new_pods(4)]
        self.knowing(attestor, old[0])
        with Queue(self.library) as queue:
            load = Load(attestor, queue, [payload(each) for each in old], TIMEOUT_MS)
            load.start()
            try:
                time.sleep(1.0)
                cluster.rotate_signing_key()
                new = [self.keep_secret(pod.token) for pod in there.new_pods(4)]
                # A server that has just come up forbids everything for a moment.
                self.eventually_attested(attestor, old[0])
                answers = [self.attest(attestor, token) for token in new]
                time.sleep(1.0)
            finally:
                outcomes = load.finish()
        print(f"signing key rotated: {counted(outcomes)}", flush=True)
        dishonest = [each.answer.document for each in outcomes if (each.answer.code, each.answer.reason) not in HONEST]
        self.assertEqual(dishonest[:3], [])
        # Of the new key nothing is known at first; that refuses nobody.
        self.assertEqual([(answer.code, answer.reason) for answer in answers], [(0, "OK")] * len(new))
        for token in (new[0], old[0]):
            self.assertEqual(self.knowing(attestor, token).code, 0)

    def eventually_attested(self, attestor: Attestor, token: str) -> None:
        give_up = time.monotonic() + SOON_SECONDS
        while self.attest(attestor, token).code != 0:
            self.assertLess(time.monotonic(), give_up, "the server does not come up")
            time.sleep(0.2)
