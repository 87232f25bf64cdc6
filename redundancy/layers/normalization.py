"""BatchNormalization: in inference, a scale and a shift for each unit."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace

import numpy as np

from redundancy.algebra import certain
from redundancy.layers.rule import Rule, Shape, register
from redundancy.layers.tracer import Tracer
from redundancy.network import Array, Node
from redundancy.units import Part, Units, lonely, stacked, summed


def effective(node: Node) -> tuple[Array, Array]:
    """(gain, offset) of a BatchNormalization with its moving statistics. Shapes (n,), float64."""
    weights = {name: np.asarray(array, np.float64) for name, array in node.weights.items()}
    # `epsilon` is added in float64; the framework adds it in its own precision, which is rounding.
    with np.errstate(divide="ignore", invalid="ignore"):
        gain = weights.get("gamma", 1.0) / np.sqrt(weights["variance"] + node.config["epsilon"])
        return gain, summed(weights.get("beta", np.zeros(1)), -gain * weights["mean"])


def _trace(node: Node, inputs: tuple[Units, ...], tracer: Tracer) -> Units:
    units = inputs[0]
    if units.axis != _axis(node, len(node.shape)):
        return tracer.opaque(node, inputs, "it normalises along another axis than the one its input's units lie on")
    gain, offset = effective(node)
    if not np.all(np.isfinite(gain) & np.isfinite(offset)):
        return tracer.opaque(node, inputs, "its variance is zero or negative, so that its scale is no number")
    if not tracer.values:
        return units
    parts = [scaled(part, gain[part.where], offset[part.where], (node.name, n)) for n, part in enumerate(units.parts)]
    return replace(units, parts=tuple(parts))


def scaled(part: Part, gain: Array, offset: Array, name: Hashable) -> Part:
    """`gain * h + offset`, each for every position and unit. Both of shape (p, n)."""
    with np.errstate(invalid="ignore", over="ignore"):
        ends = np.concatenate([gain * part.low, gain * part.high]) + np.concatenate([offset, offset])
    # No gain times an infinite bound is no number; without gain the value is the offset.
    ends = np.where(np.concatenate([gain, gain]) == 0, np.concatenate([offset, offset]), ends)
    low, high = certain(ends.min(axis=0), ends.max(axis=0))
    affine = part.affine
    if np.all(gain == gain[:1]) and np.all(offset == offset[:1]):
        affine = affine.scaled(gain[0], offset[0])
    elif affine.itself:
        affine = lonely(
            affine,
            [(g * affine.gain, g * affine.offset + c) for g, c in zip(gain, offset, strict=True)],
            ("value", name),
        )
    else:
        # Each position of a map that was laid out is scaled in its own way: the units are vectors.
        affine = stacked([affine.scaled(g, c) for g, c in zip(gain, offset, strict=True)], "positions")
    return replace(part, affine=affine, low=low, high=high)


def _axis(node: Node, rank: int) -> int:
    axis: int = node.config["axis"]
    return axis % rank


def _shape(node: Node, inputs: tuple[Shape, ...]) -> Shape:
    return inputs[0]


register(
    "batch_normalization",
    Rule(
        _trace,
        _shape,
        carries={"gamma": 0, "beta": 0, "mean": 0, "variance": 0},
        axis=_axis,
        defaults={"axis": -1, "epsilon": 1e-3, "momentum": 0.99},
    ),
)
