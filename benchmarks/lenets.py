"""The networks that pruning is measured on, trained by the zoo: LeNet-300-100, and LeNet-5 as Caffe has it.

    python benchmarks/lenets.py [names] [--data PATH] [--store DIR] [--seeds 10]

The last twelfth of the training images is held out: what has to be chosen is chosen on it, and the test images score
once. Runs are kept in the store; the tables of `benchmarks/pruning.py` find them there.
"""

import argparse
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from redundancy import load_data, train
from redundancy.data.dataset import Dataset
from redundancy.zoo import Recipe, Store, conv, dense, flatten, max_pooling
from redundancy.zoo.choices import Optimizer

LENET_300_100 = (flatten(), dense(300, activation="relu"), dense(100, activation="relu"), dense(10))
LENET_5 = (
    conv(20, 5), max_pooling(), conv(50, 5), max_pooling(), flatten(), dense(500, activation="relu"), dense(10)
)  # fmt: skip
KINDS = {
    "lenet-300-100": (LENET_300_100, {"steps": 15 * 429, "batch_size": 128}),
    # As Caffe trains it, but for its falling learning rate: half its weight decay is the factor of an L2 penalty.
    "lenet-5": (
        LENET_5,
        {
            "steps": 10_000,
            "batch_size": 64,
            "optimizer": Optimizer("sgd", momentum=0.9),
            "learning_rate": 0.01,
            "regularizer": ("l2", 2.5e-4),
        },
    ),
}


def split(data: Dataset) -> tuple[Dataset, np.ndarray, np.ndarray]:
    """(the data without what is held out, images held out, their labels)."""
    count = len(data.x_train) * 11 // 12
    rest = Dataset(f"first-{count}", data.x_train[:count], data.y_train[:count], data.x_test, data.y_test)
    return rest, data.x_train[count:], data.y_train[count:]


def recipe_of(name: str, data: Dataset, **changes: object) -> Recipe:
    """How one of them is trained on the data without what is held out."""
    layers, settings = KINDS[name]
    return replace(Recipe(layers, data=data.name, **settings), **changes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=list(KINDS))
    parser.add_argument("--data")
    parser.add_argument("--store", type=Path)
    parser.add_argument("--seeds", type=int, default=10)
    asked = parser.parse_args()
    rest, _, _ = split(load_data(asked.data))
    store = Store(asked.store) if asked.store else Store.default()
    for name in asked.names:
        begun = time.perf_counter()
        runs = train(recipe_of(name, rest), range(asked.seeds), data=rest, store=store)
        scores = [100 * run.accuracy for run in runs]
        took = time.perf_counter() - begun
        print(f"{name}: {np.mean(scores):.2f} ({min(scores):.2f} to {max(scores):.2f}), {took:.0f} s", flush=True)


if __name__ == "__main__":
    main()
