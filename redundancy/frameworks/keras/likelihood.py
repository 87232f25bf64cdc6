"""What the outputs of a network say of labels: which distribution, and the gradient of its negative logarithm."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, softmax

from redundancy.errors import OptionError, UnsupportedError
from redundancy.network import Array, Network, Node

CATEGORICAL, BERNOULLI, GAUSSIAN = "categorical", "bernoulli", "gaussian"

LIKELIHOODS = (CATEGORICAL, BERNOULLI, GAUSSIAN)
"""One of several classes, each yes or no, or a number with unit variance: cross-entropy, or half the squared error."""

_PEELED = {"softmax": CATEGORICAL, "sigmoid": BERNOULLI}

_PROBABILITIES = ("sigmoid", "hard_sigmoid", "sparse_sigmoid")
"""Functions of each number that say how likely a yes is; behind the latter two there are no logits."""


@dataclass(frozen=True, slots=True)
class Head:
    """How a network's output is read.

    Attributes:
        node: Whose values are the scores: logits, or means.
        likelihood: One of LIKELIHOODS.
        axis: Of the classes, with the batch.
    """

    node: str
    likelihood: str
    axis: int = -1

    def residuals(self, scores: Array, labels: Array | None, rng: np.random.Generator) -> Array:
        """The gradient of each example's loss with respect to the scores.

        Args:
            scores: Of the node. Shape (rows, ...).
            labels: Integers of one axis less where one of several classes is meant, else numbers of the same shape;
                None for labels drawn from what the scores themselves say.
            rng: To draw with.

        Returns:
            Of the shape of the scores, float64.

        Raises:
            OptionError: The labels are of another shape, or no such classes.
        """
        scores = np.moveaxis(np.asarray(scores, np.float64), self.axis, -1)
        if self.likelihood == GAUSSIAN:
            noise = np.asarray(rng.standard_normal(scores.shape))
            found = noise if labels is None else scores - _like(labels, scores.shape)
        elif self.likelihood == BERNOULLI:
            means = expit(scores)
            drawn = np.asarray(rng.random(scores.shape) < means, np.float64)
            found = means - (drawn if labels is None else _like(labels, scores.shape))
        else:
            means = softmax(scores, axis=-1)
            chosen = _drawn(means, rng) if labels is None else classes_of(labels, scores.shape)
            found = means - np.eye(scores.shape[-1])[chosen]
        return np.moveaxis(found, -1, self.axis)


def head_of(network: Network, labels: Array | None, likelihood: str | None) -> Head:
    """How the single output of a network is read.

    Args:
        network: Whose.
        labels: If there are any.
        likelihood: One of LIKELIHOODS; if not given, what the last function says, else the labels, else gaussian.

    Raises:
        OptionError: There is no such likelihood.
        UnsupportedError: There are several outputs.
    """
    if likelihood not in (None, *LIKELIHOODS):
        raise OptionError(f"no likelihood '{likelihood}': choose one of {', '.join(LIKELIHOODS)}")
    if len(network.outputs) != 1:
        raise UnsupportedError(
            f"the network has {len(network.outputs)} outputs, and which of them the loss is of is not known: keep one"
        )
    output = network[network.outputs[0]]
    last = _speaking(network)
    function = _function(last)
    said = _PEELED.get(str(function))
    if said and likelihood in (None, said):
        axis = last.config.get("axis", -1)
        return Head(last.inputs[0], said, axis + 1 if axis >= 0 else axis)
    if likelihood is None:
        classes = function == "log_softmax" or _are_classes(labels, output.shape)
        likelihood = CATEGORICAL if classes else GAUSSIAN
    return Head(output.name, likelihood)


def says_probabilities(network: Network) -> bool:
    """Whether the single output of a network is how likely each yes is, from 0 to 1, by its last function."""
    return _function(_speaking(network)) in _PROBABILITIES


def _function(node: Node) -> str | None:
    return str(node.config.get("function")) if node.kind == "activation" else None


def _speaking(network: Network) -> Node:
    """The node that says what the output is: the last one, or a function before what only casts or reshapes it."""
    last = node = network[network.outputs[0]]
    cast_only = True
    while True:
        linear = _function(node) == "linear"
        if not linear and node.kind not in ("reshape", "flatten"):
            break
        cast_only = cast_only and linear
        node = network[node.inputs[0]]
    each = _function(node) in _PROBABILITIES  # whatever axis it lies on
    return node if each or cast_only else last


def _are_classes(labels: Array | None, shape: tuple[int | None, ...]) -> bool:
    """Whether labels are integers, fewer than the outputs of each row."""
    if labels is None or labels.dtype.kind not in "iu" or not len(labels):
        return False
    return labels.size // len(labels) < math.prod(extent or 1 for extent in shape)


def _like(labels: Array, shape: tuple[int, ...]) -> Array:
    if labels.size != np.prod(shape) or len(labels) != shape[0]:
        raise OptionError(f"labels of shape {labels.shape} for outputs of shape {shape}: give one for each output")
    return np.asarray(labels, np.float64).reshape(shape)


def classes_of(labels: Array, shape: tuple[int, ...]) -> Array:
    """Labels as the classes of scores, one for each row of them.

    Args:
        labels: Of n rows.
        shape: (n, ..., classes), of the scores.

    Raises:
        OptionError: They are of another shape, or no such classes.
    """
    if labels.dtype.kind not in "iu" or labels.size != np.prod(shape[:-1]) or len(labels) != shape[0]:
        what = f"labels of shape {labels.shape} ({labels.dtype}) for {shape[-1]} classes and outputs of shape {shape}"
        raise OptionError(f"{what}: give the number of the class, one integer for each")
    if labels.size and not 0 <= labels.min() <= labels.max() < shape[-1]:
        raise OptionError(f"labels from {labels.min()} to {labels.max()}, but there are {shape[-1]} classes, from 0")
    return labels.reshape(shape[:-1])


def _drawn(means: Array, rng: np.random.Generator) -> Array:
    """A class for each, as likely as its mean says."""
    below = np.cumsum(means, axis=-1) < rng.random(means.shape[:-1])[..., None]
    return np.asarray(np.minimum(below.sum(axis=-1), means.shape[-1] - 1))
