"""How far what a network computes in floating point can be from what its weights say.

Sums of n products, in whatever order they are added up, are off by no more than n u / (1 - n u) of the sum of their
sizes (Higham, Accuracy and Stability of Numerical Algorithms, 2002, section 3.1); an error that comes in is passed on
as a difference is. So it holds for kernels that add up products, with or without fused multiplication, and not for
those that transform first (Winograd, FFT) or multiply in fewer digits (TF32).
"""

from __future__ import annotations

from math import prod

import numpy as np

from redundancy.algebra import algebra_of
from redundancy.bounds.following import Box, follow, unknown
from redundancy.bounds.intervals import Interval
from redundancy.bounds.linear import LINEAR
from redundancy.bounds.lines import BROKEN, slopes
from redundancy.bounds.pooling import looked
from redundancy.bounds.steps import reach
from redundancy.layers.tracer import precision
from redundancy.network import Array, Network, Node

SINGLE = 2.0**-24
"""The unit roundoff of float32: what TensorFlow computes some constants in, whatever is asked for."""

COARSE = frozenset({"leaky_relu", "gelu"})
"""Functions with such constants."""

EXTRA, CURVED = 16, 32.0
"""Roundings of a layer besides its sums; and what a function that is no straight line loses, relative to its value, its
argument and one: more than any implementation that we know of does."""


def unit_of(network: Network) -> float:
    """The unit roundoff of the coarsest weights."""
    return max([0.5 * precision(node) for node in network if node.weights], default=SINGLE)


def rounding_of(network: Network, box: Box, unit: float | None = None) -> float:
    """How far an output can be off, at most, for inputs in the box; infinite where nothing is known.

    Args:
        network: All of whose shapes are fixed.
        box: Bounds of inputs, by node.
        unit: The unit roundoff that it is computed with; that of its weights if not given.
    """
    u = unit_of(network) if unit is None else unit
    walk = follow(network, network, box, lambda name: unknown(_shape(network[name])), closely=False)
    off: dict[str, Array] = {}
    for node in network:
        values = [walk.both[name].first for name in node.inputs]
        off[node.name] = _off(node, values, [off[name] for name in node.inputs], u)
    return max(float(np.max(off[name])) for name in network.outputs)


def _shape(node: Node) -> tuple[int, ...]:
    return tuple(extent or 0 for extent in node.shape)


def _off(node: Node, values: list[Interval], before: list[Array], u: float) -> Array:
    shape = _shape(node)
    nothing = np.full(shape, np.inf)
    if node.kind == "input":
        return np.zeros(shape)
    if node.kind == "activation":
        return _bent(node, values[0], before[0], u)
    if node.kind in ("max_pooling", "global_max_pooling"):
        return looked(node, before[0], shape)
    layer = LINEAR[node.kind](node, tuple(value.low.shape for value in values)) if node.kind in LINEAR else None
    if layer is None:
        return nothing
    passed, summed, terms = np.zeros(shape), np.broadcast_to(layer.bias_size, shape), EXTRA + len(values)
    if all(step.exact for step in layer.maps) and len(values) == 1 and not np.any(layer.bias):
        return reach(layer.maps[0], before[0])
    for step, value, error in zip(layer.maps, values, before, strict=True):
        passed = passed + reach(step.sizes(), error)
        summed = summed + reach(step.sizes(), value.size + error)
        terms += step.terms
    share = terms * u
    return passed + summed * share / (1.0 - share) if share < 0.5 else nothing


def _bent(node: Node, value: Interval, error: Array, u: float) -> Array:
    algebra = algebra_of(node.config)
    wide = Interval(value.low - error, value.high + error)
    if algebra is None:
        return _normalised(node, wide, error, u)
    steep = np.maximum(*map(np.abs, slopes(dict(node.config), algebra, wide)))
    with np.errstate(invalid="ignore", over="ignore"):
        image = np.maximum(*map(np.abs, algebra.bounds(wide.low, wide.high)))
        passed = np.where((steep == 0) | (error == 0), 0.0, steep * error)
        if node.config["function"] in COARSE:
            u = max(u, SINGLE)
        straight = node.config["function"] in BROKEN
        own = 2.0 * u * image if straight else CURVED * u * (image + wide.size + 1.0)
    return passed if node.config["function"] in ("relu", "linear") else passed + own


def _normalised(node: Node, wide: Interval, error: Array, u: float) -> Array:
    if node.config["function"] != "softmax":
        return np.full(error.shape, np.inf)
    n = prod(error.shape[-1:])
    # Each exponent is off by what comes in, and by what subtracting the largest rounds.
    worst = np.max(error + 4.0 * u * wide.size, axis=-1, keepdims=True)
    return np.broadcast_to(np.tanh(0.5 * worst) + (n + CURVED) * u, error.shape)
