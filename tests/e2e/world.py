"""The one cluster that all cases share, and the base of every case."""

from __future__ import annotations

import itertools
import json
import unittest
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import manifests
from cluster import ADMINISTRATOR, Cluster
from kubeconfig import Kubeconfigs
from kubectl import Kubectl
from manifests import GET_NODES, GET_PODS, NO_LABELS, REVIEW_TOKENS
from psat import Answer, Attestor, Library

TRUST_DOMAIN = "example.org"
CLUSTER_NAME = "demo"
NAMESPACE = "spire"
ACCOUNT = "spire-agent"
SERVER_ACCOUNT = "spire-server"
AUDIENCE = "spire-server"
NODE = "worker-1"
NODE_LABELS = {"topology.kubernetes.io/zone": "zone-a", "kubernetes.io/hostname": NODE}
HOST_IP = "192.0.2.17"

REVIEWER = "reviewer"
REVIEWER_WITHOUT_REVIEWS = "reviewer-without-reviews"
REVIEWER_WITHOUT_PODS = "reviewer-without-pods"
REVIEWER_WITHOUT_NODES = "reviewer-without-nodes"
REVIEWER_OF_TOKENS_ALONE = "reviewer-of-tokens-alone"
# Its certificate has ended an hour ago.
REVIEWER_OF_YESTERDAY = "reviewer-of-yesterday"
LIFETIMES = {REVIEWER_OF_YESTERDAY: "@-1"}
REVIEWERS = {
    REVIEWER_OF_YESTERDAY: [REVIEW_TOKENS, GET_PODS, GET_NODES],
    REVIEWER: [REVIEW_TOKENS, GET_PODS, GET_NODES],
    REVIEWER_WITHOUT_REVIEWS: [GET_PODS, GET_NODES],
    REVIEWER_WITHOUT_PODS: [REVIEW_TOKENS, GET_NODES],
    REVIEWER_WITHOUT_NODES: [REVIEW_TOKENS, GET_PODS],
    REVIEWER_OF_TOKENS_ALONE: [REVIEW_TOKENS],
}
# As the certificates are made.
USERS = [name + LIFETIMES.get(name, "") for name in REVIEWERS]


@dataclass
class Pod:
    """A pod of the cluster and a token bound to it."""

    name: str
    uid: str
    token: str = field(repr=False)


class World:
    """Owns the cluster's objects; `library` is None where only the server is looked at."""

    def __init__(self, cluster: Cluster, kubectl: Kubectl, directory: Path, library: Library | None) -> None:
        self.cluster = cluster
        self.kubectl = kubectl
        self.directory = directory
        self.library = library
        self.kubeconfigs = Kubeconfigs(cluster, kubectl, directory)
        self._numbers = itertools.count(1)
        # Whether the operator's tool, which is the plugin's file, is there too.
        self.has_plugin = False

    def populate(self) -> None:
        self.kubectl.use(self.kubeconfigs.with_certificate(ADMINISTRATOR, ADMINISTRATOR))
        self.kubectl.create(manifests.namespace(NAMESPACE))
        self.kubectl.create(manifests.service_account(NAMESPACE, ACCOUNT))
        self.kubectl.create(manifests.service_account(NAMESPACE, SERVER_ACCOUNT))
        self.kubectl.create(manifests.node(NODE, NODE_LABELS))
        for name, rules in REVIEWERS.items():
            self.kubectl.create(*manifests.role_for(name, manifests.certificate_user(name), rules))
        server = manifests.account_subject(NAMESPACE, SERVER_ACCOUNT)
        self.kubectl.create(*manifests.role_for(SERVER_ACCOUNT, server, REVIEWERS[REVIEWER]))
        self.reviewer = self.kubeconfigs.with_certificate(REVIEWER, REVIEWER)

    def new_name(self, kind: str) -> str:
        return f"{kind}-{next(self._numbers)}"

    def new_node(self) -> str:
        name = self.new_name("node")
        self.kubectl.create(manifests.node(name))
        return name

    def new_pod(
        self,
        name: str | None = None,
        node: str | None = NODE,
        labels: Mapping[str, str] = NO_LABELS,
        audience: str | None = AUDIENCE,
    ) -> Pod:
        """A running pod with a token for the audience."""
        name = name or self.new_name("agent")
        created = self.kubectl.create(manifests.pod(NAMESPACE, name, ACCOUNT, node, labels))
        self.set_phase(name, "Pending" if node is None else "Running")
        token = self.kubectl.create_token(NAMESPACE, ACCOUNT, audience, pod=name)
        return Pod(name, str(created["metadata"]["uid"]), token)

    def new_pods(self, count: int) -> list[Pod]:
        """Many at once, as a cluster has them before a kubelet has spoken; each with a token."""
        wanted = [manifests.pod(NAMESPACE, self.new_name("agent"), ACCOUNT, NODE) for _ in range(count)]
        names = self.kubectl.create_all(wanted)
        with ThreadPoolExecutor(4) as pool:
            tokens = pool.map(lambda pod: self.kubectl.create_token(NAMESPACE, ACCOUNT, AUDIENCE, pod=pod[0]), names)
            return [Pod(name, uid, token) for (name, uid), token in zip(names, tokens, strict=True)]

    def token_of_another_account(self) -> str:
        """A good token of a pod that does not run as the agents' account."""
        name = self.new_name("other")
        self.kubectl.create(manifests.pod(NAMESPACE, name, SERVER_ACCOUNT, NODE))
        return self.kubectl.create_token(NAMESPACE, SERVER_ACCOUNT, AUDIENCE, pod=name)

    def set_phase(self, pod: str, phase: str) -> None:
        status: dict[str, Any] = {"phase": phase}
        if phase != "Pending":
            status |= {"hostIP": HOST_IP, "hostIPs": [{"ip": HOST_IP}]}
        self.kubectl.patch_status("pod", pod, status, NAMESPACE)

    def node_uid(self, name: str = NODE) -> str:
        return self.kubectl.run("get", "node", name, "-o", "jsonpath={.metadata.uid}")


class ServerCase(unittest.TestCase):
    """A case about the real API server alone."""

    world: ClassVar[World]


class AttestationCase(ServerCase):
    """A case about the library. Afterwards no document may be alive, and none may have held a token."""

    def setUp(self) -> None:
        assert self.world.library is not None
        self.library = self.world.library
        self.library.documents.clear()
        self._secrets: list[str] = []

    def tearDown(self) -> None:
        with Attestor(self.library, None) as anyone:
            self.assertEqual(anyone.stats()["documents_alive"], 0, "documents alive at the end")
        secrets = [part for each in [*self.world.kubectl.minted, *self._secrets] for part in secret_parts(each)]
        for document in self.library.documents:
            for secret in secrets:
                if secret in document:
                    self.fail(f"a document holds a credential: {document.replace(secret, '<the credential>')}")

    def keep_secret(self, credential: str) -> str:
        """No document of this case may hold it, whatever it is."""
        self._secrets.append(credential)
        return credential

    def attestor(
        self, kubeconfig: Path | None = None, config: Mapping[str, Any] | None = None, **cluster: Any
    ) -> Attestor:
        """Over the reviewer's certificate unless told otherwise; `cluster` goes into the cluster's settings."""
        settings = {
            "service_account_allow_list": [f"{NAMESPACE}:{ACCOUNT}"],
            "kube_config_file": str(kubeconfig or self.world.reviewer),
            **cluster,
        }
        whole = {"trust_domain": TRUST_DOMAIN, "clusters": {CLUSTER_NAME: settings}, **(config or {})}
        made = Attestor(self.library, whole)
        self.addCleanup(made.free)
        return made

    def attest(self, attestor: Attestor, token: str, **options: Any) -> Answer:
        return attestor.attest(payload(self.keep_secret(token)), options or None)

    def assert_attested(self, answer: Answer, identity: str | None = None) -> None:
        """Success; the identity is that of the shared node unless told otherwise."""
        self.assertEqual((answer.code, answer.reason), (0, "OK"), answer.document)
        expected = agent_id(identity or self.world.node_uid())
        self.assertEqual(answer.spiffe_id, expected)
        self.assertIs(answer.document["agent_attributes"]["can_reattest"], True)

    def assert_refused(self, answer: Answer, code: int, reason: str, message: str) -> None:
        self.assertEqual((answer.code, answer.reason, answer.message), (code, reason, message), answer.document)
        self.assertNotIn("agent_attributes", answer.document)
        self.assertTrue(answer.diagnostics["detail"], "the operator is told nothing")


def payload(token: str) -> bytes:
    return json.dumps({"cluster": CLUSTER_NAME, "token": token}).encode()


def agent_id(rest: str) -> str:
    return f"spiffe://{TRUST_DOMAIN}/spire/agent/k8s_psat/{CLUSTER_NAME}/{rest}"


def secret_parts(credential: str) -> list[str]:
    """The whole, and of a token the claims and the signature too; its header is no secret."""
    return [credential, *(part for part in credential.split(".")[1:] if part)]
