"""Trains one run after another, by one Keras model that is started anew for each: what has no fused form."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from redundancy.data.dataset import Dataset
from redundancy.network import Array, Network
from redundancy.zoo.choices import Optimizer
from redundancy.zoo.initial import initial
from redundancy.zoo.judging import judged
from redundancy.zoo.recipe import Recipe
from redundancy.zoo.run import Run
from redundancy.zoo.seeds import DROPOUT, batches, sequence, state_words

if TYPE_CHECKING:
    import keras

AT_ONCE = 1000
"""Images that are evaluated at once."""


@dataclass(frozen=True, slots=True, eq=False)
class Trainer:
    """A Keras model that can be started anew.

    Attributes:
        model: Its weights change.
        variables: Those of the optimiser, each with its first value.
        step: (images, labels) -> one step of training; whether its loss was finite, and so the step was taken.
        logits: Images -> logits.
    """

    model: keras.Model
    variables: tuple[tuple[Any, Array], ...]
    step: Callable[[Array, Array], bool]
    logits: Callable[[Array], Any]


def alone(recipe: Recipe, seeds: Sequence[int], data: Dataset, why: str) -> Iterator[Run]:
    """Runs of a recipe, as they are finished; `why` they are trained one at a time is kept in each."""
    import tensorflow as tf

    with tf.device("/CPU:0"):
        trainer = trainer_of(recipe, initial(recipe, seeds[0], data.input_shape))
    for seed in seeds:
        with tf.device("/CPU:0"):
            run = _run(trainer, recipe, seed, data, why)
        yield run


def trainer_of(recipe: Recipe, network: Network) -> Trainer:
    """A trainer for the recipe's runs; the network's weights do not matter."""
    import keras

    from redundancy.frameworks.keras.writing import python_randomness_kept, write

    with python_randomness_kept():
        model = write(network, dtype=recipe.dtype)
        chosen = Optimizer.of(recipe.optimizer)
        config = {**chosen.options, "learning_rate": recipe.learning_rate}
        optimizer = keras.optimizers.get({"class_name": chosen.name, "config": config})
        optimizer.build(model.trainable_variables)
    variables = tuple((variable, np.array(keras.ops.convert_to_numpy(variable))) for variable in optimizer.variables)
    return Trainer(model, variables, _step(model, optimizer), _logits(model))


def _step(model: keras.Model, optimizer: keras.Optimizer) -> Callable[[Array, Array], bool]:
    import tensorflow as tf

    variables = model.trainable_variables
    moving = [variable for variable in model.non_trainable_variables if variable.dtype.startswith(("float", "bfloat"))]

    # No XLA: it takes longer to compile than most of these networks to train.
    @tf.function(autograph=False, jit_compile=False, reduce_retracing=True)  # type: ignore[untyped-decorator]
    def step(images: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        before = [tf.identity(variable.value) for variable in moving]
        with tf.GradientTape() as tape:
            logits = model(images, training=True)
            exact = logits if logits.dtype == tf.float64 else tf.cast(logits, tf.float32)
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, exact))
            penalties = [tf.cast(penalty, loss.dtype) for penalty in model.losses]
            loss = tf.add_n([loss, *penalties])
        gradients = tape.gradient(loss, variables)

        def take() -> None:
            optimizer.apply(gradients, variables)

        def end() -> None:
            for variable, old in zip(moving, before, strict=True):
                variable.assign(old)

        sound = tf.math.is_finite(loss)
        tf.cond(sound, take, end)
        return sound

    return lambda images, labels: bool(step(tf.constant(images), tf.constant(labels)))


def _logits(model: keras.Model) -> Callable[[Array], Any]:
    import tensorflow as tf

    @tf.function(autograph=False, jit_compile=False, reduce_retracing=True)  # type: ignore[untyped-decorator]
    def logits(images: tf.Tensor) -> tf.Tensor:
        return model(images, training=False)

    return lambda images: logits(tf.constant(images))


def _run(trainer: Trainer, recipe: Recipe, seed: int, data: Dataset, why: str) -> Run:
    from redundancy.frameworks.keras import pull

    start = initial(recipe, seed, data.input_shape)
    begin(trainer, start, recipe, seed)
    diverged = None
    for place, chosen in enumerate(batches(seed, len(data.x_train), recipe.steps, recipe.batch_size), 1):
        if not trainer.step(data.x_train[chosen], data.y_train[chosen]):
            diverged = place
            break
    loss, _ = judged(_outputs(trainer, data.x_train), data.y_train)
    _, accuracy = judged(_outputs(trainer, data.x_test), data.y_test)
    return Run(recipe, seed, pull(trainer.model, start), loss, accuracy, data.digest, diverged, why)


def begin(trainer: Trainer, network: Network, recipe: Recipe, seed: int) -> None:
    """Weights, the optimiser's state and the seeds of dropout as they are before the first step."""
    from redundancy.frameworks.keras import push

    push(network, trainer.model)
    for variable, value in trainer.variables:
        variable.assign(value)
    dropouts = [layer.name for layer in recipe.architecture if layer.kind == "dropout"]
    for place, name in enumerate(dropouts):
        trainer.model.get_layer(name).seed_generator.state.assign(state_words(sequence(DROPOUT, place, seed)))


def _outputs(trainer: Trainer, images: Array) -> Array:
    blocks = [np.asarray(trainer.logits(images[at : at + AT_ONCE])) for at in range(0, len(images), AT_ONCE)]
    return np.concatenate(blocks)
