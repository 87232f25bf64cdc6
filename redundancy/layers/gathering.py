"""Entries of the last axis, by their places: what is left of inputs that lost units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from redundancy.errors import NetworkError
from redundancy.layers.rule import Rule, Shape, register
from redundancy.layers.tracer import Tracer
from redundancy.network import Array, Node
from redundancy.units import Units


def _gathered(node: Node, inputs: tuple[Units, ...], tracer: Tracer) -> Units:
    """Units of its own, which may go; those that they are taken from stay."""
    units = inputs[0]
    tracer.pin(units, node.layer, "it takes some of its input's units, by their places")
    places, axis = np.asarray(node.config["places"], np.intp), len(node.shape) - 1
    if units.axis != axis:
        return tracer.made(node, len(places), axis)
    low, high = np.full(units.size, -np.inf), np.full(units.size, np.inf)
    for part in units.parts:
        low[part.where], high[part.where] = part.low, part.high
    return tracer.made(node, len(places), axis, low=low[places], high=high[places])


def _shape(node: Node, inputs: tuple[Shape, ...]) -> Shape:
    shape, places = inputs[0], node.config["places"]
    extent = shape[-1] if shape else None
    if not places or extent is None or not all(0 <= place < extent for place in places):
        raise NetworkError(f"node '{node.name}' cannot take places {places} of the last axis of {shape}")
    return (*shape[:-1], len(places))


def _placed(node: Node) -> Mapping[str, Array]:
    """The places as an array that has one for each unit."""
    return {"places": np.asarray(node.config["places"], np.intp)}


def _configured(node: Node, arrays: Mapping[str, Array]) -> Node:
    return replace(node, config={**node.config, "places": tuple(arrays["places"].tolist())})


register(
    "gather",
    Rule(
        _gathered,
        _shape,
        writes={"places": 0},
        optional=frozenset({"places"}),
        defaults={"places": None},
        loose=_placed,
        packed=_configured,
    ),
)
