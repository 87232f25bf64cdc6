"""Where each value of a tensor comes from, for layers that move values or look at them through a window."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod

import numpy as np
from scipy.sparse import csr_array

from redundancy.bounds.maps import Sparse
from redundancy.network import Array, Node

OUTSIDE = -1
"""In place of the index of a value: the zero beyond the border of a map."""

Shape = tuple[int, ...]


def numbered(shape: Shape) -> Array:
    """The index of each value of a tensor. Shape `shape`, int."""
    return np.arange(prod(shape)).reshape(shape)


def windows(node: Node, before: Shape, size: Sequence[int], dilation: Sequence[int]) -> Array:
    """What a window sees at each place: indices of values, OUTSIDE beyond the border.

    Returns:
        Shape (*places, positions in the window, channels), the channels last whatever the data format.
    """
    index = numbered(before)
    if node.config["data_format"] == "channels_first":
        index = np.moveaxis(index, 0, -1)
    reach = [d * (k - 1) + 1 for k, d in zip(size, dilation, strict=True)]
    strides = node.config["strides"]
    pads = [_pad(node.config["padding"], *args) for args in zip(index.shape, reach, strides, strict=False)]
    index = np.pad(index, [*pads, (0, 0)], constant_values=OUTSIDE)
    axes = tuple(range(len(size)))
    seen = np.lib.stride_tricks.sliding_window_view(index, reach, axis=axes)
    step = tuple(slice(None, None, s) for s in strides)
    inner = tuple(slice(None, None, d) for d in dilation)
    seen = seen[(*step, slice(None), *inner)]
    places = seen.shape[: len(size)]
    return np.moveaxis(seen.reshape(*places, index.shape[-1], -1), -1, -2)


def _pad(padding: str, extent: int, reach: int, stride: int) -> tuple[int, int]:
    if padding == "valid":
        return 0, 0
    total = max((-(-extent // stride) - 1) * stride + reach - extent, 0)
    return (reach - 1, 0) if padding == "causal" else (total // 2, total - total // 2)


def laid(node: Node, values: Array) -> Array:
    """An array whose channels are last, laid out as the node's output is."""
    return np.moveaxis(values, -1, 0) if node.config["data_format"] == "channels_first" else values


def sparse(rows: Array, columns: Array, values: Array, before: Shape, after: Shape) -> Sparse:
    """A map by its entries, which broadcast against each other; those beyond the border are left out."""
    rows, columns, values = (array.reshape(-1) for array in np.broadcast_arrays(rows, columns, values))
    inside = (columns != OUTSIDE) & (values != 0)
    entries = values[inside].astype(np.float64), (rows[inside], columns[inside])
    return Sparse(csr_array(entries, shape=(prod(after), prod(before))), before, after)


def picking(index: Array, before: Shape) -> Sparse:
    """The map that takes each value from where an index says. The shape of the index is that of the result."""
    return sparse(numbered(index.shape), index, np.ones(1), before, index.shape)


def diagonal(scale: Array, shape: Shape) -> Sparse:
    """The map that multiplies each value; the scale broadcasts to the shape."""
    here = numbered(shape)
    return sparse(here, here, np.broadcast_to(scale, shape), shape, shape)


def _flattened(node: Node, index: Array) -> Array:
    first = node.config["data_format"] == "channels_first" and index.ndim > 1
    return (np.moveaxis(index, 0, -1) if first else index).reshape(-1)


def _cropped(node: Node, index: Array) -> Array:
    axes = _spatial(node, index.ndim)
    keep = [slice(None)] * index.ndim
    for axis, (start, end) in zip(axes, node.config["amount"], strict=True):
        keep[axis] = slice(start, index.shape[axis] - end)
    return np.asarray(index[tuple(keep)])


def _padded(node: Node, index: Array) -> Array:
    pads = [(0, 0)] * index.ndim
    for axis, amount in zip(_spatial(node, index.ndim), node.config["amount"], strict=True):
        pads[axis] = tuple(amount)
    return np.pad(index, pads, constant_values=OUTSIDE)


def _spatial(node: Node, rank: int) -> range:
    first = node.config["data_format"] == "channels_first"
    return range(1, rank) if first else range(rank - 1)


MOVES: Mapping[str, Callable[[Node, Array], Array]] = {
    "dropout": lambda node, index: index,
    "identity": lambda node, index: index,
    "flatten": _flattened,
    "permute": lambda node, index: np.transpose(index, node.config["dims"]),
    "reshape": lambda node, index: index.reshape(node.shape),
    "repeat": lambda node, index: np.repeat(index[None], node.config["n"], axis=0),
    "cropping": _cropped,
    "zero_padding": _padded,
    "slice": lambda node, index: index[tuple(k if isinstance(k, int) else slice(*k) for k in node.config["keys"])],
    "gather": lambda node, index: index[..., node.config["places"]],
    "expand": lambda node, index: index.reshape(node.shape),
    "squeeze": lambda node, index: index.reshape(node.shape),
}
"""Layers that move values: (node, the index of each value before) -> the index that each value after comes from."""
