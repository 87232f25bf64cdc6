"""Table 3 of pruning: LeNet-300-100 and LeNet-5 pruned and trained on, beside what was published.

    python benchmarks/pruning_tuned.py [rows ...] [--data PATH] [--store DIR] [--seeds 10]

The networks are trained with dropout and a learning rate that falls like a cosine, on all training images but the last
twelfth, on which the settings below were chosen; they are kept in the store, and so is what became of them. Each is
pruned once, by OBS with repair, to at most the parameters of a published architecture, `prune` choosing how much goes
from which layer, and trained on what the unpruned network says (`distil`), by the same rows. Test images score once.
Entries are means over networks with 95% intervals (Student).
"""

import argparse
import json
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import keras
import numpy as np
from lenets import split
from pruning import told

from redundancy import load_data, prune
from redundancy.cache import directory
from redundancy.costs import cost
from redundancy.frameworks.keras import read
from redundancy.material import Material
from redundancy.scoring import accuracy

BATCH, RATE = 64, 1e-3


@dataclass(frozen=True)
class Row:
    """A size to prune to.

    Attributes:
        network: What is pruned.
        most: Parameters, at most: those of the smallest published architecture that it is to beat.
        epochs: Of training, after units went.
        rate: The learning rate that it begins with.
        distil: The temperature.
    """

    network: str
    most: int
    epochs: int
    rate: float
    distil: float


# Published: (name, what is left, error in percent). Parameters follow from what is left, with biases.
PUBLISHED = {
    "lenet-300-100": (
        ("SBP", (245, 160, 55), 1.6),
        ("BC-GHS", (311, 86, 14), 1.8),
        ("L0", (266, 88, 33), 1.6),
        ("VIB", (97, 71, 33), 1.6),
    ),
    "lenet-5": (
        ("SBP", (3, 18, 284, 283), 0.9),
        ("L0", (20, 25, 45, 462), 0.9),
        ("BC-GNJ", (8, 13, 88, 13), 1.0),
        ("BC-GHS", (5, 10, 76, 16), 1.0),
    ),
}


def parameters(left: tuple[int, ...]) -> int:
    """Of a published architecture: units of each layer, those of a LeNet-5 with the places that are read of its map."""
    if len(left) == 3:
        sizes = (*left, 10)
        return sum((read_ + 1) * made for read_, made in pairwise(sizes))
    first, second, places, hidden = left
    return 26 * first + (25 * first + 1) * second + (places + 1) * hidden + (hidden + 1) * 10


ROWS = {
    "mlp-l": Row("lenet-300-100", parameters((266, 88, 33)), 40, 1e-3, 1.0),
    "mlp-s": Row("lenet-300-100", parameters((97, 71, 33)), 15, 2e-3, 1.0),
    "cnn-l": Row("lenet-5", parameters((20, 25, 45, 462)), 6, 1e-3, 4.0),
    "cnn-s": Row("lenet-5", parameters((5, 10, 76, 16)), 12, 4e-3, 4.0),
}
TRAINED = {"lenet-300-100": 40, "lenet-5": 10}


def layers_of(name: str, *, dropping: bool) -> list[keras.layers.Layer]:
    """The layers of one of the two, with dropout or without."""
    k = keras.layers

    def dropped(rate: float) -> list[keras.layers.Layer]:
        return [k.Dropout(rate)] if dropping else []

    if name == "lenet-300-100":
        hidden = (k.Dense(units, "relu", name=f"hidden_{units}") for units in (300, 100))
        return [
            k.Flatten(name="pixels"), *dropped(0.2), next(hidden), *dropped(0.4), next(hidden), *dropped(0.4),
            k.Dense(10, name="classes"),
        ]  # fmt: skip
    return [
        k.Conv2D(20, 5, name="conv_20"), k.MaxPooling2D(), k.Conv2D(50, 5, name="conv_50"), k.MaxPooling2D(),
        k.Flatten(name="map"), *dropped(0.5), k.Dense(500, "relu", name="hidden"), *dropped(0.5),
        k.Dense(10, name="classes"),
    ]  # fmt: skip


def built(name: str, *, dropping: bool, epochs: int, rows: int, rate: float, batch: int) -> keras.Model:
    model = keras.Sequential([keras.Input((28, 28, 1)), *layers_of(name, dropping=dropping)], name=name)
    schedule = keras.optimizers.schedules.CosineDecay(rate, epochs * -(-rows // batch))
    model.compile(keras.optimizers.Adam(schedule), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


def trained(name: str, seed: int, x, y, store: Path) -> keras.Model:
    """One of the two from a seed, without its dropout."""
    file = store / f"{name}-{len(x)}-{TRAINED[name]}-{seed}.weights.h5"
    plain = built(name, dropping=False, epochs=1, rows=len(x), rate=RATE, batch=BATCH)
    if not file.exists():
        keras.utils.set_random_seed(seed)
        model = built(name, dropping=True, epochs=TRAINED[name], rows=len(x), rate=RATE, batch=128)
        model.fit(x, y, batch_size=128, epochs=TRAINED[name], verbose=0)
        plain.set_weights(model.get_weights())
        plain.save_weights(file)
    plain.load_weights(file)
    return plain


def outcome(name: str, seed: int, data, rest, held: Material, store: Path) -> dict:
    """What became of one network, looked up where it was done before."""
    row = ROWS[name]
    file = store / f"{name}-{len(rest.x_train)}-{seed}-{row.epochs}-{row.rate}-{row.distil}.json"
    if file.exists():
        return json.loads(file.read_text())
    test = Material((data.x_test,), data.y_test)
    model = trained(row.network, seed, rest.x_train, rest.y_train, store)
    before = read(model)
    again = built(row.network, dropping=False, epochs=row.epochs, rows=len(rest.x_train), rate=row.rate, batch=BATCH)
    again.set_weights(model.get_weights())
    begun = time.perf_counter()
    found = prune(
        again, data=rest.x_train, labels=rest.y_train, remove=1 - row.most / before.parameters, of="parameters",
        inputs=row.network == "lenet-300-100", tune=row.epochs, distil=row.distil, seed=seed,
    )  # fmt: skip
    after = found.network
    said = {
        "left": [node.shape[-1] for node in after if node.kind in ("gather", "conv", "dense")][:-1],
        "parameters": after.parameters,
        "macs": [cost(before).macs, cost(after).macs],
        "held out": [1 - accuracy(network, held) for network in (before, after)],
        "test": [1 - accuracy(network, test) for network in (before, after)],
        "seconds": time.perf_counter() - begun,
    }
    file.write_text(json.dumps(said))
    print(f"<!-- {name} {seed}: {said} -->", flush=True)
    return said


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", default=list(ROWS))
    parser.add_argument("--data")
    parser.add_argument("--store", type=Path, default=directory() / "benchmarks")
    parser.add_argument("--seeds", type=int, default=10)
    asked = parser.parse_args()
    asked.store.mkdir(parents=True, exist_ok=True)
    data = load_data(asked.data)
    rest, images, labels = split(data)
    held = Material((images,), labels)
    for name, published in PUBLISHED.items():
        mine = [row for row in asked.rows if ROWS[row].network == name]
        if not mine:
            continue
        print(f"\n## {name}\n\n| | left | parameters | 1/MACs | error % | before | held out |", flush=True)
        print("|---" * 7 + "|", flush=True)
        for who, left, error in published:
            print(f"| {who} | {'-'.join(map(str, left))} | {parameters(left):,} | | {error} | | |", flush=True)
        for row in mine:
            found = [outcome(row, seed, data, rest, held, asked.store) for seed in range(asked.seeds)]
            left = "-".join(f"{np.mean(each):.0f}" for each in zip(*(one["left"] for one in found), strict=True))
            most = max(one["parameters"] for one in found)
            less = np.mean([one["macs"][0] / one["macs"][1] for one in found])
            columns = ("test", 1), ("test", 0), ("held out", 1)
            errors = [told([one[which][n] for one in found]) for which, n in columns]
            print(f"| ours, {row} | {left} | {most:,} | {less:.1f} | {' | '.join(errors)} |", flush=True)


if __name__ == "__main__":
    main()
