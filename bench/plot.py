"""The figures of a run as one picture, SVG: latency by API delay, and ours as a share of upstream's."""

from __future__ import annotations

import math
import statistics
from html import escape

from plan import DELAYS
from rows import Row

WIDTH, HEIGHT = 1010, 430
UPSTREAM, OURS, GOAL = "#8a8f98", "#0b6bcb", "#c2410c"
DECADES = 4
"""The shares reach from 1 down to 1/10,000."""


def svg(rows: list[Row]) -> str:
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
            'font-family="sans-serif" font-size="12">',
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
            *latency([row for row in rows if row.name.startswith("latency")]),
            *shares([row for row in rows if row.plotted and row.ratio is not None]),
            "</svg>\n",
        ]
    )


def text(x: float, y: float, what: str, anchor: str = "start", fill: str = "#222") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{fill}">{escape(what)}</text>'


def line(x1: float, y1: float, x2: float, y2: float, colour: str = "#ddd", width: float = 1) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" stroke-width="{width}"/>'


def latency(rows: list[Row]) -> list[str]:
    """Two lines, p50 in milliseconds over the delay of the API server."""
    left, right, top, bottom = 45.0, 275.0, 50.0, 385.0
    highest = max(statistics.median(row.upstream) for row in rows)
    step = math.pow(10, math.floor(math.log10(highest)))
    ceiling = step * math.ceil(highest / step)

    def x(delay: float) -> float:
        return left + (right - left) * delay / DELAYS[-1]

    def y(milliseconds: float) -> float:
        return bottom - (bottom - top) * milliseconds / ceiling

    drawn = [text(left - 30, 24, "Latency, one at a time (p50, ms)")]
    for tick in range(0, round(ceiling) + 1, max(1, round(ceiling / 5))):
        drawn += [line(left, y(tick), right, y(tick)), text(left - 6, y(tick) + 4, str(tick), "end")]
    drawn += [text(x(delay), bottom + 18, str(delay), "middle") for delay in DELAYS]
    drawn.append(text((left + right) / 2, bottom + 36, "delay of each API call, ms", "middle"))
    for name, colour in (("upstream", UPSTREAM), ("ours", OURS)):
        values = [statistics.median(getattr(row, name)) for row in rows]
        points = " ".join(f"{x(d):.1f},{y(v):.1f}" for d, v in zip(DELAYS, values, strict=True))
        drawn.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2.5"/>')
        drawn.append(text(x(DELAYS[-1]) - 4, y(values[-1]) - 8, name, "end", colour))
    return drawn


def shares(rows: list[Row]) -> list[str]:
    """A bar for each measure, on a logarithmic scale; where there is a goal, a mark."""
    left, right, top = 660.0, 985.0, 50.0
    height = (HEIGHT - top - 45) / len(rows)

    def x(share: float) -> float:
        return right + (right - left) * max(math.log10(share), -float(DECADES)) / DECADES

    drawn = [text(330, 24, "Ours as a share of upstream's; the mark is the goal (for rates, the inverse)")]
    for decade in range(DECADES + 1):
        at = x(10.0**-decade)
        label = "1" if decade == 0 else f"1/{10**decade:,}"
        drawn += [line(at, top, at, HEIGHT - 45), text(at, HEIGHT - 27, label, "middle")]
    for index, row in enumerate(rows):
        middle = top + height * (index + 0.5)
        drawn.append(text(left - 8, middle + 4, row.name, "end"))
        if row.ratio:
            width = x(min(inverse_of_rate(row, row.ratio), 1)) - left
            drawn.append(
                f'<rect x="{left:.1f}" y="{middle - height * 0.32:.1f}" width="{width:.1f}" '
                f'height="{height * 0.64:.1f}" fill="{OURS}"/>'
            )
        else:
            drawn.append(text(left + 4, middle + 4, "none", fill=OURS))
        if row.goal and row.goal.of_ratio:
            at = x(inverse_of_rate(row, row.goal.limit))
            drawn.append(line(at, middle - height * 0.45, at, middle + height * 0.45, GOAL, 2.5))
    return drawn


def inverse_of_rate(row: Row, ratio: float) -> float:
    return 1 / ratio if row.goal and row.goal.at_least else ratio
