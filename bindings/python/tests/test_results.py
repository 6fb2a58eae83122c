"""Results are typed, frozen, and hold what the documents do."""

from __future__ import annotations

import dataclasses
import json
import pickle
from collections.abc import Mapping
from typing import Any

from kit import IDENTITY, Case, cluster

import psat_attestor
from psat_attestor import Attestor


class Results(Case):
    def agree(self, typed: Any, document: Any) -> None:
        """Every member of the document is in the result, under the same name."""
        if dataclasses.is_dataclass(typed) and isinstance(document, Mapping):
            for name, value in document.items():
                if name not in {"code", "reason"}:
                    self.agree(getattr(typed, name), value)
        elif isinstance(typed, Mapping):
            self.assertEqual(list(typed), list(document))
            for name, value in document.items():
                self.agree(typed[name], value)
        elif isinstance(typed, tuple):
            self.assertEqual(len(typed), len(document))
            for one, other in zip(typed, document):
                self.agree(one, other)
        else:
            self.assertEqual(typed, document)

    def test_an_attestation_has_all_that_its_document_has(self) -> None:
        given = cluster()
        with Attestor(given.config) as attestor:
            attested = attestor.attest(
                given.payload, peer="10.0.0.7:1", request_id="r-1", traceparent="00-1-2-01", timeout=20
            )
        self.assertEqual(attested.agent_attributes.spiffe_id, IDENTITY)
        self.assertIn("agent_ns:spire", attested.agent_attributes.selector_values)
        self.assertIs(attested.agent_attributes.can_reattest, True)
        self.assertEqual((attested.diagnostics.peer, attested.diagnostics.request_id), ("10.0.0.7:1", "r-1"))
        self.assertEqual([call.status for call in attested.diagnostics.api_calls], [201, 200, 200])
        self.agree(attested, json.loads(attested.document))

    def test_statistics_have_all_that_their_document_has(self) -> None:
        given = cluster()
        with Attestor(given.config) as attestor:
            attestor.attest(given.payload)
            self.refusal(psat_attestor.PermissionDeniedError, attestor.attest, given.refused)
            stats = attestor.stats()
        self.assertEqual(stats.attestations, {"OK": 1, "SERVICE_ACCOUNT_NOT_ALLOWED": 1})
        self.assertEqual(stats.clusters["demo"].api_calls["token_review"], {"2xx": 2})
        self.assertEqual(len(stats.latency.counts), len(stats.latency.bounds_us) + 1)
        self.agree(stats, json.loads(stats.document))

    def test_a_validation_has_all_that_its_document_has(self) -> None:
        validation = psat_attestor.validate(cluster().with_settings(audiense="x", max_in_flight=0))
        self.assertFalse(validation.valid)
        self.assertIn("max_in_flight", validation.message)
        self.assertEqual({note.severity for note in validation.notes}, {"warning", "error"})
        self.assertIn("error: clusters.demo.max_in_flight: ", "\n".join(map(str, validation.notes)))
        self.agree(validation, json.loads(validation.document))

    def test_a_configuration_may_be_a_mapping_or_text(self) -> None:
        config = cluster().config
        text = json.dumps(config)
        for given in (config, text, text.encode()):
            self.assertTrue(Attestor.validate(given).valid)
        self.assertFalse(psat_attestor.validate("{").valid)

    def test_the_warnings_of_the_configuration_in_force_are_told(self) -> None:
        given = cluster()
        with Attestor(given.with_settings(audiense="x")) as attestor:
            self.assertEqual([note.path for note in attestor.validation.notes], ["clusters.demo.audiense"])
            attestor.configure(given.config)
            self.assertEqual((attestor.validation.notes, attestor.validation.config_generation), ((), 2))

    def test_a_payload_may_be_any_bytes(self) -> None:
        given = cluster()
        with Attestor(given.config) as attestor:
            for payload in (given.payload, bytearray(given.payload), memoryview(given.payload)):
                self.assertEqual(attestor.attest(payload).agent_attributes.spiffe_id, IDENTITY)

    def test_results_are_frozen_and_survive_the_way_between_processes(self) -> None:
        given = cluster()
        with Attestor(given.config) as attestor:
            attested: Any = attestor.attest(given.payload)
            stats = attestor.stats()
        with self.assertRaises(dataclasses.FrozenInstanceError):
            attested.operation = "5"
        for result in (attested, stats):
            again = pickle.loads(pickle.dumps(result))
            self.assertEqual((again, again.document), (result, result.document))

    def test_an_attestor_stays_in_its_process(self) -> None:
        with Attestor() as attestor, self.assertRaisesRegex(TypeError, "make one in each process"):
            pickle.dumps(attestor)
