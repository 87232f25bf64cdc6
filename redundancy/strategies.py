"""Hypothesis strategies: networks, activations, redundancy planted in them with decoys, and recipes.

What is drawn is a description; weights come from a generator with a drawn seed. Everything shrinks to fewer layers,
fewer units and plainer functions, and prints as one line a layer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from redundancy import algebra
from redundancy.building import Builder
from redundancy.network import Array, Network
from redundancy.planting import RELATIONS, Planted, beds, plant
from redundancy.zoo import Initializer, Optimizer, Recipe, Twins, batch_normalization, conv, dense, flatten
from redundancy.zoo.choices import INITIALIZERS

PLAIN = ("relu", "tanh", "sigmoid", "linear")
"""The functions that examples shrink to, simplest first."""

# An exponential of an exponential is infinite, and says nothing about redundancy.
_BOUNDED = (*PLAIN, *sorted(set(algebra.NAMES) - {*PLAIN, "exponential"}))


def activations(names: Sequence[str] | None = None) -> st.SearchStrategy[dict[str, Any]]:
    """Configurations of activation nodes whose algebra is known; they shrink to ReLU.

    Args:
        names: Of the functions to draw from; if not given, all that are known but the exponential, which overflows
            where one follows another.
    """
    options = {"leaky_relu": {"negative_slope": 0.25}, "elu": {"alpha": 0.5}}
    return st.sampled_from(names or _BOUNDED).map(lambda name: {"function": name, **options.get(name, {})})


@st.composite
def networks(
    draw: st.DrawFn,
    *,
    spatial: bool | None = None,
    functions: Sequence[str] | None = None,
    depth: int = 3,
    width: int = 5,
    dtype: str = "float32",
) -> Network:
    """Small networks: dense or convolutional, with normalisation, pooling, branches that are added or concatenated.

    Args:
        draw: Given by Hypothesis.
        spatial: True for maps, False for vectors; either if not given.
        functions: Names of activations to draw from.
        depth: Blocks before the last layer, at most.
        width: Units a layer, at most; two at least.
        dtype: Of the weights.
    """
    if spatial is None:
        spatial = draw(st.booleans())
    garden = _Garden(draw, functions, width, np.dtype(dtype), draw(st.integers(0, 2**16)))
    shape = (draw(st.integers(4, 6)), draw(st.integers(4, 6)), draw(st.integers(1, 2))) if spatial else (4,)
    name = garden.builder.input(shape, dtype=dtype)
    for _ in range(draw(st.integers(1, depth))):
        name = garden.block(name)
    if len(garden.builder.shape(name)) == 3:
        name = garden.flat(name)
    return garden.builder.network(garden.dense(name, 3))


@st.composite
def planted(
    draw: st.DrawFn, relations: Sequence[str] | None = None, source: st.SearchStrategy[Network] | None = None
) -> Planted:
    """Networks with one unit made out of another, such that it folds into what is left.

    Args:
        draw: Given by Hypothesis.
        relations: Names of what to plant; everything that folds if not given.
        source: The networks to plant in; `networks()` if not given.
    """
    names = relations or [name for name, relation in RELATIONS.items() if relation.folds]
    network = draw(networks() if source is None else source)
    choices = [
        (bed.space.name, bed.space.size, name) for bed in beds(network) for name in names if RELATIONS[name].fits(bed)
    ]
    assume(choices)
    space, size, relation = draw(st.sampled_from(choices))
    i, j = draw(st.permutations(range(size)).map(lambda order: order[:2]))
    return plant(network, space, (i, j), relation)


def decoys(source: st.SearchStrategy[Network] | None = None) -> st.SearchStrategy[Planted]:
    """Networks with a unit that looks redundant and is not: no fold may merge it with its model.

    Antiparallel units under ReLU, twins with other statistics in BatchNormalization, twins that differ by one unit
    in the last place, edge filters whose weights sum to zero.
    """
    return planted([name for name, relation in RELATIONS.items() if not relation.folds], source)


def initializers() -> st.SearchStrategy[Initializer]:
    """Keras's random initialisers, with their defaults; they shrink to `random_normal`."""
    names = sorted(INITIALIZERS, key=lambda name: (name != "random_normal", name))
    return st.sampled_from(names).map(Initializer)


def optimizers() -> st.SearchStrategy[tuple[Optimizer, float]]:
    """Optimisers, each with a learning rate at which small networks learn; they shrink to plain SGD."""
    return st.sampled_from(
        [
            (Optimizer("sgd"), 0.05),
            (Optimizer("sgd", momentum=0.9), 0.02),
            (Optimizer("adam"), 1e-3),
            (Optimizer("rmsprop"), 1e-3),
        ]
    )


@st.composite
def recipes(draw: st.DrawFn, *, twins: bool = False, steps: int = 40) -> Recipe:
    """Recipes of small networks that learn something: dense or convolutional, with normalisation or without.

    Args:
        draw: Given by Hypothesis.
        twins: Two units of the first layer start with equal weights, incoming and outgoing.
        steps: Batches to train on.
    """
    units = draw(st.integers(2, 12))
    function = draw(st.sampled_from(["relu", "tanh", "sigmoid"]))
    between = [batch_normalization()] if draw(st.booleans()) else []
    if draw(st.booleans()):
        first, last = [conv(units, 3, strides=3, activation=function, name="first")], [flatten()]
    else:
        first, last = [flatten(), dense(units, activation=function, name="first")], []
    optimizer, rate = draw(optimizers())
    i, j = draw(st.permutations(range(units)))[:2]
    return Recipe(
        (*first, *between, *last, dense(10)),
        initializer=draw(initializers()),
        optimizer=optimizer,
        learning_rate=rate,
        steps=steps,
        twins=(Twins("first", (i, j)),) if twins else (),
    )


class _Garden:
    """Grows a network, block by block, from what is drawn."""

    def __init__(
        self, draw: st.DrawFn, functions: Sequence[str] | None, width: int, dtype: np.dtype[Any], seed: int
    ) -> None:
        self.draw, self.functions, self.width, self.dtype = draw, functions, width, dtype
        self.rng = np.random.default_rng(seed)
        self.builder = Builder()

    def block(self, name: str) -> str:
        """A layer and what may follow it, a residual branch, or two branches side by side."""
        kind = self.draw(st.sampled_from(["plain", "residual", "branches"]))
        units = self.draw(st.integers(2, self.width))
        if kind == "plain":
            return self.pooled(self.bent(self.linear(name, units, "valid")))
        first = self.bent(self.linear(name, units, "same"))
        if kind == "branches":
            other = self.bent(self.linear(name, self.draw(st.integers(2, self.width)), "same"))
            return self.builder.add("concatenate", first, other)
        return self.bent(self.builder.add("add", first, self.linear(first, units, "same")), normal=False)

    def linear(self, name: str, units: int, padding: str) -> str:
        """A convolution on maps, a dense layer on vectors."""
        shape = self.builder.shape(name)
        if len(shape) == 1:
            return self.dense(name, units)
        fits = [size for size in ((1, 1), (3, 3), (2, 1)) if padding == "same" or size[0] <= (shape[0] or 0)]
        fits = [size for size in fits if padding == "same" or size[1] <= (shape[1] or 0)]
        window = self.draw(st.sampled_from(fits))
        weights = self.weights((*window, shape[-1] or 0, units))
        return self.builder.add("conv", name, weights=weights, padding=padding)

    def dense(self, name: str, units: int) -> str:
        """A dense layer."""
        return self.builder.add("dense", name, weights=self.weights((self.builder.shape(name)[-1] or 0, units)))

    def weights(self, shape: tuple[int, ...]) -> dict[str, Array]:
        """A kernel, and a bias or none."""
        kernel = self.normal(shape, np.sqrt(1.0 / np.prod(shape[:-1])))
        return (
            {"kernel": kernel, "bias": self.normal(shape[-1:], 0.5)} if self.draw(st.booleans()) else {"kernel": kernel}
        )

    def normal(self, shape: tuple[int, ...], deviation: float) -> Array:
        """Normally distributed numbers."""
        return (deviation * self.rng.standard_normal(shape)).astype(self.dtype)

    def bent(self, name: str, *, normal: bool = True) -> str:
        """A normalisation or none, then a function or none."""
        if normal and self.draw(st.booleans()):
            name = self.normalised(name)
        if self.draw(st.booleans()):
            return self.builder.add("activation", name, **self.draw(activations(self.functions)))
        return name

    def normalised(self, name: str) -> str:
        """A BatchNormalization with statistics of its own."""
        shape = (self.builder.shape(name)[-1] or 0,)
        weights = {
            "gamma": np.abs(self.normal(shape, 0.5)) + self.dtype.type(0.5),
            "beta": self.normal(shape, 0.5),
            "mean": self.normal(shape, 0.5),
            "variance": np.abs(self.normal(shape, 0.5)) + self.dtype.type(0.5),
        }
        return self.builder.add("batch_normalization", name, weights=weights)

    def pooled(self, name: str) -> str:
        """A pooling layer where the map is large enough, a Dropout, or neither."""
        shape = self.builder.shape(name)
        kinds = ["", "dropout"]
        if len(shape) == 3 and min(extent or 0 for extent in shape[:2]) >= 2:
            kinds += ["max_pooling", "average_pooling"]
        kind = self.draw(st.sampled_from(kinds))
        if kind in ("", "dropout"):
            return self.builder.add(kind, name) if kind else name
        return self.builder.add(kind, name, padding=self.draw(st.sampled_from(["valid", "same"])))

    def flat(self, name: str) -> str:
        """A vector of a map."""
        kinds = ["flatten", "global_average_pooling", "global_max_pooling"]
        return self.builder.add(self.draw(st.sampled_from(kinds)), name)
