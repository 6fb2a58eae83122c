"""`explain` and `check`: why is an agent refused, and can the clusters be used?"""

from __future__ import annotations

import asyncio
import json
import threading
import unittest.mock
from typing import Any

from kit import IDENTITY, Case, cluster, hanging, soon

import psat_attestor
from psat_attestor import Attestor, Step, aio

FORBIDDEN = {"reviewer": {"permissions": ["tokenreviews", "nodes", "jwks"]}}


def failed(steps: tuple[Step, ...]) -> list[str]:
    return [step.check for step in steps if step.outcome == "fail"]


class Explaining(Case):
    def agree(self, steps: tuple[Step, ...], members: list[dict[str, Any]]) -> None:
        self.assertEqual(
            [(s.check, s.outcome, s.reason, s.detail, s.remedy) for s in steps],
            [tuple(m.get(key) for key in ("check", "outcome", "reason", "detail", "remedy")) for m in members],
        )

    def test_a_refusal_is_explained_and_no_exception(self) -> None:
        given = cluster()
        with Attestor(given.config) as attestor:
            refused = self.refusal(psat_attestor.PermissionDeniedError, attestor.attest, given.refused)
            explained = attestor.explain(given.refused, peer="10.0.0.7:1")
            self.assertEqual(attestor.stats().attestations, {"SERVICE_ACCOUNT_NOT_ALLOWED": 1}, "it counts as none")
        told = (explained.code, explained.reason, explained.message)
        self.assertEqual(told, (refused.code, refused.reason, refused.message))
        self.assertFalse(explained.accepted)
        self.assertIsNone(explained.agent_attributes)
        self.assertIn("service_account_allowed", failed(explained.steps))
        (step,) = [step for step in explained.steps if step.check == "service_account_allowed"]
        self.assertIn("clusters.demo.service_account_allow_list = ", step.remedy or "")
        assert explained.diagnostics is not None
        self.assertEqual(explained.diagnostics.peer, "10.0.0.7:1")
        self.assertEqual(explained.detail, refused.detail)
        self.agree(explained.steps, json.loads(explained.document)["steps"])

    def test_an_agent_that_is_accepted_is_explained_too(self) -> None:
        given = cluster()
        with Attestor(given.config) as attestor:
            explained = attestor.explain(given.payload)
        self.assertTrue(explained.accepted)
        assert explained.agent_attributes is not None
        self.assertEqual(explained.agent_attributes.spiffe_id, IDENTITY)
        self.assertEqual(failed(explained.steps), [])
        self.assertEqual((explained.message, explained.detail), ("", ""))

    def test_where_there_is_nothing_to_explain_it_raises(self) -> None:
        given = cluster()
        with Attestor(given.config) as attestor:
            self.refusal(psat_attestor.OptionsMalformedError, attestor.explain, given.payload, options=b"[]")
        self.refusal(psat_attestor.UnavailableError, attestor.explain, given.payload)
        self.refusal(psat_attestor.UnavailableError, attestor.check)
        with Attestor() as attestor:
            self.refusal(psat_attestor.FailedPreconditionError, attestor.check)

    def test_closing_ends_a_call_in_another_thread(self) -> None:
        given = hanging()
        attestor = Attestor(given.config)
        ended: list[object] = []

        def explain() -> None:
            try:
                ended.append(attestor.explain(given.payload).reason)
            except psat_attestor.UnavailableError as error:
                ended.append(error.reason)

        user = threading.Thread(target=explain)
        user.start()
        soon(lambda: attestor.stats().clusters["demo"].in_flight == 1, "it is inside")
        attestor.close()
        user.join()
        self.assertEqual(ended, ["SHUTTING_DOWN"])

    def test_an_older_library_is_told(self) -> None:
        class Older:
            def __init__(self, library: Any) -> None:
                self._library = library

            def __getattr__(self, name: str) -> Any:
                if name in {"psat_attestor_explain", "psat_attestor_check"}:
                    raise AttributeError(name)
                return getattr(self._library, name)

        with Attestor(cluster().config) as attestor:
            older = Older(attestor._core.library)
            with unittest.mock.patch.object(attestor._core, "library", older):
                for call in (lambda: attestor.explain(b""), attestor.check):
                    with self.assertRaisesRegex(psat_attestor.LibraryError, "has no psat_attestor_"):
                        call()


class Checking(Case):
    def test_a_cluster_that_can_be_used(self) -> None:
        given = cluster()
        with Attestor(given.config) as attestor:
            report = attestor.check(["demo"], timeout=20)
        self.assertTrue(report.usable)
        self.assertEqual((report.code, report.reason, report.message), (0, "OK", ""))
        demo = report.clusters["demo"]
        self.assertTrue(demo.usable)
        self.assertEqual(failed(demo.steps), [])
        self.assertRegex(demo.server or "", r"^https://127\.0\.0\.1:\d+")
        self.assertIn("token_review", [step.check for step in demo.steps])
        document = json.loads(report.document)["clusters"]["demo"]
        for name in ("usable", "elapsed_us", "server", "server_version", "user"):
            self.assertEqual(getattr(demo, name), document.get(name), name)

    def test_a_cluster_that_cannot_is_reported_and_no_exception(self) -> None:
        given = cluster(FORBIDDEN)
        with Attestor(given.config) as attestor:
            report = attestor.check()
        self.assertFalse(report.usable or report.clusters["demo"].usable)
        self.assertEqual((report.code, report.reason), (9, "API_FORBIDDEN"))
        self.assertNotEqual(report.message, "")
        self.assertEqual(failed(report.clusters["demo"].steps), ["pods"])
        (step,) = [step for step in report.clusters["demo"].steps if step.check == "pods"]
        self.assertIn("kind: ClusterRole", step.remedy or "")

    def test_a_name_that_is_not_configured_raises(self) -> None:
        with Attestor(cluster().config) as attestor:
            error = self.refusal(psat_attestor.InvalidArgumentError, attestor.check, ["other"])
        self.assertEqual(error.reason, "CLUSTER_UNKNOWN")


class Asynchronously(Case):
    def test_both_run_beside_the_loop(self) -> None:
        given = cluster({"latency_ms": 50})

        async def main() -> None:
            async with aio.Attestor(given.config) as attestor:
                together = asyncio.gather(attestor.explain(given.payload), attestor.check())
                turns = 0
                while not together.done():
                    turns += 1
                    await asyncio.sleep(0.001)
                explained, report = await together
                self.assertTrue(explained.accepted and report.usable)
                self.assertGreater(turns, 10)
                with self.assertRaises(psat_attestor.InvalidArgumentError):
                    await attestor.check(["other"])

        asyncio.run(main())

    def test_a_cancelled_task_leaves_the_call(self) -> None:
        given = hanging()

        async def main() -> None:
            async with aio.Attestor(given.config) as attestor:
                with self.assertRaises(asyncio.TimeoutError):
                    await asyncio.wait_for(attestor.explain(given.payload), 0.05)

        asyncio.run(main())
