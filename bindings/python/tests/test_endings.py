"""Programs that end, loops that close, objects that are collected, with work pending: exit code 0, stderr empty."""

from __future__ import annotations

import unittest

from kit import ROUNDS, ends_well, hanging


class Endings(unittest.TestCase):
    def exits_well(self, how: str) -> None:
        given = hanging()
        ends_well(self, "exits.py", how, given.config_file, given.payload_file, rounds=ROUNDS)

    def test_a_program_may_end_while_threads_are_inside(self) -> None:
        self.exits_well("threads")

    def test_a_program_may_end_while_answers_come(self) -> None:
        self.exits_well("answers")

    def test_a_program_may_end_after_its_main_thread_left_a_call(self) -> None:
        self.exits_well("main_thread")

    def test_a_program_may_end_with_tasks_that_are_cancelled_at_the_end(self) -> None:
        self.exits_well("tasks")

    def test_a_program_may_end_with_a_loop_that_is_not_closed(self) -> None:
        self.exits_well("loop")

    def test_a_loop_may_be_closed_with_work_pending(self) -> None:
        self.exits_well("closed_loop")

    def test_objects_may_be_collected_with_work_pending(self) -> None:
        given = hanging()
        ends_well(self, "collected.py", given.config_file, given.payload_file, rounds=ROUNDS)
