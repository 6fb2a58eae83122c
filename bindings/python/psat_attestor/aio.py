"""The attestor for asyncio.

    async with aio.Attestor(config) as attestor:
        attestation = await attestor.attest(payload)

The loop watches a descriptor; no thread stands between, and the library never calls into Python.
"""

from __future__ import annotations

import asyncio
import ctypes
import logging
import weakref
from collections.abc import Iterable
from types import TracebackType
from typing import NoReturn

from psat_attestor import _capi
from psat_attestor._answers import Answer, attestation_of, explanation_of, report_of, stats_of
from psat_attestor._attestor import validate
from psat_attestor._core import Core
from psat_attestor._input import Config, Payload, check_options_of, config_of, options_of, payload_of
from psat_attestor._loop import Loops
from psat_attestor._threads import awaited
from psat_attestor.results import Attestation, CheckReport, Explanation, Validation
from psat_attestor.stats import Stats

__all__ = ["Attestor"]


class Attestor:
    """Attests agents of the configured clusters, as `psat_attestor.Attestor` does, without blocking.

    It may be made outside of a loop, and be used by several loops in several threads. It is an asynchronous context
    manager, and is closed at the end; one that is not closed is freed when it is collected. After a fork the child's
    copy raises ForkedError: make a new one there.
    """

    validate = staticmethod(validate)

    def __init__(
        self, config: Config = None, *, logger: logging.Logger | None = None, log_level: int | None = None
    ) -> None:
        """As that of `psat_attestor.Attestor`. Log records come by a thread of their own here too."""
        self._core = Core(config_of(config), logger, log_level)
        self._loops = Loops(self._core.library)
        weakref.finalize(self, self._loops.retire).atexit = False

    @property
    def validation(self) -> Validation:
        """What there is to say about the configuration in force, warnings among it."""
        return self._core.validation

    async def attest(
        self,
        payload: Payload,
        *,
        timeout: float | None = None,
        peer: str | None = None,
        traceparent: str | None = None,
        request_id: str | None = None,
        options: bytes | None = None,
    ) -> Attestation:
        """Judges what an agent sent. A refusal is an AttestorError.

        Parameters are those of `psat_attestor.Attestor.attest`. If the task is cancelled, or the loop goes away, the
        attestation is cancelled.
        """
        sent = payload_of(payload)
        asked = options_of(timeout, options, peer=peer, traceparent=traceparent, request_id=request_id)
        self._core.ensure_open()
        answers = self._loops.answers(asyncio.get_running_loop())
        tag, answer = answers.expect()
        operation = ctypes.c_uint64()
        try:
            code = self._core.submit(sent, asked, answers.queue, tag, operation)
            return attestation_of(await answer if code == _capi.PSAT_OK else Answer(code, None))
        except (asyncio.CancelledError, GeneratorExit):
            self._core.cancel(operation)
            raise
        finally:
            answers.forget(tag)

    async def explain(
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

        As `psat_attestor.Attestor.explain`, on a thread of its own: an operator's tool, not for every agent. If the
        task is cancelled, the operation runs on in the background until it is done or its timeout has passed.
        """
        sent = payload_of(payload)
        asked = options_of(timeout, options, peer=peer, traceparent=traceparent, request_id=request_id)
        core = self._core
        return explanation_of(await awaited(lambda: core.explain(sent, asked)))

    async def check(self, clusters: Iterable[str] | None = None, *, timeout: float | None = None) -> CheckReport:
        """Looks whether clusters can be used, as `psat_attestor.Attestor.check`. It runs as `explain` does."""
        asked = check_options_of(timeout, clusters)
        core = self._core
        return report_of(await awaited(lambda: core.check(asked)))

    async def configure(self, config: Config) -> Validation:
        """Replaces the configuration, as `psat_attestor.Attestor.configure`."""
        core, text = self._core, config_of(config)
        return await awaited(lambda: core.configure(text))

    def stats(self) -> Stats:
        """Counters since the attestor was made."""
        return stats_of(self._core.call("psat_attestor_stats"))

    async def close(self) -> None:
        """Refuses new calls, ends running ones with UnavailableError, and frees the attestor. Calling it again is fine.

        As `psat_attestor.Attestor.close`. When it returns, the running loop has all answers, and others will have.
        """
        await awaited(self._core.close)
        self._loops.retire(asyncio.get_running_loop())

    async def __aenter__(self) -> Attestor:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"<psat_attestor.aio.Attestor, {'closed' if self._core.closed else 'open'}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("an Attestor cannot be pickled: make one in each process")
