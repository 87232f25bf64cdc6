"""How TensorFlow computes each kind of part for all runs of a group at once: one function a kind.

Every value has the runs along its first axis and the images along its second: (k, n, h, w, c) or (k, n, units). What
belongs to one run never meets another's numbers, so that a run which diverges harms no other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from math import prod
from typing import Any

import keras
import tensorflow as tf

from redundancy.zoo.fused.plan import RECTIFIED, TILED, TOGETHER, Part
from redundancy.zoo.fused.tiles import SIDE


@dataclass(frozen=True, slots=True)
class Pass:
    """One way through the plan.

    Attributes:
        training: Whether values are dropped, and batches normalise themselves.
        draws: By the name of a part that drops values, the seeds of its runs for this step: (k, 2), int32.
        moved: What the forward pass makes of weights, by their place in the plan; it is filled on the way.
    """

    training: bool
    draws: Mapping[str, tf.Tensor] = field(default_factory=dict)
    moved: dict[int, tf.Tensor] = field(default_factory=dict)


Weights = Mapping[str, Any]
Form = Callable[[Part, Sequence[tf.Tensor], Weights, Pass], tf.Tensor]

FORMS: dict[str, Form] = {}
"""One form a kind. A kind that is missing here is trained one run at a time."""


def form(kind: str) -> Callable[[Form], Form]:
    """Registers the form of a kind."""

    def register(function: Form) -> Form:
        FORMS[kind] = function
        return function

    return register


@form("conv")
def _conv(part: Part, inputs: Sequence[tf.Tensor], weights: Weights, way: Pass) -> tf.Tensor:
    """One convolution a run: grouped ones take no less time on a processor, and lay channels far apart.

    To take the values apart along the first axis copies nothing. The bias is added by `+`, whose gradient takes a
    seventh of the time of that of `bias_add`; TensorFlow makes one operation of it and the convolution.
    """
    strides, padding = list(part.config["strides"]), part.config["padding"].upper()
    images, kernels = (tf.unstack(values) for values in (inputs[0], weights["kernel"]))
    maps = [tf.nn.conv2d(x, w, strides, padding) for x, w in zip(images, kernels, strict=True)]
    if "bias" in weights:
        maps = [values + bias for values, bias in zip(maps, tf.unstack(weights["bias"]), strict=True)]
    return tf.stack([tf.nn.relu(values) for values in maps] if part.kind == RECTIFIED else maps)


FORMS[RECTIFIED] = _conv


@form(TILED)
def _conv_of_tiles(part: Part, inputs: Sequence[tf.Tensor], weights: Weights, way: Pass) -> tf.Tensor:
    (x,) = inputs
    runs, numbers, kernel = x.shape[0], x.shape[-1], weights["kernel"]
    spread = tf.constant(part.config["tiling"].spread(), x.dtype)
    windows = tf.reshape(kernel, (runs, -1, kernel.shape[-1]))
    matrix = tf.reshape(tf.einsum("apw,kwf->kapf", spread, windows), (runs, numbers, -1))
    bias = tf.tile(weights["bias"], (1, SIDE**2))[:, None]
    maps = tf.nn.relu(tf.matmul(tf.reshape(x, (runs, -1, numbers)), matrix) + bias)
    return tf.reshape(maps, (*x.shape[:2], *part.shape))


@form("dense")
def _dense(part: Part, inputs: Sequence[tf.Tensor], weights: Weights, way: Pass) -> tf.Tensor:
    (x,) = inputs
    rows = tf.reshape(x, (x.shape[0], -1, x.shape[-1]))
    kernel = tf.reshape(weights["kernel"], (x.shape[0], part.shape[-1], -1))
    products = tf.matmul(rows, kernel, transpose_b=True)
    if "bias" in weights:
        products += weights["bias"][:, None]
    return tf.reshape(products, (*x.shape[:-1], part.shape[-1]))


@form(TOGETHER)
def _conv_dense(part: Part, inputs: Sequence[tf.Tensor], weights: Weights, way: Pass) -> tf.Tensor:
    (x,) = inputs
    runs, outputs, pixels = x.shape[0], part.shape[-1], prod(part.config["images"])
    kernel, matrix = weights["kernel"], weights["matrix"]
    window, channels, units = kernel.shape[1:3], kernel.shape[3], kernel.shape[4]
    taps = tf.reshape(kernel, (runs, -1, units))
    if "bias" in weights:
        taps = tf.concat([taps, weights["bias"][:, None]], axis=1)
    # What each tap of the window contributes to each output, from each position of the map.
    spread = tf.matmul(taps, tf.reshape(matrix, (runs, units, -1)))
    linear = tf.unstack(tf.reshape(spread, (runs, taps.shape[1], -1, outputs)), axis=1)
    constant = [linear.pop()] if "bias" in weights else []
    whole = _gathered(linear, window, channels, part)
    logits = tf.matmul(tf.reshape(x, (runs, -1, pixels)), tf.reshape(whole, (runs, pixels, outputs)))
    for values in constant:
        logits += tf.reduce_sum(values, axis=1, keepdims=True)
    return logits + weights["offset"][:, None] if "offset" in weights else logits


def _gathered(spread: list[tf.Tensor], window: Sequence[int], channels: int, part: Part) -> tf.Tensor:
    """One (k, positions, outputs) a tap, the channels of a tap in a row -> (k, height, width, channels, outputs)."""
    high, wide, (height, width) = *window, part.config["map"]
    shape = (spread[0].shape[0], height, width, channels, part.shape[-1])
    taps = [tf.stack(spread[at : at + channels], axis=2) for at in range(0, len(spread), channels)]
    shifted = [
        tf.pad(tf.reshape(tap, shape), [[0, 0], [i, high - 1 - i], [j, wide - 1 - j], [0, 0], [0, 0]])
        for tap, (i, j) in zip(taps, product(range(high), range(wide)), strict=True)
    ]
    whole = tf.add_n(shifted)
    if part.config["padding"] == "same":
        top, left = (high - 1) // 2, (wide - 1) // 2
        return whole[:, top : top + height, left : left + width]
    return whole


@form("batch_normalization")
def _batch_normalization(part: Part, inputs: Sequence[tf.Tensor], weights: Weights, way: Pass) -> tf.Tensor:
    (x,) = inputs
    # Images far apart, channels close by: sums over images first, and what is a channel's repeated over its map.
    rows = tf.reshape(x, (x.shape[0], x.shape[1], -1))
    mean, variance = weights["mean"], weights["variance"]
    if way.training:
        mean = _by_channel(tf.reduce_mean(rows, axis=1), x.shape[-1])
        squares = tf.reduce_mean(tf.square(rows - _over_map(mean, rows)), axis=1)
        variance = _by_channel(squares, x.shape[-1])
        momentum = part.config["momentum"]
        for name, now in (("mean", mean), ("variance", variance)):
            way.moved[part.weights[name]] = weights[name] * momentum + now * (1.0 - momentum)
    scale = tf.math.rsqrt(variance + part.config["epsilon"]) * weights["gamma"]
    offset = weights["beta"] - mean * scale
    return tf.reshape(rows * _over_map(scale, rows) + _over_map(offset, rows), x.shape)


def _by_channel(row: tf.Tensor, channels: int) -> tf.Tensor:
    """The mean over the map: (k, h * w * c) -> (k, c)."""
    return tf.reduce_mean(tf.reshape(row, (row.shape[0], -1, channels)), axis=1)


def _over_map(values: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
    """(k, c) -> (k, 1, h * w * c)."""
    return tf.tile(values, (1, rows.shape[-1] // values.shape[-1]))[:, None]


@form("activation")
def _activation(part: Part, inputs: Sequence[tf.Tensor], weights: Weights, way: Pass) -> tf.Tensor:
    parameters = {name: value for name, value in part.config.items() if name != "function"}
    return keras.activations.get(part.config["function"])(inputs[0], **parameters)


@form("dropout")
def _dropout(part: Part, inputs: Sequence[tf.Tensor], weights: Weights, way: Pass) -> tf.Tensor:
    """Draws of the run's own seeds, by the operation that Keras draws with."""
    rate = part.config["rate"]
    if not way.training or rate == 0.0:
        return inputs[0]
    values, seeds = tf.unstack(inputs[0]), tf.unstack(way.draws[part.name])
    drop = tf.nn.experimental.stateless_dropout
    return tf.stack([drop(x, rate=rate, seed=seed) for x, seed in zip(values, seeds, strict=True)])


@form("flatten")
def _flatten(part: Part, inputs: Sequence[tf.Tensor], weights: Weights, way: Pass) -> tf.Tensor:
    return tf.reshape(inputs[0], (*inputs[0].shape[:2], *part.shape))


def _pooling(pool: Callable[..., tf.Tensor]) -> Form:
    def pooled(part: Part, inputs: Sequence[tf.Tensor], weights: Weights, way: Pass) -> tf.Tensor:
        (x,) = inputs
        images = tf.reshape(x, (-1, *x.shape[2:]))
        given = part.config
        smaller = pool(images, list(given["pool_size"]), list(given["strides"]), given["padding"].upper())
        return tf.reshape(smaller, (*x.shape[:2], *part.shape))

    return pooled


FORMS["max_pooling"] = _pooling(tf.nn.max_pool2d)
FORMS["average_pooling"] = _pooling(tf.nn.avg_pool2d)


@form("global_average_pooling")
def _global_average_pooling(part: Part, inputs: Sequence[tf.Tensor], weights: Weights, way: Pass) -> tf.Tensor:
    return tf.reduce_mean(inputs[0], axis=(2, 3))


@form("add")
def _add(part: Part, inputs: Sequence[tf.Tensor], weights: Weights, way: Pass) -> tf.Tensor:
    return tf.add_n(list(inputs))


@form("concatenate")
def _concatenate(part: Part, inputs: Sequence[tf.Tensor], weights: Weights, way: Pass) -> tf.Tensor:
    return tf.concat(list(inputs), axis=-1)
