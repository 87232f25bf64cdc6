"""Tables 1 and 2 of pruning without fine-tuning: LeNet's 500 units, and 784-300-100-10, beside what was published.

    python benchmarks/pruning.py [units] [capacity] [allocated] [--rows obs ...] [--data PATH] [--store DIR]

The networks are those of `benchmarks/lenets.py`, which trains what the store does not have. Units are measured on 5,000
training images; the test images score once for each entry. Entries are means over seeds with 95% intervals (Student);
for capacity each network's own largest fraction on a grid of 2.5% that loses at most one point of test accuracy.
`allocated` is the capacity in parameters, where `prune` itself decides how much goes from which layer.
"""

import argparse
from pathlib import Path

import numpy as np
from lenets import recipe_of, split
from scipy.stats import t

from redundancy import load_data, prune, train
from redundancy.building import Builder
from redundancy.frameworks.keras import evaluate
from redundancy.material import Material
from redundancy.network import Network
from redundancy.scoring import accuracy
from redundancy.zoo import Store

REMOVED = 150, 300, 400, 440, 450, 470, 480
SHARES = 0.3, 0.5, 0.7, 0.8, 0.9
GRID = np.round(np.arange(0.025, 0.951, 0.025), 3)
ROWS = {
    "random": {"by": "random", "repair": False},
    "norm": {"by": "norm", "repair": False},
    "norm x outgoing": {"by": "product", "repair": False},
    "taylor": {"by": "taylor", "repair": False},
    "obd": {"by": "obd", "repair": False},
    "srinivas-babu": {"by": "srinivas-babu", "repair": False},
    "random + repair": {"by": "random"},
    "obd + repair": {"by": "obd"},
    "srinivas-babu + repair": {"by": "srinivas-babu"},
    "interpolative + repair": {"by": "interpolative"},
    "obs + repair": {"by": "obs"},
}


def told(values):
    """Mean and 95% interval, in percent."""
    values = 100 * np.asarray(values)
    half = t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
    return f"{np.mean(values):.2f} ({half:.2f})"


def head(network: Network, images):
    """(the dense part of a LeNet as a network of its own, what it reads of images)."""
    names = [node.name for node in network]
    at = next(n for n, node in enumerate(network) if node.kind == "flatten")
    features = evaluate(Network(network.nodes[: at + 1], (names[at],)), images)
    first, second = (node.weights for node in network if node.kind == "dense")
    b = Builder()
    y = b.add("dense", b.input(features.shape[1:]), name="dense_1", weights=first)
    y = b.add("dense", b.add("activation", y, function="relu"), name="dense_2", weights=second)
    return b.network(y), features


def units(runs, rest, data, rows):
    """Table 1."""
    print("| removed of 500 | " + " | ".join(map(str, REMOVED)) + " |\n|---|" + "---|" * len(REMOVED), flush=True)
    calibration, labels = rest.x_train[:5000], rest.y_train[:5000]
    parts = []
    for run in runs:
        network, test = head(run.network, data.x_test)
        parts.append((network, head(run.network, calibration)[1], Material((test,), data.y_test)))
    print(f"| nothing | {told([accuracy(network, test) for network, _, test in parts])} |", flush=True)
    for name, options in rows.items():
        cells = []
        for removed in REMOVED:
            small = [
                prune(network, data=seen, labels=labels, remove={"dense_1": removed / 500}, **options).network
                for network, seen, _ in parts
            ]
            cells.append(told([accuracy(s, test) for s, (_, _, test) in zip(small, parts, strict=True)]))
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


def capacity(runs, rest, data, rows):
    """Table 2."""
    columns = [*(f"{100 * share:g}%" for share in SHARES), "capacity"]
    print("| removed | " + " | ".join(columns) + " |\n|---|" + "---|" * len(columns), flush=True)
    test = Material((data.x_test,), data.y_test)
    calibration, labels = rest.x_train[:5000], rest.y_train[:5000]
    before = [accuracy(run.network, test) for run in runs]
    print(f"| nothing | {told(before)} |", flush=True)
    for name, options in rows.items():
        known = {}

        def after(n, share, options=options, known=known):
            if (n, share) not in known:
                shares = {"dense_1": share, "dense_2": share}
                found = prune(runs[n].network, data=calibration, labels=labels, remove=shares, **options)
                known[n, share] = accuracy(found.network, test)
            return known[n, share]

        cells = [told([after(n, share) for n in range(len(runs))]) for share in SHARES]
        most = [_most(lambda share, n=n: after(n, share) >= before[n] - 0.01) for n in range(len(runs))]
        print(f"| {name} | " + " | ".join(cells) + f" | {told(most)} |", flush=True)


def allocated(runs, rest, data, rows):
    """Table 2 in parameters: the same share of both hidden layers, as `prune` allocates it, and with inputs."""
    ways = {
        "same share of both layers": None,
        "allocated": {"inputs": False},
        "allocated, inputs too": {"inputs": True},
    }
    print(f"| capacity in parameters | {' | '.join(ways)} |\n|---|" + "---|" * len(ways), flush=True)
    test = Material((data.x_test,), data.y_test)
    seen = {"data": rest.x_train[:5000], "labels": rest.y_train[:5000]}
    for name, options in rows.items():
        cells = []
        for way in ways.values():
            most = []
            for run in runs:
                known = {0.0: 0.0}

                def within(share, run=run, way=way, known=known, options=options):
                    both = {"remove": {"dense_1": share, "dense_2": share}}
                    how = both if way is None else {"remove": share, "of": "parameters", **way}
                    small = prune(run.network, **seen, **how, **options).network
                    known[share] = 1 - small.parameters / run.network.parameters
                    return accuracy(small, test) >= accuracy(run.network, test) - 0.01

                most.append(known[_most(within)])
            cells.append(told(most))
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


def _most(holds):
    """The largest share of the grid up to which it holds all the way, by halving."""
    low, high = 0, len(GRID)
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if holds(float(GRID[middle])) else (low, middle)
    return float(GRID[low - 1]) if low else 0.0


TABLES = (
    ("units", "lenet-5", units),
    ("capacity", "lenet-300-100", capacity),
    ("allocated", "lenet-300-100", allocated),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="*", default=[name for name, *_ in TABLES])
    parser.add_argument("--rows", nargs="+", choices=list(ROWS), default=list(ROWS))
    parser.add_argument("--data")
    parser.add_argument("--store", type=Path)
    parser.add_argument("--seeds", type=int, default=10)
    asked = parser.parse_args()
    data = load_data(asked.data)
    rest, _, _ = split(data)
    store = Store(asked.store) if asked.store else Store.default()
    for table, network, make in TABLES:
        if table in asked.tables:
            print(f"\n## {table}\n", flush=True)
            runs = train(recipe_of(network, rest), range(asked.seeds), data=rest, store=store)
            make(runs, rest, data, {name: ROWS[name] for name in asked.rows})


if __name__ == "__main__":
    main()
