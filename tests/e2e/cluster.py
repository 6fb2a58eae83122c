"""A real control plane on loopback: etcd, kube-apiserver and their certificates, in a directory of their own."""

from __future__ import annotations

import http.client
import os
import shutil
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from build_tools import Tools
from process import Process

ADMINISTRATOR = "administrator"
READY_SECONDS = 90.0
# In-flight requests are given this long by an API server that was asked to end.
STOP_SECONDS = 75.0


class ClusterFailed(Exception):
    """A part of the control plane ended, or did not get ready in time."""


class Cluster:
    """Starts with `start`, ends with `stop`; in between the API server alone can be ended and started again."""

    def __init__(self, tools: Tools, directory: Path, users: Iterable[str], flags: Sequence[str] = ()) -> None:
        self.tools = tools
        self._certificates = directory / "certificates"
        self._data = directory / "etcd"
        self._logs = directory
        self._flags = flags
        # The pairs whose tokens are taken; the last one signs.
        self._signing_pairs = ["service-account"]
        self._users = [f"{ADMINISTRATOR}:system:masters", *users]
        self._etcd_port, self._etcd_peer_port, self._port = free_ports(3)
        self._etcd: Process | None = None
        self._api_server: Process | None = None

    @property
    def address(self) -> str:
        return f"https://127.0.0.1:{self._port}"

    @property
    def port(self) -> int:
        return self._port

    @property
    def authority(self) -> Path:
        return self._certificates / "ca.crt"

    @property
    def other_authority(self) -> Path:
        """One that did not sign the API server's certificate, unless it presents its other one."""
        return self._certificates / "other-ca.crt"

    def present_other_certificate(self) -> None:
        """The API server takes over a changed pair by itself, and presents it on new connections."""
        for end in ("crt", "key"):
            shutil.copyfile(self._certificates / f"other-server.{end}", self._certificates / f"server.{end}.new")
        for end in ("key", "crt"):
            os.replace(self._certificates / f"server.{end}.new", self._certificates / f"server.{end}")
        give_up = time.monotonic() + READY_SECONDS
        trust = ssl.create_default_context(cafile=str(self.other_authority))
        while not self._is_ready(trust):
            if time.monotonic() > give_up:
                raise ClusterFailed("kube-apiserver does not present its other certificate")
            time.sleep(0.1)

    def certificate(self, user: str) -> Path:
        return self._certificates / f"{user}.crt"

    def key(self, user: str) -> Path:
        return self._certificates / f"{user}.key"

    def start(self) -> None:
        self._certificates.mkdir()
        subprocess.run([self.tools.certificates, self._certificates, *self._users], check=True)
        self._etcd = Process(self._etcd_command(), self._logs / "etcd.log")
        self.start_api_server()

    def start_api_server(self) -> None:
        """On the same port each time; returns when it is ready."""
        self._api_server = Process(self._api_server_command(), self._logs / "kube-apiserver.log")
        give_up = time.monotonic() + READY_SECONDS
        while not self._is_ready():
            if not self._api_server.is_running():
                raise ClusterFailed("kube-apiserver has ended while it was starting")
            if time.monotonic() > give_up:
                raise ClusterFailed(f"kube-apiserver is not ready after {READY_SECONDS:.0f} s")
            time.sleep(0.1)

    def end_api_server(self, number: signal.Signals) -> None:
        """Sends the signal and returns when the API server is gone."""
        if self._api_server is not None:
            self._api_server.send(number)
            self._api_server.wait(STOP_SECONDS)

    def signal_api_server(self, number: signal.Signals) -> None:
        if self._api_server is not None:
            self._api_server.send(number)

    def stop(self) -> None:
        for process in (self._api_server, self._etcd):
            if process is not None:
                process.stop()

    def tails(self) -> str:
        return "\n".join(process.tail() for process in (self._etcd, self._api_server) if process is not None)

    def rotate_signing_key(self) -> None:
        """As an administrator does, with a restart: tokens of the old key stay good, the new one signs from now on."""
        self.end_api_server(signal.SIGTERM)
        self._signing_pairs.append("next-service-account")
        self.start_api_server()

    def _is_ready(self, trust: ssl.SSLContext | None = None) -> bool:
        trust = trust or ssl.create_default_context(cafile=str(self.authority))
        trust.load_cert_chain(self.certificate(ADMINISTRATOR), self.key(ADMINISTRATOR))
        connection = http.client.HTTPSConnection("127.0.0.1", self._port, timeout=5.0, context=trust)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _etcd_command(self) -> list[str | Path]:
        clients = f"http://127.0.0.1:{self._etcd_port}"
        peers = f"http://127.0.0.1:{self._etcd_peer_port}"
        return [
            self.tools.etcd,
            "--name=e2e",
            f"--data-dir={self._data}",
            f"--listen-client-urls={clients}",
            f"--advertise-client-urls={clients}",
            f"--listen-peer-urls={peers}",
            f"--initial-advertise-peer-urls={peers}",
            f"--initial-cluster=e2e={peers}",
            "--unsafe-no-fsync",
        ]

    def _api_server_command(self) -> list[str | Path]:
        certificates = self._certificates
        return [
            self.tools.kube_apiserver,
            f"--etcd-servers=http://127.0.0.1:{self._etcd_port}",
            "--endpoint-reconciler-type=none",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            f"--secure-port={self._port}",
            f"--tls-cert-file={certificates / 'server.crt'}",
            f"--tls-private-key-file={certificates / 'server.key'}",
            f"--client-ca-file={self.authority}",
            *(f"--service-account-key-file={certificates / pair}.pub" for pair in self._signing_pairs),
            f"--service-account-signing-key-file={certificates / self._signing_pairs[-1]}.key",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--authorization-mode=Node,RBAC",
            "--service-cluster-ip-range=10.0.0.0/24",
            # No controller runs here: nothing would create the default service account or finish a namespace.
            "--disable-admission-plugins=ServiceAccount,NamespaceLifecycle",
            *self._flags,
        ]


def free_ports(count: int) -> list[int]:
    """Distinct loopback ports, all held until the last one is found."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]
    finally:
        for each in sockets:
            each.close()
