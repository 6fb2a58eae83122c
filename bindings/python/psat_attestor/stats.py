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
class Lane:
    """The counters of one lane."""

    in_flight: int
    """Attestations that hold a slot now."""
    peak_in_flight: int
    queued: int
    """Attestations that wait for a slot now."""


@dataclass(frozen=True)
class SigningKeys:
    """How it stands with a cluster's signing keys."""

    state: str
    """`not_read`, `known` or `unreadable`."""
    keys: int
    """How many can be used."""
    age_s: int | None
    """Seconds since they were read; none unless they are known."""

    @classmethod
    def of(cls, members: Mapping[str, Any]) -> SigningKeys:
        return cls(members["state"], members["keys"], members.get("age_s"))


@dataclass(frozen=True)
class ClusterStats:
    """The counters of one cluster."""

    in_flight: int
    """Attestations that hold a slot now."""
    peak_in_flight: int
    queued: int
    """Attestations that wait for a slot now."""
    unknown_lane: Lane
    """Tokens that name a signing key which the cluster has not published."""
    refused_without_call: Mapping[str, int]
    """Attestations that the token alone ended, by reason."""
    signing_keys: SigningKeys
    attestations: Mapping[str, int]
    """Finished attestations by reason; what never happened is left out."""
    latency: Histogram
    api_calls: Mapping[str, Mapping[str, int]]
    """Calls by kind and by class of status."""
    retries: int
    """Tries beyond the first of a call."""
    retries_refused: int
    """Calls that would have been tried again, had the budget for retries not been spent."""
    connections_opened: int
    credential_reloads: int

    @classmethod
    def of(cls, members: Mapping[str, Any]) -> ClusterStats:
        return cls(
            members["in_flight"],
            members["peak_in_flight"],
            members["queued"],
            Lane(**{name: members["unknown_lane"][name] for name in ("in_flight", "peak_in_flight", "queued")}),
            members["refused_without_call"],
            SigningKeys.of(members["signing_keys"]),
            members["attestations"],
            Histogram.of(members["latency"]),
            members["api_calls"],
            members["retries"],
            members["retries_refused"],
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
