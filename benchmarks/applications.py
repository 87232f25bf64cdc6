"""Published architectures with duplicates planted in them: found, removed, and what that costs and gives.

    python benchmarks/applications.py [MobileNetV2 ResNet50 VGG16] [--share 0.1] [--repeats 5]

Weights are random, statistics of BatchNormalization as well. In every space that may change, a share of the units is
made a copy of others, in all layers that make or carry them. The time of analysis and surgery is processor time, as
a multiple of that of `clone_model` and `set_weights` of the same model in the same process, in several rounds; latency
is measured in turns.
"""

import argparse
import gc
import os
import threading
import time
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # threads that wait are counted as busy

import keras
import numpy as np

from redundancy.compaction import compact as compacted
from redundancy.costs import cost
from redundancy.frameworks.keras import read, write
from redundancy.planting import with_copies
from redundancy.search import search
from redundancy.workbench import compact


def randomised(network, rng):
    """The same network with statistics that are not those of a fresh one, and biases."""
    changed = {}
    for node in network:
        weights = {name: np.array(array) for name, array in node.weights.items()}
        for name, array in weights.items():
            if name.endswith(("gamma", "variance")):
                array[:] = rng.uniform(0.5, 1.5, array.shape)
            elif array.ndim == 1 and array.dtype.kind == "f":
                array[:] = rng.normal(0, 0.1, array.shape)
        changed[node.name] = node.with_weights(weights)
    return network.with_nodes(changed)


def seconds(call):
    """Seconds of processor time, of all threads: what else the machine does counts least there; and the result.

    Garbage that calls before left is not counted: when it is collected is chance.
    """
    gc.collect()
    start = time.process_time()
    result = call()
    return time.process_time() - start, result


def resident():
    """Bytes that the process holds, as Linux says."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def growth(call):
    """Bytes by which the process grew at its peak while a call ran, sampled every millisecond; and the result."""
    peaks, done = [], threading.Event()

    def watch():
        while not done.wait(0.001):
            peaks.append(resident())

    gc.collect()
    before = resident()
    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        result = call()
    finally:
        done.set()
        watcher.join()
    return max([*peaks, before]) - before, result


def latency(models, x, repeats):
    """Median seconds of a forward pass of each model, measured in turns."""
    times = [[] for _ in models]
    for turn in range(repeats + 1):
        for number, model in enumerate(models):
            spent, _ = seconds(lambda model=model: np.asarray(model(x, training=False)))
            if turn:
                times[number].append(spent)
    return [float(np.median(spent)) for spent in times]


def spent(model):
    """Seconds of each, one after the other."""
    cloning, _ = seconds(lambda: keras.models.clone_model(model).set_weights(model.get_weights()))
    auditing, _ = seconds(lambda: search(read(model)))
    compacting, _ = seconds(lambda: write(compacted(read(model)).network))
    return {"clone_model and set_weights": cloning, "audit": auditing, "compaction": compacting}


def measured(name, share, repeats):
    rng = np.random.default_rng(0)
    keras.utils.set_random_seed(0)
    fresh = getattr(keras.applications, name)(weights=None)
    network, planted = with_copies(randomised(read(fresh), rng), share, rng)
    model = write(network)
    del fresh, network
    rounds = [spent(model) for _ in range(repeats)]
    network = read(model)
    grown, _ = growth(lambda: write(compacted(read(model)).network))
    result = compact(model)
    weight, before, after = cost(network).bytes, cost(network), cost(result.network)
    print(f"{name}: {planted} copies planted, {len(result.removals)} units removed, {len(result.refusals)} refused")
    print(f"  parameters {before.parameters:,} -> {after.parameters:,}, multiply-accumulates", end=" ")
    print(f"{before.macs:,} -> {after.macs:,}: {before.macs / after.macs:.2f} times fewer")
    print(f"  largest difference {result.difference:.2g} of {result.scale:.2g}")
    for name in rounds[0]:
        rounds_of = ", ".join(f"{each[name]:.2f}" for each in rounds)
        print(f"  {name}, seconds of processor: {rounds_of}")
    ratios = [(each["audit"] + each["compaction"]) / each["clone_model and set_weights"] for each in rounds]
    print(f"  audit and compaction are {np.median(ratios):.2f} times clone_model and set_weights", end=" ")
    print(f"({min(ratios):.2f} to {max(ratios):.2f})")
    print(f"  memory grows by {grown / 1e6:.0f} MB at the peak, {grown / weight:.2f} times the weights", flush=True)
    x = rng.random((8, *model.input_shape[1:])).astype("float32")
    slow, fast = latency((model, result.model), x, repeats)
    print(f"  latency of 8 images {slow:.3f} s -> {fast:.3f} s: {slow / fast:.2f} times as fast", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=["MobileNetV2", "ResNet50", "VGG16"])
    parser.add_argument("--share", type=float, default=0.1)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    for name in arguments.names:
        measured(name, arguments.share, arguments.repeats)
        keras.backend.clear_session()
        gc.collect()


if __name__ == "__main__":
    main()
