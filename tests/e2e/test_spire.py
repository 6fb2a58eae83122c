"""Stock spire-server with this project's plugin in place of its own, and real spire-agents."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field

import build_tools
import elf
import refusals
from build_tools import SPIRE
from name_server import NameServer
from spire import AGENT_TTL, PluginEntry, SpireFailed, SpireServer, plugin_path, wait_for
from spire_case import SpireCase, cluster_body, clusters, ours
from tokens import GARBAGE, tampered
from world import (
    ACCOUNT,
    AUDIENCE,
    CLUSTER_NAME,
    NAMESPACE,
    REVIEWER,
    REVIEWER_WITHOUT_REVIEWS,
    agent_id,
    secret_parts,
)

OPERATORS_WORDS = ("reason=", "detail=", "credential_id=", "JTI=", "https://127.0.0.1")
COUNTER = re.compile(r'^spire_server_node_attestor_k8s_psat_attestations\{.*reason="OK".*\} [1-9]', re.MULTILINE)


@dataclass(frozen=True)
class Refusal:
    """An agent's token, and how the agent fares with it at a server that allows these accounts."""

    token: str = field(repr=False)
    reason: str
    code: str
    message: str
    allow: Sequence[str] = (f"{NAMESPACE}:{ACCOUNT}",)


class PluginFileTest(SpireCase):
    def test_the_plugin_is_one_static_file(self) -> None:
        linked = subprocess.run(["ldd", plugin_path()], capture_output=True, text=True, check=False)
        self.assertIn("not a dynamic executable", linked.stdout + linked.stderr)
        self.assertEqual(elf.wishes(plugin_path()), set())
        self.assertEqual(elf.wishes(self.tools.spire_agent), {"INTERP", "NEEDED"}, "one that is not static")

    def test_the_plugin_answers_who_starts_it_by_hand(self) -> None:
        version = subprocess.run([plugin_path(), "--version"], capture_output=True, text=True, check=True)
        self.assertRegex(version.stdout, r"^spire-plugin-k8s-psat \d+\.\d+\.\d+")
        bare = subprocess.run([plugin_path()], capture_output=True, text=True, check=False)
        self.assertEqual((bare.returncode, bare.stdout), (2, ""))
        self.assertIn("plugin_cmd", bare.stderr)

    def test_a_plugin_with_another_checksum_is_not_loaded(self) -> None:
        server = self.server(PluginEntry(plugin_path(), checksum="00" * 32), self.data(), start=False)
        with self.assertRaises(SpireFailed):
            server.start()
        self.assertTrue(server.lines("checksums did not match"), server.tail())


class AgentTest(SpireCase):
    def test_an_agent_attests_and_attests_again(self) -> None:
        server = self.server(ours(), self.data())
        pod = self.world.new_pod()
        agent = self.agent(server, pod.token)
        wait_for("the agent has attested", agent.has_attested, 30.0, agent)
        [identity] = server.identities()
        self.assertEqual(identity.spiffe_id, agent_id(self.world.node_uid()))
        self.assertIn(f"k8s_psat:agent_pod_name:{pod.name}", identity.selectors)
        # SPIRE's agents renew their identity at half its time by attesting again.
        seconds = float(AGENT_TTL.removesuffix("s")) + 10.0
        wait_for("attested again", lambda: len(server.lines("Agent attested", "reason=OK")) > 1, seconds, agent)
        self.assertTrue(agent.is_running())
        self.assertEqual(server.identities(), [identity])
        self.assertIn("peer=127.0.0.1", server.lines("Agent attested")[0])
        wait_for("metrics", lambda: COUNTER.search(server.metrics()), 15.0)

    def test_a_refused_agent_ends_or_tries_again(self) -> None:
        create_token = self.world.kubectl.create_token
        for refusal in (
            Refusal(
                self.world.new_pod().token,
                "SERVICE_ACCOUNT_NOT_ALLOWED",
                "PermissionDenied",
                refusals.NOT_ALLOWED,
                allow=[f"{NAMESPACE}:another"],
            ),
            Refusal(
                create_token(NAMESPACE, ACCOUNT, AUDIENCE),
                "TOKEN_NOT_POD_BOUND",
                "PermissionDenied",
                refusals.NO_POD_NAME,
            ),
            Refusal(
                self.world.new_pod(audience="another").token,
                "AUDIENCE_MISMATCH",
                "Unauthenticated",
                refusals.REVIEW_FAILED,
            ),
            Refusal(GARBAGE, "TOKEN_MALFORMED", "Unauthenticated", refusals.REFUSED_UNSEEN),
        ):
            with self.subTest(reason=refusal.reason):
                self.assert_agent_refused(refusal)

    def assert_agent_refused(self, refusal: Refusal) -> None:
        server = self.server(ours(), self.data(service_account_allow_list=refusal.allow))
        agent = self.agent(server, refusal.token)
        if refusal.code == "PermissionDenied":
            wait_for("the agent has ended", lambda: not agent.is_running())
            self.assertEqual(len(server.lines("Agent refused")), 1)
        else:
            wait_for("refused again", lambda: len(server.lines("Agent refused")) > 1, 60.0, agent, server)
            self.assertTrue(agent.is_running(), agent.tail())
        said = f"nodeattestor(k8s_psat): {refusal.message}"
        told = [line for line in agent.lines() if refusal.code in line and said in line.replace('\\"', '"')]
        self.assertTrue(told, agent.tail())
        for words in OPERATORS_WORDS:
            self.assertFalse(agent.says(words), f"the agent was told {words}")
        for line in server.lines("Agent refused"):
            for words in ("level=warning", f"reason={refusal.reason}", f"code={refusal.code}", "detail="):
                self.assertIn(words, line)
        # What the API server minted is looked for after each case, in all logs.
        for log in (server.log, agent.log):
            for secret in secret_parts(refusal.token):
                self.assertNotIn(secret, log.read_text(errors="replace"), f"{log.name} holds the token")
        self.assertFalse(agent.has_attested())
        self.assertEqual(server.identities(), [])

    def test_an_agent_is_told_code_and_message_alone(self) -> None:
        server = self.server(ours(), self.data())
        kubectl = self.world.kubectl
        expected = {
            GARBAGE: ("Unauthenticated", refusals.REFUSED_UNSEEN, "TOKEN_MALFORMED"),
            tampered(self.world.new_pod().token): ("Unauthenticated", refusals.REVIEW_FAILED, "TOKEN_REJECTED"),
            self.world.new_pod(audience="another").token: (
                "Unauthenticated",
                refusals.REVIEW_FAILED,
                "AUDIENCE_MISMATCH",
            ),
            kubectl.create_token(NAMESPACE, ACCOUNT, AUDIENCE): (
                "PermissionDenied",
                refusals.NO_POD_NAME,
                "TOKEN_NOT_POD_BOUND",
            ),
        }
        for token, (code, message, reason) in expected.items():
            with self.subTest(reason=reason):
                self.assertEqual(self.told(server, token), f"{code}: nodeattestor(k8s_psat): {message}")
                self.assertTrue(server.lines("Agent refused", f"reason={reason}", "detail="), server.tail())

    def test_an_agent_of_an_unknown_cluster_is_refused(self) -> None:
        server = self.server(ours(), self.data())
        agent = self.agent(server, self.world.new_pod().token, "elsewhere")
        wait_for("told", lambda: agent.says("not configured for cluster"), 30.0, agent)


class ForkTest(SpireCase):
    def test_spires_own_catalog_loads_it_as_a_built_in(self) -> None:
        done = subprocess.run(
            ["go", "test", "-count=1", "-v", "-tags", "psat_static", "./fork"],
            cwd=SPIRE,
            env={
                **os.environ,
                **build_tools.archive_flags(),
                "PSAT_KUBECONFIG": str(self.world.reviewer),
                "PSAT_TOKEN": self.world.new_pod().token,
            },
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn(agent_id(self.world.node_uid()), done.stdout)


class ConfigurationTest(SpireCase):
    def test_a_replaced_kubeconfig_counts_at_once(self) -> None:
        name = self.world.new_name("replaced")
        kubeconfig = self.world.kubeconfigs.with_certificate(name, REVIEWER_WITHOUT_REVIEWS)
        server = self.server(ours(), clusters({CLUSTER_NAME: cluster_body(kubeconfig)}))
        agent = self.agent(server, self.world.new_pod().token)
        wait_for("refused", lambda: server.lines("Agent refused", "reason=API_FORBIDDEN"), 30.0, agent, server)
        self.assertFalse(agent.has_attested())
        self.world.kubeconfigs.with_certificate(name, REVIEWER)
        wait_for("attested", agent.has_attested, 60.0, agent, server)

    def test_a_changed_data_file_counts_after_a_signal(self) -> None:
        path = self.world.directory / self.world.new_name("plugin-data")
        path.write_text(self.data(service_account_allow_list=[f"{NAMESPACE}:another"]))
        server = self.server(ours(), path)
        token = self.world.new_pod().token
        self.assertIn("is not an allowed service account", self.told(server, token))
        path.write_text(self.data(service_account_allow_list=[]))
        self.reload(server, "Failed to reconfigure plugin")
        self.assertTrue(server.lines("configuration must have at least one service account allowed"), server.tail())
        self.assertIn("is not an allowed service account", self.told(server, token))
        path.write_text(self.data(call_timeout_ms=0))
        self.reload(server, "call_timeout_ms: must be a whole number")
        path.write_text(self.data(allowed_pod_label_key=["typo"]))
        self.reload(server, "Plugin reconfigured")
        self.assertTrue(server.lines("level=warning", "allowed_pod_label_keys", "unknown key"), server.tail())
        # A reload that is meant for all of SPIRE's processes does not end the plugin.
        os.kill(server.plugin_pid(), signal.SIGUSR1)
        self.attested(server, self.world.new_pod())

    def reload(self, server: SpireServer, words: str) -> None:
        server.reload()
        wait_for(words, lambda: server.lines(words), 15.0, server)

    def test_all_spellings_are_valid(self) -> None:
        body = cluster_body(self.world.reviewer)
        spellings = {
            "a map": f'clusters = {{ "{CLUSTER_NAME}" = {{ {body}\n }} }}',
            "a block": f"clusters {{ {CLUSTER_NAME} {{ {body}\n }} }}",
            "blocks with names": f'clusters "{CLUSTER_NAME}" {{ {body}\n }}\nclusters "other" {{ {body}\n }}',
            "a key that nobody knows": f'clusters "{CLUSTER_NAME}" {{ {body}\n audiences = ["typo"] }}',
        }
        for name, data in spellings.items():
            with self.subTest(name):
                server = self.server(ours(), data, start=False)
                self.assertEqual(server.validate(), (0, "SPIRE server configuration file is valid.\n"))

    def test_a_server_conf_in_json_is_valid_and_attests(self) -> None:
        server = self.server(ours(), "", start=False)
        settings = {
            "service_account_allow_list": [f"{NAMESPACE}:{ACCOUNT}"],
            "kube_config_file": str(self.world.reviewer),
        }
        # The second is what the Helm chart writes.
        for two in ({CLUSTER_NAME: settings, "other": settings}, [{CLUSTER_NAME: settings}, {"other": settings}]):
            server.write_json(ours(), {"clusters": two})
            self.assertEqual(server.validate(), (0, "SPIRE server configuration file is valid.\n"))
        server.start()
        self.attested(server, self.world.new_pod())

    def test_validate_tells_upstreams_words_and_ours(self) -> None:
        for data, words in (
            ("", "No clusters configured, PSAT attestation is effectively disabled"),
            ("clusters = 5", "plugin configuration is malformed"),
            (self.data(service_account_allow_list=[]), "must have at least one service account allowed"),
            (self.data(lookup="guess"), "clusters.demo.lookup: "),
            (clusters({"a cluster": cluster_body(self.world.reviewer)}), 'cluster "a cluster" is disabled: '),
        ):
            with self.subTest(words):
                server = self.server(ours(), data, start=False)
                code, said = server.validate()
                self.assertEqual(code, 1, said)
                self.assertIn(words, said)

    def test_a_cluster_with_an_impossible_name_is_disabled_alone(self) -> None:
        body = cluster_body(self.world.reviewer)
        server = self.server(ours(), clusters({CLUSTER_NAME: body, "a cluster": body}))
        self.assertTrue(server.lines("level=error", "Cluster is disabled"), server.tail())
        self.attested(server, self.world.new_pod())


class EmptyRootTest(SpireCase):
    """In a container without anything: the plugin, a kubeconfig, a directory for its socket, and the files that the
    kubelet writes into every container."""

    def setUp(self) -> None:
        if os.geteuid() != 0:
            self.skipTest("chroot needs root")
        super().setUp()

    def in_empty_root(self, files: dict[str, str]) -> SpireServer:
        root = self.world.directory / self.world.new_name("root")
        # SPIRE has to find the socket by the path that the plugin tells: it is a link from outside.
        sockets = self.world.directory / self.world.new_name("s")
        inside = root / sockets.relative_to("/")
        inside.mkdir(parents=True)
        os.chown(inside, 1000, 1000)
        sockets.symlink_to(inside)
        program = root / "plugin"
        program.write_bytes(plugin_path().read_bytes())
        program.chmod(0o755)
        for name, text in files.items():
            path = root / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        starter = self.world.directory / self.world.new_name("starter")
        starter.write_text(f"#!/bin/sh\nTMPDIR={sockets} exec chroot --userspec=1000:1000 {root} /plugin\n")
        starter.chmod(0o755)
        return self.server(
            PluginEntry(starter),
            f"""clusters "{CLUSTER_NAME}" {{
            service_account_allow_list = ["{NAMESPACE}:{ACCOUNT}"]
            kube_config_file = "/kubeconfig"
        }}""",
        )

    def kubeconfig(self, host: str) -> str:
        address = f"https://{host}:{self.world.cluster.port}"
        name = self.world.new_name("inline")
        return self.world.kubeconfigs.with_certificate(name, REVIEWER, inline=True, address=address).read_text()

    def test_it_attests_by_address(self) -> None:
        server = self.in_empty_root({"kubeconfig": self.kubeconfig("127.0.0.1")})
        self.attested(server, self.world.new_pod())
        self.assertEqual(os.stat(f"/proc/{server.plugin_pid()}").st_uid, 1000)

    def test_it_attests_by_a_name_of_the_hosts_file(self) -> None:
        hosts = "127.0.0.1 kubernetes.default.svc\n"
        server = self.in_empty_root({"kubeconfig": self.kubeconfig("kubernetes.default.svc"), "etc/hosts": hosts})
        self.attested(server, self.world.new_pod())

    def test_it_attests_by_a_name_of_the_dns(self) -> None:
        with NameServer() as names:
            server = self.in_empty_root(
                {
                    "kubeconfig": self.kubeconfig("kubernetes.default.svc"),
                    "etc/resolv.conf": f"nameserver {names.address}\n",
                }
            )
            self.attested(server, self.world.new_pod())
            self.assertGreater(names.asked, 0)
