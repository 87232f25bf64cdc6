"""How the loss of each example answers to single weights: gradients of kernels and biases, example by example."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from redundancy.errors import UnsupportedError
from redundancy.frameworks.keras.answering import answers, precision
from redundancy.frameworks.keras.likelihood import head_of
from redundancy.frameworks.keras.measuring import flattened
from redundancy.frameworks.keras.tapping import SUMMAND, leading, tapped
from redundancy.network import Array, Network, Node

Gradients = Mapping[str, Mapping[str, Array]]
"""By name of the node and of the weight: shape (rows, *shape of the weight), float64."""


def differentiable(network: Network) -> tuple[str, ...]:
    """The nodes whose weights `weight_gradients` knows: dense layers and convolutions, each called once."""
    calls = [node.layer for node in network if node.weights]
    return tuple(node.name for node in network if calls.count(node.layer) == 1 and not _unknown(node))


def weight_gradients(
    network: Network,
    names: tuple[str, ...],
    inputs: tuple[Array, ...],
    labels: Array | None = None,
    *,
    seed: int = 0,
    likelihood: str | None = None,
) -> Iterator[Gradients]:
    """The gradient of each example's loss with respect to each weight of some layers, batch by batch.

    The loss, the labels and what is drawn where there are none are those of `sensitivity.gates`.

    Args:
        network: Of one output.
        names: Of nodes that `differentiable` gives, and that lead to the output.
        inputs: One array for each input of the network, in order, of n rows.
        labels: Of n rows; drawn if not given.
        seed: Of the labels that are drawn.
        likelihood: As for `gates`.

    Raises:
        OptionError: There is no such likelihood, or labels that do not fit.
        UnsupportedError: A node is none of those, or leads nowhere, or its output has an extent that is not fixed; the
            network has several outputs or cannot be written.
    """
    given = None if labels is None else np.asarray(labels)
    head = head_of(network, given, likelihood)
    part = leading(flattened(network), head.node)
    nodes = [_known(part, name) for name in names]
    shapes = {node.name: _fixed(node) for node in nodes}
    with_taps, gates = tapped(part, shapes, SUMMAND, precision(network))
    reads = [gates.get(node.inputs[0], node.inputs[0]) for node in nodes]
    looked_at = Network(with_taps.nodes, (*with_taps.outputs, *reads))
    zeros = [np.zeros(shape) for shape in shapes.values()]
    for values, slopes in answers(looked_at, head, zeros, inputs, given, seed=seed) if nodes else ():
        yield {node.name: _weighed(node, x, dz) for node, x, dz in zip(nodes, values, slopes, strict=True)}


def _unknown(node: Node) -> str:
    """Why the weights of a node are not known; "" where they are."""
    if node.kind not in ("dense", "conv"):
        return f"gradients are known of the weights of dense layers and convolutions, not of '{node.kind}'"
    if node.kind == "conv" and (node.config["data_format"] != "channels_last" or node.config["groups"] != 1):
        return "gradients are known of convolutions whose channels come last, in one group"
    if node.kind == "conv" and (node.weights["kernel"].ndim != 4 or node.config["padding"] not in ("valid", "same")):
        return "gradients are known of convolutions of two axes, with padding 'valid' or 'same'"
    return ""


def _known(network: Network, name: str) -> Node:
    node = next((node for node in network if node.name == name), None)
    if node is None:
        raise UnsupportedError(f"node '{name}' does not lead to the network's output: leave it out")
    if reason := _unknown(node):
        raise UnsupportedError(f"layer '{node.layer}': {reason}; leave it out")
    return node


def _fixed(node: Node) -> tuple[int, ...]:
    fixed = tuple(extent for extent in node.shape if extent is not None)
    if len(fixed) < len(node.shape):
        raise UnsupportedError(f"layer '{node.layer}' gives {node.shape}, of no fixed size: leave it out")
    return fixed


def _weighed(node: Node, x: Array, dz: Array) -> dict[str, Array]:
    """The gradient of each weight, of each row: sums over positions of what is read times the slope there."""
    kernel, x, dz = node.weights["kernel"], np.asarray(x, np.float64), np.asarray(dz, np.float64)
    seen = _windows(node, x) if node.kind == "conv" else x
    seen, dz = seen.reshape(len(x), -1, kernel.size // kernel.shape[-1]), dz.reshape(len(x), -1, kernel.shape[-1])
    found = {"kernel": (seen.transpose(0, 2, 1) @ dz).reshape(len(x), *kernel.shape)}
    return {**found, "bias": dz.sum(axis=1)} if "bias" in node.weights else found


def _windows(node: Node, x: Array) -> Array:
    """What a convolution sees at each place. Shape (rows, height, width, kernel height, kernel width, channels)."""
    window, strides, dilation = (node.weights["kernel"].shape[:2], node.config["strides"], node.config["dilation"])
    reach = [(k - 1) * d + 1 for k, d in zip(window, dilation, strict=True)]
    pads = [(0, 0), (0, 0)]
    if node.config["padding"] == "same":
        missing = [max((-(-n // s) - 1) * s + r - n, 0) for n, r, s in zip(x.shape[1:3], reach, strides, strict=True)]
        pads = [(total // 2, total - total // 2) for total in missing]
    x = np.pad(x, ((0, 0), *pads, (0, 0)))
    seen = np.lib.stride_tricks.sliding_window_view(x, reach, axis=(1, 2))
    seen = seen[:, :: strides[0], :: strides[1], :, :: dilation[0], :: dilation[1]]
    return seen.transpose(0, 1, 2, 4, 5, 3)
