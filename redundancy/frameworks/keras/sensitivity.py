"""How the loss of each example answers to the units of a network: gradients with respect to gates."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from redundancy.errors import NetworkError
from redundancy.frameworks.keras.answering import answers, precision
from redundancy.frameworks.keras.likelihood import Head, head_of
from redundancy.frameworks.keras.measuring import flattened, visible
from redundancy.frameworks.keras.tapping import FACTOR, leading, tapped
from redundancy.network import Array, Network


def gates(
    network: Network,
    axes: Mapping[str, int],
    inputs: tuple[Array, ...],
    labels: Array | None = None,
    *,
    seed: int = 0,
    likelihood: str | None = None,
    dtype: str | None = None,
) -> dict[str, Array]:
    """The gradient of each example's loss with respect to a gate of 1 that multiplies a unit.

    That is the sum over positions of value * dL/dvalue, in inference. The mean of its size over examples is the Taylor
    criterion (Molchanov et al. 2017). Half the mean of its square is the diagonal of Optimal Brain Damage (LeCun,
    Denker and Solla 1990) for units: with labels that are drawn from the network's own predictions (those of the true
    Fisher information, which is the Gauss-Newton matrix of the losses below), the diagonal of E[J' H J]; with labels
    that are given, that of the empirical Fisher information, which is another matrix.

    The loss is the negative logarithm of a likelihood:

    - `categorical`, one of several classes: cross-entropy, with logits or softmax. Labels are integers.
    - `bernoulli`, each output yes or no: binary cross-entropy, with logits or sigmoid. Labels are 0 or 1, one each.
    - `gaussian`, numbers with unit variance: half the squared error. Labels are numbers, one each; drawn ones are the
      outputs plus standard normal noise.

    A network that ends with softmax or sigmoid, before casts (and a sigmoid before reshapes), says which; it is
    differentiated from what that function reads, so that no logarithm of a rounded probability is taken. Of any other,
    labels that are integers, fewer than the outputs, are taken for classes, and the outputs for logits. With neither
    it is `gaussian`: that linear outputs are logits cannot be known without labels, so say `likelihood="categorical"`
    where they are.

    Args:
        network: Of one output.
        axes: The axis that the units lie on, not counting the batch, by name of the node. What happens inside one
            layer of the framework cannot be seen, and is left out.
        inputs: One array for each input of the network, in order, of n rows.
        labels: Of n rows; drawn if not given.
        seed: Of the labels that are drawn.
        likelihood: Of those above.
        dtype: To compute in; as the layers have it if not given.

    Returns:
        By name of the node, of shape (n, units), float64; zero where the loss does not depend on a node.

    Raises:
        OptionError: There is no such likelihood, or labels that do not fit.
        NetworkError: There is no such node, or its number of units is not fixed.
        UnsupportedError: The network has several outputs or cannot be written.
    """
    seen = {name: _gate(network, name, axis) for name, axis in axes.items() if visible(network, name)}
    given = None if labels is None else np.asarray(labels)
    head = head_of(network, given, likelihood)
    part = leading(flattened(network), head.node)
    reached = {name: shape for name, shape in seen.items() if any(node.name == name for node in part)}
    found = _gradients(part, head, reached, inputs, given, seed, dtype) if reached else {}
    idle = {name: np.zeros((len(inputs[0]), math.prod(shape))) for name, shape in seen.items()}
    return {name: found.get(name, zeros) for name, zeros in idle.items()}


def _gate(network: Network, name: str, axis: int) -> tuple[int, ...]:
    """The shape of a gate: one number for each unit."""
    shape = network[name].shape
    units = shape[axis]
    if units is None:
        raise NetworkError(f"node '{name}' has no fixed number of units on axis {axis} of {shape}: leave it out")
    return tuple(units if at == axis % len(shape) else 1 for at in range(len(shape)))


def _gradients(
    network: Network,
    head: Head,
    shapes: Mapping[str, tuple[int, ...]],
    inputs: tuple[Array, ...],
    labels: Array | None,
    seed: int,
    dtype: str | None,
) -> dict[str, Array]:
    """With respect to each gate, of shape (n, units), float64."""
    gated, _ = tapped(network, shapes, FACTOR, precision(network))
    ones = [np.ones(shape) for shape in shapes.values()]
    pieces = [found for _, found in answers(gated, head, ones, inputs, labels, seed=seed, dtype=dtype)]
    joined = (np.concatenate(parts).astype(np.float64) for parts in zip(*pieces, strict=True))
    return {name: array.reshape(-1, ones[n].size) for n, (name, array) in enumerate(zip(shapes, joined, strict=True))}
