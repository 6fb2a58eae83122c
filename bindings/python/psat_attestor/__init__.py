"""SPIRE's k8s_psat node attestation, server side, through the library psat_attestor.

    with psat_attestor.Attestor(config) as attestor:
        attestation = attestor.attest(payload)
    print(attestation.agent_attributes.spiffe_id)

A refusal is an exception: see `psat_attestor.errors`. For asyncio there is `psat_attestor.aio`.
"""

from __future__ import annotations

from psat_attestor import errors, reasons
from psat_attestor._attestor import Attestor, validate
from psat_attestor._events import TRACE
from psat_attestor._input import Config, Payload
from psat_attestor._library import version
from psat_attestor.errors import (
    AttestorError,
    CallerError,
    CanceledError,
    ClosedError,
    ConfigInvalidError,
    DeadlineExceededError,
    FailedPreconditionError,
    ForkedError,
    InternalError,
    InvalidArgumentError,
    LibraryError,
    NotFoundError,
    NullPointerError,
    OptionsMalformedError,
    PanicError,
    PermissionDeniedError,
    ResourceExhaustedError,
    UnauthenticatedError,
    UnavailableError,
)
from psat_attestor.results import (
    AgentAttributes,
    ApiCall,
    Attestation,
    CheckReport,
    ClusterReport,
    Diagnostics,
    Explanation,
    Note,
    Step,
    Validation,
)
from psat_attestor.stats import ClusterStats, Histogram, Stats

__all__ = [
    "TRACE",
    "AgentAttributes",
    "ApiCall",
    "Attestation",
    "Attestor",
    "AttestorError",
    "CallerError",
    "CanceledError",
    "CheckReport",
    "ClosedError",
    "ClusterReport",
    "ClusterStats",
    "Config",
    "ConfigInvalidError",
    "DeadlineExceededError",
    "Diagnostics",
    "Explanation",
    "FailedPreconditionError",
    "ForkedError",
    "Histogram",
    "InternalError",
    "InvalidArgumentError",
    "LibraryError",
    "NotFoundError",
    "Note",
    "NullPointerError",
    "OptionsMalformedError",
    "PanicError",
    "Payload",
    "PermissionDeniedError",
    "ResourceExhaustedError",
    "Stats",
    "Step",
    "UnauthenticatedError",
    "UnavailableError",
    "Validation",
    "errors",
    "reasons",
    "validate",
    "version",
]
