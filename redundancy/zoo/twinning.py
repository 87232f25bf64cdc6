"""Plants twins: units that start with equal weights, incoming and, where asked for, outgoing."""

from __future__ import annotations

import numpy as np

from redundancy.errors import RecipeError
from redundancy.network import Array, Network
from redundancy.spaces import trace
from redundancy.zoo.recipe import Twins


def with_twins(network: Network, twins: tuple[Twins, ...]) -> Network:
    """The network with all twins planted, in order.

    Raises:
        RecipeError: Consumers are asked for, and something other than weights reads the twins.
    """
    for pair in twins:
        network = _planted(network, pair)
    return network


def _planted(network: Network, twins: Twins) -> Network:
    i, j = (np.array([unit]) for unit in twins.units)
    weights = network[twins.layer].weights
    incoming = {name: _copied(array, i, j, -1, twins.factor) for name, array in weights.items()}
    network = network.with_weights({twins.layer: incoming})
    return _with_outgoing(network, twins) if twins.outgoing else network


def _with_outgoing(network: Network, twins: Twins) -> Network:
    """Wherever weights read the units, those for j become those for i."""
    followed = trace(network)
    i, j = followed.made(twins.layer)[list(twins.units)]
    space = next(space for space in followed.spaces if i in space.ids)
    if space.pins:
        pin = space.pins[0]
        raise RecipeError(f"twins of '{twins.layer}' reach layer '{pin.layer}': {pin.reason}; set outgoing=False")
    for tap in space.taps:
        first, second = (tap.part.where[:, space.ids[tap.units] == unit].ravel() for unit in (i, j))
        for read in tap.reads:
            kernel = network[read.node].weights[read.weight]
            network = network.with_weights({read.node: {read.weight: _copied(kernel, first, second, read.axis, 1.0)}})
    return network


def _copied(array: Array, source: Array, target: Array, axis: int, factor: float) -> Array:
    """The array with what it has at `source` along the axis also at `target`, times the factor."""
    changed = np.moveaxis(array, axis, 0).copy()
    changed[target] = changed[source] * changed.dtype.type(factor)
    return np.moveaxis(changed, 0, axis)
