"""Pooling: an average is linear, a maximum keeps an order."""

from __future__ import annotations

from dataclasses import replace

from redundancy.algebra import MAXIMUM
from redundancy.layers.rule import Rule, Shape, register
from redundancy.layers.tracer import Tracer
from redundancy.layers.window import CHANNELS_LAST, channel_axis, slid
from redundancy.network import Node
from redundancy.units import Units

ALONG = "it pools along the axis that its input's units lie on"


def _maximum(node: Node, inputs: tuple[Units, ...], tracer: Tracer) -> Units:
    moved = _moved(node, inputs[0])
    return tracer.applied(moved, MAXIMUM, node.name) if moved else tracer.opaque(node, inputs, ALONG)


def _average(node: Node, inputs: tuple[Units, ...], tracer: Tracer) -> Units:
    moved = _moved(node, inputs[0])
    if moved is None:
        return tracer.opaque(node, inputs, ALONG)
    # "Same" padding is left out of the mean, so a constant stays what it is.
    step = (node.kind, tuple(sorted(node.config.items())))
    return moved.mapped(lambda part: replace(part, affine=part.affine.renamed(step)))


def _moved(node: Node, units: Units) -> Units | None:
    """The units along the axis where the output has them; None where they do not lie along the channels."""
    vanishes = not node.config.get("keepdims", True)
    if units.axis != channel_axis(node, len(node.shape) + node.config.get("rank", 2) * vanishes):
        return None
    return Units(units.parts, 0 if vanishes else units.axis)


def _window_shape(node: Node, inputs: tuple[Shape, ...]) -> Shape:
    channels, size = inputs[0][channel_axis(node, len(inputs[0]))], node.config["pool_size"]
    return slid(node.config, size, (1,) * len(size), inputs[0], channels)


def _global_shape(node: Node, inputs: tuple[Shape, ...]) -> Shape:
    axis = channel_axis(node, len(inputs[0]))
    channels = inputs[0][axis]
    if not node.config["keepdims"]:
        return (channels,)
    ones = (1,) * (len(inputs[0]) - 1)
    return (channels, *ones) if axis == 0 else (*ones, channels)


_WINDOW = {"pool_size": (2, 2), "strides": (2, 2), "padding": "valid", **CHANNELS_LAST}
_GLOBAL = {"keepdims": False, "rank": 2, **CHANNELS_LAST}

register("max_pooling", Rule(_maximum, _window_shape, defaults=_WINDOW))
register("average_pooling", Rule(_average, _window_shape, defaults=_WINDOW))
register("global_max_pooling", Rule(_maximum, _global_shape, defaults=_GLOBAL))
register("global_average_pooling", Rule(_average, _global_shape, defaults=_GLOBAL))
