"""The administrator's hands: objects, tokens and reviews, through the kubectl that belongs to the API server."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import manifests
from manifests import Manifest


class KubectlFailed(Exception):
    """kubectl ended with an error; the text is what it said."""


class Kubectl:
    def __init__(self, program: Path, home: Path) -> None:
        self._program = program
        # Neither the caller's kubeconfig nor the caller's proxy has any business here.
        self._environment = {"HOME": str(home), "PATH": os.environ.get("PATH", "")}
        self._kubeconfig: Path | None = None
        # Every token handed out, so that the tests can look for them where none may be.
        self.minted: list[str] = []

    def use(self, kubeconfig: Path) -> None:
        self._kubeconfig = kubeconfig

    def run(self, *arguments: str, standard_input: str = "") -> str:
        access = [] if self._kubeconfig is None else [f"--kubeconfig={self._kubeconfig}"]
        done = subprocess.run(
            [self._program, *access, *arguments],
            input=standard_input,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        if done.returncode != 0:
            raise KubectlFailed(f"kubectl {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def create(self, *objects: Manifest) -> Manifest:
        """Creates them all; the last one is returned as the server stored it."""
        created: Manifest = {}
        for each in objects:
            text = self.run("create", "--validate=false", "-f", "-", "-o", "json", standard_input=json.dumps(each))
            created = json.loads(text)
        return created

    def create_all(self, objects: Sequence[Manifest]) -> list[tuple[str, str]]:
        """Creates them with one command, and returns each name and UID."""
        output = 'jsonpath={.metadata.name} {.metadata.uid}{"\\n"}'
        whole = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})
        lines = self.run("create", "--validate=false", "-f", "-", "-o", output, standard_input=whole).splitlines()
        return [(name, uid) for name, _, uid in (line.partition(" ") for line in lines)]

    def delete(self, kind: str, name: str, namespace: str | None = None) -> None:
        """At once: no kubelet is there to confirm the end of a pod."""
        self.run("delete", kind, name, *_in(namespace), "--grace-period=0", "--force", "--wait=true")

    def patch_status(self, kind: str, name: str, status: Manifest, namespace: str | None = None) -> None:
        patch = json.dumps({"status": status})
        self.run("patch", kind, name, *_in(namespace), "--subresource=status", "--type=merge", "-p", patch)

    def create_token(self, namespace: str, account: str, audience: str | None, pod: str | None = None) -> str:
        """A token by TokenRequest; without an audience the server puts its own into it."""
        arguments = ["create", "token", account, "-n", namespace]
        if audience is not None:
            arguments += ["--audience", audience]
        if pod is not None:
            arguments += ["--bound-object-kind", "Pod", "--bound-object-name", pod]
        token = self.run(*arguments).strip()
        self.minted.append(token)
        return token

    def review(self, token: str, audiences: Sequence[str]) -> dict[str, Any]:
        """The status with which the server answers a TokenReview of the administrator."""
        status = self.create(manifests.token_review(token, audiences))["status"]
        return dict(status)


def _in(namespace: str | None) -> list[str]:
    return [] if namespace is None else ["-n", namespace]
