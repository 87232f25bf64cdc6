"""Plants twins: units that start with equal weights, incoming and, where asked for, outgoing."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from redundancy.errors import RecipeError
from redundancy.network import Array, Network, Node
from redundancy.zoo.recipe import Twins

_KEEP_PLACES = (
    "activation",
    "add",
    "average_pooling",
    "batch_normalization",
    "dropout",
    "global_average_pooling",
    "global_max_pooling",
    "max_pooling",
)
"""Kinds whose output has a unit where their input has it: at the same place along the last axis."""

_READS = {"dense": 0, "conv": 2}
"""The axis of the kernel along which a consumer reads, by kind."""


def with_twins(network: Network, twins: tuple[Twins, ...]) -> Network:
    """The network with all twins planted, in order.

    Raises:
        RecipeError: Consumers are asked for and cannot be found.
    """
    for pair in twins:
        network = _planted(network, pair)
    return network


def _planted(network: Network, twins: Twins) -> Network:
    i, j = twins.units
    incoming = {name: _copied(array, i, j, -1, twins.factor) for name, array in network[twins.layer].weights.items()}
    network = network.with_weights({twins.layer: incoming})
    if not twins.outgoing:
        return network
    for node, places in _consumers(network, twins.layer, np.arange(network[twins.layer].shape[-1] or 0)[None, :]):
        kernel = _copied(network[node.name].weights["kernel"], places[:, i], places[:, j], _READS[node.kind], 1.0)
        network = network.with_weights({node.name: {"kernel": kernel}})
    return network


def _copied(array: Array, source: int | Array, target: int | Array, axis: int, factor: float) -> Array:
    """The array with what it has at `source` along the axis also at `target`, times the factor."""
    changed = np.moveaxis(array, axis, 0).copy()
    changed[target] = changed[source] * changed.dtype.type(factor)
    return np.moveaxis(changed, 0, axis)


def _consumers(network: Network, name: str, places: Array) -> Iterator[tuple[Node, Array]]:
    """The nodes whose kernels read the units behind node `name`, and where.

    Args:
        network: That they are in.
        name: A node whose output has the units.
        places: Where along its last axis each unit lies: shape (positions, units).

    Yields:
        Consumer, and where along the axis it reads by each unit lies: shape (positions, units).
    """
    if name in network.outputs:
        raise RecipeError(f"twins reach the output '{name}' with no layer that reads them; set outgoing=False")
    for reader in network.readers(name):
        if reader.kind in _READS:
            yield reader, places
            continue
        for moved in _moved(network, reader, name, places):
            yield from _consumers(network, reader.name, moved)


def _moved(network: Network, reader: Node, name: str, places: Array) -> Iterator[Array]:
    """Where the units lie behind a reader: once for each time that it reads them."""
    if reader.kind in _KEEP_PLACES:
        yield places
    elif reader.kind == "flatten":
        channels, total = network[name].shape[-1] or 0, reader.shape[0] or 0
        starts = np.arange(0, total, max(channels, 1))
        yield (starts[:, None, None] + places[None]).reshape(-1, places.shape[1])
    elif reader.kind == "concatenate" and reader.config["axis"] in (-1, len(reader.shape) - 1):
        sizes = [network[source].shape[-1] or 0 for source in reader.inputs]
        for place, source in enumerate(reader.inputs):
            if source == name:
                yield places + sum(sizes[:place])
    else:
        raise RecipeError(f"twins reach '{reader.name}' ({reader.kind}), behind which no consumer can be found")
