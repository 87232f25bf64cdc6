"""Fused training does what a plain `fit` of Keras does, of the same model, optimiser and order of the data."""

import keras
import numpy as np
import pytest
from fused_architectures import ARCHITECTURES

from redundancy.frameworks.keras import pull, write
from redundancy.zoo import Optimizer, initial, train
from redundancy.zoo.fused.optimizers import METHODS
from redundancy.zoo.run import Run
from redundancy.zoo.seeds import DROPOUT, batches, sequence, state_words

OPTIONS = {
    "sgd": [{}, {"momentum": 0.9}, {"momentum": 0.9, "nesterov": True}],
    "adam": [{}, {"amsgrad": True, "epsilon": 1e-3}],
    "adamw": [{"weight_decay": 0.1}],
    "rmsprop": [{}, {"momentum": 0.5, "centered": True, "epsilon": 1e-3}],
}
CHOSEN = [Optimizer(name, **options) for name in METHODS for options in OPTIONS.get(name, [{}])]


def fitted(recipe, seed, data):
    """A run of Keras's own `fit`; what dropout draws is seeded as the zoo says."""
    start = initial(recipe, seed, data.input_shape)
    model = write(start, dtype=recipe.dtype)
    dropouts = [layer for layer in model.layers if isinstance(layer, keras.layers.Dropout)]
    for place, layer in enumerate(dropouts):
        layer.seed_generator.state.assign(state_words(sequence(DROPOUT, place, seed)))
    config = {**recipe.optimizer.options, "learning_rate": recipe.learning_rate}
    optimizer = keras.optimizers.get({"class_name": recipe.optimizer.name, "config": config})
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, dtype=recipe.dtype)
    model.compile(optimizer=optimizer, loss=loss, jit_compile=False)
    order = np.concatenate(list(batches(seed, len(data.x_train), recipe.steps, recipe.batch_size)))
    model.fit(data.x_train[order], data.y_train[order], batch_size=recipe.batch_size, shuffle=False, verbose=0)
    return Run(recipe, seed, pull(model, start), 0.0, 0.0, data.digest)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_architecture_is_trained_as_keras_does(recipe, toy, apart, name):
    asked = recipe(name)
    runs = train(asked, (1, 2, 3), data=toy)
    assert apart(runs[1], fitted(asked, 2, toy)) < 1e-10


@pytest.mark.parametrize("optimizer", CHOSEN, ids=str)
def test_every_optimizer_steps_as_keras_does(recipe, toy, apart, optimizer):
    asked = recipe("one matrix", optimizer=optimizer, learning_rate=0.01, steps=8)
    runs = train(asked, (1, 2), data=toy)
    assert apart(runs[1], fitted(asked, 2, toy)) < 1e-10


@pytest.mark.parametrize("name", ["one matrix", "plain"])
@pytest.mark.parametrize("regularizer", [("l1", 0.03), ("l2", 0.1)])
def test_kernels_are_regularized_as_keras_does(recipe, toy, apart, name, regularizer):
    # Keras itself cannot add penalties in float64 to a loss.
    asked = recipe(name, regularizer=regularizer, dtype="float32")
    runs = train(asked, (1, 2), data=toy)
    assert apart(runs[1], fitted(asked, 2, toy)) < 2e-6


def test_in_float32_it_agrees_with_keras_up_to_rounding(recipe, toy, apart):
    asked = recipe("plain", dtype="float32", steps=50)
    runs = train(asked, (1, 2), data=toy)
    assert apart(runs[1], fitted(asked, 2, toy)) < 1e-4
