"""What an agent may read, word for word: the messages of the checks, in the order of their rows."""

from __future__ import annotations

from world import ACCOUNT, CLUSTER_NAME, NAMESPACE

_C = f'cluster "{CLUSTER_NAME}"'

REFUSED_UNSEEN = f"token refused for {_C}"
REVIEW_FAILED = f"unable to validate token with TokenReview API for {_C}"
NOT_ALLOWED = f'"{NAMESPACE}:{ACCOUNT}" is not an allowed service account for {_C}'
NO_POD_NAME = f"failed to get pod name from token review status for {_C}"
GET_POD_FAILED = f"failed to get pod from k8s API server for {_C}"
GET_NODE_FAILED = f"failed to get node from k8s API server for {_C}"


def other_pod_uid(name: str, uid: str) -> str:
    return f'pod UID mismatch for pod "{name}" in {_C}: token bound to pod UID "{uid}"'


def terminated(name: str) -> str:
    return f'pod "{name}" in {_C} has terminated'


def earlier_node(name: str) -> str:
    return f'token of pod "{name}" in {_C} is bound to an earlier node'
