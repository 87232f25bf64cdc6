"""Trains a recipe from seeds: one Keras model a recipe, started anew for each seed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from redundancy.data.dataset import Dataset
from redundancy.errors import RecipeError
from redundancy.network import Array, Network
from redundancy.zoo.choices import Optimizer
from redundancy.zoo.initial import initial
from redundancy.zoo.recipe import Recipe
from redundancy.zoo.run import Run
from redundancy.zoo.seeds import DROPOUT, batches, checked_seed, sequence, state_words
from redundancy.zoo.store import Store

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

AT_ONCE = 1000
"""Images that are evaluated at once."""


def train(recipe: Recipe, seeds: Iterable[int], *, data: Dataset, store: Store | None = None) -> tuple[Run, ...]:
    """The runs of a recipe from these seeds, in their order.

    A seed decides the initial weights, the order of the data and what dropout drops; nothing else does. The same
    run gives the same weights, bit for bit, on the same machine with as many threads (`TF_NUM_INTRAOP_THREADS`,
    or the processors that the process may use), whatever was trained before or beside it. All of it runs on the
    CPU. No global state is set, and no global source of randomness is read or moved.

    Args:
        recipe: What to train.
        seeds: From 0 up. One that is there twice is trained once.
        data: The data set that the recipe names.
        store: Where runs are looked for, and kept; None to train them all.

    Raises:
        RecipeError: The recipe is for another data set, or does not fit it, or a seed is none.
        DataError: The store cannot be used.
    """
    wanted = tuple(checked_seed(seed) for seed in seeds)
    _check_data(recipe, data)
    runs = _stored(recipe, wanted, data, store)
    if len(runs) < len(set(wanted)):
        runs.update(_missing(recipe, tuple(dict.fromkeys(wanted)), data, store, runs))
    return tuple(runs[seed] for seed in wanted)


def _check_data(recipe: Recipe, data: Dataset) -> None:
    if recipe.data != data.name:
        raise RecipeError(f"the recipe is for the data set {recipe.data!r}, not {data.name!r}; give that one")


def _stored(recipe: Recipe, seeds: Sequence[int], data: Dataset, store: Store | None) -> dict[int, Run]:
    if store is None:
        return {}
    found = {seed: store.load(recipe, seed, data.digest, data.input_shape) for seed in seeds}
    return {seed: run for seed, run in found.items() if run is not None}


def _missing(
    recipe: Recipe, seeds: Sequence[int], data: Dataset, store: Store | None, known: dict[int, Run]
) -> dict[int, Run]:
    if store is None:
        return {run.seed: run for run in trained(recipe, seeds, data)}
    with store.held(recipe, data.digest):
        # Another process may have trained some of them while this one waited.
        runs = {**_stored(recipe, [seed for seed in seeds if seed not in known], data, store), **known}
        for run in trained(recipe, [seed for seed in seeds if seed not in runs], data):
            store.save(run)
            runs[run.seed] = run
    return runs


def trained(recipe: Recipe, seeds: Sequence[int], data: Dataset) -> Iterator[Run]:
    """Runs as they are finished, none of them from a store. Arguments and errors are those of `train`."""
    if not seeds:
        return
    import tensorflow as tf

    first = initial(recipe, seeds[0], data.input_shape)
    _check_outputs(first, data)
    with tf.device("/CPU:0"):
        trainer = _trainer(recipe, first)
    for seed in seeds:
        with tf.device("/CPU:0"):
            run = _run(trainer, recipe, seed, data)
        yield run


def _check_outputs(network: Network, data: Dataset) -> None:
    last = network[network.outputs[0]]
    if (last.shape[-1] or 0) < data.classes:
        sizes = f"{last.shape[-1]} outputs for the {data.classes} classes of {data.name!r}"
        raise RecipeError(f"layer {last.layer!r} has {sizes}; give it {data.classes}")


@dataclass(frozen=True, slots=True, eq=False)
class _Trainer:
    """A Keras model that can be started anew.

    Attributes:
        model: Its weights change.
        variables: Those of the optimiser, each with its first value.
        step: (images, labels) -> one step of training.
        logits: Images -> logits.
    """

    model: keras.Model
    variables: tuple[tuple[Any, Array], ...]
    step: Callable[[Array, Array], object]
    logits: Callable[[Array], Any]


def _trainer(recipe: Recipe, network: Network) -> _Trainer:
    import keras

    from redundancy.frameworks.keras.writing import python_randomness_kept, write

    with python_randomness_kept():
        model = write(network, dtype=recipe.dtype)
        chosen = Optimizer.of(recipe.optimizer)
        config = {**chosen.options, "learning_rate": recipe.learning_rate}
        optimizer = keras.optimizers.get({"class_name": chosen.name, "config": config})
        optimizer.build(model.trainable_variables)
    variables = tuple((variable, np.array(keras.ops.convert_to_numpy(variable))) for variable in optimizer.variables)
    return _Trainer(model, variables, _step(model, optimizer), _logits(model))


def _step(model: keras.Model, optimizer: keras.Optimizer) -> Callable[[Array, Array], object]:
    import tensorflow as tf

    variables = model.trainable_variables

    # No XLA: it takes longer to compile than most of these networks to train.
    @tf.function(autograph=False, jit_compile=False, reduce_retracing=True)  # type: ignore[untyped-decorator]
    def step(images: tf.Tensor, labels: tf.Tensor) -> None:
        with tf.GradientTape() as tape:
            logits = model(images, training=True)
            exact = logits if logits.dtype == tf.float64 else tf.cast(logits, tf.float32)
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, exact))
            penalties = [tf.cast(penalty, loss.dtype) for penalty in model.losses]
            loss = tf.add_n([loss, *penalties])
        optimizer.apply(tape.gradient(loss, variables), variables)

    return lambda images, labels: step(tf.constant(images), tf.constant(labels))


def _logits(model: keras.Model) -> Callable[[Array], Any]:
    import tensorflow as tf

    @tf.function(autograph=False, jit_compile=False, reduce_retracing=True)  # type: ignore[untyped-decorator]
    def logits(images: tf.Tensor) -> tf.Tensor:
        return model(images, training=False)

    return lambda images: logits(tf.constant(images))


def _run(trainer: _Trainer, recipe: Recipe, seed: int, data: Dataset) -> Run:
    from redundancy.frameworks.keras import pull

    start = initial(recipe, seed, data.input_shape)
    _start(trainer, start, seed)
    for chosen in batches(seed, len(data.x_train), recipe.steps, recipe.batch_size):
        trainer.step(data.x_train[chosen], data.y_train[chosen])
    loss, _ = _judged(trainer, data.x_train, data.y_train)
    _, accuracy = _judged(trainer, data.x_test, data.y_test)
    return Run(recipe, seed, pull(trainer.model, start), loss, accuracy, data.digest)


def _start(trainer: _Trainer, network: Network, seed: int) -> None:
    """Weights, the optimiser's state and the seeds of dropout as they are before the first step."""
    from redundancy.frameworks.keras import push

    push(network, trainer.model)
    for variable, value in trainer.variables:
        variable.assign(value)
    seeded = [layer for layer in trainer.model.layers if getattr(layer, "seed_generator", None) is not None]
    for place, layer in enumerate(seeded):
        layer.seed_generator.state.assign(state_words(sequence(DROPOUT, place, seed)))


def _judged(trainer: _Trainer, images: Array, labels: Array) -> tuple[float, float]:
    """(mean cross-entropy, accuracy) over all images, in float64 from the network's own logits."""
    loss, right = 0.0, 0
    for start in range(0, len(images), AT_ONCE):
        logits = np.asarray(trainer.logits(images[start : start + AT_ONCE])).astype(np.float64)
        answers = labels[start : start + AT_ONCE]
        with np.errstate(invalid="ignore", over="ignore"):  # a diverged network has no finite logits
            shifted = logits - logits.max(axis=1, keepdims=True)
            own = np.take_along_axis(shifted, answers[:, None], axis=1)[:, 0]
            loss += float((np.log(np.exp(shifted).sum(axis=1)) - own).sum())
        right += int((logits.argmax(axis=1) == answers).sum())
    return loss / len(images), right / len(images)
