"""The ways to ask the API server: each gives the same identity for the same world."""

from __future__ import annotations

from world import (
    ACCOUNT,
    CLUSTER_NAME,
    NAMESPACE,
    NODE,
    REVIEWER_OF_TOKENS_ALONE,
    AttestationCase,
)


class LookupTest(AttestationCase):
    def test_one_call_after_the_other_gives_what_the_usual_way_gives(self) -> None:
        pod = self.world.new_pod(labels={"app": "agent"})
        usual = self.attest(self.attestor(allowed_pod_label_keys=["app"]), pod.token)
        sequential = self.attest(self.attestor(allowed_pod_label_keys=["app"], lookup="sequential"), pod.token)
        self.assert_attested(sequential)
        self.assertEqual(sequential.document["agent_attributes"], usual.document["agent_attributes"])
        self.assertEqual(len(sequential.calls), 3)
        self.assertEqual(sequential.calls[0], "token_review")

    def test_claims_alone_need_no_right_on_pods_and_nodes(self) -> None:
        pod = self.world.new_pod()
        reviewer = self.world.kubeconfigs.with_certificate(REVIEWER_OF_TOKENS_ALONE, REVIEWER_OF_TOKENS_ALONE)
        answer = self.attest(self.attestor(reviewer, lookup="claims"), pod.token)
        self.assert_attested(answer)
        expected = [
            f"cluster:{CLUSTER_NAME}",
            f"agent_ns:{NAMESPACE}",
            f"agent_sa:{ACCOUNT}",
            f"agent_pod_name:{pod.name}",
            f"agent_pod_uid:{pod.uid}",
            f"agent_node_name:{NODE}",
            f"agent_node_uid:{self.world.node_uid()}",
        ]
        self.assertEqual(answer.selectors, expected)
        self.assertEqual(answer.calls, ["token_review"])

    def test_claims_alone_give_pod_uid_identities_too(self) -> None:
        pod = self.world.new_pod()
        answer = self.attest(self.attestor(lookup="claims", use_pod_uid_for_agent_id=True), pod.token)
        self.assert_attested(answer, f"pod/{pod.uid}")

    def test_claims_alone_need_a_node_in_the_token(self) -> None:
        pod = self.world.new_pod(node=None)
        answer = self.attest(self.attestor(lookup="claims"), pod.token)
        self.assertEqual((answer.code, answer.reason), (9, "CLAIMS_MISSING"), answer.document)
