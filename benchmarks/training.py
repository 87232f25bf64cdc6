"""Many networks by the zoo, side by side with a loop of Keras's own `fit`: ratios and accuracies from one process.

    python benchmarks/training.py [names] [--repeats 3] [--fits 2]

Both take the same steps on the same batches from the same weights. "fit" runs on a model that is built, compiled and
warm; only its own time counts. "loop" is what a script does that trains many networks: build a model, compile, `fit`,
for each of them. The zoo's time is all of `train`: drawing weights, steps, judging on all images. Its first call, which
builds the graph as well, is told apart. Seconds are of one network; "cpu" counts all processors.
"""

import argparse
import time
from dataclasses import dataclass
from math import prod

import numpy as np

from redundancy import load_data, train
from redundancy.frameworks.keras import push, write
from redundancy.zoo import Recipe, conv, dense, flatten, initial, max_pooling, seeds
from redundancy.zoo.seeds import batches
from redundancy.zoo.structure import structure

CASES = {
    "question-2": (32, (conv(2, (3, 1)), flatten(), dense(10))),
    "conv-8": (16, (conv(8, 3, activation="relu"), flatten(), dense(10))),
    "question-16": (8, (conv(16, (3, 1)), flatten(), dense(10))),
    "lenet-300-100": (8, (flatten(), dense(300, activation="relu"), dense(100, activation="relu"), dense(10))),
    "lenet-5": (8, (conv(6, 5, padding="same", activation="relu"), max_pooling(), conv(16, 5, activation="relu"),
                    max_pooling(), flatten(), dense(120, activation="relu"), dense(84, activation="relu"), dense(10))),
}  # fmt: skip
STEPS = 157  # five epochs of 4,000 images, in whole batches of 128


@dataclass(frozen=True)
class Took:
    """Seconds on the clock, and of all processors."""

    wall: float
    cpu: float

    def of(self, count: int) -> "Took":
        """A network's share."""
        return Took(self.wall / count, self.cpu / count)


def timed(work):
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    return Took(time.perf_counter() - wall, time.process_time() - cpu), result


class Fit:
    """A Keras model that is trained by `fit`, from the zoo's weights, on the zoo's batches."""

    def __init__(self, recipe, data):
        import keras

        self.recipe, self.data = recipe, data
        self.model = write(initial(recipe, 0, data.input_shape))
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        self.model.compile(optimizer=keras.optimizers.Adam(recipe.learning_rate), loss=loss, metrics=["accuracy"],
                           jit_compile=False)  # fmt: skip
        self.model.optimizer.build(self.model.trainable_variables)
        self.fresh = [(variable, variable.numpy()) for variable in self.model.optimizer.variables]

    def run(self, seed):
        """(what `fit` took, accuracy)."""
        recipe, data = self.recipe, self.data
        push(initial(recipe, seed, data.input_shape), self.model)
        for variable, value in self.fresh:
            variable.assign(value)
        order = np.concatenate(list(batches(seed, len(data.x_train), recipe.steps, recipe.batch_size)))
        images, labels = data.x_train[order], data.y_train[order]
        took, _ = timed(lambda: self.model.fit(images, labels, batch_size=recipe.batch_size, shuffle=False, verbose=0))
        answers = self.model.predict_on_batch(data.x_test).argmax(axis=1)
        return took, float((answers == data.y_test).mean())


def looped(recipe, data, seed):
    """A turn of a script's loop: a model is built, compiled, and trained by `fit`."""
    fit = Fit(recipe, data)
    fit.run(seed)


def throughput():
    """Floating-point operations a second of one large product of matrices, best of a few."""
    import tensorflow as tf

    a = tf.random.stateless_normal((2048, 2048), seed=(0, 0))
    product = tf.function(lambda a: tf.reduce_sum(a @ a))
    product(a)
    return 2 * 2048**3 / min(timed(lambda: float(product(a)))[0].wall for _ in range(5))


def operations(recipe, data):
    """Of a run: two a multiplication, forward and twice backward, but for the gradient of the images."""
    network = structure(recipe, data.input_shape)
    makers = [node for node in network if "kernel" in node.weights]
    counts = [node.weights["kernel"].size * prod(node.shape[:-1]) for node in makers]
    return recipe.steps * recipe.batch_size * 2 * (3 * sum(counts) - counts[0])


def measured(name, data, repeats, fits):
    count, layers = CASES[name]
    recipe = Recipe(layers, steps=STEPS, data=data.name)
    chosen = seeds(name, root=0, count=count)
    first, runs = timed(lambda: train(recipe, chosen, data=data))
    fit = Fit(recipe, data)
    fit.run(chosen[0])
    theirs, ours, loops, accuracies = [], [], [], []
    for repeat in range(repeats):
        for seed in chosen[repeat * fits : (repeat + 1) * fits]:
            took, accuracy = fit.run(seed)
            theirs.append(took)
            accuracies.append((accuracy, next(run.accuracy for run in runs if run.seed == seed)))
        loops.append(timed(lambda: looped(recipe, data, chosen[0]))[0])
        ours.append(timed(lambda: train(recipe, chosen, data=data))[0].of(count))
    wall, cpu = (np.median([getattr(took, of) for took in ours]) for of in ("wall", "cpu"))
    fit_wall, fit_cpu = (np.median([getattr(took, of) for took in theirs]) for of in ("wall", "cpu"))
    loop_wall = np.median([took.wall for took in loops])
    share = operations(recipe, data) / wall / throughput()
    kept, made = np.mean(accuracies, axis=0)
    print(f"{name:14}{count:4}{fit_wall:9.3f}{fit_cpu:9.3f}{wall:9.3f}{cpu:9.3f}{first.of(count).wall:9.3f}"
          f"{fit_wall / wall:8.1f}{fit_cpu / cpu:8.1f}"
          f"{loop_wall:9.3f}{loop_wall / wall:8.1f}{share:8.0%}   {kept:.4f} / {made:.4f}", flush=True)  # fmt: skip


def main(names, repeats, fits):
    data = load_data()
    print(f"{'':18}{'fit: s':>9}{'cpu':>9}{'zoo: s':>9}{'cpu':>9}{'first':>9}{'times':>8}{'cpu':>8}"
          f"{'loop: s':>9}{'times':>8}{'matmul':>8}   "
          "accuracy: fit / zoo")  # fmt: skip
    for name in names or CASES:
        measured(name, data, repeats, fits)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="which to measure; all of them if none is named")
    parser.add_argument("--repeats", type=int, default=3, help="how often the two take turns")
    parser.add_argument("--fits", type=int, default=2, help="networks by `fit` in each turn")
    given = parser.parse_args()
    main(given.names, given.repeats, given.fits)
