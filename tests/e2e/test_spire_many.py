"""Many agents, and several API servers, one of which ends."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from typing import Any, ClassVar

from cluster import Cluster
from kubectl import Kubectl
from spire import ManyAgents, SpireServer, wait_for
from spire_case import SpireCase, cluster_body, clusters, ours
from world import CLUSTER_NAME, USERS, Pod, World, agent_id

AGENTS = 200


class ManyAgentsTest(SpireCase):
    pods: ClassVar[list[Pod]] = []

    def setUp(self) -> None:
        super().setUp()
        if not self.pods:
            self.pods.extend(self.world.new_pods(AGENTS))

    def many(self, server: SpireServer) -> ManyAgents:
        return ManyAgents(self.tools, server, CLUSTER_NAME, [pod.token for pod in self.pods], recovery="45s")

    def assert_all_attested(self, result: Mapping[str, Any]) -> None:
        self.assertEqual((result["clients"], result["lost"]), (AGENTS, 0), result["refusals"])
        self.assertEqual(set(result["ids"]), {agent_id(f"pod/{pod.uid}") for pod in self.pods})

    def test_two_hundred_agents_attest_at_once(self) -> None:
        """Beside two agents of SPIRE, which are not among the 200."""
        server = self.server(ours(), self.data(use_pod_uid_for_agent_id=True))
        pods = [self.world.new_pod(), self.world.new_pod()]
        agents = [self.agent(server, pod.token) for pod in pods]
        clients = self.many(server)
        # The 200 attest over and over until `finish`.
        time.sleep(5.0)
        result = clients.finish()
        self.assert_all_attested(result)
        self.assertEqual(result["refusals"], {})
        for agent in agents:
            wait_for("the agent has attested", agent.has_attested, 30.0, agent)
        listed = {each.spiffe_id for each in server.identities()}
        self.assertEqual(listed, {*result["ids"], *(agent_id(f"pod/{pod.uid}") for pod in pods)})

    def test_a_killed_api_server_loses_no_agent_that_tries_again(self) -> None:
        server = self.server(ours(), self.data(use_pod_uid_for_agent_id=True))
        plugin = server.plugin_pid()
        agent = self.agent(server, self.world.new_pod().token)
        wait_for("the agent has attested", agent.has_attested, 30.0, agent)
        clients = self.many(server)
        time.sleep(3.0)
        self.world.cluster.end_api_server(signal.SIGKILL)
        time.sleep(3.0)
        self.world.cluster.start_api_server()
        time.sleep(1.0)
        result = clients.finish()
        self.assert_all_attested(result)
        told = {each.split(":")[0] for each in result["refusals"]}
        self.assertIn("Unavailable", told)
        # It renews its identity when the server is there again.
        before = agent.renewals()
        wait_for("attested again", lambda: agent.renewals() > before, 60.0, agent)
        os.kill(plugin, 0)
        self.assertEqual(len(server.lines('msg="plugin started"')), 1)
        self.assertFalse(server.lines("panic"))


class TwoClustersTest(SpireCase):
    def test_agents_of_two_clusters_attest_at_one_server(self) -> None:
        directory = self.world.directory / self.world.new_name("cluster")
        directory.mkdir()
        other = Cluster(self.tools, directory, USERS)
        self.addCleanup(other.stop)
        other.start()
        there = World(other, Kubectl(self.tools.kubectl, directory), directory, None)
        there.populate()
        both = {CLUSTER_NAME: cluster_body(self.world.reviewer), "prod/eu": cluster_body(there.reviewer)}
        server = self.server(ours(), clusters(both))
        here_pod, there_pod = self.world.new_pod(), there.new_pod()
        self.assertEqual(self.attested(server, here_pod).spiffe_id, agent_id(self.world.node_uid()))
        identity = self.attested(server, there_pod, "prod/eu")
        self.assertTrue(identity.spiffe_id.endswith(f"/k8s_psat/prod/eu/{there.node_uid()}"), identity)
        # A token of one cluster is worth nothing in the other.
        self.assertIn("Unauthenticated: ", self.told(server, there_pod.token))
        self.world.kubectl.minted.extend(there.kubectl.minted)
