"""What a step of training computes, part by part, and how the weights of a run lie in memory meanwhile."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from math import prod
from types import MappingProxyType
from typing import Any

import numpy as np

from redundancy.network import Array, Network, Node
from redundancy.zoo.fused.tiles import SIDE, Tiling

FIXED = ("mean", "variance")
"""Weights that the forward pass moves, and no gradient."""

TOGETHER = "conv_dense"
"""A linear convolution, flattened and read by one dense layer: one matrix in all, which costs less than the parts."""

RECTIFIED = "conv_relu"
"""A convolution with bias, and the ReLU that alone reads it: in one go over the map."""

TILED = "conv_relu_tiles"
"""The same of images that were cut into tiles, for a dense layer that reads its map tile by tile."""


@dataclass(frozen=True, slots=True)
class Weight:
    """One weight of a run, and how it lies in memory while it is trained.

    Attributes:
        node: The name of its node.
        name: Its name there.
        given: Its shape in the network.
        split: The shape that its axes are split to; `given` where nothing is.
        order: The order that the split axes are then put in.
        regularizer: ("l1" or "l2", factor), or None.
    """

    node: str
    name: str
    given: tuple[int, ...]
    split: tuple[int, ...]
    order: tuple[int, ...]
    regularizer: tuple[str, float] | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Its shape while it is trained."""
        return tuple(self.split[axis] for axis in self.order)

    @property
    def trainable(self) -> bool:
        """Whether gradients change it."""
        return self.name not in FIXED

    def laid(self, array: Array) -> Array:
        """The array of a network, as it lies while it is trained."""
        return np.ascontiguousarray(array.reshape(self.split).transpose(self.order))

    def given_back(self, array: Array) -> Array:
        """The array as a network has it."""
        return array.transpose(np.argsort(self.order)).reshape(self.given)


@dataclass(frozen=True, slots=True)
class Part:
    """Something that is computed at once.

    Attributes:
        kind: Of a node, or `TOGETHER`, or `RECTIFIED`.
        name: Of the node whose output it makes.
        inputs: Names of the parts it reads.
        shape: Of its output, for one image.
        config: What its kind needs besides weights.
        weights: By the names that its form knows them by, their places in the plan's weights.
    """

    kind: str
    name: str
    inputs: tuple[str, ...]
    shape: tuple[int, ...]
    config: Mapping[str, Any] = field(default_factory=dict)
    weights: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a step computes for one run.

    Attributes:
        parts: In order; the first is the input, the last gives the logits.
        weights: All of them.
        dropouts: Names of the parts that drop values, in order.
        tiling: How images are cut before the first part gets them; None where they stay as they are.
    """

    parts: tuple[Part, ...]
    weights: tuple[Weight, ...]
    dropouts: tuple[str, ...]
    tiling: Tiling | None = None

    def laid(self, network: Network) -> list[Array]:
        """The weights of a network of this structure, in the plan's order and layout."""
        return [weight.laid(network[weight.node].weights[weight.name]) for weight in self.weights]

    def network(self, structure: Network, arrays: list[Array]) -> Network:
        """The network with these weights: `laid`, backwards."""
        nodes: dict[str, dict[str, Array]] = {}
        for weight, array in zip(self.weights, arrays, strict=True):
            nodes.setdefault(weight.node, {})[weight.name] = weight.given_back(array)
        return structure.with_weights(nodes)


def planned(network: Network, batch_size: int, images: int) -> Plan:
    """The plan of a recipe's network.

    Args:
        network: Made by `structure`, of one output.
        batch_size: Images in a step, which decides what pays.
        images: In the data set, which decides whether there is memory for tiles of them.
    """
    joined = {trio[-1].name: trio for trio in _trios(network, "conv") if _pays(*trio, network, batch_size)}
    inside = {node.name for trio in joined.values() for node in trio[:-1]}
    cheaper, tiling = _tiled(replace(network, nodes=tuple(_cheaper(network))), images)
    parts: list[Part] = []
    weights: list[Weight] = []
    for node in cheaper:
        if node.name in joined:
            parts.append(_together(*joined[node.name], network, weights))
        elif node.name not in inside:
            parts.append(_alone(node, weights))
    dropouts = tuple(part.name for part in parts if part.kind == "dropout")
    return Plan(tuple(parts), tuple(weights), dropouts, tiling)


def _cheaper(network: Network) -> Iterator[Node]:
    """The nodes, with a ReLU behind the maximum that alone reads it, or else in the convolution that it alone reads.

    The larger of two values stays the larger, so that values and gradients are the same to the bit.
    """
    changed: dict[str, Node | None] = {}
    for node in network:
        if node.kind != "activation" or dict(node.config) != {"function": "relu"}:
            continue
        before, readers = network[node.inputs[0]], network.readers(node.name)
        if len(readers) == 1 and readers[0].kind == "max_pooling":
            (pool,) = readers
            changed[node.name] = replace(pool, name=node.name, inputs=node.inputs)
            changed[pool.name] = replace(node, name=pool.name, inputs=(node.name,), shape=pool.shape)
        elif before.kind == "conv" and "bias" in before.weights and len(network.readers(before.name)) == 1:
            changed[before.name] = None
            changed[node.name] = replace(before, kind=RECTIFIED, layer=before.name, name=node.name)
    for node in network:
        if kept := changed.get(node.name, node):
            yield kept


def _tiled(network: Network, images: int) -> tuple[Network, Tiling | None]:
    """The network with its first convolution as a product of tiles, and how to cut them, where that pays."""
    for conv, _, dense in _trios(network, RECTIFIED):
        first, kernel = network[conv.inputs[0]], conv.weights["kernel"]
        tiling = Tiling(_shape(first), kernel.shape[:2], conv.config["padding"])
        alone = first.kind == "input" and len(network.readers(first.name)) == 1
        if alone and tiling.pays(kernel.shape[-1], images):
            tiles, numbers = tiling.shape
            changed = [
                first.with_shape((tiles, numbers)),
                replace(
                    conv,
                    kind=TILED,
                    shape=(tiles, SIDE**2 * kernel.shape[-1]),
                    config={**conv.config, "tiling": tiling},
                ),
                replace(dense, config={**dense.config, "map": _shape(conv)}),
            ]
            return network.with_nodes({node.name: node for node in changed}), tiling
    return network, None


def _trios(network: Network, kind: str) -> list[tuple[Node, Node, Node]]:
    """(conv, flatten, dense) that nothing lies between and nothing else reads, the strides of the convolution 1."""
    found = []
    for conv in network:
        if conv.kind != kind or conv.config["strides"] != (1, 1):
            continue
        readers = network.readers(conv.name)
        if len(readers) == 1 and readers[0].kind == "flatten":
            after = network.readers(readers[0].name)
            if len(after) == 1 and after[0].kind == "dense":
                found.append((conv, readers[0], after[0]))
    return found


def _pays(conv: Node, flatten: Node, dense: Node, network: Network, batch_size: int) -> bool:
    """Whether multiplying the kernels with each other first takes fewer products than one after the other."""
    kernel, outputs = conv.weights["kernel"], dense.weights["kernel"].shape[1]
    positions, units = prod(_shape(conv)[:-1]), kernel.shape[-1]
    window, pixels = kernel.size // units, prod(_shape(network[conv.inputs[0]]))
    apart = batch_size * positions * units * (window + outputs)
    together = positions * units * window * outputs + batch_size * pixels * outputs
    return bool(together < apart)


def _together(conv: Node, flatten: Node, dense: Node, network: Network, weights: list[Weight]) -> Part:
    height, width, units = _shape(conv)
    kernel = dense.weights["kernel"]
    # By filters first: then one product of matrices gives what every tap of the window contributes.
    matrix = Weight(dense.name, "kernel", kernel.shape, (height * width, units, kernel.shape[1]), (1, 0, 2),
                    dense.config.get("regularizer"))  # fmt: skip
    places = {"matrix": _placed(matrix, weights)}
    places |= {name: _placed(_plain(conv, name), weights) for name in conv.weights}
    if "bias" in dense.weights:
        places["offset"] = _placed(_plain(dense, "bias"), weights)
    config = {"padding": conv.config["padding"], "map": (height, width), "images": _shape(network[conv.inputs[0]])}
    return Part(TOGETHER, dense.name, conv.inputs, _shape(dense), MappingProxyType(config), MappingProxyType(places))


def _alone(node: Node, weights: list[Weight]) -> Part:
    places = {name: _placed(_plain(node, name), weights) for name in node.weights}
    return Part(node.kind, node.name, node.inputs, _shape(node), node.config, MappingProxyType(places))


def _plain(node: Node, name: str) -> Weight:
    shape = node.weights[name].shape
    regularizer = node.config.get("regularizer") if name == "kernel" else None
    split, order = _by_units(node) if (node.kind, name) == ("dense", "kernel") else (shape, tuple(range(len(shape))))
    owner = node.layer if node.kind in (RECTIFIED, TILED) else node.name
    return Weight(owner, name, shape, split, order, regularizer)


def _by_units(dense: Node) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """How a dense kernel is split and lies: by units, as its gradient is then made in two thirds of the time."""
    inputs, units = dense.weights["kernel"].shape
    if "map" not in dense.config:
        return (inputs, units), (1, 0)
    height, width, channels = dense.config["map"]
    return (height // SIDE, SIDE, width // SIDE, SIDE, channels, units), (5, 0, 2, 1, 3, 4)


def _placed(weight: Weight, weights: list[Weight]) -> int:
    weights.append(weight)
    return len(weights) - 1


def _shape(node: Node) -> tuple[int, ...]:
    # The sizes of a recipe's network are all fixed.
    return tuple(size or 0 for size in node.shape)
