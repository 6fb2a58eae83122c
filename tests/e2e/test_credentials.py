"""The reviewer's own credential: every kind that a kubeconfig carries, and one that changes while it is in use."""

from __future__ import annotations

import os
from pathlib import Path

import refusals
from cluster import free_ports
from world import NAMESPACE, REVIEWER, REVIEWER_WITHOUT_REVIEWS, SERVER_ACCOUNT, AttestationCase

USELESS = "a-bearer-token-that-is-worth-nothing"


class CredentialTest(AttestationCase):
    def reviewer_token(self) -> str:
        return self.world.kubectl.create_token(NAMESPACE, SERVER_ACCOUNT, None)

    def token_file(self, content: str) -> Path:
        path = self.world.directory / self.world.new_name("token")
        path.write_text(content)
        return path

    def test_inline_certificates(self) -> None:
        kubeconfig = self.world.kubeconfigs.with_certificate("inline", REVIEWER, inline=True)
        self.assertIn("client-key-data", kubeconfig.read_text())
        self.assert_attested(self.attest(self.attestor(kubeconfig), self.world.new_pod().token))

    def test_a_bearer_token(self) -> None:
        kubeconfig = self.world.kubeconfigs.with_token("bearer", self.reviewer_token())
        self.assert_attested(self.attest(self.attestor(kubeconfig), self.world.new_pod().token))

    def test_a_token_file(self) -> None:
        path = self.token_file(self.reviewer_token() + "\n")
        kubeconfig = self.world.kubeconfigs.with_token_file("file", path)
        self.assert_attested(self.attest(self.attestor(kubeconfig), self.world.new_pod().token))

    def test_a_useless_token_is_the_servers_fault_not_the_agents(self) -> None:
        kubeconfig = self.world.kubeconfigs.with_token("useless", self.keep_secret(USELESS))
        answer = self.attest(self.attestor(kubeconfig), self.world.new_pod().token)
        self.assert_refused(answer, 9, "API_UNAUTHENTICATED", refusals.REVIEW_FAILED)

    def test_a_rotated_token_file_counts_from_the_next_attestation(self) -> None:
        pod = self.world.new_pod()
        path = self.token_file(self.keep_secret(USELESS))
        attestor = self.attestor(self.world.kubeconfigs.with_token_file("rotated", path))
        answer = self.attest(attestor, pod.token)
        self.assert_refused(answer, 9, "API_UNAUTHENTICATED", refusals.REVIEW_FAILED)
        path.write_text(self.reviewer_token())
        self.assert_attested(self.attest(attestor, pod.token))
        os.replace(self.token_file(USELESS), path)
        answer = self.attest(attestor, pod.token)
        self.assert_refused(answer, 9, "API_UNAUTHENTICATED", refusals.REVIEW_FAILED)
        os.replace(self.token_file(self.reviewer_token()), path)
        self.assert_attested(self.attest(attestor, pod.token))

    def test_a_rewritten_kubeconfig_counts_from_the_next_attestation(self) -> None:
        pod = self.world.new_pod()
        attestor = self.attestor(self.world.kubeconfigs.with_certificate("rewritten", REVIEWER_WITHOUT_REVIEWS))
        answer = self.attest(attestor, pod.token)
        self.assert_refused(answer, 9, "API_FORBIDDEN", refusals.REVIEW_FAILED)
        self.world.kubeconfigs.with_certificate("rewritten", REVIEWER)
        self.assert_attested(self.attest(attestor, pod.token))

    def test_a_kubeconfig_may_appear_later(self) -> None:
        pod = self.world.new_pod()
        attestor = self.attestor(self.world.directory / "later.kubeconfig")
        self.assertIn("warning", [note["severity"] for note in attestor.configuration["notes"]])
        answer = self.attest(attestor, pod.token)
        self.assertEqual((answer.code, answer.reason), (9, "CREDENTIALS_UNAVAILABLE"), answer.document)
        self.world.kubeconfigs.with_certificate("later", REVIEWER)
        self.assert_attested(self.attest(attestor, pod.token))


class ConnectionTest(AttestationCase):
    def assert_unreachable(self, kubeconfig: Path) -> None:
        answer = self.attest(self.attestor(kubeconfig), self.world.new_pod().token, timeout_ms=5000)
        self.assert_refused(answer, 14, "API_UNREACHABLE", refusals.REVIEW_FAILED)

    def test_a_server_signed_by_another_authority_is_not_trusted(self) -> None:
        cluster = self.world.cluster
        self.assert_unreachable(
            self.world.kubeconfigs.for_another_server("distrust", REVIEWER, cluster.address, cluster.other_authority)
        )

    def test_nobody_listens_at_the_address(self) -> None:
        cluster = self.world.cluster
        nobody = f"https://127.0.0.1:{free_ports(1)[0]}"
        self.assert_unreachable(
            self.world.kubeconfigs.for_another_server("nobody", REVIEWER, nobody, cluster.authority)
        )
