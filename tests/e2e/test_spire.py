"""Stock spire-server with this project's plugin in place of its own, and real spire-agents."""

from __future__ import annotations

import time

from spire import PluginEntry, SpireFailed, plugin_path, wait_for
from spire_case import BUILT_IN, SpireCase, ours
from tokens import GARBAGE
from world import ACCOUNT, AUDIENCE, CLUSTER_NAME, NAMESPACE, agent_id


class SpireAgentTest(SpireCase):
    def test_an_agent_attests(self) -> None:
        server = self.server(ours(), self.data())
        pod = self.world.new_pod()
        identity = self.attested(server, pod)
        self.assertEqual(identity.spiffe_id, agent_id(self.world.node_uid()))
        self.assertIn(f"k8s_psat:agent_pod_name:{pod.name}", identity.selectors)
