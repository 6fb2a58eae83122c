"""What the other cases take for granted about the real API server. These need no library."""

from __future__ import annotations

import time

import manifests
from tokens import GARBAGE, tampered
from world import ACCOUNT, AUDIENCE, NAMESPACE, NODE, Pod, ServerCase

EXTRA = "authentication.kubernetes.io"
# The API server follows the deletion of a pod through a watch.
WATCH_SECONDS = 1.0


class ServerTest(ServerCase):
    def review(self, token: str, audience: str = AUDIENCE) -> dict[str, object]:
        return self.world.kubectl.review(token, [audience])

    def assert_accepted(self, token: str) -> None:
        self.assertEqual(self.review(token).get("authenticated"), True)

    def assert_rejected(self, token: str, audience: str = AUDIENCE, saying: str = "invalid bearer token") -> None:
        status = self.review(token, audience)
        self.assertNotIn("authenticated", status)
        self.assertIn(saying, str(status["error"]))

    def delete(self, pod: Pod) -> None:
        self.world.kubectl.delete("pod", pod.name, NAMESPACE)
        time.sleep(WATCH_SECONDS)

    def recreate(self, pod: Pod) -> None:
        self.world.kubectl.create(manifests.pod(NAMESPACE, pod.name, ACCOUNT, NODE))

    def test_a_pod_bound_token_names_pod_and_node(self) -> None:
        pod = self.world.new_pod()
        user = self.world.kubectl.review(pod.token, [AUDIENCE])["user"]
        self.assertEqual(user["username"], f"system:serviceaccount:{NAMESPACE}:{ACCOUNT}")
        self.assertIn(f"system:serviceaccounts:{NAMESPACE}", user["groups"])
        extra = user["extra"]
        self.assertEqual(extra.pop(f"{EXTRA}/credential-id")[0][:4], "JTI=")
        bound = {"pod-name": pod.name, "pod-uid": pod.uid, "node-name": NODE, "node-uid": self.world.node_uid()}
        self.assertEqual(extra, {f"{EXTRA}/{key}": [value] for key, value in bound.items()})

    def test_a_token_of_an_unscheduled_pod_names_the_pod_alone(self) -> None:
        pod = self.world.new_pod(node=None)
        extra = self.world.kubectl.review(pod.token, [AUDIENCE])["user"]["extra"]
        self.assertEqual(set(extra), {f"{EXTRA}/{key}" for key in ("credential-id", "pod-name", "pod-uid")})

    def test_an_unbound_token_is_accepted_and_names_no_pod(self) -> None:
        token = self.world.kubectl.create_token(NAMESPACE, ACCOUNT, AUDIENCE)
        extra = self.world.kubectl.review(token, [AUDIENCE])["user"]["extra"]
        self.assertEqual(list(extra), [f"{EXTRA}/credential-id"])

    def test_refusals_carry_a_text_and_no_verdict(self) -> None:
        pod = self.world.new_pod()
        self.assert_rejected(GARBAGE)
        self.assert_rejected(tampered(pod.token), saying="error in cryptographic primitive")
        self.assert_rejected(pod.token, "another-audience", saying="token audiences")

    def test_a_finished_pods_token_is_still_accepted(self) -> None:
        pod = self.world.new_pod()
        self.world.set_phase(pod.name, "Succeeded")
        self.assert_accepted(pod.token)

    def test_the_token_of_a_deleted_pod_is_rejected_when_it_was_never_reviewed(self) -> None:
        pod = self.world.new_pod()
        self.delete(pod)
        self.assert_rejected(pod.token, saying="service account token has been invalidated")
        self.recreate(pod)
        time.sleep(WATCH_SECONDS)
        self.assert_rejected(pod.token, saying="does not match service account pod ref claim")

    def test_the_token_of_a_deleted_pod_is_accepted_shortly_after_a_good_review(self) -> None:
        pod = self.world.new_pod()
        self.assert_accepted(pod.token)
        self.delete(pod)
        self.assert_accepted(pod.token)
        self.recreate(pod)
        self.assert_accepted(pod.token)
