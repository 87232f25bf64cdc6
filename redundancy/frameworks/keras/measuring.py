"""What the units of a network do on data: samples of their values at given nodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from redundancy.frameworks.keras.origin import CallOrigin, LayerOrigin, PartOrigin
from redundancy.frameworks.keras.probes import on_data
from redundancy.frameworks.keras.writing import write
from redundancy.network import Array, Network, Node

SAMPLES, NUMBERS = 20_000, 2**27
"""Values of each unit that are kept, at most, and of all units together; positions of a map are samples as well."""


def sampled(network: Network, axes: Mapping[str, int], inputs: tuple[Array, ...]) -> dict[str, Array]:
    """Values of units on data, where they can be seen.

    Of a map positions are drawn, with a fixed seed. What happens inside one layer of the framework, such as between
    the two steps of a separable convolution, cannot be seen and is left out.

    Args:
        network: Whose units they are.
        axes: The axis that the units lie on, not counting the batch, by name of the node.
        inputs: One array for each input of the network, in order, of n rows.

    Returns:
        By name of the node, of shape (samples, units), float32.
    """
    seen = [name for name in axes if visible(network, name)]
    if not seen:
        return {}
    flat = flattened(network)
    # With the network's own outputs too, to which every layer leads: Keras leaves out what leads nowhere.
    model = write(replace(flat, outputs=(*seen, *network.outputs)))
    kept: dict[str, list[Array]] = {name: [] for name in seen}
    rng = np.random.default_rng(0)
    most, step = min(SAMPLES, NUMBERS // sum(network[name].shape[axes[name]] or 1 for name in seen)), 64
    share = max(1, -(-most * step // max(len(inputs[0]), step)))
    for start in range(0, len(inputs[0]), step):
        batch = tuple(array[start : start + step] for array in inputs)
        for name, values in zip(seen, on_data(model, batch), strict=False):
            rows = np.moveaxis(values, axes[name] + 1, -1).reshape(-1, values.shape[axes[name] + 1])
            drawn = rng.choice(len(rows), min(share, len(rows)), replace=False)
            kept[name].append(rows[drawn].astype(np.float32))
    return {name: np.concatenate(pieces) for name, pieces in kept.items()}


def visible(network: Network, name: str) -> bool:
    """Whether the node's output is that of a layer, and not a step inside of one."""
    first = name if isinstance(network[name].origin, CallOrigin) else getattr(network[name].origin, "of", None)
    parts = [node for node in network if isinstance(node.origin, PartOrigin) and node.origin.of == first]
    return not parts or parts[-1].name == name


def flattened(network: Network) -> Network:
    """The same network without nesting: the layers of models inside it become layers of its own."""
    layers: dict[int, LayerOrigin] = {}
    changed = {node.name: _outside(node, layers) for node in network}
    return replace(network.with_nodes(changed), origin=None)


def _outside(node: Node, layers: dict[int, LayerOrigin]) -> Node:
    origin: Any = node.origin
    if not isinstance(origin, CallOrigin) or not origin.scope:
        return node
    if id(origin.layer) not in layers:
        config = {**origin.layer.config, "name": node.layer.replace("/", "_")}
        layers[id(origin.layer)] = replace(origin.layer, config=config)
    return replace(node, origin=replace(origin, scope=(), layer=layers[id(origin.layer)]))
