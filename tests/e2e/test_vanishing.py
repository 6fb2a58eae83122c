"""Pods and nodes that are deleted, or replaced under the same name, while a token for them is still around.

The API server remembers a good review for ten seconds. Within them a token outlives its pod, and the look at the pod
is what refuses it; a token that was not reviewed just before is refused by the review itself.
"""

from __future__ import annotations

import time

import manifests
import refusals
from world import NAMESPACE, AttestationCase, Pod

# The API server follows the deletion of a pod through a watch.
WATCH_SECONDS = 1.0
REVIEW_CACHE_SECONDS = 10.0


class VanishingPodTest(AttestationCase):
    def delete(self, pod: Pod) -> None:
        self.world.kubectl.delete("pod", pod.name, NAMESPACE)

    def test_a_pod_deleted_after_its_attestation_is_not_found(self) -> None:
        pod = self.world.new_pod()
        attestor = self.attestor()
        self.assert_attested(self.attest(attestor, pod.token))
        self.delete(pod)
        answer = self.attest(attestor, pod.token)
        self.assert_refused(answer, 5, "POD_NOT_FOUND", refusals.GET_POD_FAILED)
        time.sleep(REVIEW_CACHE_SECONDS + 1)
        answer = self.attest(attestor, pod.token)
        self.assert_refused(answer, 16, "TOKEN_REJECTED", refusals.REVIEW_FAILED)

    def test_a_pod_recreated_after_its_attestation_has_another_uid(self) -> None:
        pod = self.world.new_pod()
        attestor = self.attestor()
        self.assert_attested(self.attest(attestor, pod.token))
        self.delete(pod)
        successor = self.world.new_pod(pod.name)
        answer = self.attest(attestor, pod.token)
        self.assert_refused(answer, 7, "POD_UID_MISMATCH", refusals.other_pod_uid(pod.name, pod.uid))
        self.assert_attested(self.attest(attestor, successor.token))

    def test_a_pod_deleted_before_any_review_is_rejected(self) -> None:
        pod = self.world.new_pod()
        self.delete(pod)
        time.sleep(WATCH_SECONDS)
        answer = self.attest(self.attestor(), pod.token)
        self.assert_refused(answer, 16, "TOKEN_REJECTED", refusals.REVIEW_FAILED)

    def test_a_pod_recreated_before_any_review_is_rejected(self) -> None:
        pod = self.world.new_pod()
        self.delete(pod)
        successor = self.world.new_pod(pod.name)
        time.sleep(WATCH_SECONDS)
        attestor = self.attestor()
        answer = self.attest(attestor, pod.token)
        self.assert_refused(answer, 16, "TOKEN_REJECTED", refusals.REVIEW_FAILED)
        self.assert_attested(self.attest(attestor, successor.token))


class VanishingNodeTest(AttestationCase):
    def test_a_deleted_node_is_not_found(self) -> None:
        node = self.world.new_node()
        pod = self.world.new_pod(node=node)
        self.world.kubectl.delete("node", node)
        answer = self.attest(self.attestor(), pod.token)
        self.assert_refused(answer, 5, "NODE_NOT_FOUND", refusals.GET_NODE_FAILED)

    def test_a_recreated_node_gives_its_new_uid_and_a_warning(self) -> None:
        node = self.world.new_node()
        pod = self.world.new_pod(node=node)
        self.world.kubectl.delete("node", node)
        self.world.kubectl.create(manifests.node(node))
        answer = self.attest(self.attestor(), pod.token)
        self.assert_attested(answer, self.world.node_uid(node))
        self.assertIn("NODE_UID_STALE", str(answer.diagnostics["warnings"]))
        strict = self.attest(self.attestor(require_node_uid_match=True), pod.token)
        self.assert_refused(strict, 7, "NODE_UID_MISMATCH", refusals.earlier_node(pod.name))

    def test_a_pod_uid_identity_survives_a_recreated_node(self) -> None:
        node = self.world.new_node()
        pod = self.world.new_pod(node=node)
        attestor = self.attestor(use_pod_uid_for_agent_id=True)
        before = self.attest(attestor, pod.token)
        self.world.kubectl.delete("node", node)
        self.world.kubectl.create(manifests.node(node))
        after = self.attest(attestor, pod.token)
        self.assert_attested(before, f"pod/{pod.uid}")
        self.assert_attested(after, f"pod/{pod.uid}")
        self.assertNotEqual(before.selectors, after.selectors)
