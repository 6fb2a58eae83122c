"""The blocking attestor."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from types import TracebackType
from typing import NoReturn

from psat_attestor import _core
from psat_attestor._answers import attestation_of, explanation_of, report_of, stats_of
from psat_attestor._ending import in_main_thread
from psat_attestor._input import Config, Payload, check_options_of, config_of, options_of, payload_of
from psat_attestor._threads import attest_in_slices, interruptibly
from psat_attestor.results import Attestation, CheckReport, Explanation, Validation
from psat_attestor.stats import Stats


def validate(config: Config) -> Validation:
    """Checks a configuration. Makes nothing and touches no network.

    One that cannot be used is no exception: see `Validation.valid`.
    """
    return _core.validate(config_of(config))


class Attestor:
    """Attests agents of the configured clusters. Making it touches no network.

    Any number of threads may use it at once. It is a context manager, and is closed at the end; one that is not closed
    is freed when it is collected. After a fork the child's copy raises ForkedError: make a new one there.
    """

    validate = staticmethod(validate)

    def __init__(
        self, config: Config = None, *, logger: logging.Logger | None = None, log_level: int | None = None
    ) -> None:
        """Makes an attestor. Without a configuration it raises FailedPreconditionError until `configure` is called.

        `logger` gets the library's log records of `log_level` and above, from the first configuration on, by a thread
        of their own; its own level holds beside that. `log_level` is one of `logging`; absent, the logger's effective
        level at this moment. Records have `event` (what happened) and `fields` (the facts, for the operator alone; no
        token is among them).

        Raises ConfigInvalidError, whose `notes` list all that is wrong; InternalError if threads or descriptors are
        short; LibraryError if the shared library cannot be used.
        """
        self._core = _core.Core(config_of(config), logger, log_level)

    @property
    def validation(self) -> Validation:
        """What there is to say about the configuration in force, warnings among it."""
        return self._core.validation

    def attest(
        self,
        payload: Payload,
        *,
        timeout: float | None = None,
        peer: str | None = None,
        traceparent: str | None = None,
        request_id: str | None = None,
        options: bytes | None = None,
    ) -> Attestation:
        """Judges what an agent sent, and blocks until the answer is there. A refusal is an AttestorError.

        `timeout` is in seconds and covers waiting for a slot; absent: `attest_timeout_ms` of the configuration. `peer`
        (the agent's address), `traceparent` and `request_id` are echoed in diagnostics and log records, and decide
        nothing. `options` hands the library this JSON object as it is, instead of all those. None of it comes from the
        agent.

        In the main thread Ctrl-C, or whatever a signal handler raises, cancels the attestation within 0.1 s.
        """
        sent = payload_of(payload)
        asked = options_of(timeout, options, peer=peer, traceparent=traceparent, request_id=request_id)
        if in_main_thread():
            return attestation_of(attest_in_slices(self._core, sent, asked))
        return attestation_of(self._core.attest(sent, asked))

    def explain(
        self,
        payload: Payload,
        *,
        timeout: float | None = None,
        peer: str | None = None,
        traceparent: str | None = None,
        request_id: str | None = None,
        options: bytes | None = None,
    ) -> Explanation:
        """Judges as `attest` does, and shows every check of it, past the first failure too.

        A refusal is an explanation, not an exception; AttestorError is raised where there is nothing to explain: no
        configuration, a closed attestor, a fault of the calling program. Parameters are those of `attest`.

        In the main thread Ctrl-C leaves this call, and the operation runs on in the background until it is done or its
        timeout has passed.
        """
        sent = payload_of(payload)
        asked = options_of(timeout, options, peer=peer, traceparent=traceparent, request_id=request_id)
        core = self._core
        return explanation_of(interruptibly(lambda: core.explain(sent, asked)))

    def check(self, clusters: Iterable[str] | None = None, *, timeout: float | None = None) -> CheckReport:
        """Looks whether clusters can be used: credentials, server, permissions, keys, clock. Absent: all of them.

        A cluster that cannot be used is in the report, and no exception; AttestorError is raised where nothing was
        looked at: a name that is not configured, no configuration, a closed attestor. Ctrl-C acts as in `explain`.
        """
        asked = check_options_of(timeout, clusters)
        core = self._core
        return report_of(interruptibly(lambda: core.check(asked)))

    def configure(self, config: Config) -> Validation:
        """Replaces the configuration. If the new one is refused, ConfigInvalidError, the old one stays in force.

        Running attestations finish on the one that they began with. It touches no network.
        """
        return self._core.configure(config_of(config))

    def stats(self) -> Stats:
        """Counters since the attestor was made."""
        return stats_of(self._core.call("psat_attestor_stats"))

    def close(self) -> None:
        """Refuses new calls, ends running ones with UnavailableError, and frees the attestor. Calling it again is fine.

        When it returns, every call has its answer, and every log record has been handed on unless a handler is stuck.
        DeadlineExceededError if calls did not end within five seconds; then it may be called again. In a forked child
        it does nothing.
        """
        self._core.close()

    def __enter__(self) -> Attestor:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<psat_attestor.Attestor, {'closed' if self._core.closed else 'open'}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("an Attestor cannot be pickled: make one in each process")
