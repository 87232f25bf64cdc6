"""Points of several criteria, as text for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from redundancy.report.layout import Column, amount, plain, table

if TYPE_CHECKING:
    from redundancy.tradeoffs import Point, Tradeoffs

ORIGINAL = "original"
"""What the first row is called."""


def tradeoff_table(found: Tradeoffs, width: int) -> str:
    """A row a point; the best of each share is for the reader to see.

    Args:
        found: To show.
        width: Of the terminal, in columns.
    """
    timed = any(point.seconds is not None for point in found.points)
    scored = found.points[0].accuracy is not None
    heads = [
        Column("criterion", shrinks=True),
        Column("removed", right=True),
        Column("units", right=True),
        Column("parameters", right=True),
        Column("MACs", right=True),
        *([Column("accuracy", right=True)] if scored else []),
        Column("harm", right=True),
        *([Column("times as fast", right=True, yields=1)] if timed else []),
    ]
    rows = [_row(point, scored, timed) for point in found.points]
    return "\n".join([plain(found.model_name) or "a network", "", *table(heads, rows, width)])


def _row(point: Point, scored: bool, timed: bool) -> list[str]:
    fast = f"{point.seconds_before / point.seconds:.2f}" if point.seconds and point.seconds_before else ""
    return [
        point.by or ORIGINAL,
        f"{100 * point.removed:g}%" if point.by else "",
        f"{point.units:,}",
        f"{point.parameters:,}",
        amount(point.macs),
        *([f"{100 * (point.accuracy or 0.0):.2f}%"] if scored else []),
        f"{point.harm:.3g}",
        *([fast] if timed else []),
    ]
