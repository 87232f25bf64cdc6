"""The layers that compute sums of products of what they read, as linear maps: one small function a kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import prod

import numpy as np

from redundancy.bounds.maps import Along, Map
from redundancy.bounds.places import (
    MOVES,
    OUTSIDE,
    Shape,
    diagonal,
    laid,
    numbered,
    picking,
    sparse,
    windows,
)
from redundancy.layers import RULES
from redundancy.layers.window import channel_axis
from redundancy.network import Array, Node

LARGEST = 2**24
"""Products in a sparse map, up to which it is written down."""


@dataclass(frozen=True, slots=True, eq=False)
class Linear:
    """What a layer computes: a linear map of each of its inputs, summed, and a bias.

    Attributes:
        maps: One for each input.
        bias: Broadcasts to the shape of the output.
        size: Of what the bias was computed from, by absolute values: how far it can be rounded.
        sizes: The same of the maps; None where they hold what is stored.
    """

    maps: tuple[Map, ...]
    bias: Array = field(default_factory=lambda: np.zeros(1))
    size: Array | None = None
    sizes: tuple[Map, ...] | None = None

    @property
    def bias_size(self) -> Array:
        """A bound on the bias by size, with what it was computed from."""
        return np.abs(self.bias) if self.size is None else self.size


Reader = Callable[[Node, tuple[Shape, ...]], Linear | None]
"""(node, shapes of its inputs) -> what it computes; None where that is not known, or too much to write down."""

LINEAR: dict[str, Reader] = {}
"""The layers that are linear, by kind."""


def linear(*kinds: str) -> Callable[[Reader], Reader]:
    """Registers what nodes of these kinds compute."""

    def registered(reader: Reader) -> Reader:
        LINEAR.update(dict.fromkeys(kinds, reader))
        return reader

    return registered


def _wide(node: Node, name: str) -> Array:
    return np.asarray(node.weights[name], np.float64)


def _bias(node: Node) -> Array:
    return _wide(node, "bias") if "bias" in node.weights else np.zeros(1)


@linear("dense")
def _dense(node: Node, shapes: tuple[Shape, ...]) -> Linear:
    return Linear((Along(_wide(node, "kernel")),), _bias(node))


@linear("conv")
def _conv(node: Node, shapes: tuple[Shape, ...]) -> Linear | None:
    kernel = np.asarray(RULES["conv"].loose(node)["kernel"], np.float64)
    *size, read, made = kernel.shape
    flat = kernel.reshape(-1, read, made)
    after = _fixed(node)
    if prod(after) // made * np.count_nonzero(flat) > LARGEST:
        return None
    seen = windows(node, shapes[0], size, node.config["dilation"])
    rows = _channels_last(node, numbered(after))
    step = sparse(rows[..., None, None, :], seen[..., None], flat, shapes[0], after)
    return Linear((step,), _along_channels(node, _bias(node)))


@linear("depthwise_conv")
def _depthwise(node: Node, shapes: tuple[Shape, ...]) -> Linear | None:
    *size, n, many = node.weights["kernel"].shape
    flat = _wide(node, "kernel").reshape(-1, n, many)
    after = _fixed(node)
    if prod(after) * len(flat) > LARGEST:
        return None
    seen = windows(node, shapes[0], size, node.config["dilation"])
    rows = _channels_last(node, numbered(after))
    rows = rows.reshape(*rows.shape[:-1], 1, n, many)
    return Linear(
        (sparse(rows, seen[..., None], flat, shapes[0], after),),
        _along_channels(node, _bias(node)),
    )


@linear("average_pooling")
def _averaging(node: Node, shapes: tuple[Shape, ...]) -> Linear | None:
    size, after = node.config["pool_size"], _fixed(node)
    if prod(after) * prod(size) > LARGEST:
        return None
    seen = windows(node, shapes[0], size, (1,) * len(size))
    # Beyond the border nothing is counted.
    share = 1.0 / np.sum(seen != OUTSIDE, axis=-2, keepdims=True)
    rows = _channels_last(node, numbered(after))
    return Linear((sparse(rows[..., None, :], seen, share, shapes[0], after),))


@linear("global_average_pooling")
def _averaging_all(node: Node, shapes: tuple[Shape, ...]) -> Linear:
    index, after = _channels_last(node, numbered(shapes[0])), _fixed(node)
    index = index.reshape(-1, index.shape[-1])
    rows = numbered(after).reshape(1, -1)
    return Linear((sparse(rows, index, np.full(1, 1.0 / len(index)), shapes[0], after),))


@linear("batch_normalization")
def _normalised(node: Node, shapes: tuple[Shape, ...]) -> Linear | None:
    mean, beta = _wide(node, "mean"), _wide(node, "beta") if "beta" in node.weights else np.zeros(1)
    with np.errstate(divide="ignore", invalid="ignore"):
        gain = 1.0 / np.sqrt(_wide(node, "variance") + node.config["epsilon"])
    gain = gain * _wide(node, "gamma") if "gamma" in node.weights else gain
    shape = [1] * len(shapes[0])
    shape[RULES[node.kind].axis(node, len(shape))] = -1
    if not np.all(np.isfinite(gain)):
        return None
    gain, offset, size = (a.reshape(shape) for a in (gain, beta - gain * mean, np.abs(beta) + np.abs(gain * mean)))
    return Linear((diagonal(gain, shapes[0]),), offset, size, (diagonal(np.abs(gain), shapes[0]),))


@linear("affine")
def _affine(node: Node, shapes: tuple[Shape, ...]) -> Linear:
    scale, offset = (np.asarray(node.config[name], np.float64) for name in ("scale", "offset"))
    return Linear((diagonal(scale, shapes[0]),), offset)


@linear(*MOVES)
def _moved(node: Node, shapes: tuple[Shape, ...]) -> Linear:
    return Linear((picking(MOVES[node.kind](node, numbered(shapes[0])), shapes[0]),))


def _summing(factors: Callable[[Node, int], list[float]]) -> Reader:
    """Sums of tensors that broadcast against each other, each times a number."""

    def reader(node: Node, shapes: tuple[Shape, ...]) -> Linear:
        after = _fixed(node)
        numbers = factors(node, len(shapes))
        index = [np.broadcast_to(numbered(shape), after) for shape in shapes]
        here = numbered(after)
        return Linear(
            tuple(sparse(here, i, np.full(1, n), s, after) for i, n, s in zip(index, numbers, shapes, strict=True))
        )

    return reader


LINEAR["add"] = _summing(lambda node, n: [1.0] * n)
LINEAR["subtract"] = _summing(lambda node, n: [1.0, -1.0])
LINEAR["average"] = _summing(lambda node, n: [1.0 / n] * n)
LINEAR["scaled_add"] = _summing(lambda node, n: [1.0, float(node.config["scale"])])


@linear("concatenate")
def _concatenated(node: Node, shapes: tuple[Shape, ...]) -> Linear:
    after = _fixed(node)
    axis = node.config["axis"] % len(after)
    ends = np.cumsum([shape[axis] for shape in shapes])
    rows = np.split(numbered(after), ends[:-1], axis=axis)
    return Linear(tuple(sparse(r, numbered(s), np.ones(1), s, after) for r, s in zip(rows, shapes, strict=True)))


def _fixed(node: Node) -> Shape:
    return tuple(extent or 0 for extent in node.shape)


def _channels_last(node: Node, index: Array) -> Array:
    return np.moveaxis(index, channel_axis(node, index.ndim), -1)


def _along_channels(node: Node, bias: Array) -> Array:
    return laid(node, bias.reshape((1,) * (len(node.shape) - 1) + bias.shape))
