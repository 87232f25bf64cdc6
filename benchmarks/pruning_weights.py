"""How many single weights of a small LeNet can go: by magnitude, Optimal Brain Damage and Surgeon, and by chance.

    python benchmarks/pruning_weights.py [--data mnist.npz] [--seeds 10] [--retrain 150] [--store DIRECTORY]

The network is about that of LeCun et al. (1989): 4 maps of 5x5, average pooling, 12 maps of 5x5, average pooling, 10
outputs; tanh; 3,246 weights. Without retraining: the largest fraction, of those tried, up to which the error on
validation images rises by no more than .1, .5 and 1 point; and by how much it rises on the test images there. With
retraining: cut, train on with what is gone held at zero, cut again. The validation images are split off the training
images; no network is trained on them, and all that is chosen is chosen on them. Intervals are those of the mean over
seeds, by Student's t at 0.95.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.stats import t as student

from redundancy import load_data, train
from redundancy.data.dataset import Dataset
from redundancy.sparsifying import WAYS, sparsified
from redundancy.zoo import Recipe, Store, average_pooling, conv, dense, flatten, seeds
from redundancy.zoo.refining import Refinery

LENET = (
    conv(4, 5, activation="tanh"), average_pooling(), conv(12, 5, activation="tanh"), average_pooling(), flatten(),
    dense(10),
)  # fmt: skip
RATE = 4e-3
TRIED = tuple(round(0.05 * n, 2) for n in range(1, 20))
ROUNDS = (0.3, 0.5, 0.65, 0.75, 0.8, 0.85, 0.9)
NOTHING = "nothing gone"
POINTS = (0.1, 0.5, 1.0)
EXAMPLES = 3000


def split(data):
    """The data with a twelfth of the training images left out, and those."""
    cut = len(data.x_train) - len(data.x_train) // 12
    name = f"{data.name} without validation images"
    fit = replace(data, name=name, x_train=data.x_train[:cut], y_train=data.y_train[:cut])
    return fit, (data.x_train[cut:], data.y_train[cut:])


class Bench:
    """Networks of one kind, and the images that they are looked at on."""

    def __init__(self, data: Dataset, like):
        self.fit, self.validation = split(data)
        self.test = (data.x_test, data.y_test)
        self.refinery = Refinery(like, learning_rate=1e-3)

    def error(self, network, images):
        """In percent."""
        return 100.0 * float(np.mean(self.refinery.logits(network, images[0]).argmax(axis=1) != images[1]))

    def cut(self, network, fractions, by, seed, kept=None):
        """The network without so many of its weights; the loss is looked at on some of the training images."""
        rng = np.random.default_rng(seed)
        rows = rng.permutation(len(self.fit.x_train))[:EXAMPLES]
        return sparsified(network, fractions, by=by, data=self.fit.x_train[rows], kept=kept, seed=seed,
                          likelihood="categorical")  # fmt: skip


def untrained(bench, network, by, seed):
    """For each number of points, the fraction that may go and the rise of the test error there."""
    before = bench.error(network, bench.validation), bench.error(network, bench.test)
    best = dict.fromkeys(POINTS, (0.0, 0.0))
    for fraction, found in zip(TRIED, bench.cut(network, TRIED, by, seed), strict=True):
        rise = bench.error(found.network, bench.validation) - before[0]
        within = [points for points in POINTS if rise <= points + 1e-9]
        if within:
            after = bench.error(found.network, bench.test) - before[1]
            best.update(dict.fromkeys(within, (fraction, after)))
    return best


def retrained(bench, network, by, seed, options):
    """The test error after each round."""
    kept, errors = {}, []
    for number, fraction in enumerate(options.rounds):
        if by != NOTHING:
            (found,) = bench.cut(network, [fraction], by, seed + number, kept or None)
            network, kept = found.network, found.kept
        network = bench.refinery.trained(
            network, kept, bench.fit.x_train, bench.fit.y_train, steps=options.retrain, seed=seed + number
        )
        errors.append(bench.error(network, bench.test))
    return errors


def told(values, form="{:.2f}"):
    """The mean, and its interval at 0.95."""
    values = np.asarray(values, np.float64)
    half = student.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else 0
    return f"{form.format(values.mean())} ± {form.format(half)}"


def show_untrained(found):
    print("\nwithout retraining: fraction of the weights that can go, and how far the test error rises then (points)")
    print("| by | " + " | ".join(f"{points:g} points of validation error" for points in POINTS) + " |")
    print("|---|" + "---|" * len(POINTS))
    for by in found:
        cells = []
        for points in POINTS:
            fractions, rises = zip(*(one[points] for one in found[by]), strict=True)
            cells.append(f"{told(100 * np.array(fractions), '{:.0f}')} %, {told(rises)}")
        print(f"| {by} | " + " | ".join(cells) + " |", flush=True)


def show_retrained(errors, base, rounds):
    """Errors: of each network, after each round, by way."""
    print("\nwith retraining: test error after each round (percent), and how far above that of the same network before")
    print("| left | " + " | ".join(f"1 / {1 / (1 - fraction):.1f}" for fraction in rounds) + " |")
    print("|---|" + "---|" * len(rounds))
    for by, found in errors.items():
        columns = [[one[n] for one in found] for n in range(len(rounds))]
        rises = [np.subtract(column, base) for column in columns]
        print(f"| {by} | " + " | ".join(map(told, columns)) + " |")
        print(f"| {by}, rise | " + " | ".join(map(told, rises)) + " |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", help="a data set: mnist-5k if not given")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--steps", type=int, default=2580, help="batches of 128 to train on")
    parser.add_argument("--retrain", type=int, default=150, help="batches to train on after each cut; 0 for none of it")
    parser.add_argument("--rounds", type=float, nargs="+", default=ROUNDS, help="what is gone after each cut, in all")
    parser.add_argument("--by", nargs="+", default=WAYS, choices=WAYS)
    parser.add_argument("--retrained-only", action="store_true", help="leave out the table without retraining")
    parser.add_argument("--store", help="where trained networks are kept; if not given nowhere")
    options = parser.parse_args()
    data = load_data(options.data)
    fit, _ = split(data)
    recipe = Recipe(LENET, learning_rate=RATE, steps=options.steps, data=fit.name)
    chosen = seeds("weights of LeNet", root=0, count=options.seeds)
    runs = train(recipe, chosen, data=fit, store=Store(Path(options.store)) if options.store else None)
    bench = Bench(data, runs[0].network)
    base = [bench.error(run.network, bench.test) for run in runs]
    print(f"{data}\n{recipe}\n{runs[0].network.parameters} weights, test error {told(base)} percent", flush=True)
    if not options.retrained_only:
        show_untrained({by: [untrained(bench, run.network, by, n) for n, run in enumerate(runs)] for by in options.by})
    if options.retrain:
        # As much training with nothing gone says what that alone is worth.
        errors = {
            by: [retrained(bench, run.network, by, n, options) for n, run in enumerate(runs)]
            for by in (NOTHING, *options.by)
        }
        show_retrained(errors, base, options.rounds)


if __name__ == "__main__":
    main()
