"""A reviewer who lacks one right: the agent learns which step failed, the operator learns why."""

from __future__ import annotations

import refusals
from world import (
    REVIEWER_WITHOUT_NODES,
    REVIEWER_WITHOUT_PODS,
    REVIEWER_WITHOUT_REVIEWS,
    AttestationCase,
)


class PermissionTest(AttestationCase):
    def assert_forbidden(self, reviewer: str, message: str) -> None:
        kubeconfig = self.world.kubeconfigs.with_certificate(reviewer, reviewer)
        pod = self.world.new_pod()
        for lookup in ("auto", "sequential"):
            with self.subTest(lookup=lookup):
                answer = self.attest(self.attestor(kubeconfig, lookup=lookup), pod.token)
                self.assert_refused(answer, 9, "API_FORBIDDEN", message)

    def test_without_the_right_to_review_tokens(self) -> None:
        self.assert_forbidden(REVIEWER_WITHOUT_REVIEWS, refusals.REVIEW_FAILED)

    def test_without_the_right_to_get_pods(self) -> None:
        self.assert_forbidden(REVIEWER_WITHOUT_PODS, refusals.GET_POD_FAILED)

    def test_without_the_right_to_get_nodes(self) -> None:
        self.assert_forbidden(REVIEWER_WITHOUT_NODES, refusals.GET_NODE_FAILED)
