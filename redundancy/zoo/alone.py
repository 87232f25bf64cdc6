"""Trains one run after another, by one Keras model that is started anew for each: what has no fused form.

Any backend of Keras that computes gradients will do. What is random comes from the seed and not from the backend: the
initial weights, the order of the data, and what dropout drops, which is handed to the model as factors.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from redundancy.data.dataset import Dataset
from redundancy.network import Array, Network
from redundancy.zoo.backends import Inputs, Logits, Step, logits_of, step_of
from redundancy.zoo.choices import Optimizer
from redundancy.zoo.initial import initial
from redundancy.zoo.judging import judged
from redundancy.zoo.masking import Mask, masked, masks_of
from redundancy.zoo.recipe import Recipe
from redundancy.zoo.run import Run
from redundancy.zoo.seeds import batches
from redundancy.zoo.structure import numpy_dtype

if TYPE_CHECKING:
    import keras

AT_ONCE = 1000
"""Images that are evaluated at once."""


@dataclass(frozen=True, slots=True, eq=False)
class Trainer:
    """A Keras model that can be started anew.

    Attributes:
        model: Its inputs are images, and factors for each mask; its weights change.
        masks: By the name of a dropout, what it multiplies by.
        variables: Those of the optimiser, each with its first value.
        step: (inputs, labels) -> one step of training; whether its loss was finite, and so the step was taken.
        logits: Inputs -> logits.
    """

    model: keras.Model
    masks: Mapping[str, Mask]
    variables: tuple[tuple[Any, Array], ...]
    step: Step
    logits: Logits


def alone(recipe: Recipe, seeds: Sequence[int], data: Dataset, why: str) -> Iterator[Run]:
    """Runs of a recipe, as they are finished; `why` they are trained one at a time is kept in each.

    Raises:
        UnsupportedError: Keras's backend trains nothing.
    """
    from redundancy.frameworks.keras.loaded import keras
    from redundancy.frameworks.keras.precision import float64_kept

    with keras.device("cpu:0"), float64_kept():
        trainer = trainer_of(recipe, initial(recipe, seeds[0], data.input_shape))
    for seed in seeds:
        with keras.device("cpu:0"), float64_kept():
            run = _run(trainer, recipe, seed, data, why)
        yield run


def trainer_of(recipe: Recipe, network: Network) -> Trainer:
    """A trainer for the recipe's runs; the network's weights do not matter."""
    import keras

    from redundancy.frameworks.keras.writing import python_randomness_kept, write

    masks = masks_of(recipe, network)
    with python_randomness_kept():
        model = write(masked(network, tuple(masks)), dtype=recipe.dtype)
        chosen = Optimizer.of(recipe.optimizer)
        config = {**chosen.options, "learning_rate": recipe.learning_rate}
        optimizer = keras.optimizers.get({"class_name": chosen.name, "config": config})
        optimizer.build(model.trainable_variables)
    variables = tuple((variable, np.array(keras.ops.convert_to_numpy(variable))) for variable in optimizer.variables)
    return Trainer(model, masks, variables, step_of(model, optimizer), logits_of(model))


def _run(trainer: Trainer, recipe: Recipe, seed: int, data: Dataset, why: str) -> Run:
    from redundancy.frameworks.keras import pull

    start = initial(recipe, seed, data.input_shape)
    begin(trainer, start)
    diverged = None
    for place, chosen in enumerate(batches(seed, len(data.x_train), recipe.steps, recipe.batch_size), 1):
        factors = [mask.drawn(seed, place - 1, len(chosen), recipe.dtype) for mask in trainer.masks.values()]
        images = data.x_train[chosen].astype(numpy_dtype(recipe.dtype))
        if not trainer.step(_inputs(images, factors), data.y_train[chosen]):
            diverged = place
            break
    loss, _ = judged(_outputs(trainer, recipe, data.x_train), data.y_train)
    _, accuracy = judged(_outputs(trainer, recipe, data.x_test), data.y_test)
    return Run(recipe, seed, pull(trainer.model, start), loss, accuracy, data.digest, diverged, why)


def begin(trainer: Trainer, network: Network) -> None:
    """Weights and the optimiser's state as they are before the first step."""
    from redundancy.frameworks.keras import push

    push(network, trainer.model)
    for variable, value in trainer.variables:
        variable.assign(value)


def _outputs(trainer: Trainer, recipe: Recipe, images: Array) -> Array:
    dtype = numpy_dtype(recipe.dtype)
    blocks = []
    for at in range(0, len(images), AT_ONCE):
        block = images[at : at + AT_ONCE].astype(dtype)
        blocks.append(trainer.logits(_inputs(block, [mask.open(len(block), dtype) for mask in trainer.masks.values()])))
    return np.concatenate(blocks)


def _inputs(images: Array, factors: list[Array]) -> Inputs:
    # A model of one input takes it as it is, and not in a list.
    return [images, *factors] if factors else images
