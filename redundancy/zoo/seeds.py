"""Where all randomness of the zoo comes from: integers, mixed by NumPy's SeedSequence."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np

from redundancy.errors import RecipeError
from redundancy.network import Array
from redundancy.zoo.recipe import Recipe

KERNEL, ORDER, DROPOUT = 0x6B65726E, 0x6F726465, 0x64726F70
"""What a seed is mixed with, so that its uses are independent of each other."""


def seeds(*keys: str | int | float | Recipe, root: int, count: int) -> tuple[int, ...]:
    """Independent seeds of 63 bits. The first ones stay the same when more are asked for.

    Args:
        keys: What the seeds are for: the sentence of a claim, a recipe, ... Other keys give unrelated seeds.
        root: The seed of the whole session, from 0 up.
        count: How many.

    Raises:
        RecipeError: `root` or `count` is negative.
    """
    if count < 0:
        raise RecipeError(f"cannot make {count} seeds; ask for 0 or more")
    said = [f"{type(key).__name__}:{key.digest if isinstance(key, Recipe) else key!r}" for key in keys]
    mixed = hashlib.sha256(repr(said).encode()).digest()
    # The root comes last: the words before it are of a fixed number, so that no two inputs run into each other.
    words = [int(word) for word in np.frombuffer(mixed, "<u4")]
    state = np.random.SeedSequence([*words, checked_seed(root)]).generate_state(count, np.uint64)
    return tuple(int(seed) >> 1 for seed in state)


def sequence(purpose: int, place: int, seed: int) -> np.random.SeedSequence:
    """The source of randomness for one purpose, at one place (a layer, say), of one seed."""
    return np.random.SeedSequence([purpose, place, checked_seed(seed)])


def state_words(source: np.random.SeedSequence) -> Array:
    """The two words that the state of a Keras SeedGenerator is set to. Shape (2,), uint32, each below 2**31."""
    # TensorFlow takes them as int32.
    return source.generate_state(2, np.uint32) >> np.uint32(1)


def checked_seed(seed: object) -> int:
    """The seed as an int.

    Raises:
        RecipeError: It is not a whole number from 0 up.
    """
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise RecipeError(f"a seed must be a whole number from 0 up, not {seed!r}")
    return int(seed)


def batches(seed: int, images: int, steps: int, batch_size: int) -> Iterator[Array]:
    """Which images each step sees: one permutation after another, cut into batches of the same size.

    Args:
        seed: Of the run.
        images: How many there are.
        steps: How many batches.
        batch_size: May exceed `images`; a batch then runs over several epochs.

    Yields:
        Indices, shape (batch_size,), int64.
    """
    generator = np.random.default_rng(sequence(ORDER, 0, seed))
    waiting = np.empty(0, np.int64)
    for _ in range(steps):
        while len(waiting) < batch_size:
            waiting = np.concatenate([waiting, generator.permutation(images)])
        yield waiting[:batch_size]
        waiting = waiting[batch_size:]
