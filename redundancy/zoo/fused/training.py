"""Trains runs in groups: fused where there is a form for everything, else by a Keras model, one run at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from redundancy.data.dataset import Dataset
from redundancy.network import Array, Network
from redundancy.zoo.choices import Optimizer
from redundancy.zoo.fused.plan import Plan, planned
from redundancy.zoo.fused.sizes import bytes_a_run, group_size
from redundancy.zoo.fused.tiles import Tiling
from redundancy.zoo.initial import initial
from redundancy.zoo.judging import judged
from redundancy.zoo.recipe import Recipe
from redundancy.zoo.run import Run
from redundancy.zoo.seeds import DROPOUT, batches, sequence, state_words
from redundancy.zoo.structure import numpy_dtype, structure
from redundancy.zoo.versions import library

if TYPE_CHECKING:
    from redundancy.zoo.fused.engine import Engine

DTYPES = ("float32", "float64")
"""Those of which every form has a kernel on a processor."""

STEPS = 50
"""Steps between two looks at the world: an interrupt waits for the end of them."""

ENGINES = 4
"""Compiled engines that are kept, for the next call with the same structure."""

Pair = tuple[Recipe, int]


def shared(recipe: Recipe) -> Recipe:
    """What runs of one group have in common: all but learning rate, initial weights and how long they are trained."""
    return replace(recipe, initializer="glorot_uniform", learning_rate=1.0, twins=(), data="any")


def why_alone(recipe: Recipe) -> str:
    """What of a recipe has no fused form; "" where everything has one. Only TensorFlow computes any."""
    if (backend := library()) != "tensorflow":
        return f"no fused form on {backend}"
    from redundancy.zoo.fused.forms import FORMS
    from redundancy.zoo.fused.optimizers import METHODS

    if recipe.dtype not in DTYPES:
        return f"no fused form for {recipe.dtype}"
    if (name := Optimizer.of(recipe.optimizer).name) not in METHODS:
        return f"no fused form for the optimizer {name}"
    unknown = next((layer for layer in recipe.architecture if layer.kind not in FORMS), None)
    return f"no fused form for layer {unknown.name!r} ({unknown.kind})" if unknown else ""


def fused(pairs: Sequence[Pair], data: Dataset, size: int | None = None) -> Iterator[Run]:
    """The runs of these pairs, in their order, as each group is finished.

    Args:
        pairs: (recipe, seed); all recipes have the same `shared` part, and no reason in `why_alone`.
        data: What to train on.
        size: Runs in a group; None for what `runs_at_once` says.
    """
    import tensorflow as tf

    common = shared(pairs[0][0])
    size = size or runs_at_once(common, data, len(pairs))
    with tf.device("/CPU:0"):
        engine = _engine(common, data.input_shape, _images(data), size)
        tensors = _Tensors(data, common.dtype, engine.plan.tiling)
    for start in range(0, len(pairs), size):
        group = pairs[start : start + size]
        with tf.device("/CPU:0"):
            runs = _group(engine, group, data, tensors)
        yield from runs


class _Tensors:
    """A data set as TensorFlow has it: images as rows, or their tiles."""

    def __init__(self, data: Dataset, dtype: str, tiling: Tiling | None) -> None:
        import tensorflow as tf

        def rows(images: Array) -> tf.Tensor:
            typed = images.astype(dtype, copy=False)
            return tf.constant((tiling.cut(typed) if tiling else typed).reshape(len(images), -1))

        self.train, self.test, self.labels = rows(data.x_train), rows(data.x_test), tf.constant(data.y_train)


def runs_at_once(common: Recipe, data: Dataset, wanted: int) -> int:
    """How many runs to train in one group.

    Args:
        common: What they have in common, as `shared` says; there is no reason in `why_alone`.
        data: What to train on.
        wanted: Runs in all, 1 or more.
    """
    from redundancy.zoo.fused.optimizers import METHODS

    plan = _plan(common, data.input_shape, _images(data))
    optimizer = Optimizer.of(common.optimizer)
    slots = len(METHODS[optimizer.name].slots(optimizer.options))
    each = bytes_a_run(plan, common.batch_size, slots, numpy_dtype(common.dtype).itemsize)
    return group_size(wanted, each)


def _images(data: Dataset) -> int:
    return len(data.x_train) + len(data.x_test)


@lru_cache(maxsize=ENGINES)
def _plan(common: Recipe, input_shape: tuple[int, ...], images: int) -> Plan:
    return planned(structure(common, input_shape), common.batch_size, images)


@lru_cache(maxsize=ENGINES)
def _engine(common: Recipe, input_shape: tuple[int, ...], images: int, size: int) -> Engine:
    from redundancy.zoo.fused.engine import Engine

    optimizer = Optimizer.of(common.optimizer)
    return Engine(_plan(common, input_shape, images), optimizer, size, common.batch_size, common.dtype)


def _group(engine: Engine, pairs: Sequence[Pair], data: Dataset, tensors: _Tensors) -> list[Run]:
    starts = [initial(recipe, seed, data.input_shape) for recipe, seed in pairs]
    # The last group may be smaller: its first run is trained in the empty places as well, and left out of the result.
    filled = [*range(len(pairs)), *[0] * (engine.size - len(pairs))]
    chosen = [pairs[place] for place in filled]
    laid = [engine.plan.laid(network) for network in starts]
    draws = {
        name: np.stack([state_words(sequence(DROPOUT, place, seed)) for _, seed in chosen])
        for place, name in enumerate(engine.plan.dropouts)
    }
    engine.start([laid[place] for place in filled], [recipe.learning_rate for recipe, _ in chosen], draws)
    for order in _orders(chosen, len(data.x_train)):
        engine.advance(tensors.train, tensors.labels, order)
    return _runs(engine, pairs, starts, data, tensors)


def _orders(pairs: Sequence[Pair], images: int) -> Iterator[Array]:
    """What to train on, a few steps at a time: (steps, k, n), each run in the order of its own seed."""
    recipe = pairs[0][0]
    orders = [batches(seed, images, recipe.steps, recipe.batch_size) for _, seed in pairs]
    steps = zip(*orders, strict=True)
    while few := list(islice(steps, STEPS)):
        yield np.array(few, np.int32)


def _runs(
    engine: Engine, pairs: Sequence[Pair], starts: Sequence[Network], data: Dataset, tensors: _Tensors
) -> list[Run]:
    trained, tested = (_logits(engine, images) for images in (tensors.train, tensors.test))
    runs = []
    for place, ((recipe, seed), start) in enumerate(zip(pairs, starts, strict=True)):
        loss, _ = judged(trained[place], data.y_train)
        _, accuracy = judged(tested[place], data.y_test)
        network = engine.plan.network(start, engine.weights(place))
        runs.append(Run(recipe, seed, network, loss, accuracy, data.digest, engine.diverged(place)))
    return runs


def _logits(engine: Engine, images: object) -> Array:
    """What every run makes of all images: (k, n, classes)."""
    import tensorflow as tf

    count, size = len(images), engine.batch_size  # type: ignore[arg-type]
    rest = -count % size
    padded = tf.pad(images, [[0, rest], [0, 0]])
    blocks = [engine.logits(padded[start : start + size]) for start in range(0, count, size)]
    return np.concatenate(blocks, axis=1)[:, :count]
