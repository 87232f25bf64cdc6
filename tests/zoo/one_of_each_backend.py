"""What this process's backend makes of recipes: run as a program, or called in the process of a test.

    python one_of_each_backend.py FILE

Writes arrays to an .npz: initial weights, weights trained in float64 for a few steps, and accuracies after many.
"""

import sys

import numpy as np

from redundancy.data.dataset import Dataset
from redundancy.zoo import Optimizer, Recipe, batch_normalization, conv, dense, dropout, flatten, initial, train

SEEDS = tuple(range(12))

# Parameters that float32 holds exactly: of the others Keras rounds some on TensorFlow, and none elsewhere.
SGD = Optimizer("sgd", momentum=0.5)
ADAM = Optimizer("adam", beta_1=0.875, beta_2=0.9375, epsilon=2.0**-20)
LAYERS = (
    dropout(0.25),
    conv(4, 3, use_bias=False),
    batch_normalization(),
    dropout(0.5),
    flatten(),
    dense(5, activation="tanh"),
    dense(3),
)
FEW = {"architecture": LAYERS, "learning_rate": 0.0625, "steps": 6, "batch_size": 16, "data": "bars"}
EXACT = {
    "sgd": Recipe(optimizer=SGD, dtype="float64", regularizer=("l2", 2.0**-7), **FEW),
    "adam": Recipe(optimizer=ADAM, dtype="float64", **FEW),
}
MANY = Recipe((conv(2, 3, activation="relu"), flatten(), dense(3)), learning_rate=0.005, steps=60, batch_size=16,
              data="bars")  # fmt: skip
DIVERGES = Recipe((flatten(), dense(8), dense(3)), optimizer="sgd", learning_rate=1e30, steps=9, batch_size=16,
                  data="bars")  # fmt: skip


def bars(count, seed):
    """Images of noise in which one row is a little brighter: the class is which, and nobody gets all of them."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    images = rng.random((count, 6, 6, 1), dtype=np.float32) * np.float32(0.75)
    images[np.arange(count), 2 * labels] += np.float32(0.25)
    return images, labels


DATA = Dataset("bars", *bars(90, 0), *bars(300, 1))


def numbers(network):
    return np.concatenate([a.astype(np.float64).ravel() for node in network for a in node.weights.values()])


def measured():
    found = {f"initial {name}": numbers(initial(recipe, 3, (6, 6, 1))) for name, recipe in EXACT.items()}
    for name, recipe in EXACT.items():
        found[f"trained {name}"] = np.array([numbers(run.network) for run in train(recipe, (1, 2), data=DATA)])
    found["accuracy"] = np.array([run.accuracy for run in train(MANY, SEEDS, data=DATA)])
    found["another accuracy"] = np.array([run.accuracy for run in train(MANY, [s + 100 for s in SEEDS], data=DATA)])
    (ended,) = train(DIVERGES, (0,), data=DATA)
    found["diverged"] = np.array([ended.diverged or 0, *numbers(ended.network)])
    return found


if __name__ == "__main__":
    np.savez(sys.argv[1], **measured())
