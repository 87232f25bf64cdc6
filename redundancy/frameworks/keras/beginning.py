"""What a layer's weights begin with, where they are replaced right away."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from redundancy.network import Array

PLAIN = frozenset(
    {
        "BatchNormalization",
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


INITIALIZERS = {"depthwise_kernel": "depthwise_initializer", "pointwise_kernel": "pointwise_initializer"}
"""Of weights, where it is not the weight's own name that the initialiser's begins with."""


@dataclass(slots=True)
class Given:
    """An initialiser that hands out one array, to whoever asks for its shape and dtype, and zeros else.

    Attributes:
        array: What it hands out.
        used: It did.
    """

    array: Array
    used: bool = False

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        """The array, or zeros."""
        import keras

        self.used = tuple(shape) == self.array.shape and dtype == self.array.dtype.name
        return self.array if self.used else keras.initializers.Zeros()(shape, dtype)


@contextmanager
def begun_with_zeros(layer: Any, values: Mapping[str, Array] | None = None) -> Iterator[dict[str, Given]]:
    """Random numbers take long and would be thrown away, so a layer begins with zeros; afterwards it has what it had.

    Args:
        layer: One that is not built yet; of classes that are not Keras's own, or that have layers inside them, nothing
            is changed.
        values: What the layer's weights become, by its name of them: it begins with those, where it can.

    Yields:
        What hands those out, by the same names.
    """
    import keras

    plain = type(layer).__name__ in PLAIN and type(layer) is getattr(keras.layers, type(layer).__name__)
    given = keras.initializers
    random = (given.VarianceScaling, given.RandomNormal, given.RandomUniform, given.TruncatedNormal) if plain else ()
    handed = {name: Given(array) for name, array in (values or {}).items() if plain and _initializer(layer, name)}
    before = {name: value for name, value in vars(layer).items() if isinstance(value, random)}
    before |= {_initializer(layer, name): getattr(layer, _initializer(layer, name)) for name in handed}
    for name in before:
        setattr(layer, name, given.Zeros())
    for name, hands in handed.items():
        setattr(layer, _initializer(layer, name), hands)
    try:
        yield handed
    finally:
        for name, value in before.items():
            setattr(layer, name, value)


def _initializer(layer: Any, weight: str) -> str:
    """The attribute that holds the initialiser of a weight; "" where there is none."""
    names = (INITIALIZERS.get(weight, f"{weight}_initializer"), "depthwise_initializer" if weight == "kernel" else "")
    return next((name for name in names if name and vars(layer).get(name) is not None), "")
