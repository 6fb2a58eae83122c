"""Kubeconfigs of every kind that a deployment uses, written by kubectl itself."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from cluster import Cluster
from kubectl import Kubectl


@dataclass(frozen=True)
class Kubeconfigs:
    """Each method writes one file and returns its path; the same name writes the same file again."""

    cluster: Cluster
    kubectl: Kubectl
    directory: Path

    def with_certificate(self, name: str, user: str, *, inline: bool = False, address: str | None = None) -> Path:
        """A client certificate, named by path or, with `inline`, carried as data (the authority too)."""
        certificate, key = self.cluster.certificate(user), self.cluster.key(user)
        credential = [f"--client-certificate={certificate}", f"--client-key={key}", f"--embed-certs={_word(inline)}"]
        return self._write(name, credential, inline=inline, address=address)

    def with_files(self, name: str, certificate: Path, key: Path) -> Path:
        """A client certificate in files of the caller's."""
        return self._write(name, [f"--client-certificate={certificate}", f"--client-key={key}"])

    def with_token(self, name: str, token: str) -> Path:
        return self._write(name, [f"--token={token}"])

    def with_token_file(self, name: str, token_file: Path) -> Path:
        path = self._write(name, [])
        self.kubectl.run("config", f"--kubeconfig={path}", "set", "users.user.tokenFile", str(token_file))
        return path

    def for_another_server(self, name: str, user: str, address: str, authority: Path) -> Path:
        """A client certificate for an address, or an authority, that is not this cluster's."""
        certificate, key = self.cluster.certificate(user), self.cluster.key(user)
        credential = [f"--client-certificate={certificate}", f"--client-key={key}"]
        return self._write(name, credential, address=address, authority=authority)

    def _write(
        self,
        name: str,
        credential: list[str],
        *,
        inline: bool = False,
        address: str | None = None,
        authority: Path | None = None,
    ) -> Path:
        path = self.directory / f"{name}.kubeconfig"
        draft = self.directory / f"{name}.draft"
        config = ["config", f"--kubeconfig={draft}"]
        server = f"--server={address or self.cluster.address}"
        trust = f"--certificate-authority={authority or self.cluster.authority}"
        self.kubectl.run(*config, "set-cluster", "cluster", server, trust, f"--embed-certs={_word(inline)}")
        self.kubectl.run(*config, "set-credentials", "user", *credential)
        self.kubectl.run(*config, "set-context", "context", "--cluster=cluster", "--user=user")
        self.kubectl.run(*config, "use-context", "context")
        os.replace(draft, path)
        return path


def _word(flag: bool) -> str:
    return "true" if flag else "false"
