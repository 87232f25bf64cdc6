"""What training one run takes of a machine's memory, and whether it has that much."""

from __future__ import annotations

import os

from redundancy.data.dataset import Dataset
from redundancy.errors import RecipeError
from redundancy.zoo.fused import planned
from redundancy.zoo.fused.sizes import bytes_a_run
from redundancy.zoo.recipe import Recipe
from redundancy.zoo.structure import numpy_dtype, structure

SLOTS = 2
"""Arrays that most optimisers keep a weight: which one it is matters little beside a layer or a batch too large."""


def check_memory(recipe: Recipe, data: Dataset) -> None:
    """Refuses what would bring the machine to a standstill, or be killed by it.

    Args:
        recipe: To be trained here.
        data: What to train it on.

    Raises:
        RecipeError: One run of it takes more memory than this machine has, or the layers do not fit the images.
    """
    network, has = structure(recipe, data.input_shape), _memory()
    plan = planned(network, recipe.batch_size, len(data.x_train) + len(data.x_test))
    takes = bytes_a_run(plan, recipe.batch_size, SLOTS, numpy_dtype(recipe.dtype).itemsize)
    if has and takes > has:
        sizes = f"{network.parameters:,} weights in batches of {recipe.batch_size:,}"
        rest = f"{_gibibytes(takes)} of memory, and this machine has {_gibibytes(has)}"
        raise RecipeError(f"one run would take {rest} ({sizes}); make layers or batches smaller")


def _memory() -> int:
    """Bytes of the machine; 0 where it does not say."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return 0


def _gibibytes(size: int) -> str:
    return f"{size / 2**30:,.1f} GiB"
