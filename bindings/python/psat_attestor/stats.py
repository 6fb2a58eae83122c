"""The counters of an attestor, typed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Histogram:
    """Durations: `counts[i]` took at most `bounds_us[i]` and more than the bound before; the last, more than all."""

    bounds_us: tuple[int, ...]
    counts: tuple[int, ...]
    count: int
    sum_us: int

    @classmethod
    def of(cls, members: Mapping[str, Any]) -> Histogram:
        return cls(tuple(members["bounds_us"]), tuple(members["counts"]), members["count"], members["sum_us"])


@dataclass(frozen=True)
class ClusterStats:
    """The counters of one cluster."""

    in_flight: int
    """Attestations that hold a slot now."""
    peak_in_flight: int
    queued: int
    """Attestations that wait for a slot now."""
    attestations: Mapping[str, int]
    """Finished attestations by reason; what never happened is left out."""
    latency: Histogram
    api_calls: Mapping[str, Mapping[str, int]]
    """Calls by kind and by class of status."""
    retries: int
    connections_opened: int
    credential_reloads: int

    @classmethod
    def of(cls, members: Mapping[str, Any]) -> ClusterStats:
        return cls(
            members["in_flight"],
            members["peak_in_flight"],
            members["queued"],
            members["attestations"],
            Histogram.of(members["latency"]),
            members["api_calls"],
            members["retries"],
            members["connections_opened"],
            members["credential_reloads"],
        )


@dataclass(frozen=True)
class Stats:
    """Counters since the attestor was made."""

    config_generation: int
    """The configuration in force; 0 = none."""
    attestations: Mapping[str, int]
    """Finished attestations by reason; what never happened is left out."""
    latency: Histogram
    clusters: Mapping[str, ClusterStats]
    """The clusters of the configuration in force."""
    queued_bytes: int
    """Bytes of tokens and options that wait for slots."""
    panics_caught: int
    events_dropped: int
    documents_alive: int
    """Documents of the library that are not freed yet, in the whole process. This package frees each at once."""
    document: bytes = field(repr=False, compare=False)
    """The whole answer as JSON."""

    @classmethod
    def of(cls, document: bytes) -> Stats:
        members = json.loads(document)
        return cls(
            members["config_generation"],
            members["attestations"],
            Histogram.of(members["latency"]),
            {name: ClusterStats.of(each) for name, each in members["clusters"].items()},
            members["queued_bytes"],
            members["panics_caught"],
            members["events_dropped"],
            members["documents_alive"],
            document,
        )
