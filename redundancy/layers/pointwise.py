"""Layers that act on each value alone: activations, what does nothing in inference, and the network's inputs."""

from __future__ import annotations

import numpy as np

from redundancy.algebra import NOT_POINTWISE, PARAMETERS, algebra_of
from redundancy.layers.rule import Rule, Shape, register
from redundancy.layers.tracer import INPUT, Tracer
from redundancy.network import Array, Node
from redundancy.units import Units


def _input(node: Node, inputs: tuple[Units, ...], tracer: Tracer) -> Units:
    size = node.shape[-1] if node.shape else None
    if size is None:
        return Units((), -1)
    axis = len(node.shape) - 1
    low, high = tracer.box.get(node.name, (np.array(-np.inf), np.array(np.inf)))
    others = tuple(range(-1 - axis, -1))
    least = np.min(np.broadcast_to(low, _fixed(node.shape, low)), axis=others)
    most = np.max(np.broadcast_to(high, _fixed(node.shape, high)), axis=others)
    units = tracer.made(node, size, axis, low=np.asarray(least, np.float64), high=np.asarray(most, np.float64))
    tracer.pin(units, node.layer, INPUT, reads=False)
    return units


def _fixed(shape: Shape, bound: Array) -> tuple[int, ...]:
    """The shape, with the bound's own extents where none is fixed."""
    own = (1,) * (len(shape) - np.ndim(bound)) + np.shape(bound)
    return tuple(mine if extent is None else extent for extent, mine in zip(shape, own, strict=True))


def _activation(node: Node, inputs: tuple[Units, ...], tracer: Tracer) -> Units:
    function, algebra = node.config["function"], algebra_of(node.config)
    if algebra is None:
        reason = NOT_POINTWISE.get(function, f"no algebra is known for the function '{function}'")
        return tracer.opaque(node, inputs, reason)
    return tracer.applied(inputs[0], algebra, node.name)


def _identity(node: Node, inputs: tuple[Units, ...], tracer: Tracer) -> Units:
    return inputs[0]


def _same(node: Node, inputs: tuple[Shape, ...]) -> Shape:
    return inputs[0]


def _none(node: Node, inputs: tuple[Shape, ...]) -> Shape:
    return node.shape


register("input", Rule(_input, _none, defaults={"dtype": "float32"}))
_OPTIONS = frozenset(name for parameters in PARAMETERS.values() for name in parameters) | {"axis"}

register("activation", Rule(_activation, _same, defaults={"function": None}, options=_OPTIONS))
register("dropout", Rule(_identity, _same, defaults={"rate": 0.5}))
register("identity", Rule(_identity, _same))
