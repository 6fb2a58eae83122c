"""`check` and `explain` on what goes wrong in the field: the true cause comes first, and its remedy helps.

Each case sets up one fault, has both tell of it, applies the remedy that they give as an operator would, and has both
look again.
"""

from __future__ import annotations

import json
import re
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import page
from cluster import Cluster, free_ports
from kubectl import Kubectl
from psat import Attestor, Check, Explanation, Step, first_failed
from world import (
    ACCOUNT,
    AUDIENCE,
    CLUSTER_NAME,
    NAMESPACE,
    REVIEWER,
    REVIEWER_OF_YESTERDAY,
    REVIEWER_WITHOUT_PODS,
    TRUST_DOMAIN,
    USERS,
    AttestationCase,
    World,
    payload,
)

CHECKED = ["credentials", "reach", "tls", "api_version", "token_review", "pods", "nodes", "signing_keys", "clock"]
TIMEOUT_MS = 5000


@dataclass
class Situation:
    """What an operator has in front of them: a configuration, and the token of an agent."""

    clusters: dict[str, dict[str, Any]]
    token: str
    # Where the files are that the configuration names.
    directory: Path

    def set(self, line: str) -> None:
        """Applies a line of configuration, `path = JSON value`, as a remedy gives it."""
        path, _, value = line.partition(" = ")
        root, cluster, key = path.split(".")
        assert root == "clusters", line
        self.clusters[cluster][key] = json.loads(value)


class DiagnosisTest(AttestationCase):
    def situation(self, token: str, **cluster: Any) -> Situation:
        """In a directory of its own, with the reviewer's files in `demo` unless they are changed."""
        directory = self.world.directory / self.world.new_name("situation")
        (directory / CLUSTER_NAME).mkdir(parents=True)
        settings = {
            "service_account_allow_list": [f"{NAMESPACE}:{ACCOUNT}"],
            "kube_config_file": f"{CLUSTER_NAME}/kubeconfig",
            **cluster,
        }
        situation = Situation({CLUSTER_NAME: settings}, self.keep_secret(token), directory)
        self.put_credential(situation, REVIEWER)
        self.put_kubeconfig(situation, self.world.cluster.address, self.world.cluster.authority)
        return situation

    def put_credential(self, situation: Situation, user: str) -> None:
        """The client certificate and key that the kubeconfig names."""
        here = situation.directory / CLUSTER_NAME
        shutil.copyfile(self.world.cluster.certificate(user), here / "client.crt")
        shutil.copyfile(self.world.cluster.key(user), here / "client.key")

    def put_kubeconfig(self, situation: Situation, address: str, authority: Path) -> None:
        """Its paths are relative, as those of a kubeconfig that moves about with its files."""
        here = situation.directory / CLUSTER_NAME
        shutil.copyfile(authority, here / "ca.crt")
        cluster = {"server": address, "certificate-authority": "ca.crt"}
        user = {"client-certificate": "client.crt", "client-key": "client.key"}
        kubeconfig = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "cluster", "cluster": cluster}],
            "users": [{"name": "user", "user": user}],
            "contexts": [{"name": "context", "context": {"cluster": "cluster", "user": "user"}}],
            "current-context": "context",
        }
        (here / "kubeconfig").write_text(json.dumps(kubeconfig))

    def diagnose(self, situation: Situation) -> tuple[list[Step], Explanation]:
        """What `check` says of the cluster, and `explain` of the agent."""
        clusters = {
            name: {**cluster, "kube_config_file": str(situation.directory / cluster["kube_config_file"])}
            for name, cluster in situation.clusters.items()
        }
        with Attestor(self.library, {"trust_domain": TRUST_DOMAIN, "clusters": clusters}) as attestor:
            check = attestor.check({"timeout_ms": TIMEOUT_MS, "clusters": [CLUSTER_NAME]})
            explanation = attestor.explain(payload(situation.token), {"timeout_ms": TIMEOUT_MS})
            answer = attestor.attest(payload(situation.token), {"timeout_ms": TIMEOUT_MS})
        self.assert_consistent(check, explanation)
        self.assertEqual((explanation.code, explanation.reason), (answer.code, answer.reason), explanation.document)
        return list(check.clusters[CLUSTER_NAME]), explanation

    def assert_consistent(self, check: Check, explanation: Explanation) -> None:
        steps = check.clusters[CLUSTER_NAME]
        self.assertEqual([step.check for step in steps], CHECKED)
        failed = first_failed(steps)
        self.assertEqual(check.document["clusters"][CLUSTER_NAME]["usable"], failed is None, check.document)
        self.assertEqual(check.document["reason"], failed.reason if failed else "OK")
        failed = first_failed(explanation.steps)
        self.assertEqual(explanation.reason, failed.reason if failed else "OK", explanation.document)
        for step in [*steps, *explanation.steps]:
            if step.outcome in ("fail", "warn"):
                self.assertTrue(step.detail and step.remedy, step)

    def assert_usable(self, steps: list[Step]) -> None:
        self.assertIsNone(first_failed(steps), steps)

    def assert_fails(self, steps: Any, check: str, reason: str, *said: str) -> Step:
        """The first that fails is this one, for this reason; its detail says this."""
        failed = first_failed(steps)
        assert failed is not None, f"nothing fails: {steps}"
        self.assertEqual((failed.check, failed.reason), (check, reason), failed)
        for text in said:
            self.assertIn(text, failed.detail)
        return failed

    def assert_well(self, situation: Situation) -> None:
        steps, explanation = self.diagnose(situation)
        self.assert_usable(steps)
        self.assertEqual((explanation.code, first_failed(explanation.steps)), (0, None), explanation.document)

    def assert_shown(self, title: str, situation: Situation, *commands: str) -> None:
        """What the operator's tool shows of it is what the documentation has."""
        if not self.world.has_plugin:
            return
        settings = {"trust_domain": TRUST_DOMAIN}
        attestor = {"k8s_psat": {"plugin_data": {"clusters": situation.clusters}}}
        configuration = {"server": settings, "plugins": {"NodeAttestor": attestor}}
        (situation.directory / "server.conf").write_text(json.dumps(configuration))
        (situation.directory / "token").write_text(situation.token)
        for command in commands:
            self.assertNotIn(situation.token, page.output(command, situation.directory))
        page.hold(self, title, [page.output(command, situation.directory) for command in commands])

    # === the cluster ===

    def test_all_is_well(self) -> None:
        situation = self.situation(self.world.new_pod("agent-well").token)
        steps, explanation = self.diagnose(situation)
        self.assert_well(situation)
        told = {step.check: step for step in steps}
        self.assertIn(f"CN={REVIEWER}", told["credentials"].detail)
        self.assertIn("v1.37", told["api_version"].detail)
        identity = {step.check: step for step in explanation.steps}["agent_id"]
        self.assertEqual(identity.detail, explanation.spiffe_id)
        self.assert_shown("All is well", situation, "check", "explain")

    def test_a_reviewer_without_the_right_to_get_pods(self) -> None:
        situation = self.situation(self.world.new_pod("agent-without-pods").token)
        self.put_credential(situation, REVIEWER_WITHOUT_PODS)
        steps, explanation = self.diagnose(situation)
        remedy = self.assert_fails(steps, "pods", "API_FORBIDDEN")
        step = self.assert_fails(explanation.steps, "pod_found", "API_FORBIDDEN", f'"{REVIEWER_WITHOUT_PODS}"')
        self.assert_shown("The reviewer may not get pods", situation, "check", "explain")
        for manifest in (step.block, remedy.block):
            self.assertIn(f"name: {REVIEWER_WITHOUT_PODS}", manifest.replace('"', ""))
            self.addCleanup(self.forget, manifest)
            self.world.kubectl.run("apply", "-f", "-", standard_input=manifest)
            self.eventually_well(situation)
            self.forget(manifest)

    def forget(self, manifest: str) -> None:
        self.world.kubectl.run("delete", "--ignore-not-found", "-f", "-", standard_input=manifest)

    def eventually_well(self, situation: Situation) -> None:
        """RBAC takes a moment until it knows of a change."""
        for _ in range(50):
            if self.diagnose(situation)[1].code == 0:
                break
        self.assert_well(situation)

    def test_a_wrong_certificate_authority(self) -> None:
        cluster = self.world.cluster
        situation = self.situation(self.world.new_pod("agent-wrong-ca").token)
        self.put_kubeconfig(situation, cluster.address, cluster.other_authority)
        steps, explanation = self.diagnose(situation)
        remedy = self.assert_fails(steps, "tls", "API_UNREACHABLE", "e2e-other-ca", "e2e-ca")
        step = self.assert_fails(explanation.steps, "token_review", "API_UNREACHABLE", "e2e-other-ca", "e2e-ca")
        self.assert_shown("The kubeconfig has another certificate authority", situation, "check", "explain")
        for each in (remedy, step):
            said = r"Set `certificate-authority` in kubeconfig \S+/demo/kubeconfig to the CA .*\(CN=e2e-ca\)"
            self.assertRegex(each.remedy, said)
        self.put_kubeconfig(situation, cluster.address, cluster.authority)
        self.assert_well(situation)

    def test_an_expired_client_certificate(self) -> None:
        situation = self.situation(self.world.new_pod("agent-expired").token)
        self.put_credential(situation, REVIEWER_OF_YESTERDAY)
        steps, explanation = self.diagnose(situation)
        remedy = self.assert_fails(steps, "credentials", "API_UNAUTHENTICATED", "expired", REVIEWER_OF_YESTERDAY)
        step = self.assert_fails(explanation.steps, "token_review", "API_UNAUTHENTICATED", "expired", "401")
        self.assertLess(step.detail.index("expired"), step.detail.index("401"), "the true cause comes first")
        self.assert_shown("The client certificate has expired", situation, "check", "explain")
        for each in (remedy, step):
            self.assertRegex(each.remedy, r"Put a valid certificate into \S+/demo/client.crt, and its key beside it")
        self.put_credential(situation, REVIEWER)
        self.assert_well(situation)

    def test_a_server_that_is_down(self) -> None:
        situation = self.situation(self.world.new_pod("agent-down").token)
        self.world.cluster.end_api_server(signal.SIGKILL)
        try:
            steps, explanation = self.diagnose(situation)
            address = self.world.cluster.address.removeprefix("https://")
            remedy = self.assert_fails(steps, "reach", "API_UNREACHABLE", address, "refused")
            step = self.assert_fails(explanation.steps, "token_review", "API_UNREACHABLE", address, "refused")
            for each in (remedy, step):
                self.assertTrue(each.remedy.startswith("Start the API server"), each.remedy)
            self.assert_shown("The API server is down", situation, "check", "explain")
        finally:
            self.world.cluster.start_api_server()
        self.eventually_well(situation)

    def test_a_name_that_nobody_knows(self) -> None:
        situation = self.situation(self.world.new_pod().token)
        self.put_kubeconfig(situation, "https://no-such-host.invalid:6443", self.world.cluster.authority)
        steps, _ = self.diagnose(situation)
        self.assert_fails(steps, "reach", "API_UNREACHABLE", "no-such-host.invalid")

    def test_nobody_listens(self) -> None:
        situation = self.situation(self.world.new_pod().token)
        nobody = f"https://127.0.0.1:{free_ports(1)[0]}"
        self.put_kubeconfig(situation, nobody, self.world.cluster.authority)
        steps, _ = self.diagnose(situation)
        self.assert_fails(steps, "reach", "API_UNREACHABLE", "refused")

    # === the agent ===

    def test_a_token_of_another_cluster(self) -> None:
        there = self.another_cluster()
        situation = self.situation(there.new_pod("agent-elsewhere").token)
        steps, explanation = self.diagnose(situation)
        self.assert_usable(steps)
        step = self.assert_fails(explanation.steps, "token_review", "TOKEN_REJECTED")
        self.assert_shown("The token is of another cluster", situation, "explain")
        # The remedy gives the command that makes a token as it should be, the names of pod and account left open.
        pod = self.world.new_pod()
        command = step.block.replace("POD", pod.name).split()
        self.assertEqual(command[0], "kubectl", step.remedy)
        situation.token = self.keep_secret(self.world.kubectl.run(*command[1:]).strip())
        self.assert_well(situation)

    def another_cluster(self) -> World:
        directory = self.world.directory / self.world.new_name("cluster")
        directory.mkdir()
        other = Cluster(self.world.cluster.tools, directory, USERS)
        self.addCleanup(other.stop)
        other.start()
        there = World(other, Kubectl(other.tools.kubectl, directory), directory, None)
        there.populate()
        return there

    def test_a_token_for_another_audience(self) -> None:
        situation = self.situation(self.world.new_pod("agent-audience", audience="another-audience").token)
        steps, explanation = self.diagnose(situation)
        self.assert_usable(steps)
        step = self.assert_fails(explanation.steps, "token_review", "AUDIENCE_MISMATCH", "another-audience", AUDIENCE)
        self.assert_shown("The token is for another audience", situation, "explain")
        situation.set(step.block)
        self.assertEqual(situation.clusters[CLUSTER_NAME]["audience"], [AUDIENCE, "another-audience"])
        self.assert_well(situation)

    def test_a_service_account_that_is_not_on_the_allow_list(self) -> None:
        situation = self.situation(
            self.world.new_pod("agent-not-allowed").token, service_account_allow_list=["spire:another"]
        )
        steps, explanation = self.diagnose(situation)
        self.assert_usable(steps)
        account = f'"{NAMESPACE}:{ACCOUNT}"'
        reason = "SERVICE_ACCOUNT_NOT_ALLOWED"
        step = self.assert_fails(explanation.steps, "service_account_allowed", reason, account, '"spire:another"')
        self.assert_shown("The service account is not on the allow list", situation, "explain")
        situation.set(step.block)
        self.assert_well(situation)

    def test_a_token_that_is_bound_to_no_pod(self) -> None:
        situation = self.situation(self.world.kubectl.create_token(NAMESPACE, ACCOUNT, AUDIENCE))
        steps, explanation = self.diagnose(situation)
        self.assert_usable(steps)
        step = self.assert_fails(explanation.steps, "pod_bound", "TOKEN_NOT_POD_BOUND")
        self.assert_shown("The token is bound to no pod", situation, "explain")
        # No kubelet is here to mount the volume that the remedy gives: the test asks for the token as a kubelet would.
        volume = step.block
        self.assertRegex(volume, r"projected:\s+sources:\s+- serviceAccountToken:")
        audience = str(json.loads(found(r"audience: (\S+)", volume)))
        situation.token = self.keep_secret(self.world.new_pod(audience=audience).token)
        self.assert_well(situation)

    def test_a_pod_that_has_finished(self) -> None:
        pod = self.world.new_pod("agent-finished")
        self.world.set_phase(pod.name, "Succeeded")
        situation = self.situation(pod.token)
        steps, explanation = self.diagnose(situation)
        self.assert_usable(steps)
        step = self.assert_fails(explanation.steps, "pod_phase", "POD_TERMINATED", '"Succeeded"')
        self.assert_shown("The pod has finished", situation, "explain")
        command = step.block.split()
        self.assertEqual(command, ["kubectl", "delete", "pod", pod.name, "--namespace", NAMESPACE])
        # No kubelet confirms the end of a pod here, and no controller makes its successor.
        self.world.kubectl.run(*command[1:], "--grace-period=0", "--force")
        situation.token = self.keep_secret(self.world.new_pod(pod.name).token)
        self.assert_well(situation)

    def test_one_run_shows_all_that_is_wrong(self) -> None:
        pod = self.world.new_pod()
        self.world.set_phase(pod.name, "Failed")
        situation = self.situation(pod.token, service_account_allow_list=["spire:another"])
        _, explanation = self.diagnose(situation)
        failed = [step.check for step in explanation.steps if step.outcome == "fail"]
        self.assertEqual(failed, ["service_account_allowed", "pod_phase"])


def found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    assert match is not None, f"{pattern} is not in {text}"
    return match[1]
