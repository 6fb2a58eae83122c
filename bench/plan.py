"""What is measured: each measure is a load that the programs run in turn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from programs import Load, Sample, attest
from server import Server

AGENTS = 5000
DELAYS = (0, 5, 20)
PEERS = ("upstream", "ours")
# Ours, from other languages.
HOSTS = ("psat", "raw", "package")
NOT_FOUND_HERE = "3"
UNAUTHENTICATED = "16"
INTERNAL = "13"

Samples = dict[str, dict[str, list[Sample]]]
"""By measure and by side, one of each round."""


@dataclass(frozen=True)
class Size:
    """How much is done: more rounds and larger counts for steadier figures."""

    rounds: int
    storms: int
    one_at_a_time: tuple[int, int, int]
    """For each of the delays."""
    crowd: int
    forgeries: int
    beside: int
    refusals: int
    starts: int


SHORT = Size(
    rounds=2,
    storms=1,
    one_at_a_time=(200, 60, 30),
    crowd=1000,
    forgeries=600,
    beside=500,
    refusals=5_000,
    starts=5,
)
FULL = Size(
    rounds=7,
    storms=3,
    one_at_a_time=(600, 200, 100),
    crowd=3000,
    forgeries=2000,
    beside=800,
    refusals=50_000,
    starts=15,
)


@dataclass(frozen=True)
class Measure:
    """A load, and who runs it how often. Where sides answer with different codes, each has its own load."""

    name: str
    loads: dict[str, Load]
    rounds: int


def measures(size: Size) -> Iterator[Measure]:
    for delay, count in zip(DELAYS, size.one_at_a_time, strict=True):
        yield peers(f"latency_{delay}", Load(count=count, warm_up=20, delay_ms=delay), size.rounds)
    at_once = (("max_in_flight", 256),)
    yield peers("crowd", Load(count=size.crowd, warm_up=512, in_flight=256, settings=at_once), size.rounds)
    counted = Load(count=1000, warm_up=300, in_flight=16, count_allocations=True)
    yield peers("allocations", counted, min(size.rounds, 3))
    at_once = (("max_in_flight", 1000),)
    yield peers("cold", Load(count=1000, in_flight=1000, delay_ms=20, settings=at_once), min(size.rounds, 3))
    yield Measure("forged", forged(size.forgeries), size.rounds)
    yield peers("storm", Load(count=AGENTS, in_flight=AGENTS, delay_ms=20), size.storms)
    yield Measure("refused", refused(size.refusals), size.rounds)
    yield peers("new", Load(), size.starts)
    yield peers("thousand", Load(clusters=1000), min(size.starts, 5))
    alone = Load(count=size.beside, warm_up=100, in_flight=8, delay_ms=5, beside=0)
    yield peers("alone", alone, min(size.rounds, 5))
    yield peers("beside", Load(**{**vars(alone), "beside": 256}), min(size.rounds, 5))


def peers(name: str, load: Load, rounds: int) -> Measure:
    return Measure(name, dict.fromkeys(PEERS, load), rounds)


def forged(count: int) -> dict[str, Load]:
    load = Load("forged", count, warm_up=64, warm_up_payloads="genuine", in_flight=16)
    codes = {"upstream": INTERNAL, "ours": UNAUTHENTICATED}
    return {side: Load(**{**vars(load), "expect": codes[side]}) for side in PEERS}


def refused(count: int) -> dict[str, Load]:
    """A payload for a cluster that is not configured: what is left is the way in and out."""
    load = Load(payloads="unknown", count=count, warm_up=count // 10, expect=NOT_FOUND_HERE)
    blocking = Load(**{**vars(load), "blocking": True})
    return {"upstream": load, "blocking": blocking, "ours": load, **dict.fromkeys(HOSTS, load)}


def run(measure: Measure, number: int, server: Server, samples: Samples) -> None:
    """Runs one round: each side once, now this one first, now that one."""
    sides = list(measure.loads)
    for side in sides if number % 2 == 0 else reversed(sides):
        program = "ours" if side == "blocking" else side
        sample = attest(program, measure.loads[side], server)
        samples.setdefault(measure.name, {}).setdefault(side, []).append(sample)
