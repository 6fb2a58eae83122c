"""The Kubernetes objects that the tests create, as plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Manifest = dict[str, Any]
NO_LABELS: Mapping[str, str] = {}


def namespace(name: str) -> Manifest:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def service_account(namespace: str, name: str) -> Manifest:
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"namespace": namespace, "name": name}}


def node(name: str, labels: Mapping[str, str] = NO_LABELS) -> Manifest:
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": dict(labels)}}


def pod(namespace: str, name: str, account: str, node: str | None, labels: Mapping[str, str] = NO_LABELS) -> Manifest:
    """A pod that is already scheduled when `node` is given: no scheduler runs here."""
    spec: Manifest = {"serviceAccountName": account, "containers": [{"name": "agent", "image": "agent"}]}
    if node is not None:
        spec["nodeName"] = node
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"namespace": namespace, "name": name, "labels": dict(labels)},
        "spec": spec,
    }


def rule(group: str, resource: str, verb: str) -> Manifest:
    return {"apiGroups": [group], "resources": [resource], "verbs": [verb]}


REVIEW_TOKENS = rule("authentication.k8s.io", "tokenreviews", "create")
GET_PODS = rule("", "pods", "get")
GET_NODES = rule("", "nodes", "get")


def role_for(name: str, subject: Manifest, rules: Sequence[Manifest]) -> list[Manifest]:
    """A cluster role of this name and its binding to the subject."""
    group = "rbac.authorization.k8s.io"
    kind = "ClusterRole"
    return [
        {"apiVersion": f"{group}/v1", "kind": kind, "metadata": {"name": name}, "rules": list(rules)},
        {
            "apiVersion": f"{group}/v1",
            "kind": f"{kind}Binding",
            "metadata": {"name": name},
            "roleRef": {"apiGroup": group, "kind": kind, "name": name},
            "subjects": [subject],
        },
    ]


def certificate_user(name: str) -> Manifest:
    return {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": name}


def account_subject(namespace: str, name: str) -> Manifest:
    return {"kind": "ServiceAccount", "namespace": namespace, "name": name}


def token_review(token: str, audiences: Sequence[str]) -> Manifest:
    return {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenReview",
        "spec": {"token": token, "audiences": list(audiences)},
    }
