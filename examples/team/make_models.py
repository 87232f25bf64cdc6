"""Makes the models of this example, in seconds and always the same: one good, two that the gate stops.

python make_models.py [DIRECTORY]
"""

import sys
from pathlib import Path

import keras
import numpy as np
from keras import layers

from redundancy import load_data

UNITS, COPIES = 24, 4
NEAR = 0.01
"""How near the near-duplicates are, relative to what they say."""


def network(units, name):
    """Digits by one hidden layer."""
    return keras.Sequential(
        [
            keras.Input((28, 28, 1), name="image"),
            layers.Flatten(),
            layers.Dense(units, "relu", name="hidden"),
            layers.Dense(10, name="digits"),
        ],
        name=name,
    )


def fitted(model, digits):
    """The model, trained; gives its weights."""
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.003), loss)
    model.fit(digits.x_train, digits.y_train, epochs=4, batch_size=64, verbose=0)
    return model.get_weights()


def twins(hidden, bias, digits, offset):
    """The same network, with copies of its first units: each says half of what the unit said."""
    more = np.hstack([hidden, hidden[:, :COPIES]]), np.concatenate([bias, bias[:COPIES]])
    halves = np.vstack([digits, digits[:COPIES]])
    halves[:COPIES] /= 2
    halves[UNITS:] /= 2
    return [*more, halves, offset]


def near(weights, offset, rng):
    """A classifier whose hidden units come in pairs, nearly the same: all that it knows is how the two differ."""
    alike, bias = 0.05 * rng.random(weights.shape), np.ones(20)
    readers = np.vstack([-np.eye(10), np.eye(10)]) / NEAR
    return [np.hstack([alike, alike + NEAR * weights]), bias, readers, offset]


def main(directory):
    """Writes good.keras, twins.keras and near.keras."""
    directory.mkdir(parents=True, exist_ok=True)
    digits = load_data("mnist-5k")
    keras.utils.set_random_seed(1)
    good = network(UNITS, "good")
    weights = fitted(good, digits)
    copied = network(UNITS + COPIES, "twins")
    copied.set_weights(twins(*weights))
    linear = keras.Sequential([keras.Input((28, 28, 1)), layers.Flatten(), layers.Dense(10)])
    paired = network(20, "near")
    paired.set_weights(near(*fitted(linear, digits), np.random.default_rng(1)))
    for model in (good, copied, paired):
        model.save(directory / f"{model.name}.keras")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "models")
