"""The rows of the table, out of what was measured."""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from plan import AGENTS, DELAYS, Samples
from programs import ATTESTED, Sample

Value = Callable[[Sample], float]


@dataclass(frozen=True)
class Goal:
    """A limit of our value, or of its ratio to upstream's."""

    text: str
    limit: float
    of_ratio: bool = False
    at_least: bool = False


@dataclass
class Row:
    """One line of the table: a value for each round of each side."""

    name: str
    unit: str
    ours: list[float]
    upstream: list[float] = field(default_factory=list)
    goal: Goal | None = None
    decimals: int = 0
    plotted: bool = True
    """Whether the ratio is about what the two sides cost."""

    @property
    def ratio(self) -> float | None:
        """Ours over upstream's, of the medians."""
        if not self.upstream:
            return None
        beside = statistics.median(self.upstream)
        return statistics.median(self.ours) / beside if beside else None

    @property
    def met(self) -> bool | None:
        if self.goal is None:
            return None
        value = self.ratio if self.goal.of_ratio else statistics.median(self.ours)
        if value is None:
            return None
        return value >= self.goal.limit if self.goal.at_least else value <= self.goal.limit


def rows(samples: Samples, stripped_bytes: int) -> list[Row]:
    return [
        *latency(samples),
        *load(samples),
        *cold_start(samples),
        *forgeries(samples),
        *storm(samples),
        *refusals(samples),
        *starts(samples),
        Row("stripped shared library", "MB", [stripped_bytes / 1e6], goal=Goal("≤ 9 MB", 9), decimals=1),
    ]


def more_rows(samples: Samples) -> list[Row]:
    """What the goals do not name, but a user may ask for."""
    return [*thousand_clusters(samples), *hanging(samples)]


def row(
    samples: Samples, measure: str, value: Value, name: str, unit: str, goal: Goal | None, decimals: int = 0
) -> Row:
    ours, upstream = ([value(sample) for sample in samples[measure][side]] for side in ("ours", "upstream"))
    return Row(name, unit, ours, upstream, goal, decimals)


def latency(samples: Samples) -> list[Row]:
    goals = {20: Goal("≤ 0.40 of upstream's", 0.40, of_ratio=True)}
    return [
        row(
            samples,
            f"latency_{delay}",
            p50_ms,
            f"latency, one at a time, {delay} ms API delay",
            "ms",
            goals.get(delay),
            2,
        )
        for delay in DELAYS
    ]


def load(samples: Samples) -> list[Row]:
    cpu = Goal("≤ 1/15 of upstream's", 1 / 15, of_ratio=True)
    rate = Goal("at least 6 times upstream's", 6, of_ratio=True, at_least=True)
    return [
        row(samples, "crowd", cpu_us, "CPU per attestation, 256 in flight", "µs", cpu),
        row(samples, "crowd", per_second, "attestations per second, 256 in flight", "/s", rate),
        row(samples, "allocations", allocations, "heap allocations per attestation", "", Goal("≤ 150", 150)),
    ]


def cold_start(samples: Samples) -> list[Row]:
    third = Goal("≤ 1/3 of upstream's", 1 / 3, of_ratio=True)
    return [
        row(samples, "cold", connections, "connections, 1,000 in flight at a cold start", "", Goal("≤ 4", 4)),
        row(samples, "cold", peak_mb, "peak RSS in the same run", "MB", third, 1),
    ]


def forgeries(samples: Samples) -> list[Row]:
    cpu = Goal("≤ 1/20 of upstream's", 1 / 20, of_ratio=True)
    return [
        row(samples, "forged", calls, "forged token: API calls", "", Goal("0", 0), 2),
        row(samples, "forged", cpu_us, "forged token: CPU", "µs", cpu),
    ]


def storm(samples: Samples) -> list[Row]:
    name = f"{AGENTS:,} agents at once, 20 ms API delay"
    everyone = Goal("all", AGENTS, at_least=True)
    return [
        replace(row(samples, "storm", attested, f"{name}: attested", "", everyone), plotted=False),
        row(samples, "storm", seconds, f"{name}: time", "s", Goal("≤ 1/8 of upstream's", 1 / 8, of_ratio=True), 2),
        row(samples, "storm", peak_mb, f"{name}: peak RSS", "MB", Goal("≤ 48 MB", 48), 1),
        row(samples, "storm", connections, f"{name}: connections", "", Goal("≤ 4", 4)),
    ]


def refusals(samples: Samples) -> list[Row]:
    ways = {
        "blocking": ("the ABI itself, blocking", 2),
        "ours": ("the ABI itself, submission to completion", 6),
        "psat": ("the ABI itself, Go", 8),
        "raw": ("the ABI itself, Python (ctypes)", 25),
        "package": ("the ABI itself, Python (package)", 25),
    }
    measured = samples["refused"]
    upstream = [p50_us(sample) for sample in measured["upstream"]]
    return [
        Row(name, "µs", [p50_us(s) for s in measured[side]], upstream, Goal(f"≤ {limit} µs", limit), 2, plotted=False)
        for side, (name, limit) in ways.items()
    ]


def starts(samples: Samples) -> list[Row]:
    started = row(samples, "new", new_ms, "`new` with one cluster", "ms", Goal("≤ 5 ms", 5), 2)
    return [replace(started, plotted=False)]


def thousand_clusters(samples: Samples) -> list[Row]:
    def for_each(sample: Sample) -> float:
        return float(sample["new_rss_kb"] - sample["start_rss_kb"]) * 1.024 / 1000

    return [
        row(samples, "thousand", new_ms, "`new` with 1,000 clusters", "ms", Goal("≤ 100 ms", 100), 1),
        row(samples, "thousand", for_each, "RSS for each of them", "KB", Goal("≤ 10 KB", 10), 1),
        row(samples, "thousand", lambda s: float(s["new_descriptors"]), "descriptors then", "", None),
        row(samples, "thousand", lambda s: float(s["new_threads"]), "threads then", "", None),
    ]


def hanging(samples: Samples) -> list[Row]:
    alone = row(samples, "alone", p99_ms, "p99 of a cluster alone, 8 in flight, 5 ms API delay", "ms", None, 2)
    beside = row(samples, "beside", p99_ms, "p99 beside 256 attestations of a cluster that hangs", "ms", None, 2)
    both = Row(
        "p99 beside, over p99 alone",
        "",
        [b / a for a, b in zip(alone.ours, beside.ours, strict=True)],
        [b / a for a, b in zip(alone.upstream, beside.upstream, strict=True)],
        Goal("≤ 1.5", 1.5),
        2,
    )
    return [alone, beside, both]


def busy_share(samples: Samples, side: str) -> tuple[float, float]:
    """How much of the machine the program and the server had while 256 were in flight."""

    def share(spent: Value) -> float:
        machine = [seconds(s) * 1e9 * (os.cpu_count() or 1) for s in samples["crowd"][side]]
        return statistics.median(spent(s) / m for s, m in zip(samples["crowd"][side], machine, strict=True))

    return share(lambda s: float(s["cpu_ns"])), share(lambda s: float(s["server"]["cpu_ns"]))


def p50_ms(sample: Sample) -> float:
    return float(sample["latency_ns"]["p50"]) / 1e6


def p50_us(sample: Sample) -> float:
    return float(sample["latency_ns"]["p50"]) / 1e3


def p99_ms(sample: Sample) -> float:
    return float(sample["latency_ns"]["p99"]) / 1e6


def seconds(sample: Sample) -> float:
    return float(sample["wall_ns"]) / 1e9


def cpu_us(sample: Sample) -> float:
    return float(sample["cpu_ns"]) / 1e3 / count_of(sample)


def per_second(sample: Sample) -> float:
    return count_of(sample) / seconds(sample)


def allocations(sample: Sample) -> float:
    return float(sample["allocations"]) / count_of(sample)


def peak_mb(sample: Sample) -> float:
    return float(sample["peak_rss_kb"]) * 1024 / 1e6


def new_ms(sample: Sample) -> float:
    return float(sample["new_ns"]) / 1e6


def connections(sample: Sample) -> float:
    return float(sample["server"]["connections"])


def calls(sample: Sample) -> float:
    """For each attestation, without the fetches of signing keys, which no attestation makes."""
    counted = sample["server"]
    return float(counted["token_review"] + counted["pod"] + counted["node"]) / count_of(sample)


def attested(sample: Sample) -> float:
    return float(sample["codes"].get(ATTESTED, 0))


def count_of(sample: Sample) -> int:
    codes: dict[str, int] = sample["codes"]
    return sum(codes.values())
