"""The library's answers as results or exceptions."""

from __future__ import annotations

import json
from typing import NamedTuple

from psat_attestor.errors import error_of
from psat_attestor.results import Attestation, CheckReport, Explanation
from psat_attestor.stats import Stats


class Answer(NamedTuple):
    """A code, and the document of the same code if there is one."""

    code: int
    document: bytes | None


def attestation_of(answer: Answer) -> Attestation:
    if answer.code != 0 or answer.document is None:
        raise error_of(*answer)
    return Attestation.of(answer.document)


def explanation_of(answer: Answer) -> Explanation:
    """A refusal is an explanation too, unless there is nothing that it could explain."""
    if answer.document is None or "steps" not in json.loads(answer.document):
        raise error_of(*answer)
    return Explanation.of(answer.document)


def report_of(answer: Answer) -> CheckReport:
    """Clusters that cannot be used are a report too, unless none was looked at."""
    if answer.document is None or "clusters" not in json.loads(answer.document):
        raise error_of(*answer)
    return CheckReport.of(answer.document)


def stats_of(answer: Answer) -> Stats:
    if answer.code != 0 or answer.document is None:
        raise error_of(*answer)
    return Stats.of(answer.document)
