"""What a run leaves: a table on the terminal, raw numbers, a picture; and docs/performance.md, if it is recorded."""

from __future__ import annotations

import json
import os
import statistics
from dataclasses import asdict, dataclass, field

import instructions
import plot
import rows
import table
from plan import Samples
from profiles import Listing
from programs import OUT, ROOT

DOCUMENT = ROOT / "docs" / "performance.md"
PICTURE = ROOT / "docs" / "performance.svg"
BEGIN, END = "<!-- bench: begin -->\n", "<!-- bench: end -->\n"


@dataclass
class Run:
    """All that one run has found."""

    mode: str
    machine: dict[str, str]
    samples: Samples = field(default_factory=dict)
    stripped_bytes: int = 0
    forms: dict[str, int] = field(default_factory=dict)
    """What SPIRE's plugin spends on reading the answers of one attestation, by their form."""
    counted: dict[str, int] = field(default_factory=dict)
    parts: Listing = field(default_factory=list)
    functions: Listing = field(default_factory=list)
    allocations: Listing = field(default_factory=list)


def show(run: Run) -> None:
    for key, value in run.machine.items():
        print(f"{key}: {value}")
    print("\nMedians; in brackets how far the rounds lie apart.\n")
    print(table.plain(rows.rows(run.samples, run.stripped_bytes)))
    print(table.plain(rows.more_rows(run.samples)))
    for note in notes(run):
        print(f"- {note}")
    show_valgrind(run)


def show_valgrind(run: Run) -> None:
    if not run.counted:
        return
    print()
    print(table.aligned(instructions.changes(run.counted)))
    for lines in profiles(run):
        print(table.aligned(lines))


def profiles(run: Run) -> list[list[list[str]]]:
    """Tables about one attestation with `lookup` `auto`, one at a time."""
    return [
        [["part", "share of the instructions"], *([name, f"{share:.0%}"] for name, share in run.parts)],
        [["function", "instructions by itself"], *([name, f"{count:,.0f}"] for name, count in run.functions)],
        [["allocated in, or below", "allocations"], *([name, f"{count:.1f}"] for name, count in run.allocations)],
    ]


def keep(run: Run) -> None:
    """Leaves the raw numbers and the picture below target."""
    results = OUT / "results.json"
    measured = rows.rows(run.samples, run.stripped_bytes)
    found = [{**asdict(row), "ratio": row.ratio, "met": row.met} for row in measured + rows.more_rows(run.samples)]
    results.write_text(json.dumps({**asdict(run), "rows": found}, indent=1) + "\n")
    (OUT / "plot.svg").write_text(plot.svg(measured))
    print(f"\nraw numbers: {results.relative_to(ROOT)}, picture: target/bench/plot.svg")


def record(run: Run) -> None:
    """Puts the run into the documentation, between the markers."""
    PICTURE.write_text(plot.svg(rows.rows(run.samples, run.stripped_bytes)))
    head, _, rest = DOCUMENT.read_text().partition(BEGIN)
    _, found, tail = rest.partition(END)
    if not found:
        raise RuntimeError(f"{DOCUMENT.relative_to(ROOT)} lacks the markers {BEGIN.strip()} and {END.strip()}")
    DOCUMENT.write_text(head + BEGIN + section(run) + END + tail)
    instructions.record(run.counted)


def section(run: Run) -> str:
    machine = "".join(f"| {key} | {value} |\n" for key, value in run.machine.items())
    parts = [
        "\nMedians; in brackets how far the rounds lie apart. A ratio is ours over upstream's.\n",
        table.markdown(rows.rows(run.samples, run.stripped_bytes)),
        "What the goals do not name:\n",
        table.markdown(rows.more_rows(run.samples)),
        "![Latency by API delay, and ours as a share of upstream's](performance.svg)\n",
        "".join(f"- {note}\n" for note in notes(run)),
        "### Instructions\n",
        table.rendered([["path", "instructions"], *([name, f"{count:,}"] for name, count in run.counted.items())]),
        "Where one attestation spends them, and where it allocates (`lookup` `auto`, one at a time):\n",
        *(table.rendered(quoted(lines)) for lines in profiles(run)),
        "### The machine\n",
        "| | |\n|---|---|\n" + machine,
    ]
    return "\n".join(parts) + "\n"


def quoted(lines: list[list[str]]) -> list[list[str]]:
    """Names of functions have brackets that Markdown would take for its own."""
    head, *body = lines
    return [head, *([f"`{name}`", value] for name, value in body)]


def notes(run: Run) -> list[str]:
    found = [lookup(run.samples), limit(run.samples), protobuf(run)]
    missed = [row.name for row in rows.rows(run.samples, run.stripped_bytes) if row.met is False]
    if missed:
        found.append("Missed: " + "; ".join(missed) + ".")
    return found


def lookup(samples: Samples) -> str:
    used = {sample["lookup"] for sample in samples["latency_20"]["ours"]}
    return f"Ours looked pod and node up in the way `{', '.join(sorted(used))}`; upstream makes three calls in a row."


def limit(samples: Samples) -> str:
    ours, server = rows.busy_share(samples, "ours")
    theirs, their_server = rows.busy_share(samples, "upstream")
    cores = os.cpu_count() or 1
    return (
        f"With 256 in flight, of {cores} cores upstream used {theirs:.0%} and its API server {their_server:.0%}; ours "
        f"used {ours:.0%} and its API server {server:.0%}. Where the server takes the larger part, it is the limit of "
        "the rate, and the CPU of each attestation tells more."
    )


def protobuf(run: Run) -> str:
    saved = (run.forms["json_ns"] - run.forms["protobuf_ns"]) / 1e3
    theirs, ours = (statistics.median(map(rows.cpu_us, run.samples["crowd"][side])) for side in ("upstream", "ours"))
    return (
        f"A real API server answers SPIRE's plugin in protobuf, which saves it some {saved:.0f} µs of CPU for each "
        f"attestation: {theirs - saved:.0f} instead of {theirs:.0f} µs with 256 in flight, and ours is then "
        f"1/{(theirs - saved) / ours:.0f} of it."
    )
