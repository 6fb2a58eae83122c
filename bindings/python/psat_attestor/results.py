"""What the library answers, typed and frozen. `document` is the whole of it as JSON, with what has no type here too."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


def _document() -> Any:
    return field(repr=False, compare=False)


@dataclass(frozen=True)
class AgentAttributes:
    """What an agent has been found to be, in the names of SPIRE's protocol."""

    spiffe_id: str
    selector_values: tuple[str, ...]
    """Without their type, which is k8s_psat."""
    can_reattest: bool

    @classmethod
    def of(cls, members: Mapping[str, Any]) -> AgentAttributes:
        return cls(members["spiffe_id"], tuple(members["selector_values"]), members["can_reattest"])


@dataclass(frozen=True)
class ApiCall:
    """One call to an API server."""

    call: str
    """Its kind, such as `token_review`."""
    status: int | None
    """The HTTP status; None if no answer began."""
    attempts: int
    elapsed_us: int

    @classmethod
    def of(cls, members: Mapping[str, Any]) -> ApiCall:
        return cls(members["call"], members.get("status"), members["attempts"], members["elapsed_us"])


@dataclass(frozen=True)
class Diagnostics:
    """How an attestation went, for the operator alone. It holds no token."""

    cluster: str | None
    """The configured cluster that the payload named."""
    lookup: str | None
    """How pod and node were looked up; None if TokenReview did not accept."""
    credential_id: str | None
    """The ID under which the API server's audit log knows the token."""
    elapsed_us: int
    api_calls: tuple[ApiCall, ...]
    """In the order in which they ended."""
    warnings: tuple[str, ...]
    """What does not refuse the agent but should be known; each begins with a stable word."""
    peer: str | None
    traceparent: str | None
    request_id: str | None

    @classmethod
    def of(cls, members: Mapping[str, Any]) -> Diagnostics:
        return cls(
            members.get("cluster"),
            members.get("lookup"),
            members.get("credential_id"),
            members["elapsed_us"],
            tuple(ApiCall.of(each) for each in members["api_calls"]),
            tuple(members["warnings"]),
            members.get("peer"),
            members.get("traceparent"),
            members.get("request_id"),
        )


@dataclass(frozen=True)
class Attestation:
    """An agent that has been accepted."""

    agent_attributes: AgentAttributes
    operation: str
    """The operation's ID, as log records have it."""
    config_generation: int
    """Which configuration judged; the first is 1."""
    diagnostics: Diagnostics
    document: bytes = _document()

    @classmethod
    def of(cls, document: bytes) -> Attestation:
        members = json.loads(document)
        return cls(
            AgentAttributes.of(members["agent_attributes"]),
            members["operation"],
            members["config_generation"],
            Diagnostics.of(members["diagnostics"]),
            document,
        )


@dataclass(frozen=True)
class Step:
    """One check of `explain`, or one step of `check`. For the operator alone."""

    check: str
    """Its stable name, such as `service_account_allowed`."""
    outcome: str
    """`pass`, `fail`, `warn` or `skip`."""
    reason: str | None
    """Why it failed; some warnings have one too."""
    detail: str | None
    """What was seen, and what was wanted."""
    remedy: str | None
    """What to do; after a line that ends in a colon comes the very line, manifest or command."""

    @classmethod
    def of(cls, members: Mapping[str, Any]) -> Step:
        return cls(
            members["check"], members["outcome"], members.get("reason"), members.get("detail"), members.get("remedy")
        )


def _steps(members: Mapping[str, Any]) -> tuple[Step, ...]:
    return tuple(Step.of(each) for each in members["steps"])


@dataclass(frozen=True)
class Explanation:
    """One attestation with every check of it, past the first failure too."""

    code: int
    """What `attest` would have answered; 0 = accepted."""
    reason: str
    message: str
    """What the agent would have been told; empty if it was accepted."""
    detail: str
    """The causes, for the operator alone."""
    steps: tuple[Step, ...]
    agent_attributes: AgentAttributes | None
    """None if it was refused."""
    operation: str | None
    config_generation: int | None
    diagnostics: Diagnostics | None
    document: bytes = _document()

    @property
    def accepted(self) -> bool:
        """Whether the agent would have been accepted."""
        return self.code == 0

    @classmethod
    def of(cls, document: bytes) -> Explanation:
        members = json.loads(document)
        attributes, diagnostics = members.get("agent_attributes"), members.get("diagnostics")
        return cls(
            members["code"],
            members["reason"],
            members.get("message", ""),
            diagnostics.get("detail", "") if diagnostics else "",
            _steps(members),
            AgentAttributes.of(attributes) if attributes else None,
            members.get("operation"),
            members.get("config_generation"),
            Diagnostics.of(diagnostics) if diagnostics else None,
            document,
        )


@dataclass(frozen=True)
class ClusterReport:
    """Whether one cluster can be used."""

    usable: bool
    elapsed_us: int
    server: str | None
    """The API server's address."""
    server_version: str | None
    user: str | None
    """Who the library is to the API server."""
    steps: tuple[Step, ...]

    @classmethod
    def of(cls, members: Mapping[str, Any]) -> ClusterReport:
        return cls(
            members["usable"],
            members["elapsed_us"],
            members.get("server"),
            members.get("server_version"),
            members.get("user"),
            _steps(members),
        )


@dataclass(frozen=True)
class CheckReport:
    """Whether the configured clusters can be used."""

    code: int
    """0 if all can; else that of the first failed step of the first cluster that cannot."""
    reason: str
    message: str
    config_generation: int
    clusters: Mapping[str, ClusterReport]
    document: bytes = _document()

    @property
    def usable(self) -> bool:
        """Whether all of them can be used."""
        return self.code == 0

    @classmethod
    def of(cls, document: bytes) -> CheckReport:
        members = json.loads(document)
        return cls(
            members["code"],
            members["reason"],
            members.get("message", ""),
            members["config_generation"],
            {name: ClusterReport.of(each) for name, each in members["clusters"].items()},
            document,
        )


@dataclass(frozen=True)
class Note:
    """One thing to say about a configuration."""

    severity: str
    """`error`, `warning` or `info`."""
    path: str
    """What it is about, such as `clusters.demo.audience[0]`; empty for the whole document."""
    message: str

    def __str__(self) -> str:
        return ": ".join(part for part in (self.severity, self.path, self.message) if part)

    @classmethod
    def of(cls, members: Mapping[str, Any]) -> Note:
        return cls(members["severity"], members["path"], members["message"])


def notes_of(members: Mapping[str, Any]) -> tuple[Note, ...]:
    return tuple(Note.of(each) for each in members.get("notes", ()))


@dataclass(frozen=True)
class Validation:
    """What there is to say about a configuration."""

    valid: bool
    message: str
    """The first error; empty if there is none."""
    config_generation: int
    """The configuration in force; 0 = none, and always 0 from `validate`."""
    notes: tuple[Note, ...]
    document: bytes = _document()

    @classmethod
    def of(cls, document: bytes) -> Validation:
        members = json.loads(document)
        return cls(
            members["valid"], members.get("message", ""), members["config_generation"], notes_of(members), document
        )
