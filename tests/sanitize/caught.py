"""Hold that a checker is at work, in the library too: caught.py address|thread|memory PROGRAM

PROGRAM is built from broken.c and breaks one rule a run. Each has to be reported as what it is, where it happens.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass

PATIENCE_SECONDS = 120
VALGRIND = ["valgrind", "--leak-check=full", "--error-exitcode=99"]


@dataclass(frozen=True)
class Checker:
    """What it calls, what runs under it, and its words for each fault, with a function where the fault happens."""

    command: list[str]
    # Calls to it that the compiler puts into what is to be checked.
    calls: list[str]
    reports: dict[str, tuple[str, str]]


CHECKERS = {
    "address": Checker(
        command=[],
        calls=["__asan_init", "__asan_report_load8", "__asan_report_store8"],
        reports={
            "document_is_read_beyond_its_end": ("heap-buffer-overflow", "document_is_read_beyond_its_end"),
            "document_is_written_when_freed": ("heap-use-after-free", "document_is_written_when_freed"),
            "document_is_freed_twice": ("heap-use-after-free", "psat_string_free"),
            "document_is_never_freed": ("LeakSanitizer: detected memory leaks", "psat_config_validate"),
            "input_is_shorter_than_its_length": ("heap-buffer-overflow", "psat_config_validate"),
            "queue_is_used_when_freed": ("heap-use-after-free", "psat_queue_wake"),
            "number_is_too_large": ("signed integer overflow", "cannot be represented"),
        },
    ),
    "thread": Checker(
        command=[],
        calls=["__tsan_init", "__tsan_read8", "__tsan_write8"],
        reports={"input_is_written_meanwhile": ("data race", "psat_config_validate")},
    ),
    "memory": Checker(
        command=VALGRIND,
        calls=[],
        reports={
            "document_is_read_beyond_its_end": ("Invalid read of size 1", "document_is_read_beyond_its_end"),
            "document_is_written_when_freed": ("Invalid write of size 1", "document_is_written_when_freed"),
            "document_is_freed_twice": ("Invalid read", "psat_string_free"),
            "document_is_never_freed": ("definitely lost in loss record", "psat_config_validate"),
            "input_is_shorter_than_its_length": ("Invalid read", "psat_config_validate"),
            "queue_is_used_when_freed": ("Invalid write", "psat_queue_wake"),
        },
    ),
}


def bound_calls(program: str) -> dict[str, str]:
    """What the library calls and who answers, as the dynamic linker tells when it starts the program."""
    environment = {**os.environ, "LD_DEBUG": "bindings", "LD_BIND_NOW": "1"}
    # Without a fault to commit, the program only says how to call it.
    run = subprocess.run([program], capture_output=True, text=True, env=environment, timeout=PATIENCE_SECONDS)
    found = re.findall(r"binding file \S*/libpsat_attestor\.so\S* \[0\] to (\S+) \[0\]: .*`(\w+)'", run.stderr)
    return {call: os.path.basename(file) for file, call in found}


def missed(checker: Checker, program: str, fault: str) -> str | None:
    """Why a fault was not caught, or None."""
    words, place = checker.reports[fault]
    run = subprocess.run(
        [*checker.command, program, fault],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=PATIENCE_SECONDS,
    )
    report = run.stdout.partition(words)[2]
    if run.returncode == 0:
        return f"the program ended well, and printed {run.stdout!r}"
    if place not in report:
        return f"no report of {words!r} in {place}: {run.stdout}"
    return None


def main(name: str, program: str) -> int:
    checker = CHECKERS[name]
    bound = bound_calls(program) if checker.calls else {}
    outcomes = {
        f"{call} of the library is answered by {bound.get(call)}": None if call in bound else "it is not called"
        for call in checker.calls
    }
    outcomes |= {f"{fault} is caught": missed(checker, program, fault) for fault in checker.reports}
    for statement, why in outcomes.items():
        print(f"ok {statement}" if why is None else f"FAILED {statement}: {why}")
    failed = sum(why is not None for why in outcomes.values())
    print(f"{len(outcomes) - failed} passed, {failed} failed")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
