"""Why a call was refused: stable words. Generated from src/outcome.rs by `make generate`. Do not edit.

docs/reasons.md says for each what to do about it. A later library may have more of them.
"""

from __future__ import annotations

from typing import Final, NamedTuple

OK: Final = "OK"
"""The call succeeded."""
NOT_CONFIGURED: Final = "NOT_CONFIGURED"
"""The attestor has no configuration yet."""
PAYLOAD_MISSING: Final = "PAYLOAD_MISSING"
"""The attestation payload is empty."""
PAYLOAD_TOO_LARGE: Final = "PAYLOAD_TOO_LARGE"
"""The payload is larger than 64 KiB."""
PAYLOAD_MALFORMED: Final = "PAYLOAD_MALFORMED"
"""The payload is not the JSON object `{"cluster":…,"token":…}`."""
CLUSTER_MISSING: Final = "CLUSTER_MISSING"
"""The payload names no cluster."""
TOKEN_MISSING: Final = "TOKEN_MISSING"
"""The payload carries no token."""
CLUSTER_UNKNOWN: Final = "CLUSTER_UNKNOWN"
"""The payload names a cluster that is not configured."""
TOKEN_MALFORMED: Final = "TOKEN_MALFORMED"
"""The token is over 16 KiB, not a JWS, or not signed with a public-key algorithm."""
SIGNATURE_INVALID: Final = "SIGNATURE_INVALID"
"""The token's signature is wrong under a known signing key of the cluster."""
OVERLOADED: Final = "OVERLOADED"
"""No slot became free in time, or the cluster's queue is full."""
TOKEN_REJECTED: Final = "TOKEN_REJECTED"
"""TokenReview refused the token."""
TOKEN_EXPIRED: Final = "TOKEN_EXPIRED"
"""TokenReview says that the token has expired, or its own claims say that it did so long ago."""
AUDIENCE_MISMATCH: Final = "AUDIENCE_MISMATCH"
"""The token is not for any of the wanted audiences."""
TOKEN_NOT_AUTHENTICATED: Final = "TOKEN_NOT_AUTHENTICATED"
"""TokenReview answered that the token is not authenticated, without an error."""
NOT_A_SERVICE_ACCOUNT: Final = "NOT_A_SERVICE_ACCOUNT"
"""The token's user is no service account with the groups of its namespace."""
SERVICE_ACCOUNT_NOT_ALLOWED: Final = "SERVICE_ACCOUNT_NOT_ALLOWED"
"""The service account is not on the cluster's allow list."""
TOKEN_NOT_POD_BOUND: Final = "TOKEN_NOT_POD_BOUND"
"""The token is not bound to exactly one pod."""
POD_NOT_FOUND: Final = "POD_NOT_FOUND"
"""The API server has no such pod."""
POD_UID_MISMATCH: Final = "POD_UID_MISMATCH"
"""The pod of that name has another UID than the token's."""
POD_SERVICE_ACCOUNT_MISMATCH: Final = "POD_SERVICE_ACCOUNT_MISMATCH"
"""The pod does not run as the token's service account."""
POD_TERMINATED: Final = "POD_TERMINATED"
"""The pod has finished (phase Succeeded or Failed)."""
POD_NOT_SCHEDULED: Final = "POD_NOT_SCHEDULED"
"""The pod has no node yet."""
NODE_CLAIM_MISMATCH: Final = "NODE_CLAIM_MISMATCH"
"""The token is bound to another node than the pod's."""
NODE_NOT_FOUND: Final = "NODE_NOT_FOUND"
"""The API server has no such node."""
NODE_UID_EMPTY: Final = "NODE_UID_EMPTY"
"""The Node object has no UID."""
ID_INVALID: Final = "ID_INVALID"
"""The UID is no valid SPIFFE path segment, or the agent ID is longer than 2048 bytes."""
NODE_UID_MISMATCH: Final = "NODE_UID_MISMATCH"
"""The token is bound to an earlier Node object of the same name, and `require_node_uid_match` is set."""
CLAIMS_MISSING: Final = "CLAIMS_MISSING"
"""With `lookup: claims`, TokenReview's answer lacks the node's name or UID."""
CREDENTIALS_UNAVAILABLE: Final = "CREDENTIALS_UNAVAILABLE"
"""The kubeconfig or the in-cluster files cannot be read or are not valid."""
API_UNREACHABLE: Final = "API_UNREACHABLE"
"""The API server could not be reached, or the connection broke before the answer was complete."""
API_UNAUTHENTICATED: Final = "API_UNAUTHENTICATED"
"""The API server does not accept the library's own credential (401)."""
API_FORBIDDEN: Final = "API_FORBIDDEN"
"""The library's own credential lacks a permission (403)."""
API_THROTTLED: Final = "API_THROTTLED"
"""The API server is throttling (429)."""
API_ERROR: Final = "API_ERROR"
"""The API server, or something in front of it, answered with an error or a redirect."""
API_BAD_RESPONSE: Final = "API_BAD_RESPONSE"
"""The answer is complete but not the object asked for, or over 4 MiB."""
DEADLINE_EXCEEDED: Final = "DEADLINE_EXCEEDED"
"""The time allowed for the attestation or for one call ran out."""
CANCELED: Final = "CANCELED"
"""The host cancelled the attestation."""
SHUTTING_DOWN: Final = "SHUTTING_DOWN"
"""The attestor is being shut down, or was."""
INTERNAL_PANIC: Final = "INTERNAL_PANIC"
"""A fault inside this library ended the attestation. Others go on."""
RUNTIME_UNAVAILABLE: Final = "RUNTIME_UNAVAILABLE"
"""The attestor's threads could not be started."""
CONFIG_INVALID: Final = "CONFIG_INVALID"
"""The configuration has errors; `notes` lists all."""
NULL_POINTER: Final = "NULL_POINTER"
"""A pointer that must not be NULL was."""
CLOSED: Final = "CLOSED"
"""The queue is closed."""
FORKED: Final = "FORKED"
"""The handle was made before a fork and is used in the child."""
PANIC: Final = "PANIC"
"""A fault inside this library ended the call."""
OPTIONS_MALFORMED: Final = "OPTIONS_MALFORMED"
"""`options` is not the JSON object that the function takes."""


class Row(NamedTuple):
    """What belongs to a reason."""

    code: int
    """In the error style `precise`."""
    meaning: str


TABLE: Final[dict[str, Row]] = {
    OK: Row(
        0,
        "The call succeeded.",
    ),
    NOT_CONFIGURED: Row(
        9,
        "The attestor has no configuration yet.",
    ),
    PAYLOAD_MISSING: Row(
        3,
        "The attestation payload is empty.",
    ),
    PAYLOAD_TOO_LARGE: Row(
        3,
        "The payload is larger than 64 KiB.",
    ),
    PAYLOAD_MALFORMED: Row(
        3,
        'The payload is not the JSON object `{"cluster":…,"token":…}`.',
    ),
    CLUSTER_MISSING: Row(
        3,
        "The payload names no cluster.",
    ),
    TOKEN_MISSING: Row(
        3,
        "The payload carries no token.",
    ),
    CLUSTER_UNKNOWN: Row(
        3,
        "The payload names a cluster that is not configured.",
    ),
    TOKEN_MALFORMED: Row(
        16,
        "The token is over 16 KiB, not a JWS, or not signed with a public-key algorithm.",
    ),
    SIGNATURE_INVALID: Row(
        16,
        "The token's signature is wrong under a known signing key of the cluster.",
    ),
    OVERLOADED: Row(
        8,
        "No slot became free in time, or the cluster's queue is full.",
    ),
    TOKEN_REJECTED: Row(
        16,
        "TokenReview refused the token.",
    ),
    TOKEN_EXPIRED: Row(
        16,
        "TokenReview says that the token has expired, or its own claims say that it did so long ago.",
    ),
    AUDIENCE_MISMATCH: Row(
        16,
        "The token is not for any of the wanted audiences.",
    ),
    TOKEN_NOT_AUTHENTICATED: Row(
        7,
        "TokenReview answered that the token is not authenticated, without an error.",
    ),
    NOT_A_SERVICE_ACCOUNT: Row(
        7,
        "The token's user is no service account with the groups of its namespace.",
    ),
    SERVICE_ACCOUNT_NOT_ALLOWED: Row(
        7,
        "The service account is not on the cluster's allow list.",
    ),
    TOKEN_NOT_POD_BOUND: Row(
        7,
        "The token is not bound to exactly one pod.",
    ),
    POD_NOT_FOUND: Row(
        5,
        "The API server has no such pod.",
    ),
    POD_UID_MISMATCH: Row(
        7,
        "The pod of that name has another UID than the token's.",
    ),
    POD_SERVICE_ACCOUNT_MISMATCH: Row(
        7,
        "The pod does not run as the token's service account.",
    ),
    POD_TERMINATED: Row(
        7,
        "The pod has finished (phase Succeeded or Failed).",
    ),
    POD_NOT_SCHEDULED: Row(
        9,
        "The pod has no node yet.",
    ),
    NODE_CLAIM_MISMATCH: Row(
        7,
        "The token is bound to another node than the pod's.",
    ),
    NODE_NOT_FOUND: Row(
        5,
        "The API server has no such node.",
    ),
    NODE_UID_EMPTY: Row(
        13,
        "The Node object has no UID.",
    ),
    ID_INVALID: Row(
        13,
        "The UID is no valid SPIFFE path segment, or the agent ID is longer than 2048 bytes.",
    ),
    NODE_UID_MISMATCH: Row(
        7,
        "The token is bound to an earlier Node object of the same name, and `require_node_uid_match` is set.",
    ),
    CLAIMS_MISSING: Row(
        9,
        "With `lookup: claims`, TokenReview's answer lacks the node's name or UID.",
    ),
    CREDENTIALS_UNAVAILABLE: Row(
        9,
        "The kubeconfig or the in-cluster files cannot be read or are not valid.",
    ),
    API_UNREACHABLE: Row(
        14,
        "The API server could not be reached, or the connection broke before the answer was complete.",
    ),
    API_UNAUTHENTICATED: Row(
        9,
        "The API server does not accept the library's own credential (401).",
    ),
    API_FORBIDDEN: Row(
        9,
        "The library's own credential lacks a permission (403).",
    ),
    API_THROTTLED: Row(
        14,
        "The API server is throttling (429).",
    ),
    API_ERROR: Row(
        14,
        "The API server, or something in front of it, answered with an error or a redirect.",
    ),
    API_BAD_RESPONSE: Row(
        13,
        "The answer is complete but not the object asked for, or over 4 MiB.",
    ),
    DEADLINE_EXCEEDED: Row(
        4,
        "The time allowed for the attestation or for one call ran out.",
    ),
    CANCELED: Row(
        1,
        "The host cancelled the attestation.",
    ),
    SHUTTING_DOWN: Row(
        14,
        "The attestor is being shut down, or was.",
    ),
    INTERNAL_PANIC: Row(
        13,
        "A fault inside this library ended the attestation. Others go on.",
    ),
    RUNTIME_UNAVAILABLE: Row(
        13,
        "The attestor's threads could not be started.",
    ),
    CONFIG_INVALID: Row(
        3,
        "The configuration has errors; `notes` lists all.",
    ),
    NULL_POINTER: Row(
        1000,
        "A pointer that must not be NULL was.",
    ),
    CLOSED: Row(
        1001,
        "The queue is closed.",
    ),
    FORKED: Row(
        1002,
        "The handle was made before a fork and is used in the child.",
    ),
    PANIC: Row(
        1003,
        "A fault inside this library ended the call.",
    ),
    OPTIONS_MALFORMED: Row(
        1004,
        "`options` is not the JSON object that the function takes.",
    ),
}
