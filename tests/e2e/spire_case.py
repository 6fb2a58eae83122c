"""The base of the cases with SPIRE: servers and agents that end with their case, and tokens that are in no log."""

from __future__ import annotations

import unittest
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from build_tools import Tools
from spire import BUILT_IN, Identity, ManyAgents, PluginEntry, SpireAgent, SpireServer, ours, quoted, wait_for
from world import ACCOUNT, CLUSTER_NAME, NAMESPACE, Pod, World, secret_parts

__all__ = ["BUILT_IN", "SpireCase", "cluster_body", "clusters", "ours"]


class SpireCase(unittest.TestCase):
    world: ClassVar[World]
    tools: ClassVar[Tools]

    def setUp(self) -> None:
        self._logs: list[Path] = []

    def tearDown(self) -> None:
        # Servers and agents are stopped by now or soon; what they have logged so far is looked at.
        secrets = [part for token in self.world.kubectl.minted for part in secret_parts(token)]
        for log in self._logs:
            text = log.read_text(errors="replace") if log.exists() else ""
            for secret in secrets:
                if secret in text:
                    self.fail(f"{log.name} holds a credential")

    def data(self, **settings: Any) -> str:
        """plugin_data with the shared cluster alone."""
        return clusters({CLUSTER_NAME: cluster_body(self.world.reviewer, **settings)})

    def server(self, entry: PluginEntry, plugin_data: str | Path, *, start: bool = True) -> SpireServer:
        server = SpireServer(self.tools, self._directory("server"), entry, plugin_data)
        self._logs.append(server.log)
        self.addCleanup(server.stop)
        if start:
            server.start()
        return server

    def agent(self, server: SpireServer, token: str, cluster: str = CLUSTER_NAME) -> SpireAgent:
        """Started; whether it attests is for the test to see."""
        agent = SpireAgent(self.tools, self._directory("agent"), server, cluster, token)
        self.addCleanup(agent.stop)
        agent.start()
        return agent

    def attested(self, server: SpireServer, pod: Pod, cluster: str = CLUSTER_NAME) -> Identity:
        """A new agent attests as this pod; it is what the server then lists beside those from before."""
        before = {each.spiffe_id for each in server.identities()}
        agent = self.agent(server, pod.token, cluster)
        wait_for("the agent has attested", agent.has_attested, 30.0, agent)
        new = [each for each in server.identities() if each.spiffe_id not in before]
        self.assertEqual(len(new), 1, new)
        return new[0]

    def told(self, server: SpireServer, token: str) -> str:
        """The code and the message that an agent with this token is refused with."""
        clients = ManyAgents(self.tools, server, CLUSTER_NAME, [token], recovery="0s")
        [refusal] = clients.finish()["refusals"]
        return str(refusal)

    def _directory(self, kind: str) -> Path:
        return self.world.directory / self.world.new_name(kind)


def cluster_body(kubeconfig: Path, **settings: Any) -> str:
    """The settings of one cluster, as HCL."""
    whole: Mapping[str, Any] = {
        "service_account_allow_list": [f"{NAMESPACE}:{ACCOUNT}"],
        "kube_config_file": str(kubeconfig),
        **settings,
    }
    return "\n".join(f"{key} = {hcl(value)}" for key, value in whole.items())


def clusters(bodies: Mapping[str, str]) -> str:
    """As SPIRE's manual writes them."""
    inner = "\n".join(f"{quoted(name)} = {{\n{body}\n}}" for name, body in bodies.items())
    return f"clusters = {{\n{inner}\n}}"


def hcl(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(hcl(each) for each in value) + "]"
    return quoted(str(value))
