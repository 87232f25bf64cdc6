"""What a layer's weights begin with, where they are replaced right away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

PLAIN = frozenset(
    {
        "Conv1D",
        "Conv1DTranspose",
        "Conv2D",
        "Conv2DTranspose",
        "Conv3D",
        "Conv3DTranspose",
        "Dense",
        "DepthwiseConv1D",
        "DepthwiseConv2D",
        "EinsumDense",
        "Embedding",
        "SeparableConv1D",
        "SeparableConv2D",
    }
)
"""Layers of Keras that make their weights themselves: none hands its initialisers on to a layer inside it."""


@contextmanager
def begun_with_zeros(layer: Any) -> Iterator[None]:
    """Random numbers take long and would be thrown away, so a layer begins with zeros; afterwards it has what it had.

    Args:
        layer: One that is not built yet; of classes that are not Keras's own, or that have layers inside them, nothing
            is changed.
    """
    import keras

    plain = type(layer).__name__ in PLAIN and type(layer) is getattr(keras.layers, type(layer).__name__)
    given = keras.initializers
    random = (given.VarianceScaling, given.RandomNormal, given.RandomUniform, given.TruncatedNormal) if plain else ()
    before = {name: value for name, value in vars(layer).items() if isinstance(value, random)}
    for name in before:
        setattr(layer, name, given.Zeros())
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(layer, name, value)
