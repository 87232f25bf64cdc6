"""Dropout as a product with what is handed in: so that it drops the same on every backend."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from redundancy.network import Array, Network, Node
from redundancy.zoo.drawing import kept
from redundancy.zoo.recipe import Recipe
from redundancy.zoo.seeds import DROPOUT, sequence, state_words


@dataclass(frozen=True, slots=True)
class Mask:
    """What one dropout multiplies by.

    Attributes:
        place: Its number among the dropouts of the recipe, from 0.
        rate: The share that it drops.
        shape: Of what it drops, for one image.
    """

    place: int
    rate: float
    shape: tuple[int, ...]

    def drawn(self, seed: int, step: int, images: int, dtype: str) -> Array:
        """The factors of one step: (images, *shape)."""
        words = state_words(sequence(DROPOUT, self.place, seed))
        return kept((images, *self.shape), self.rate, words, step, dtype)

    def open(self, images: int, dtype: np.dtype[np.generic]) -> Array:
        """Factors that drop nothing."""
        return np.ones((images, *self.shape), dtype)


def masks_of(recipe: Recipe, network: Network) -> dict[str, Mask]:
    """By the name of a dropout that drops anything, its mask."""
    names = [layer.name for layer in recipe.architecture if layer.kind == "dropout"]
    found = {}
    for place, name in enumerate(names):
        node = network[name]
        if rate := float(node.config["rate"]):
            found[name] = Mask(place, rate, tuple(extent or 0 for extent in node.shape))
    return found


def masked(network: Network, masks: Sequence[str]) -> Network:
    """The network with inputs for masks, in order, after its own; each multiplies what a dropout reads.

    Args:
        network: Of a recipe; it has one input, which is its first node.
        masks: The names of the dropouts.
    """
    return replace(network, nodes=tuple(_nodes(network, masks)))


def _nodes(network: Network, masks: Sequence[str]) -> Iterator[Node]:
    first, *others = network
    # A name with a space is none that Keras makes for anything else, and it may be a layer's.
    taken = {node.name for node in network}
    inputs = {name: _free(f"{name} mask", taken) for name in masks}
    yield first
    for name, given in inputs.items():
        yield Node(given, "input", (), network[name].shape, {"dtype": first.config["dtype"]})
    for node in others:
        if node.name in inputs:
            yield Node(node.name, "multiply", (*node.inputs, inputs[node.name]), node.shape)
        else:
            yield node


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "'"
    return name
