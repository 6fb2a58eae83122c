"""The table as text for a terminal and as Markdown."""

from __future__ import annotations

import statistics

from rows import Row

HEADINGS = ["measure", "upstream", "ours", "ratio", "goal", "met"]


def cells(row: Row) -> list[str]:
    met = {None: "", True: "yes", False: "**no**"}[row.met]
    goal = row.goal.text if row.goal else ""
    return [row.name, spread(row.upstream, row), spread(row.ours, row), ratio(row), goal, met]


def spread(values: list[float], row: Row) -> str:
    """The median, and how far the rounds lie apart."""
    if not values:
        return "-"
    low, middle, high = (
        f"{value:,.{row.decimals}f}" for value in (min(values), statistics.median(values), max(values))
    )
    unit = f" {row.unit}" if row.unit else ""
    return f"{middle}{unit}" if low == high else f"{middle}{unit} ({low} to {high})"


def ratio(row: Row) -> str:
    value = row.ratio
    if value is None:
        return "-"
    if value == 0:
        return "0"
    return f"{value:.2f}" if 0.1 <= value < 10 else f"{value:.0f}" if value >= 10 else f"1/{1 / value:.0f}"


def markdown(rows: list[Row]) -> str:
    return rendered([HEADINGS, *(cells(row) for row in rows)])


def rendered(lines: list[list[str]]) -> str:
    """Markdown; the first line is the head."""
    head, *body = lines
    return "".join("| " + " | ".join(line) + " |\n" for line in [head, ["---"] * len(head), *body])


def plain(rows: list[Row]) -> str:
    lines = [HEADINGS, *(cells(row) for row in rows)]
    return aligned([[cell.strip("*").replace("`", "") for cell in line] for line in lines])


def aligned(lines: list[list[str]]) -> str:
    """Columns for a terminal."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() + "\n" for line in lines
    )
