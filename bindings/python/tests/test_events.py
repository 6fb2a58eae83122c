"""The library's log records come through `logging`, with level and fields, and without a token."""

from __future__ import annotations

import asyncio
import io
import logging
import threading
import time
import unittest.mock
from typing import Any

from kit import Case, cluster, hanging, soon

import psat_attestor
from psat_attestor import Attestor, aio


class Records(logging.Handler):
    """Keeps what comes."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    def of(self, event: str) -> Any:
        """The only record that tells of this."""
        found = [record for record in self.records if getattr(record, "event", None) == event]
        assert len(found) == 1, [record.getMessage() for record in self.records]
        return found[0]

    def events(self) -> set[str]:
        return {getattr(record, "event", "") for record in self.records}


class Events(Case):
    def setUp(self) -> None:
        super().setUp()
        self.handler = Records()
        self.logger = logging.getLogger(self.id())
        self.logger.propagate = False
        self.logger.setLevel(1)
        self.logger.addHandler(self.handler)

    def test_records_have_levels_and_fields(self) -> None:
        given = cluster()
        with Attestor(given.config, logger=self.logger, log_level=logging.DEBUG) as attestor:
            attestor.attest(given.payload, peer="10.0.0.7:1")
            self.refusal(psat_attestor.PermissionDeniedError, attestor.attest, given.refused)
        attested, refused = self.handler.of("agent attested"), self.handler.of("agent refused")
        self.assertEqual((attested.levelno, refused.levelno), (logging.DEBUG, logging.WARNING))
        self.assertEqual(self.handler.of("shutting down").levelno, logging.INFO)
        self.assertEqual(attested.fields["peer"], "10.0.0.7:1")
        self.assertEqual(refused.fields["reason"], "SERVICE_ACCOUNT_NOT_ALLOWED")
        self.assertIn('agent refused operation="2" code=7 reason="SERVICE_ACCOUNT_NOT_ALLOWED"', refused.getMessage())
        self.assertIn("service_account_allow_list", refused.fields["detail"])
        self.assertLess(abs(attested.created - time.time()), 60)
        self.assertEqual(attested.name, self.logger.name)

    def test_records_of_the_first_configuration_come_too(self) -> None:
        given = cluster().with_settings(audiense="x")
        with Attestor(given, logger=self.logger, log_level=logging.INFO):
            pass
        note = self.handler.of("configuration note")
        self.assertEqual((note.levelno, note.fields["path"]), (logging.WARNING, "clusters.demo.audiense"))
        self.assertEqual(self.handler.of("configuration in force").levelno, logging.INFO)

    def test_a_configuration_that_is_refused_is_told_as_without_a_logger(self) -> None:
        good = cluster().config
        wrongs: tuple[psat_attestor.Config, ...] = (
            *({}, b"{", b"[]", {"engine": {"worker_threads": 0}}),
            *({**good, "engine": 5}, {"clusters": {}}, {**good, "engine": {"worker_threads": 0}}),
        )
        for wrong in wrongs:
            error = self.refusal(psat_attestor.ConfigInvalidError, Attestor, wrong)
            logged = self.refusal(psat_attestor.ConfigInvalidError, Attestor, wrong, logger=self.logger)
            self.assertEqual((logged.message, logged.notes), (error.message, error.notes))

    def test_an_engine_alone_is_yet_to_be_configured(self) -> None:
        given = cluster()
        for config in (None, b"", {"engine": {"worker_threads": 1}}):
            with Attestor(config, logger=self.logger, log_level=logging.INFO) as attestor:
                self.refusal(psat_attestor.FailedPreconditionError, attestor.attest, given.payload)
                attestor.configure(given.config)
        self.assertIn("configuration in force", self.handler.events())

    def test_the_level_is_that_of_the_logger(self) -> None:
        given = cluster()
        for level, seen in (
            (psat_attestor.TRACE, {"API call", "agent attested", "agent refused", "configuration in force"}),
            (logging.DEBUG, {"agent attested", "agent refused", "configuration in force"}),
            (logging.INFO, {"agent refused", "configuration in force"}),
            (logging.WARNING, {"agent refused"}),
            (logging.ERROR, set()),
        ):
            self.handler.records.clear()
            self.logger.setLevel(level)
            with Attestor(given.config, logger=self.logger) as attestor:
                attestor.attest(given.payload)
                self.refusal(psat_attestor.PermissionDeniedError, attestor.attest, given.refused)
            others = {"connected to the API server", "shutting down"}
            self.assertEqual(self.handler.events() - others, seen, logging.getLevelName(level))

    def test_the_logger_s_own_level_may_change_later(self) -> None:
        given = cluster()
        self.logger.setLevel(logging.ERROR)
        with Attestor(given.config, logger=self.logger, log_level=logging.DEBUG) as attestor:
            attestor.attest(given.payload)
            soon(lambda: attestor.stats().documents_alive == 0, "the log's thread has dropped the records")
            self.assertEqual(self.handler.records, [])
            self.logger.setLevel(logging.DEBUG)
            attestor.attest(given.payload)
        self.assertIn("agent attested", self.handler.events())

    def test_records_come_beside_asyncio(self) -> None:
        given = cluster()

        async def main() -> None:
            async with aio.Attestor(given.config, logger=self.logger, log_level=logging.DEBUG) as attestor:
                await attestor.attest(given.payload)

        asyncio.run(main())
        self.assertEqual(self.handler.of("agent attested").fields["code"], 0)

    def test_no_value_looks_like_a_further_line(self) -> None:
        given = cluster()
        with Attestor(given.config, logger=self.logger, log_level=logging.DEBUG) as attestor:
            attestor.attest(given.payload, peer='x" code=9\nERROR forged %s %(name)s')
        self.assertIn(r'peer="x\" code=9\nERROR forged %s %(name)s"', self.handler.of("agent attested").getMessage())

    def test_a_handler_with_a_fault_is_told_and_does_not_end_the_log(self) -> None:
        given = cluster()
        faults: list[object] = []

        def refuse(record: logging.LogRecord) -> bool:
            if getattr(record, "event", "") == "agent refused":
                raise ValueError("a fault of the filter")
            return True

        self.logger.addFilter(refuse)
        with unittest.mock.patch.object(threading, "excepthook", faults.append):
            with Attestor(given.config, logger=self.logger, log_level=logging.DEBUG) as attestor:
                self.refusal(psat_attestor.PermissionDeniedError, attestor.attest, given.refused)
                attestor.attest(given.payload)
            self.assertEqual(len(faults), 1)
        self.assertIn("agent attested", self.handler.events())

    def test_a_handler_may_close_the_attestor(self) -> None:
        given = cluster()
        closed = threading.Event()

        class Closes(logging.Handler):
            def emit(self, _: logging.LogRecord) -> None:
                attestor.close()
                closed.set()

        self.logger.addHandler(Closes(logging.WARNING))
        attestor = Attestor(given.config, logger=self.logger, log_level=logging.WARNING)
        self.refusal(psat_attestor.PermissionDeniedError, attestor.attest, given.refused)
        self.assertTrue(closed.wait(10))


class Tokens(Case):
    """A token stands in nothing that this package makes."""

    def setUp(self) -> None:
        super().setUp()
        self.written = io.StringIO()
        self.logger = logging.getLogger(self.id())
        self.logger.propagate = False
        self.logger.setLevel(1)
        self.logger.addHandler(logging.StreamHandler(self.written))

    def parts(self, token: str) -> list[str]:
        return [token, *token.split(".")]

    def hold(self, token: str, *texts: object) -> None:
        for text in (*texts, self.written.getvalue()):
            for part in self.parts(token):
                self.assertFalse(part in str(text), f"a part of the token stands in {type(text)}")

    def test_not_in_results_exceptions_and_log_records(self) -> None:
        given = cluster()
        with Attestor(given.config, logger=self.logger, log_level=psat_attestor.TRACE) as attestor:
            attested = attestor.attest(given.payload)
            refused = self.refusal(psat_attestor.PermissionDeniedError, attestor.attest, given.refused)
            tampered = given.payload.replace(given.token[-6:].encode(), b"AAAAAA")
            forged = self.refusal(psat_attestor.UnauthenticatedError, attestor.attest, tampered)
            explained = attestor.explain(tampered)
            seen = [
                attested,
                repr(attested),
                attested.document,
                attestor,
                attestor.stats(),
                explained,
                explained.document,
            ]
        for error in (refused, forged):
            seen += [error, repr(error), error.detail, error.diagnostics, error.document, vars(error)]
        self.assertIn("agent refused", self.written.getvalue())
        self.hold(given.token, *seen)

    def test_not_in_what_is_told_of_a_wrong_argument(self) -> None:
        given = hanging()
        with Attestor(given.config, logger=self.logger, log_level=psat_attestor.TRACE) as attestor:
            wrong: Any = given.payload.decode()
            with self.assertRaises(TypeError) as caught:
                attestor.attest(wrong)
            late = self.refusal(psat_attestor.DeadlineExceededError, attestor.attest, given.payload, timeout=0.05)
            soon(lambda: "DEADLINE_EXCEEDED" in self.written.getvalue(), "it is logged")
        self.hold(given.token, caught.exception, late, late.detail, late.document)
