"""Table and picture out of canned figures: `python3 -m unittest discover -s bench`."""

from __future__ import annotations

import unittest
from xml.etree import ElementTree

import plot
import table
from plan import FULL, Samples, measures
from programs import Sample
from rows import Goal, Row, more_rows, rows


def sample(nanoseconds: int) -> Sample:
    return {
        "new_ns": nanoseconds,
        "wall_ns": nanoseconds,
        "cpu_ns": nanoseconds,
        "latency_ns": {"p50": nanoseconds, "p90": nanoseconds, "p99": nanoseconds, "max": nanoseconds},
        "codes": {"0": 1000},
        "allocations": nanoseconds,
        "start_rss_kb": 1000,
        "new_rss_kb": 2000,
        "peak_rss_kb": nanoseconds // 1000,
        "new_descriptors": 5,
        "new_threads": 3,
        "server": {"token_review": 1000, "pod": 1000, "node": 1000, "connections": 2, "cpu_ns": nanoseconds},
    }


def samples() -> Samples:
    """Every measure that is planned, ours ten times as fast."""
    return {
        what.name: {side: [sample(1_000_000 if side == "upstream" else 100_000)] for side in what.loads}
        for what in measures(FULL)
    }


class Rows(unittest.TestCase):
    def test_every_measure_that_is_planned_makes_its_rows(self) -> None:
        found = {row.name: row for row in rows(samples(), 8_000_000) + more_rows(samples())}
        self.assertEqual(found["latency, one at a time, 20 ms API delay"].ratio, 0.1)
        self.assertTrue(found["latency, one at a time, 20 ms API delay"].met)
        self.assertFalse(found["CPU per attestation, 256 in flight"].met)
        self.assertEqual(found["attestations per second, 256 in flight"].ratio, 10)
        self.assertTrue(found["attestations per second, 256 in flight"].met)
        self.assertEqual(found["forged token: API calls"].ours, [3])
        self.assertFalse(found["forged token: API calls"].met)
        self.assertTrue(found["stripped shared library"].met)

    def test_a_row_without_a_goal_is_neither_met_nor_missed(self) -> None:
        self.assertIsNone(Row("some", "ms", [1.0], [2.0]).met)

    def test_a_goal_about_the_ratio_is_open_where_there_is_no_upstream(self) -> None:
        self.assertIsNone(Row("some", "ms", [1.0], goal=Goal("half", 0.5, of_ratio=True)).met)

    def test_cells_have_median_spread_and_ratio(self) -> None:
        row = Row("some", "ms", [1.0, 2.0, 4.0], [1000.0], Goal("≤ 3 ms", 3), 1)
        self.assertEqual(table.cells(row), ["some", "1,000.0 ms", "2.0 ms (1.0 to 4.0)", "1/500", "≤ 3 ms", "yes"])

    def test_columns_are_aligned(self) -> None:
        self.assertEqual(table.aligned([["a", "b"], ["long", "c"]]), "a     b\nlong  c\n")


class Picture(unittest.TestCase):
    def test_it_is_well_formed_and_names_every_cost(self) -> None:
        found = rows(samples(), 8_000_000)
        picture = ElementTree.fromstring(plot.svg(found))
        written = {element.text for element in picture.iter() if element.text}
        self.assertLessEqual({row.name for row in found if row.plotted and row.upstream}, written)
        self.assertNotIn("`new` with one cluster", written)


if __name__ == "__main__":
    unittest.main()
