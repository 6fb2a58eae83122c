"""Attestations that succeed: the exact SPIFFE ID and every selector in its order."""

from __future__ import annotations

from psat import Queue
from world import (
    ACCOUNT,
    CLUSTER_NAME,
    HOST_IP,
    NAMESPACE,
    NODE,
    NODE_LABELS,
    AttestationCase,
    Pod,
    payload,
)


class IdentityTest(AttestationCase):
    def selectors(self, pod: Pod) -> list[str]:
        return [
            f"cluster:{CLUSTER_NAME}",
            f"agent_ns:{NAMESPACE}",
            f"agent_sa:{ACCOUNT}",
            f"agent_pod_name:{pod.name}",
            f"agent_pod_uid:{pod.uid}",
            f"agent_node_ip:{HOST_IP}",
            f"agent_node_name:{NODE}",
            f"agent_node_uid:{self.world.node_uid()}",
        ]

    def test_a_pod_attests_as_its_node_with_the_allowed_labels(self) -> None:
        pod = self.world.new_pod(labels={"tier": "system", "app": "agent", "secret": "not-allowed"})
        attestor = self.attestor(
            # Neither in the order of the selectors, nor all of them there.
            allowed_node_label_keys=["topology.kubernetes.io/zone", "kubernetes.io/hostname", "absent"],
            allowed_pod_label_keys=["tier", "absent", "app"],
        )
        answer = self.attest(attestor, pod.token)
        self.assert_attested(answer)
        labels = [
            f"agent_node_label:kubernetes.io/hostname:{NODE}",
            f"agent_node_label:topology.kubernetes.io/zone:{NODE_LABELS['topology.kubernetes.io/zone']}",
            "agent_pod_label:app:agent",
            "agent_pod_label:tier:system",
        ]
        self.assertEqual(answer.selectors, self.selectors(pod) + labels)
        self.assertEqual(answer.diagnostics["cluster"], CLUSTER_NAME)
        self.assertEqual(answer.diagnostics["warnings"], [])
        self.assertRegex(answer.diagnostics["credential_id"], "^JTI=[0-9a-f-]{36}$")

    def test_a_pod_attests_without_any_label(self) -> None:
        pod = self.world.new_pod(labels={"app": "agent"})
        answer = self.attest(self.attestor(), pod.token)
        self.assert_attested(answer)
        self.assertEqual(answer.selectors, self.selectors(pod))

    def test_a_pod_attests_as_itself_with_pod_uid_identities(self) -> None:
        pod = self.world.new_pod()
        answer = self.attest(self.attestor(use_pod_uid_for_agent_id=True), pod.token)
        self.assert_attested(answer, f"pod/{pod.uid}")
        self.assertEqual(answer.selectors, self.selectors(pod))

    def test_a_pending_pod_attests_and_keeps_its_empty_address(self) -> None:
        pod = self.world.new_pod()
        self.world.kubectl.patch_status(
            "pod", pod.name, {"phase": "Pending", "hostIP": None, "hostIPs": None}, NAMESPACE
        )
        answer = self.attest(self.attestor(), pod.token)
        self.assert_attested(answer)
        self.assertIn("agent_node_ip:", answer.selectors)

    def test_an_empty_audience_list_takes_the_api_servers_own_audience(self) -> None:
        pod = self.world.new_pod(audience=None)
        self.assert_attested(self.attest(self.attestor(audience=[]), pod.token))

    def test_one_of_several_audiences_is_enough(self) -> None:
        pod = self.world.new_pod(audience="second")
        self.assert_attested(self.attest(self.attestor(audience=["first", "second"]), pod.token))

    def test_line_breaks_around_the_token_do_no_harm(self) -> None:
        pod = self.world.new_pod()
        self.keep_secret(pod.token)
        self.assert_attested(self.attestor().attest(payload(f" {pod.token}\n")))

    def test_a_glob_on_the_allow_list_lets_the_account_in(self) -> None:
        pod = self.world.new_pod()
        self.assert_attested(
            self.attest(self.attestor(service_account_allow_list=[f"{NAMESPACE}:spire-?g*"]), pod.token)
        )

    def test_the_queue_gives_what_the_blocking_call_gives(self) -> None:
        pod = self.world.new_pod()
        attestor = self.attestor()
        blocking = self.attest(attestor, pod.token)
        with Queue(self.library) as queue:
            operation = attestor.submit(queue, 42, payload(pod.token), {"timeout_ms": 5000})
            [completion] = queue.next(10_000)
            self.assertEqual(queue.next(100), [])
        self.assertEqual((completion.tag, completion.operation), (42, operation))
        self.assert_attested(completion.answer)
        self.assertEqual(completion.answer.document["agent_attributes"], blocking.document["agent_attributes"])
