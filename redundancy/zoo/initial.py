"""The untrained network of a recipe and a seed."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from redundancy.network import Array, Network
from redundancy.zoo.choices import Initializer
from redundancy.zoo.recipe import Recipe
from redundancy.zoo.seeds import KERNEL, sequence, state_words
from redundancy.zoo.structure import structure
from redundancy.zoo.twinning import with_twins


def initial(recipe: Recipe, seed: int, input_shape: Iterable[int]) -> Network:
    """The untrained network of that seed: bit for bit the same in every process, and on every backend of Keras.

    Args:
        recipe: What to build; its twins are planted.
        seed: From 0 up. It decides every kernel; two seeds have nothing in common.
        input_shape: Of an image: (height, width, channels).

    Raises:
        RecipeError: The layers do not fit each other, or the twins cannot be planted.
    """
    network = structure(recipe, input_shape)
    kernels = {}
    for place, layer in enumerate(recipe.architecture):
        weights = network[layer.name].weights
        if "kernel" in weights:
            source = sequence(KERNEL, place, seed)
            kernels[layer.name] = {"kernel": draw(recipe.initializer, weights["kernel"].shape, source, recipe.dtype)}
    return with_twins(network.with_weights(kernels), recipe.twins)


def draw(
    initializer: Initializer | str,
    shape: Iterable[int],
    seed: int | np.random.SeedSequence,
    dtype: str = "float32",
) -> Array:
    """What Keras's own initialiser draws on TensorFlow, from an explicit seed, whatever Keras computes with.

    No global state is read or changed.

    Args:
        initializer: Which one, or its name.
        shape: Of the kernel: (in, out) or (height, width, in, out).
        seed: From 0 up.
        dtype: "float16", "bfloat16", "float32" or "float64".

    Returns:
        The kernel, read-only, of that dtype. Orthogonal bfloat16 kernels are those of float32, rounded: TensorFlow
        has no bfloat16 version of the decomposition that makes them.

    Raises:
        RecipeError: The initialiser or the seed is none.
    """
    from redundancy.zoo.drawing import kernel

    source = seed if isinstance(seed, np.random.SeedSequence) else sequence(KERNEL, 0, seed)
    # Keras takes integer seeds of 32 bits only: of 100,000 drawings two would likely be alike.
    values = kernel(Initializer.of(initializer), shape, state_words(source), dtype)
    values.setflags(write=False)
    return values
