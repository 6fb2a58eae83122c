"""Stock SPIRE: a server with this project's plugin or with its own, and real agents."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from build_tools import ROOT, Tools
from cluster import free_ports
from process import Process
from world import TRUST_DOMAIN

READY_SECONDS = 60.0
SOON_SECONDS = 30.0
AGENT_TTL = "20s"


def plugin_path() -> Path:
    """The external plugin under test."""
    return Path(os.environ.get("PSAT_PLUGIN") or ROOT / "target" / "plugin" / "spire-plugin-k8s-psat")


class SpireFailed(Exception):
    """A SPIRE program ended, refused, or did not do in time what it should."""


@dataclass(frozen=True)
class Identity:
    """An agent as the server lists it; the selectors in an order of their own."""

    spiffe_id: str
    selectors: tuple[str, ...]


@dataclass(frozen=True)
class PluginEntry:
    """How server.conf names the plugin k8s_psat: the built-in one, or a program."""

    command: Path | None = None
    # What SPIRE holds the program against; that of `command` unless told otherwise.
    checksum: str | None = None

    def settings(self) -> dict[str, str]:
        if self.command is None:
            return {}
        checksum = self.checksum or hashlib.sha256(self.command.read_bytes()).hexdigest()
        return {"plugin_cmd": str(self.command), "plugin_checksum": checksum}


BUILT_IN = PluginEntry()


def ours() -> PluginEntry:
    return PluginEntry(plugin_path())


class SpireServer:
    """One server in a directory of its own. `plugin_data` is HCL, or the path of a file that holds it."""

    def __init__(self, tools: Tools, directory: Path, entry: PluginEntry, plugin_data: str | Path) -> None:
        self._tools = tools
        self.directory = directory
        directory.mkdir()
        self.config = directory / "server.conf"
        self.socket = directory / "api.sock"
        self.log = directory / "spire-server.log"
        self._port, self._metrics_port = free_ports(2)
        self._process: Process | None = None
        self.write(entry, plugin_data)

    def write(self, entry: PluginEntry, plugin_data: str | Path) -> None:
        """server.conf in HCL."""
        data = (
            f"plugin_data_file = {quoted(plugin_data)}"
            if isinstance(plugin_data, Path)
            else f"plugin_data {{\n{plugin_data}\n}}"
        )
        program = "\n".join(f"{key} = {quoted(value)}" for key, value in entry.settings().items())
        server = "\n".join(f"{key} = {json.dumps(value)}" for key, value in self._server().items())
        self.config.write_text(
            f"""
server {{
{server}
    ratelimit {{ attestation = false, signing = false }}
}}
plugins {{
    DataStore "sql" {{
        plugin_data {{
            database_type = "sqlite3"
            connection_string = {quoted(self._database())}
        }}
    }}
    KeyManager "memory" {{ plugin_data {{}} }}
    NodeAttestor "k8s_psat" {{
        {program}
        {data}
    }}
}}
telemetry {{ Prometheus {{ host = "127.0.0.1", port = {self._metrics_port} }} }}
"""
        )

    def write_json(self, entry: PluginEntry, plugin_data: Mapping[str, Any]) -> None:
        """The same in JSON."""
        database = {"database_type": "sqlite3", "connection_string": self._database()}
        plugins = {
            "DataStore": {"sql": {"plugin_data": database}},
            "KeyManager": {"memory": {"plugin_data": {}}},
            "NodeAttestor": {"k8s_psat": {**entry.settings(), "plugin_data": plugin_data}},
        }
        self.config.write_text(json.dumps({"server": self._server(), "plugins": plugins}))

    def _server(self) -> dict[str, Any]:
        return {
            "bind_address": "127.0.0.1",
            "bind_port": str(self._port),
            "socket_path": str(self.socket),
            "trust_domain": TRUST_DOMAIN,
            "data_dir": str(self.directory),
            "log_level": "DEBUG",
            "agent_ttl": AGENT_TTL,
        }

    def _database(self) -> str:
        return str(self.directory / "datastore.sqlite3")

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._port}"

    @property
    def port(self) -> int:
        return self._port

    def start(self) -> None:
        self._process = Process([self._tools.spire_server, "run", "-config", self.config], self.log)
        wait_for("the SPIRE server is ready", self._is_ready, READY_SECONDS, self)

    def _is_ready(self) -> bool:
        return self._command("healthcheck").returncode == 0

    def stop(self) -> None:
        if self._process is not None:
            self._process.stop()

    def is_running(self) -> bool:
        return self._process is not None and self._process.is_running()

    def reload(self) -> None:
        """Has the server look at its plugin_data_file again."""
        if self._process is not None:
            self._process.send(signal.SIGUSR1)

    def metrics(self) -> str:
        """What a Prometheus would read."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self._metrics_port}/metrics", timeout=10.0) as answer:
            return str(answer.read().decode())

    def validate(self, config: Path | None = None) -> tuple[int, str]:
        """The exit code of `spire-server validate`, and what it says."""
        done = subprocess.run(
            [self._tools.spire_server, "validate", "-config", config or self.config],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        return done.returncode, done.stdout + done.stderr

    def identities(self) -> list[Identity]:
        """The agents that have attested."""
        done = self._command("agent", "list", "-output", "json")
        if done.returncode != 0:
            raise SpireFailed(f"agent list: {done.stderr}")
        agents = json.loads(done.stdout).get("agents") or []
        return [_identity(each) for each in agents]

    def lines(self, *words: str) -> list[str]:
        """The lines of the log that hold all the words."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return [line for line in text.splitlines() if all(word in line for word in words)]

    def tail(self, lines: int = 40) -> str:
        return "\n".join(self.lines()[-lines:])

    def plugin_pid(self) -> int:
        """The process of the plugin, as the server told when it started it."""
        [line] = self.lines('msg="plugin started"')
        return int(line.split("pid=")[1].split()[0])

    def _command(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self._tools.spire_server, *words, "-socketPath", str(self.socket)],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )


class SpireAgent:
    """One agent, whose token lies in a file as the kubelet would put it."""

    def __init__(self, tools: Tools, directory: Path, server: SpireServer, cluster: str, token: str) -> None:
        self._tools = tools
        directory.mkdir()
        self.token = directory / "token"
        self.token.write_text(token)
        self.config = directory / "agent.conf"
        self.log = directory / "spire-agent.log"
        self.config.write_text(
            f"""
agent {{
    server_address = "127.0.0.1"
    server_port = "{server.port}"
    socket_path = {quoted(directory / "agent.sock")}
    trust_domain = "{TRUST_DOMAIN}"
    data_dir = {quoted(directory)}
    log_level = "DEBUG"
    insecure_bootstrap = true
}}
plugins {{
    NodeAttestor "k8s_psat" {{
        plugin_data {{
            cluster = "{cluster}"
            token_path = {quoted(self.token)}
        }}
    }}
    KeyManager "memory" {{ plugin_data {{}} }}
    WorkloadAttestor "unix" {{ plugin_data {{}} }}
}}
"""
        )
        self._process: Process | None = None

    def start(self) -> None:
        self._process = Process([self._tools.spire_agent, "run", "-config", self.config], self.log)

    def stop(self) -> None:
        if self._process is not None:
            self._process.stop()

    def is_running(self) -> bool:
        return self._process is not None and self._process.is_running()

    def has_attested(self) -> bool:
        return self.says("Node attestation was successful")

    def renewals(self) -> int:
        """How often it has attested again."""
        return sum("Successfully reattested node" in line for line in self.lines())

    def says(self, words: str) -> bool:
        return any(words in line for line in self.lines())

    def lines(self) -> list[str]:
        return self.log.read_text(errors="replace").splitlines() if self.log.exists() else []

    def tail(self, lines: int = 40) -> str:
        return "\n".join(self.lines()[-lines:])


class ManyAgents:
    """Clients of the server's agent API, each with a token, that attest until told to stop."""

    def __init__(self, tools: Tools, server: SpireServer, cluster: str, tokens: list[str], recovery: str) -> None:
        self._child = subprocess.Popen(
            [tools.many_agents, "-server", server.address, "-cluster", cluster, "-recover", recovery],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._child.stdin is not None
        self._child.stdin.write("".join(f"{token}\n" for token in [*tokens, ""]))
        self._child.stdin.flush()

    def finish(self, seconds: float = 90.0) -> Mapping[str, Any]:
        """What they have seen; each has attested once more, or is counted as lost."""
        try:
            said, _ = self._child.communicate(timeout=seconds)
        except BaseException:
            self._child.kill()
            self._child.wait()
            raise
        if self._child.returncode != 0:
            raise SpireFailed("many-agents has failed")
        result: Mapping[str, Any] = json.loads(said)
        return result


def wait_for(what: str, holds: Any, seconds: float = SOON_SECONDS, *told: SpireServer | SpireAgent) -> None:
    """Waits until `holds()`; if that takes too long, or a program has ended, its log is shown."""
    give_up = time.monotonic() + seconds
    while not holds():
        ended = [each for each in told if not each.is_running()]
        if ended or time.monotonic() > give_up:
            tails = "\n".join(f"--- {each.log.name}\n{each.tail()}" for each in told)
            raise SpireFailed(f"{'ended' if ended else 'not in time'}: {what}\n{tails}")
        time.sleep(0.1)


def quoted(value: str | Path) -> str:
    """A string of HCL; none here has anything to escape but what JSON escapes too."""
    return json.dumps(str(value))


def _identity(agent: Mapping[str, Any]) -> Identity:
    name = agent["id"]
    selectors = sorted(f"{each['type']}:{each['value']}" for each in agent["selectors"])
    return Identity(f"spiffe://{name['trust_domain']}{name['path']}", tuple(selectors))
