"""PReLU: a rectifier with slopes below zero that are weights, one for each unit or for each value."""

from __future__ import annotations

import numpy as np

from redundancy.algebra import Algebra, algebra_of
from redundancy.layers.rule import Rule, Shape, register
from redundancy.layers.tracer import Tracer
from redundancy.network import Array, Node
from redundancy.units import Units


def _trace(node: Node, inputs: tuple[Units, ...], tracer: Tracer) -> Units:
    units, alpha = inputs[0], np.asarray(node.weights["alpha"], np.float64)
    if not units.parts:
        return tracer.opaque(node, inputs, "it has slopes for an axis whose extent is not fixed")
    # One row of slopes, over all other axes, for each index of the axis that units lie on.
    rows = np.moveaxis(alpha, units.axis, 0).reshape(alpha.shape[units.axis], -1)
    rows = np.broadcast_to(rows, (units.size, rows.shape[1]))
    kinds, labels = np.unique(rows, axis=0, return_inverse=True)
    even = np.all(kinds == kinds[:, :1], axis=1)

    def slope(label: int) -> Algebra | None:
        return _rectifier(kinds[label, 0]) if even[label] else None

    return tracer.applied_each(units, slope, labels.reshape(-1), node.name, _rectifier(_ANY))


_ANY = 0.5
"""A slope with no more symmetries than any other has."""


def _rectifier(slope: Array | float) -> Algebra:
    algebra = algebra_of({"function": "leaky_relu", "negative_slope": float(slope)})
    assert algebra is not None, "every finite slope has an algebra"
    return algebra


def _shape(node: Node, inputs: tuple[Shape, ...]) -> Shape:
    return inputs[0]


register("prelu", Rule(_trace, _shape, alike=("alpha",)))
