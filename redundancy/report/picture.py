"""The kernels of a layer as tiles: what repeats side by side in frames, what does nothing marked, then the others."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from redundancy.auditing import Audit
from redundancy.network import Array
from redundancy.report.arrangement import CAPTION, GAP, Place, Plan, planned
from redundancy.report.kernels import Grouping, Kernels, grouped, kernels_of, most_redundant
from redundancy.report.layout import count, cut, listed, plain, wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FRAME, MARK = "#222222", "#c8102e"
"""Colours of what holds a group together, and of a kernel that is redundant by itself."""

COLOURS = "RdBu_r"
"""From blue by white to red, which people who see no green can tell apart as well."""

TILE, MARGIN, HEAD, FOOT = 0.58, 0.25, 0.85, 0.55
"""In inches: the width of a tile, and what is around all of them, above and below."""

LETTERS, DPI = 13, 110
"""Of text, and dots, to an inch."""


def draw(found: Audit, path: Path, layer: str | None = None) -> None:
    """Draws the kernels of a layer.

    Units that are alike stand side by side in a frame with their cosine, then come those that are redundant for
    another reason, with that, then all others. Red is positive, blue negative, white zero, on one scale for the layer.

    Args:
        found: An audit.
        path: Of the PNG that is written.
        layer: The layer's name; if not given, the one with the most redundant units, a convolution before all others.

    Raises:
        OptionError: There is no such layer, or it has no kernel.
    """
    kernels = kernels_of(found, layer)
    grouping = grouped(found, kernels)
    height, width = kernels.tiles.shape[1:]
    tall = min(1.5, max(0.4, height / width))
    with quiet():
        figure = _figure(found, kernels, grouping, planned(grouping, tall), tall)
        figure.savefig(path, format="png", metadata={"Software": None})


def choice_told(found: Audit, path: Path, width: int) -> str:
    """Which layer was drawn where none was asked for, and which others one could look at.

    Args:
        found: The audit.
        path: Of the picture.
        width: Of the terminal, in columns.
    """
    (drawn, units), *rest = most_redundant(found)
    others = [f"{plain(name)} ({number:,})" for name, number in rest if number]
    more = f"; --layer draws another one: {listed(others, width)}" if others else ""
    listed_units = f"{units:,} of its units are in the table" if units else "none of its units are in the table"
    text = f"{str(path)!r} shows the layer {plain(drawn)}: {listed_units}{more}."
    return "\n".join(wrapped(text, width, 0, 2))


def _figure(found: Audit, kernels: Kernels, grouping: Grouping, plan: Plan, tall: float) -> Figure:
    from matplotlib.figure import Figure

    width, height = TILE * plan.width + 2 * MARGIN, TILE * plan.height + HEAD + FOOT
    figure = Figure(figsize=(width, height), dpi=DPI, facecolor="white")
    place = (MARGIN / width, FOOT / height, TILE * plan.width / width, TILE * plan.height / height)
    axes = figure.add_axes(place, xlim=(0, plan.width), ylim=(plan.height, 0))
    axes.set_axis_off()
    reach = _reach(kernels.tiles)
    for spot in plan.places:
        _tile(axes, kernels.tiles[spot.unit], spot, tall, reach)
    _frames(axes, plan, tall)
    for y, title in plan.headings:
        axes.text(0, y, title, fontsize=9, weight="bold", va="bottom")
    title, about = _title(found, kernels, grouping, len(plan.places))
    letters = int((width - 2 * MARGIN) * LETTERS)
    for line, text in enumerate([cut(title, int(0.75 * letters)), *wrapped(about, letters)]):
        y = 1 - (0.12 + (0.08 + 0.2 * line) * bool(line)) / height
        figure.text(MARGIN / width, y, text, fontsize=9 if line else 12, va="top", parse_math=False)
    _scale(
        figure, axes, reach, (1.6 * MARGIN / width, 0.3 / height, min(2.4, width - 2 * MARGIN) / width, 0.1 / height)
    )
    return figure


def _reach(tiles: Array) -> float:
    """The weight of the strongest colour: nearly the largest, so that one outlier does not make all others pale."""
    sizes = np.abs(tiles[np.isfinite(tiles)])
    return float(np.quantile(sizes, 0.995)) or float(np.max(sizes, initial=0.0)) or 1.0


def _tile(axes: Axes, tile: Array, spot: Place, tall: float, reach: float) -> None:
    from matplotlib.patches import Rectangle

    extent = (spot.x, spot.x + 1, spot.y + tall, spot.y)
    axes.imshow(
        np.ma.masked_invalid(tile), cmap=COLOURS, vmin=-reach, vmax=reach, extent=extent, aspect="auto",
        interpolation="nearest",
    )  # fmt: skip
    colour, thick = (MARK, 1.4) if spot.marked else ("#777777", 0.4)
    axes.add_patch(Rectangle((spot.x, spot.y), 1, tall, fill=False, edgecolor=colour, linewidth=thick))
    axes.text(spot.x + 0.5, spot.y + tall + 0.02, spot.caption, fontsize=5.5, ha="center", va="top", color=colour)


def _frames(axes: Axes, plan: Plan, tall: float) -> None:
    from matplotlib.patches import Rectangle

    for frame in plan.frames:
        across = frame.tiles * (1 + GAP) + GAP / 2
        corner = (frame.x - 0.75 * GAP, frame.y - 0.75 * GAP)
        axes.add_patch(
            Rectangle(corner, across, tall + CAPTION + GAP, fill=False, edgecolor=FRAME, linewidth=1, clip_on=False)
        )
        axes.text(frame.x - 0.5 * GAP, frame.y - GAP, frame.label, fontsize=6.5, va="bottom", color=FRAME)


def _title(found: Audit, kernels: Kernels, grouping: Grouping, drawn: int) -> list[str]:
    units = len(kernels.rows)
    model = f"{plain(cut(found.model_name, 40))}, " if found.model_name else ""
    of = f", {drawn} of them drawn" if drawn < units else ""
    alike = sum(len(group.units) for group in grouping.groups)
    groups = f"{alike} are alike, in {count(len(grouping.groups), 'group')}" if alike else "none is like another one"
    alone = f", {len(grouping.marked):,} {grouping.marks}" if grouping.marked else ""
    near = f"; near is a cosine of {grouping.threshold:.3f} or more" if grouping.threshold is not None else ""
    return [
        f"{model}{plain(cut(kernels.layer, 60))}: {units:,} kernels{of}",
        f"{kernels.shown}; {groups}{alone}{near}",
    ]


def _scale(figure: Figure, axes: Axes, reach: float, place: tuple[float, float, float, float]) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    colours = ScalarMappable(Normalize(-reach, reach), COLOURS)
    bar = figure.colorbar(colours, cax=figure.add_axes(place), orientation="horizontal", ticks=[-reach, 0, reach])
    bar.ax.set_xticklabels([f"{-reach:.2g}", "0", f"{reach:.2g}"], fontsize=7)


@contextmanager
def quiet() -> Iterator[None]:
    """Keeps to itself what matplotlib says: of letters that its font lacks, of a cache that it cannot keep."""
    logger = logging.getLogger("matplotlib")
    level = logger.level
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            logger.setLevel(level)
