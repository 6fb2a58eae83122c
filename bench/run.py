"""Measures node attestation beside the plugin that is built into SPIRE: `make bench`, or `make bench BENCH=…`.

    short          about two minutes: fewer rounds
    full           within fifteen minutes, with instruction counts
    record         full, and writes docs/performance.md, its picture and bench/instructions.json
    instructions   the instruction counts alone, with a profile

Nothing here fails because something is slow.
"""

from __future__ import annotations

import sys
import time

import build
import instructions
import machine
import profiles
import programs
import report
from plan import AGENTS, FULL, SHORT, Samples, Size, measures
from plan import run as run_round
from server import Server

MODES = ("short", "full", "record", "instructions")


def main(mode: str) -> int:
    build.build()
    run = report.Run(mode, machine.description(), stripped_bytes=build.stripped_bytes())
    world = programs.OUT / "world"
    world.mkdir(exist_ok=True)
    with Server(build.SERVER, world, AGENTS) as server:
        if mode != "instructions":
            run.forms = programs.forms()
            measure(SHORT if mode == "short" else FULL, server, run.samples)
        if mode != "short":
            say("instructions and allocations, under valgrind")
            run.counted = instructions.counts(server)
            run.parts, run.functions = profiles.instructions(server)
            run.allocations = profiles.allocations(server)
    if mode == "instructions":
        report.show_valgrind(run)
        return 0
    report.show(run)
    report.keep(run)
    if mode == "record":
        report.record(run)
    return 0


def measure(size: Size, server: Server, samples: Samples) -> None:
    for what in measures(size):
        begun = time.monotonic()
        for number in range(what.rounds):
            run_round(what, number, server, samples)
        say(f"{what.name}: {what.rounds} rounds in {time.monotonic() - begun:.0f} s")


def say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in MODES:
        sys.exit(f"usage: run.py {'|'.join(MODES)}")
    sys.exit(main(sys.argv[1]))
