"""After a fork the inherited attestor says so, a new one works, and both processes end cleanly."""

from __future__ import annotations

import unittest

from kit import cluster, ends_well


class Forks(unittest.TestCase):
    def forks_well(self, how: str) -> None:
        given = cluster()
        ends_well(self, "forks.py", how, given.config_file, given.payload_file, rounds=4)

    def test_os_fork(self) -> None:
        self.forks_well("by_os_fork")

    def test_multiprocessing_by_fork(self) -> None:
        self.forks_well("fork")

    def test_multiprocessing_by_spawn(self) -> None:
        self.forks_well("spawn")

    def test_an_attestor_is_not_sent_to_another_process(self) -> None:
        self.forks_well("pickled")

    def test_a_fork_beside_a_loop(self) -> None:
        self.forks_well("asynchronous")
