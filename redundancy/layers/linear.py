"""Layers that read units with a kernel and make new ones: dense, convolution and its transpose, einsum, embedding."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from math import prod

import numpy as np

from redundancy.coefficients import Basis
from redundancy.layers.composing import composed, kernel_bounds
from redundancy.layers.einsum import loosened, packed, pattern_of
from redundancy.layers.rule import Rule, Shape, register
from redundancy.layers.single import composed_alone, interval
from redundancy.layers.tracer import Tracer, precision
from redundancy.layers.window import CHANNELS_LAST, channel_axis, slid, unslid
from redundancy.network import Array, Node
from redundancy.units import Affine, Part, Units, stacked

Step = Callable[[Basis, int], Basis]

ELSEWHERE = "it reads along another axis than the one its input's units lie on"


def _dense(node: Node, inputs: tuple[Units, ...], tracer: Tracer) -> Units:
    kernel = node.weights["kernel"]
    return made_by_kernel(node, inputs[0], tracer, kernel[None], len(node.shape) - 1, at_positions, padded=False)


def at_positions(basis: Basis, positions: int) -> Basis:
    """The step of a layer that sees single positions, as a 1x1 convolution does: it sees the same values."""
    return basis if positions == 1 else ("positions", positions, basis)


def _dense_shape(node: Node, inputs: tuple[Shape, ...]) -> Shape:
    return (*inputs[0][:-1], node.weights["kernel"].shape[1])


def _is_point(node: Node, size: tuple[int, ...]) -> bool:
    """Whether each position of the output sees the same position of the input, and no other."""
    return prod(size) == 1 and prod(node.config["strides"]) == 1


def _window(node: Node, size: tuple[int, ...]) -> Step:
    """The step from a value to what a window sees of it."""
    geometry = tuple((name, node.config[name]) for name in ("strides", "padding", "dilation"))
    window = (node.kind, size, geometry, node.config.get("output_padding"))
    if _is_point(node, size):
        return at_positions
    return lambda basis, positions: (window, basis) if positions == 1 else (window, positions, basis)


def _conv(node: Node, inputs: tuple[Units, ...], tracer: Tracer) -> Units:
    *size, each, made = node.weights["kernel"].shape
    axis, groups = channel_axis(node, len(node.shape)), node.config["groups"]
    step, read = _window(node, tuple(size)), groups * each
    fits = inputs[0].axis == axis and inputs[0].size == read
    if groups > 1 and fits:
        tracer.block(inputs[0], groups, node.layer, strict=True)
    if tracer.values and fits and groups == read == made and _plain(inputs[0]):
        units = _one_by_one(node, inputs[0].parts[0], tracer, axis, step)
    else:
        kernel = _ungrouped(node)["kernel"].reshape(-1, read, made)
        units = made_by_kernel(node, inputs[0], tracer, kernel, axis, step, padded=_padded(node))
    if groups > 1:
        tracer.block(units, groups, node.layer, strict=False)
    return units


def _plain(units: Units) -> bool:
    """Whether unit i lies at index i, and nowhere else."""
    places = [part.where for part in units.parts]
    return len(places) == 1 and np.array_equal(places[0], np.arange(units.size)[None])


def _one_by_one(node: Node, part: Part, tracer: Tracer, axis: int, step: Step) -> Units:
    """The units of a convolution in as many groups as it reads and makes units: written out, it would be zeros."""
    n = len(part.ids)
    kernel, padded = node.weights["kernel"].reshape(-1, n), _padded(node)
    bias = np.asarray(node.weights.get("bias", np.zeros(n)), np.float64)
    extent = border(node, axis, tracer) if padded else None
    affine = composed_alone(part.affine, kernel, bias, step, extent, max(precision(node), part.affine.eps))
    return tracer.made(node, n, axis, affine, *interval(part, kernel, bias, padded=padded))


def _ungrouped(node: Node) -> Mapping[str, Array]:
    """The weights of a convolution without groups that does the same: most of its kernel is zero."""
    groups, kernel = node.config["groups"], node.weights["kernel"]
    if groups == 1:
        return node.weights
    *size, read, made = kernel.shape
    wide = np.zeros((*size, groups, read, groups, made // groups), kernel.dtype)
    for group, block in enumerate(np.split(kernel, groups, axis=-1)):
        wide[..., group, :, group, :] = block
    return {**node.weights, "kernel": wide.reshape(*size, groups * read, made)}


def _grouped(node: Node, weights: Mapping[str, Array]) -> Node:
    groups = node.config["groups"]
    if groups == 1:
        return node.with_weights(weights)
    *size, read, made = weights["kernel"].shape
    wide = weights["kernel"].reshape(*size, groups, read // groups, groups, made // groups)
    blocks = [wide[..., group, :, group, :] for group in range(groups)]
    return node.with_weights({**weights, "kernel": np.concatenate(blocks, axis=-1)})


def _padded(node: Node) -> bool:
    size = node.weights["kernel"].shape[:-2]
    return bool(node.config["padding"] != "valid") and prod(size) != 1


def _conv_shape(node: Node, inputs: tuple[Shape, ...]) -> Shape:
    *size, _, made = node.weights["kernel"].shape
    return slid(node.config, size, node.config["dilation"], inputs[0], made)


def _transposed(node: Node, inputs: tuple[Units, ...], tracer: Tracer) -> Units:
    kernel = np.swapaxes(node.weights["kernel"], -1, -2)
    *size, read, made = kernel.shape
    flat, axis = kernel.reshape(-1, read, made), channel_axis(node, len(node.shape))
    return made_by_kernel(node, inputs[0], tracer, flat, axis, _window(node, tuple(size)), padded=_uneven(node))


def _uneven(node: Node) -> bool:
    """A transposed convolution reaches some positions with other parts of its kernel than others."""
    return not _is_point(node, node.weights["kernel"].shape[:-2])


def _transposed_shape(node: Node, inputs: tuple[Shape, ...]) -> Shape:
    *size, made, _ = node.weights["kernel"].shape
    return unslid(node.config, size, inputs[0], made)


def _einsum(node: Node, inputs: tuple[Units, ...], tracer: Tracer) -> Units:
    units, pattern = inputs[0], pattern_of(node)
    if pattern is None:
        return tracer.opaque(node, inputs, f"its equation '{node.config['equation']}' reads units in no single way")
    weights = loosened(node)
    kernel, axis = weights["kernel"], len(node.shape) - 1
    if units.axis != len(tracer.shapes[node.inputs[0]]) - 1 or units.size != kernel.shape[1]:
        return tracer.opaque(node, inputs, ELSEWHERE)
    n, places = kernel.shape[3], kernel.shape[2]
    if not tracer.values:
        return tracer.made(node, n, axis)
    bias = weights.get("bias", np.zeros((places, n)))

    def step(basis: Basis, positions: int) -> Basis:
        return at_positions(basis, positions) if kernel.shape[0] == 1 else ("einsum", pattern, positions, basis)

    flat = [kernel[:, :, place] for place in range(places)]
    bounds = [kernel_bounds(units, each, bias[place], padded=False) for place, each in enumerate(flat)]
    affines = [composed(node, units, each, bias[place], step) for place, each in enumerate(flat)]
    whole = affines[0] if places == 1 else stacked(affines, ("places", places))
    low, high = np.min([b[0] for b in bounds], axis=0), np.max([b[1] for b in bounds], axis=0)
    return tracer.made(node, n, axis, whole, low, high)


def _einsum_shape(node: Node, inputs: tuple[Shape, ...]) -> Shape:
    return node.shape


def _embedding(node: Node, inputs: tuple[Units, ...], tracer: Tracer) -> Units:
    table = node.weights["embeddings"]
    n, axis = table.shape[1], len(node.shape) - 1
    if not tracer.values:
        return tracer.made(node, n, axis)
    # A unit with the same number for every token is a constant.
    level = np.where(np.all(table == table[0], axis=0), table[0].astype(np.float64), 0.0)
    rows = np.where(level != 0, 0, table).T
    known = Affine({("token", node.inputs[0], len(table)): rows}, np.ones(n), level, ("",) * n, precision(node))
    wide = table.astype(np.float64)
    return tracer.made(node, n, axis, known, wide.min(axis=0), wide.max(axis=0))


def _embedding_shape(node: Node, inputs: tuple[Shape, ...]) -> Shape:
    return (*inputs[0], node.weights["embeddings"].shape[1])


def made_by_kernel(
    node: Node, units: Units, tracer: Tracer, kernel: Array, axis: int, step: Step, *, padded: bool
) -> Units:
    """The units that a kernel of shape (window positions, in, out) makes of those it reads, along one axis."""
    n = kernel.shape[2]
    if units.axis != axis or units.size != kernel.shape[1]:
        tracer.pin(units, node.layer, ELSEWHERE)
        units = tracer.unknown(("along", axis, node.inputs[0]), kernel.shape[1], axis)
    if not tracer.values:
        return tracer.made(node, n, axis)
    bias = np.asarray(node.weights.get("bias", np.zeros(n)), np.float64)
    low, high = kernel_bounds(units, kernel, bias, padded=padded)
    extent = border(node, axis, tracer) if padded else None
    return tracer.made(node, n, axis, composed(node, units, kernel, bias, step, extent), low, high)


def border(node: Node, axis: int, tracer: Tracer) -> Hashable:
    """What tells where the border of a map lies: its size, or the map itself where that is not fixed."""
    shape = tracer.shapes[node.inputs[0]]
    spatial = shape[:axis] + shape[axis + 1 :]
    return node.inputs[0] if None in spatial else spatial


# Units do not ask how a layer is trained, but whoever writes it for training does.
TRAINED_WITH = frozenset({"regularizer"})
WINDOW = {"strides": (1, 1), "padding": "valid", "dilation": (1, 1), **CHANNELS_LAST}

register(
    "dense",
    Rule(
        _dense,
        _dense_shape,
        reads={"kernel": 0},
        writes={"kernel": 1, "bias": 0},
        options=TRAINED_WITH,
        ranks={"kernel": 2, "bias": 1},
    ),
)
register(
    "conv",
    Rule(
        _conv,
        _conv_shape,
        reads={"kernel": -2},
        writes={"kernel": -1, "bias": 0},
        axis=channel_axis,
        defaults={**WINDOW, "groups": 1},
        options=TRAINED_WITH,
        padded=_padded,
        ranks={"bias": 1},
        loose=_ungrouped,
        packed=_grouped,
    ),
)
register(
    "conv_transpose",
    Rule(
        _transposed,
        _transposed_shape,
        reads={"kernel": -1},
        writes={"kernel": -2, "bias": 0},
        axis=channel_axis,
        defaults={**WINDOW, "output_padding": None},
        options=TRAINED_WITH | {"output_padding"},
        padded=_uneven,
        ranks={"bias": 1},
    ),
)
register(
    "einsum_dense",
    Rule(
        _einsum,
        _einsum_shape,
        reads={"kernel": 1},
        writes={"kernel": 3, "bias": 1},
        defaults={"equation": None},
        options=TRAINED_WITH,
        loose=loosened,
        packed=packed,
        biased=2,
    ),
)
register(
    "embedding",
    Rule(
        _embedding,
        _embedding_shape,
        writes={"embeddings": 1},
        defaults={"mask_zero": False},
        optional=frozenset(),
        ranks={"embeddings": 2},
    ),
)
