"""Near units among many: this package's search beside what there is to compare with.

    python benchmarks/search.py [--units 4096] [--weights 25088] [--kinds random ...] [--growth]

Beside a tenth of the units one is planted at a cosine of .991. Every way looks for all pairs from .99 on. `recall` is
the share of planted pairs that it found, seconds are of the processor, of all threads, and in brackets of the clock.
Hashing finds equal units only. scikit-learn's search, which compares all pairs as well, gets a quarter of the units.
"""

import argparse
import time

import numpy as np

from redundancy.multiples import parallel
from redundancy.neighbours import neighbours

KINDS = ("random", "common mean", "strong common mean", "low rank", "nearly low rank", "sparse", "heavy tails")


def weights(kind, n, d, rng):
    """Rows of a kind, and the planted pairs."""

    def normal(*shape):
        return rng.standard_normal(shape, dtype=np.float32)

    rows = normal(n, d)
    if kind == "common mean":
        rows += 3 * normal(d)
    elif kind == "strong common mean":
        rows += 4.4 * normal(d)
    elif kind == "low rank":
        rows = normal(n, 8) @ normal(8, d) + np.float32(0.3) * rows
    elif kind == "nearly low rank":
        rows = normal(n, 16) @ normal(16, d) + np.float32(0.03) * rows
    elif kind == "sparse":
        rows *= rng.random((n, d), dtype=np.float32) < 0.01
    elif kind == "heavy tails":
        rows *= np.abs(normal(n, d)) ** 3
    order, planted = rng.permutation(n), set()
    for a, b in zip(order[: n // 20], order[n // 20 : n // 10], strict=False):
        x, across = rows[a] / np.linalg.norm(rows[a]), normal(d)
        across -= x * (across @ x)
        rows[b] = 0.991 * x + np.sqrt(1 - 0.991**2) * across / np.linalg.norm(across)
        planted.add((int(min(a, b)), int(max(a, b))))
    return rows, planted


def sketches(rows):
    return {
        pair
        for found in neighbours(rows, 0.99)
        for pair in zip(found.first.tolist(), found.second.tolist(), strict=True)
    }


def blocked(rows, block=512):
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    pairs = set()
    for top in range(0, len(unit), block):
        for left in range(top, len(unit), block):
            a, b = np.nonzero(unit[top : top + block] @ unit[left : left + block].T >= 0.99)
            pairs |= {(i, j) for i, j in zip((a + top).tolist(), (b + left).tolist(), strict=True) if i < j}
    return pairs


def hashed(rows):
    seen, pairs = {}, set()
    for number, row in enumerate(rows):
        first = seen.setdefault(row.tobytes(), number)
        if first != number:
            pairs.add((first, number))
    return pairs


def scikit(rows):
    from sklearn.neighbors import NearestNeighbors

    part = rows[: len(rows) // 4]
    search = NearestNeighbors(radius=0.01, metric="cosine", algorithm="brute").fit(part)
    graph = search.radius_neighbors_graph(part).tocoo()
    return {(i, j) for i, j in zip(graph.row.tolist(), graph.col.tolist(), strict=True) if i < j}


def timed(name, find, rows, planted):
    wall, start = time.perf_counter(), time.process_time()
    pairs = find(rows)
    spent, wall = time.process_time() - start, time.perf_counter() - wall
    inside = {pair for pair in planted if name != "scikit-learn" or max(pair) < len(rows) // 4}
    recall = len(inside & pairs) / max(1, len(inside))
    print(f"    {name:16} {spent:8.2f} s ({wall:.2f} s) recall {recall:.3f}, {len(pairs)} pairs", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--units", type=int, default=4096)
    parser.add_argument("--weights", type=int, default=25088)
    parser.add_argument("--kinds", nargs="*", default=KINDS)
    parser.add_argument("--growth", action="store_true")
    arguments = parser.parse_args()
    ways = {"sketches": sketches, "blocked products": blocked, "hashed bytes": hashed, "scikit-learn": scikit}
    for kind in arguments.kinds:
        rows, planted = weights(kind, arguments.units, arguments.weights, np.random.default_rng(0))
        print(f"{arguments.units} units of {arguments.weights} weights, {kind}", flush=True)
        for name, find in ways.items() if kind == arguments.kinds[0] else [("sketches", sketches)]:
            timed(name, find, rows, planted)
    for n in (6250, 12500, 25000, 50000, 100000) if arguments.growth else ():
        rows, planted = weights("random", n, 512, np.random.default_rng(0))
        print(f"{n} units of 512 weights, random", flush=True)
        timed("sketches", sketches, rows, planted)
        timed("multiples", lambda rows: set(parallel(rows, 1.2e-7, stored=True)[0].tolist()), rows, set())


if __name__ == "__main__":
    main()
