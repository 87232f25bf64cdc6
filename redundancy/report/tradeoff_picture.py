"""Accuracy against what is left of a model, a line for each criterion, as a picture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from redundancy.report.layout import plain
from redundancy.report.picture import quiet

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from redundancy.tradeoffs import Point, Tradeoffs

AXES: dict[str, Callable[[Point, Point], float | None]] = {
    "units left": lambda point, whole: point.units / whole.units,
    "parameters left": lambda point, whole: point.parameters / whole.parameters,
    "multiply-accumulates left": lambda point, whole: point.macs / whole.macs,
    "time, original = 1": lambda point, whole: (
        point.seconds / point.seconds_before if point.seconds and point.seconds_before else None
    ),
}
"""(point, the original) -> where it lies, by what the axis is called; None where that is not known."""

WIDTH, HEIGHT = 4.2, 3.6
"""Of one panel, in inches."""


def draw_tradeoffs(found: Tradeoffs, path: Path, kind: str) -> None:
    """Draws one panel for each thing that is saved.

    Args:
        found: Of one model.
        path: Of the file that is written.
        kind: "png" or "svg".
    """
    from matplotlib.figure import Figure

    whole, *points = found.points
    names = [name for name, place in AXES.items() if any(place(point, whole) is not None for point in points)]
    with quiet():
        figure = Figure(figsize=(WIDTH * len(names), HEIGHT), layout="constrained")
        panels = figure.subplots(1, len(names), sharey=True, squeeze=False)[0]
        for name, panel in zip(names, panels, strict=True):
            _panel(panel, name, found)
        panels[0].set_ylabel(_what(found))
        panels[0].legend(fontsize=8)
        figure.suptitle(plain(found.model_name) or "a network", fontsize=10)
        figure.savefig(path, format=kind, metadata={"Software": None} if kind == "png" else {"Date": None})


def _what(found: Tradeoffs) -> str:
    if found.points[0].accuracy is None:
        return "divergence of outputs"
    return "accuracy on test images" if found.tested else "accuracy on the data"


def _panel(panel: Axes, name: str, found: Tradeoffs) -> None:
    whole, *points = found.points
    for by in dict.fromkeys(point.by for point in points):
        placed = [(AXES[name](point, whole), _height(point)) for point in (whole, *points) if point.by in ("", by)]
        # By where they lie: times that were measured are not in the order of shares.
        known = sorted((1.0 if x is None else x, y) for x, y in placed)
        panel.plot(*zip(*known, strict=True), marker="o", markersize=3, linewidth=1.2, label=by)
    panel.set_xlabel(name)
    panel.grid(alpha=0.3)


def _height(point: Point) -> float:
    return point.harm if point.accuracy is None else point.accuracy
