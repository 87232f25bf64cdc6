"""Layers that scale and shift each unit by numbers that are no trained weights: Rescaling, Normalization."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from redundancy.layers.normalization import scaled
from redundancy.layers.rule import Rule, Shape, register
from redundancy.layers.tracer import Tracer
from redundancy.network import Array, Node
from redundancy.units import Part, Units

UNEVEN = "it scales the positions of its input by numbers of their own"


def _moved(node: Node, units: Units, scale: Array, offset: Array, tracer: Tracer) -> Units:
    """The units times `scale` plus `offset`, each a number or laid out as the input is."""
    rows = [by_unit(values, units) for values in (scale, offset)]
    if not units.parts or any(np.any(row != row[:, :1]) for row in rows):
        return tracer.opaque(node, (units,), UNEVEN)
    gain, shift = (row[:, 0] for row in rows)
    if not np.all(np.isfinite(gain) & np.isfinite(shift)):
        return tracer.opaque(node, (units,), "it scales by what is no finite number")
    if not tracer.values:
        return units

    def moved(number: int, part: Part) -> Part:
        return scaled(part, gain[part.where], shift[part.where], (node.name, number))

    return replace(units, parts=tuple(moved(number, part) for number, part in enumerate(units.parts)))


def by_unit(values: Array, units: Units) -> Array:
    """One row for each index of the axis that the units lie on.

    Args:
        values: A number, or an array that is laid out as the units' tensor is, without the batch.
        units: Along whose axis.

    Returns:
        Shape (size of the units, numbers for each).
    """
    if not values.ndim:
        return np.full((units.size, 1), values)
    rows = np.moveaxis(values, units.axis, 0).reshape(values.shape[units.axis], -1)
    return np.broadcast_to(rows, (units.size, rows.shape[1]))


def _same(node: Node, inputs: tuple[Shape, ...]) -> Shape:
    return inputs[0]


def nested(values: Array) -> Any:
    """An array as tuples of tuples; a number as a number."""
    listed = values.tolist()
    return _tupled(listed)


def _tupled(listed: Any) -> Any:
    return tuple(map(_tupled, listed)) if isinstance(listed, list) else listed


def _affine(node: Node, inputs: tuple[Units, ...], tracer: Tracer) -> Units:
    scale, offset = (np.asarray(node.config[name], np.float64) for name in ("scale", "offset"))
    return _moved(node, inputs[0], scale, offset, tracer)


def _arrays(node: Node) -> Mapping[str, Array]:
    """The numbers of a configuration that are laid out as the input is."""
    names = ("scale", "offset")
    return {name: np.asarray(node.config[name], np.float64) for name in names if isinstance(node.config[name], tuple)}


def _configured(node: Node, arrays: Mapping[str, Array]) -> Node:
    return replace(node, config={**node.config, **{name: nested(values) for name, values in arrays.items()}})


def _standardized(node: Node, inputs: tuple[Units, ...], tracer: Tracer) -> Units:
    weights = _statistics(node)
    with np.errstate(invalid="ignore"):
        deviation = np.maximum(np.sqrt(np.asarray(weights["variance"], np.float64)), node.config["epsilon"])
    mean = np.asarray(weights["mean"], np.float64)
    scale, offset = (deviation, mean) if node.config["invert"] else (1.0 / deviation, -mean / deviation)
    return _moved(node, inputs[0], scale, offset, tracer)


def _statistics(node: Node) -> Mapping[str, Array]:
    """The mean and the variance laid out as the input is, whether they are weights or part of the configuration."""
    given = {**node.weights}
    for name in ("mean", "variance"):
        values = np.asarray(given[name] if name in given else node.config[name])
        shape = [1] * len(node.shape)
        for axis, extent in zip(node.config["axis"], values.shape, strict=True):
            shape[axis] = extent
        given[name] = values.reshape(shape)
    return given


def _restated(node: Node, weights: Mapping[str, Array]) -> Node:
    flat = {name: weights[name].reshape([weights[name].shape[axis] for axis in node.config["axis"]])
            for name in ("mean", "variance")}  # fmt: skip
    if "mean" in node.weights:
        return node.with_weights({**node.weights, **flat})
    return replace(node, config={**node.config, **{name: nested(values) for name, values in flat.items()}})


register(
    "affine",
    Rule(
        _affine,
        _same,
        alike=("scale", "offset"),
        optional=frozenset({"scale", "offset"}),
        defaults={"scale": 1.0, "offset": 0.0},
        loose=_arrays,
        packed=_configured,
    ),
)
register(
    "standardization",
    Rule(
        _standardized,
        _same,
        alike=("mean", "variance"),
        optional=frozenset({"mean", "variance", "count"}),
        defaults={"axis": (), "epsilon": 1e-7, "invert": False, "mean": (), "variance": ()},
        loose=_statistics,
        packed=_restated,
    ),
)
