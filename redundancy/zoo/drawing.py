"""What chance decides in training, drawn by TensorFlow whatever Keras computes with: a seed means the same everywhere.

TensorFlow, JAX and PyTorch each have a generator of their own, and the same seed gives other numbers on each.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from redundancy.network import Array
from redundancy.zoo.choices import Initializer
from redundancy.zoo.structure import numpy_dtype

_CUT = 0.87962566103423978
"""The standard deviation of a normal distribution of which all beyond two is cut off."""


def kernel(initializer: Initializer, shape: Iterable[int], words: Array, dtype: str) -> Array:
    """What Keras's initialiser of that name draws on TensorFlow, bit for bit.

    Args:
        initializer: Which one.
        shape: Of the kernel: (in, out) or (height, width, in, out).
        words: Two, of `state_words`.
        dtype: "float16", "bfloat16", "float32" or "float64".

    Returns:
        The kernel, of that dtype. Orthogonal bfloat16 kernels are those of float32, rounded: TensorFlow has no
        bfloat16 version of the decomposition that makes them.
    """
    from redundancy.frameworks.keras.loaded import keras

    # The seed of the object is not used; without one Keras would take it from Python's own generator.
    config = {"class_name": initializer.name, "config": {**initializer.options, "seed": 0}}
    told, extents = keras.initializers.get(config), tuple(shape)
    tf = _tensorflow()
    with tf.device("/CPU:0"):
        if initializer.name == "orthogonal":
            drawn_in = "float32" if dtype == "bfloat16" else dtype
            return np.asarray(_orthogonal(told.gain, extents, _seed(words), drawn_in)).astype(numpy_dtype(dtype))
        return np.asarray(_spread(told, extents, _seed(words), dtype))


def kept(shape: Iterable[int], rate: float, words: Array, step: int, dtype: str) -> Array:
    """What Keras's Dropout multiplies its input by at a step on TensorFlow: 0, or 1 / (1 - rate).

    Args:
        shape: Of what is dropped, the batch included.
        rate: The share of it that is dropped, above 0.
        words: Two, of `state_words`.
        step: How many steps were taken before.
        dtype: Of what is dropped.
    """
    tf = _tensorflow()
    with tf.device("/CPU:0"):
        ones = tf.ones(tuple(shape), dtype)
        return np.asarray(tf.nn.experimental.stateless_dropout(ones, rate=rate, seed=_seed(words, step)))


def _seed(words: Array, step: int = 0) -> Any:
    """What a SeedGenerator of Keras gives that was started with these words and asked so many times before."""
    tf = _tensorflow()
    state = tf.constant(words, tf.int64) + tf.constant([0, step], tf.int64)
    return tf.cast(tf.math.floormod(state, tf.int32.max - 1), tf.int32)


def _spread(told: Any, shape: tuple[int, ...], seed: Any, dtype: str) -> Any:
    """Numbers that are drawn independently of each other, as the parameters of an initialiser of Keras say."""
    random = _tensorflow().random
    if hasattr(told, "distribution"):
        size = _variance(told, shape)
        if told.distribution == "uniform":
            limit = math.sqrt(3.0 * size)
            return _uniform(shape, -limit, limit, seed, dtype)
        if told.distribution == "truncated_normal":
            return random.stateless_truncated_normal(shape, seed, 0.0, math.sqrt(size) / _CUT, dtype)
        return random.stateless_normal(shape, seed, 0.0, math.sqrt(size), dtype)
    if hasattr(told, "minval"):
        return _uniform(shape, told.minval, told.maxval, seed, dtype)
    cut = type(told).__name__ == "TruncatedNormal"
    draw = random.stateless_truncated_normal if cut else random.stateless_normal
    return draw(shape, seed, told.mean, told.stddev, dtype)


def _variance(told: Any, shape: tuple[int, ...]) -> float:
    """The variance that an initialiser gives a kernel by how many numbers it reads and makes."""
    window = math.prod(shape[:-2])
    reads, makes = window * shape[-2], window * shape[-1]
    fans = {"fan_in": reads, "fan_out": makes, "fan_avg": (reads + makes) / 2.0}
    return float(told.scale / max(1.0, fans[told.mode]))


def _uniform(shape: tuple[int, ...], low: float, high: float, seed: Any, dtype: str) -> Any:
    tf = _tensorflow()
    return tf.random.stateless_uniform(shape, seed, tf.cast(low, dtype), tf.cast(high, dtype), dtype)


def _orthogonal(gain: float, shape: tuple[int, ...], seed: Any, dtype: str) -> Any:
    tf = _tensorflow()
    rows, columns = math.prod(shape[:-1]), shape[-1]
    plain = tf.random.stateless_normal((max(rows, columns), min(rows, columns)), seed, dtype=dtype)
    q, r = tf.linalg.qr(plain)
    q *= tf.sign(tf.linalg.diag_part(r))
    return gain * tf.reshape(tf.transpose(q) if rows < columns else q, shape)


def _tensorflow() -> Any:
    """TensorFlow, loaded when something is drawn, and after Keras."""
    from redundancy.frameworks.keras.loaded import tensorflow

    return tensorflow
