"""The exceptions of this package, one class for each code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from psat_attestor import reasons
from psat_attestor.results import Diagnostics, Note, notes_of

_FIRST_CALLER_FAULT = 1000
_INTERNAL = 13


class LibraryError(Exception):
    """The shared library cannot be loaded, or is not one that this package can use. The text says what to do."""


class AttestorError(Exception):
    """The library refused. Codes that have no class of their own are of this one.

    `str()` and `repr()` have nothing but reason and message, which an agent may read: a gRPC server may send the text
    of an exception.
    """

    code: int
    """A gRPC status code (1 to 16), or from 1000 a fault of the calling program."""
    reason: str
    """A stable word; `psat_attestor.reasons` has those that are known."""
    message: str
    """What may be shown to the agent."""
    detail: str
    """The causes, for the operator alone. Empty if there is no more to say."""
    diagnostics: Diagnostics | None
    """How the attestation went, for the operator alone. None if there was none."""
    notes: tuple[Note, ...]
    """What there is to say about a configuration that was refused."""
    document: bytes | None
    """The whole answer as JSON, for the operator alone. None if the library gave none."""

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        detail: str = "",
        diagnostics: Diagnostics | None = None,
        notes: tuple[Note, ...] = (),
        document: bytes | None = None,
    ) -> None:
        super().__init__(f"{reason}: {message}")
        self.code = code
        self.reason = reason
        self.message = message
        self.detail = detail
        self.diagnostics = diagnostics
        self.notes = notes
        self.document = document

    @property
    def grpc_code(self) -> int:
        """The code to send to an agent: a fault of the calling program is INTERNAL (13) for it."""
        return _INTERNAL if self.code >= _FIRST_CALLER_FAULT else self.code

    def __reduce__(self) -> tuple[Any, ...]:
        # The default would call the class with the text alone; so it survives the way between processes.
        members = (self.code, self.reason, self.message, self.detail, self.diagnostics, self.notes, self.document)
        return type(self), members


class CanceledError(AttestorError):
    """1: the attestation was cancelled."""


class InvalidArgumentError(AttestorError):
    """3: the payload is not what an agent sends, or names no configured cluster."""


class ConfigInvalidError(InvalidArgumentError):
    """3 with the reason CONFIG_INVALID: the configuration has errors; `notes` lists all."""


class DeadlineExceededError(AttestorError):
    """4: the time ran out; `detail` says what was being waited for."""


class NotFoundError(AttestorError):
    """5: the API server has no such pod or node."""


class PermissionDeniedError(AttestorError):
    """7: the token is genuine, and its holder may not attest."""


class ResourceExhaustedError(AttestorError):
    """8: too many attestations at once; the agent should try again."""


class FailedPreconditionError(AttestorError):
    """9: something has to be changed first: the configuration, the library's own credential, or the pod's state."""


class InternalError(AttestorError):
    """13: a fault of the library, of the API server's answer, or of the machine."""


class UnavailableError(AttestorError):
    """14: the API server cannot be reached or does not serve, or the attestor is closed."""


class UnauthenticatedError(AttestorError):
    """16: the token was not accepted."""


class CallerError(AttestorError):
    """1000 and above: a fault of the calling program, not of the agent."""


class NullPointerError(CallerError):
    """1000: a pointer that must not be NULL was. This package never passes one."""


class ClosedError(CallerError):
    """1001: the queue is closed. This package never submits to one."""


class ForkedError(CallerError):
    """1002: the attestor was made before a fork and is used in the child. Make a new one there."""


class PanicError(CallerError):
    """1003: a fault inside the library ended the call."""


class OptionsMalformedError(CallerError):
    """1004: options given as text are not the JSON object that the call takes."""


BY_CODE: Mapping[int, type[AttestorError]] = {
    1: CanceledError,
    3: InvalidArgumentError,
    4: DeadlineExceededError,
    5: NotFoundError,
    7: PermissionDeniedError,
    8: ResourceExhaustedError,
    9: FailedPreconditionError,
    13: InternalError,
    14: UnavailableError,
    16: UnauthenticatedError,
    1000: NullPointerError,
    1001: ClosedError,
    1002: ForkedError,
    1003: PanicError,
    1004: OptionsMalformedError,
}


def error_of(code: int, document: bytes | None) -> AttestorError:
    """The exception for an answer. Without a document the code has to say it all."""
    if document is None:
        return _undocumented(code)
    members = json.loads(document)
    diagnostics = members.get("diagnostics")
    return _class_of(code, members["reason"])(
        code,
        members["reason"],
        members.get("message", ""),
        detail=diagnostics.get("detail", "") if diagnostics else "",
        diagnostics=Diagnostics.of(diagnostics) if diagnostics else None,
        notes=notes_of(members),
        document=document,
    )


def refusal(reason: str, message: str | None = None) -> AttestorError:
    """The exception for a reason without a document: the library was not asked, or gave none."""
    row = reasons.TABLE[reason]
    return _class_of(row.code, reason)(row.code, reason, row.meaning if message is None else message)


def _class_of(code: int, reason: str) -> type[AttestorError]:
    if reason == reasons.CONFIG_INVALID:
        return ConfigInvalidError
    return BY_CODE.get(code, CallerError if code >= _FIRST_CALLER_FAULT else AttestorError)


# Calls that make no document fail with these codes of gRPC's alone.
_UNDOCUMENTED = {4: reasons.DEADLINE_EXCEEDED, 14: reasons.SHUTTING_DOWN}


def _undocumented(code: int) -> AttestorError:
    for word, row in reasons.TABLE.items():
        if word == _UNDOCUMENTED.get(code) or (code >= _FIRST_CALLER_FAULT and row.code == code):
            return refusal(word)
    return _class_of(code, "")(code, "UNKNOWN", f"The library answered with the unknown code {code}.")
