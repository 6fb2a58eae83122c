"""Every exception class, by code, with what it tells whom."""

from __future__ import annotations

import ctypes
import json
import pickle
import threading
import unittest
from typing import Any

from kit import Case, cluster, hanging, soon

import psat_attestor
from psat_attestor import Attestor, errors, reasons
from psat_attestor._queue import Queue

NO_POD = {"answers": {"pod": [{"status": 404}]}}
NO_ANSWER_OF_ITS_OWN: dict[str, Any] = {"answers": {"pod": [{"body": {}}]}}
REFUSES_CONNECTIONS = {"listener": "refuse"}


class OfAttestations(Case):
    def attested(self, world: dict[str, Any] | None = None, **settings: Any) -> Any:
        """Attests a genuine agent in this world."""
        given = cluster(world)
        with Attestor(given.with_settings(**settings)) as attestor:
            return attestor.attest(given.payload)

    def test_a_payload_that_names_no_cluster_is_an_invalid_argument(self) -> None:
        with Attestor(cluster().config) as attestor:
            error = self.refusal(psat_attestor.InvalidArgumentError, attestor.attest, b'{"cluster": "x", "token": "y"}')
            self.assertEqual((error.code, error.reason), (3, reasons.CLUSTER_UNKNOWN))
            error = self.refusal(psat_attestor.InvalidArgumentError, attestor.attest, None)
            self.assertEqual(error.reason, reasons.PAYLOAD_MISSING)

    def test_a_pod_that_is_gone_is_not_found(self) -> None:
        error = self.refusal(psat_attestor.NotFoundError, self.attested, NO_POD)
        self.assertEqual((error.code, error.reason), (5, reasons.POD_NOT_FOUND))

    def test_another_service_account_is_denied(self) -> None:
        given = cluster()
        with Attestor(given.config) as attestor:
            error = self.refusal(psat_attestor.PermissionDeniedError, attestor.attest, given.refused, peer="10.1.2.3")
        self.assertEqual((error.code, error.grpc_code), (7, 7))
        self.assertEqual(error.reason, reasons.SERVICE_ACCOUNT_NOT_ALLOWED)
        self.assertIn("default:default", error.message)
        self.assertIn("service_account_allow_list", error.detail)
        self.assertEqual(error.diagnostics.cluster, "demo")
        self.assertEqual(error.diagnostics.peer, "10.1.2.3")
        self.assertEqual([call.call for call in error.diagnostics.api_calls], ["token_review"])
        self.assertEqual(json.loads(error.document)["reason"], error.reason)

    def test_a_crowd_exhausts_the_slots(self) -> None:
        given = hanging()
        with Attestor(given.with_settings(max_in_flight=1, max_queued=1)) as attestor:
            waiting = [threading.Thread(target=self.ended, args=(attestor, given.payload)) for _ in range(2)]
            for thread in waiting:
                thread.start()
            soon(lambda: attestor.stats().clusters["demo"].queued == 1, "one waits")
            error = self.refusal(psat_attestor.ResourceExhaustedError, attestor.attest, given.payload)
            self.assertEqual((error.code, error.reason), (8, reasons.OVERLOADED))
        for thread in waiting:
            thread.join()

    def ended(self, attestor: Attestor, payload: bytes) -> None:
        self.refusal(psat_attestor.UnavailableError, attestor.attest, payload)

    def test_without_configuration_a_precondition_fails(self) -> None:
        with Attestor() as attestor:
            error = self.refusal(psat_attestor.FailedPreconditionError, attestor.attest, b"{}")
        self.assertEqual((error.code, error.reason), (9, reasons.NOT_CONFIGURED))

    def test_an_answer_that_is_no_pod_is_internal(self) -> None:
        error = self.refusal(psat_attestor.InternalError, self.attested, NO_ANSWER_OF_ITS_OWN)
        self.assertEqual((error.code, error.reason), (13, reasons.API_BAD_RESPONSE))

    def test_a_server_that_refuses_connections_is_unavailable(self) -> None:
        error = self.refusal(psat_attestor.UnavailableError, self.attested, REFUSES_CONNECTIONS)
        self.assertEqual((error.code, error.reason), (14, reasons.API_UNREACHABLE))
        self.assertIn("127.0.0.1", error.detail)
        self.assertNotIn("127.0.0.1", str(error))

    def test_what_is_no_token_is_unauthenticated(self) -> None:
        with Attestor(cluster().config) as attestor:
            sent = b'{"cluster": "demo", "token": "no.genuine.token"}'
            error = self.refusal(psat_attestor.UnauthenticatedError, attestor.attest, sent)
        self.assertEqual(error.code, 16)

    def test_time_that_runs_out_is_a_deadline(self) -> None:
        given = hanging()
        with Attestor(given.config) as attestor:
            error = self.refusal(psat_attestor.DeadlineExceededError, attestor.attest, given.payload, timeout=0.05)
            self.assertEqual((error.code, error.reason), (4, reasons.DEADLINE_EXCEEDED))
            self.refusal(psat_attestor.DeadlineExceededError, attestor.attest, given.payload, timeout=-1)

    def test_an_operation_that_is_cancelled_is_canceled(self) -> None:
        given = hanging()
        with Attestor(given.config) as attestor:
            first = ctypes.c_uint64(1)
            timer = threading.Timer(0.05, attestor._core.cancel, [first])
            timer.start()
            error = self.refusal(psat_attestor.CanceledError, attestor.attest, given.payload)
            self.assertEqual((error.code, error.reason), (1, reasons.CANCELED))
            timer.join()

    def test_a_closed_attestor_is_unavailable(self) -> None:
        attestor = Attestor(cluster().config)
        attestor.close()
        attestor.close()
        for call in (attestor.stats, lambda: attestor.attest(b"{}"), lambda: attestor.configure({})):
            error = self.refusal(psat_attestor.UnavailableError, call)
            self.assertEqual((error.code, error.reason), (14, reasons.SHUTTING_DOWN))


WRONG = {"clusters": {"demo": {"service_account_allow_list": ["spire:spire-agent"], "max_in_flight": 0}}}


class OfConfigurations(Case):
    def test_one_that_is_wrong_is_refused_with_all_that_is_wrong(self) -> None:
        error = self.refusal(psat_attestor.ConfigInvalidError, Attestor, WRONG)
        self.assertIsInstance(error, psat_attestor.InvalidArgumentError)
        self.assertEqual((error.code, error.reason), (3, reasons.CONFIG_INVALID))
        self.assertIn("clusters.demo.max_in_flight", [note.path for note in error.notes if note.severity == "error"])

    def test_the_one_before_stays_in_force(self) -> None:
        given = cluster()
        with Attestor(given.config) as attestor:
            self.refusal(psat_attestor.ConfigInvalidError, attestor.configure, WRONG)
            self.assertEqual(attestor.validation.config_generation, 1)
            self.assertEqual(attestor.attest(given.payload).config_generation, 1)
            self.assertEqual(attestor.configure(given.with_settings(max_in_flight=2)).config_generation, 2)
            self.assertEqual(attestor.attest(given.payload).config_generation, 2)


class OfTheCallingProgram(Case):
    def test_options_that_are_no_object_are_malformed_in_every_thread(self) -> None:
        with Attestor(cluster().config) as attestor:
            found = []

            def attest() -> None:
                found.append(self.refusal(psat_attestor.OptionsMalformedError, attestor.attest, b"{}", options=b"[]"))

            thread = threading.Thread(target=attest)
            thread.start()
            thread.join()
            attest()
        for error in found:
            self.assertEqual((error.code, error.grpc_code), (1004, 13))
            self.assertEqual(error.reason, reasons.OPTIONS_MALFORMED)
        self.assertEqual(len(found), 2)

    def test_a_closed_queue_takes_no_submission(self) -> None:
        with Attestor(cluster().config) as attestor:
            queue = Queue(attestor._core.library, 1)
            queue.close()
            code = attestor._core.submit(b"{}", None, queue, 1, ctypes.c_uint64())
        error = errors.error_of(code, None)
        self.assertIs(type(error), psat_attestor.ClosedError)
        self.assertEqual((error.code, error.reason), (1001, reasons.CLOSED))

    def test_a_null_pointer_is_told(self) -> None:
        with Attestor() as attestor:
            code, document = attestor._core.call("psat_attestor_configure", None, 5)
        error = errors.error_of(code, document)
        self.assertIs(type(error), psat_attestor.NullPointerError)
        self.assertEqual((error.code, error.reason), (1000, reasons.NULL_POINTER))

    def test_what_is_of_the_wrong_type_does_not_reach_the_library(self) -> None:
        with Attestor(cluster().config) as attestor:
            wrong: Any = "text"
            with self.assertRaisesRegex(TypeError, "payload: the bytes .* not str"):
                attestor.attest(wrong)
            with self.assertRaisesRegex(ValueError, "timeout: .* not NaN"):
                attestor.attest(b"", timeout=float("nan"))
            with self.assertRaisesRegex(ValueError, "leave no room for peer"):
                attestor.attest(b"", options=b"{}", peer="10.0.0.1")
            with self.assertRaisesRegex(TypeError, "clusters: a list"):
                attestor.check("demo")
        number: Any = 5
        with self.assertRaisesRegex(TypeError, "config: a mapping, .* not int"):
            Attestor(number)


class Classes(unittest.TestCase):
    def test_every_code_of_the_table_has_a_class(self) -> None:
        for word, row in reasons.TABLE.items():
            if row.code != 0:
                self.assertIn(row.code, errors.BY_CODE, word)
                self.assertIsInstance(errors.refusal(word), errors.BY_CODE[row.code])

    def test_faults_of_the_caller_are_one_family(self) -> None:
        for code, kind in errors.BY_CODE.items():
            self.assertEqual(issubclass(kind, psat_attestor.CallerError), code >= 1000, kind)
            self.assertTrue(issubclass(kind, psat_attestor.AttestorError))

    def test_a_panic_without_a_document_is_told(self) -> None:
        error = errors.error_of(1003, None)
        self.assertIs(type(error), psat_attestor.PanicError)
        self.assertEqual(error.reason, reasons.PANIC)

    def test_a_code_of_a_later_library_keeps_its_family(self) -> None:
        self.assertIs(type(errors.error_of(1999, None)), psat_attestor.CallerError)
        document = b'{"code": 2, "reason": "LATER", "message": "m"}'
        error = errors.error_of(2, document)
        self.assertIs(type(error), psat_attestor.AttestorError)
        self.assertEqual((error.code, error.reason, error.message), (2, "LATER", "m"))

    def test_an_exception_survives_the_way_between_processes(self) -> None:
        document = b'{"code": 7, "reason": "POD_UID_MISMATCH", "message": "m", "diagnostics": {"detail": "d",' + (
            b'"cluster": "demo", "elapsed_us": 1, "api_calls": [], "warnings": ["w"]}}'
        )
        error = errors.error_of(7, document)
        again = pickle.loads(pickle.dumps(error))
        self.assertIs(type(again), psat_attestor.PermissionDeniedError)
        self.assertEqual(vars(again), vars(error))
        self.assertEqual(str(again), "POD_UID_MISMATCH: m")

    def test_text_and_repr_have_what_an_agent_may_read_and_no_more(self) -> None:
        error = psat_attestor.InternalError(13, "R", "the message", detail="the detail", document=b"the document")
        for text in (str(error), repr(error)):
            self.assertIn("the message", text)
            self.assertNotIn("the detail", text)
            self.assertNotIn("the document", text)
