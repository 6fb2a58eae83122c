"""An API server that is well, and still breaks connections: it sheds them, or changes its certificate and authority."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

from cluster import Cluster
from kubectl import Kubectl
from load import Load, Outcome, counted
from psat import Attestor, Queue
from world import CLUSTER_NAME, REVIEWER, TRUST_DOMAIN, USERS, AttestationCase, World, payload

TIMEOUT_MS = 4000
# As production has it a thousandth; here every second connection of the test sees several.
GOAWAY_CHANCE = 0.02


class TurmoilTest(AttestationCase):
    def another_cluster(self, *flags: str) -> World:
        directory = self.world.directory / self.world.new_name("cluster")
        directory.mkdir()
        cluster = Cluster(self.world.cluster.tools, directory, USERS, flags)
        self.addCleanup(cluster.stop)
        cluster.start()
        there = World(cluster, Kubectl(cluster.tools.kubectl, directory), directory, None)
        there.populate()
        return there

    def attestor_at(self, kubeconfig: Path) -> Attestor:
        settings = {
            "service_account_allow_list": ["spire:spire-agent"],
            "kube_config_file": str(kubeconfig),
        }
        made = Attestor(self.library, {"trust_domain": TRUST_DOMAIN, "clusters": {CLUSTER_NAME: settings}})
        self.addCleanup(made.free)
        return made

    def assert_all_attest(self, told: str, outcomes: Sequence[Outcome]) -> None:
        print(f"{told}: {counted(outcomes)}", flush=True)
        failed = [each.answer.document for each in outcomes if each.answer.code != 0]
        self.assertEqual(failed[:3], [])

    def test_connections_that_the_server_sheds(self) -> None:
        there = self.another_cluster(f"--goaway-chance={GOAWAY_CHANCE}")
        attestor = self.attestor_at(there.reviewer)
        tokens = [self.keep_secret(pod.token) for pod in there.new_pods(8)]
        with Queue(self.library) as queue:
            load = Load(attestor, queue, [payload(each) for each in tokens], TIMEOUT_MS)
            load.start()
            time.sleep(5.0)
            outcomes = load.finish()
        cluster = attestor.stats()["clusters"][CLUSTER_NAME]
        self.assert_all_attest(f"--goaway-chance, {cluster['connections_opened']} connections", outcomes)
        self.assertGreater(cluster["connections_opened"], 3, "the server has shed no connection")

    def test_a_serving_certificate_of_another_authority(self) -> None:
        there = self.another_cluster()
        cluster = there.cluster
        authority = there.directory / "authority.crt"
        put(authority, cluster.authority.read_text())
        kubeconfig = there.kubeconfigs.for_another_server("rotated", REVIEWER, cluster.address, authority)
        attestor = self.attestor_at(kubeconfig)
        tokens = [self.keep_secret(pod.token) for pod in there.new_pods(4)]
        with Queue(self.library) as queue:
            load = Load(attestor, queue, [payload(each) for each in tokens], TIMEOUT_MS)
            load.start()
            try:
                time.sleep(1.0)
                # As an administrator rotates: first both are trusted, then the server changes, then the old one goes.
                put(authority, cluster.authority.read_text() + cluster.other_authority.read_text())
                time.sleep(1.0)
                cluster.present_other_certificate()
                time.sleep(1.0)
                put(authority, cluster.other_authority.read_text())
                time.sleep(1.0)
            finally:
                outcomes = load.finish()
        told = attestor.stats()["clusters"][CLUSTER_NAME]
        self.assert_all_attest(f"certificate and authority, {told['credential_reloads']} reloads", outcomes)
        self.assertEqual(told["credential_reloads"], 2)


def put(path: Path, content: str) -> None:
    """At one moment, as a rotation does."""
    draft = path.with_suffix(".new")
    draft.write_text(content)
    os.replace(draft, path)
