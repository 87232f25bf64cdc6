"""Published architectures with duplicates planted in them: found, removed, and what that costs and gives.

    python benchmarks/applications.py [MobileNetV2 ResNet50 VGG16] [--share 0.1] [--repeats 5]

Weights are random, statistics of BatchNormalization as well. In every space that may change, a share of the units is
made a copy of others, in all layers that make or carry them. The time of analysis and surgery is given as a multiple
of `clone_model` and `set_weights` of the same model, in the same process; latency is measured in turns.
"""

import argparse
import resource
import time

import keras
import numpy as np

from redundancy.frameworks.keras import read, write
from redundancy.layers import RULES
from redundancy.search import search
from redundancy.spaces import trace
from redundancy.workbench import compact


def randomised(network, rng):
    """The same network with statistics that are not those of a fresh one, and biases."""
    changed = {}
    for node in network:
        weights = {name: np.array(array) for name, array in node.weights.items()}
        for name, array in weights.items():
            if name in ("gamma", "variance"):
                array[:] = rng.uniform(0.5, 1.5, array.shape)
            elif array.ndim == 1:
                array[:] = rng.normal(0, 0.1, array.shape)
        changed[node.name] = node.with_weights(weights)
    return network.with_nodes(changed)


def with_copies(network, share, rng):
    """The same network with copies in every space that may change, and how many."""
    followed, nodes, planted = trace(network), {node.name: node for node in network}, 0
    for space in followed.spaces:
        count = int(share * space.size)
        if space.pins or not space.taps or not count:
            continue
        planted += count
        order = rng.permutation(space.size)
        pairs = list(zip(order[:count], order[count : 2 * count], strict=True))
        for name, node in nodes.items():
            rule = RULES.get(node.kind)
            if rule is None or not node.inputs:
                continue
            weights = {key: np.array(array) for key, array in rule.loose(node).items()}
            for axes, ids in ((rule.writes, followed.made(name)), (rule.carries, followed.made(node.inputs[0]))):
                for key in weights.keys() & axes.keys():
                    moved = np.moveaxis(weights[key], axes[key], 0)
                    for source, copy in pairs:
                        moved[ids == space.ids[copy]] = moved[ids == space.ids[source]]
            nodes[name] = rule.packed(node, weights)
    return network.with_nodes(nodes), planted


def seconds(call):
    start = time.perf_counter()
    result = call()
    return time.perf_counter() - start, result


def latency(models, x, repeats):
    """Median seconds of a forward pass of each model, measured in turns."""
    runs = [keras.ops.convert_to_numpy and model for model in models]
    times = [[] for _ in runs]
    for turn in range(repeats + 1):
        for number, model in enumerate(runs):
            spent, _ = seconds(lambda model=model: np.asarray(model(x, training=False)))
            if turn:
                times[number].append(spent)
    return [float(np.median(spent)) for spent in times]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=["MobileNetV2", "ResNet50", "VGG16"])
    parser.add_argument("--share", type=float, default=0.1)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    for name in arguments.names:
        rng = np.random.default_rng(0)
        fresh = getattr(keras.applications, name)(weights=None)
        network, planted = with_copies(randomised(read(fresh), rng), arguments.share, rng)
        model = write(network)
        cloning, _ = seconds(lambda model=model: keras.models.clone_model(model).set_weights(model.get_weights()))
        reading, network = seconds(lambda model=model: read(model))
        auditing, _ = seconds(lambda network=network: search(network))
        compacting, small = seconds(lambda network=network: compact(network))
        writing, _ = seconds(lambda small=small: write(small.network))
        whole, result = seconds(lambda model=model: compact(model))
        x = rng.random((8, *model.input_shape[1:])).astype("float32")
        before, after = latency((model, result.model), x, arguments.repeats)
        print(f"{name}: {planted} copies planted, {len(result.removals)} units removed, {len(result.refusals)} refused")
        print(f"  parameters {result.parameters_before:,} -> {result.parameters_after:,}")
        print(f"  largest difference {result.difference:.2g} of {result.scale:.2g}")
        print(f"  latency of 8 images {before:.3f} s -> {after:.3f} s: {before / after:.2f} times as fast")
        spent = reading + compacting + writing
        print(f"  audit {auditing:.2f} s, compaction {spent:.2f} s (with verification {whole:.2f} s);", end=" ")
        print(f"clone_model and set_weights {cloning:.2f} s: {(auditing + spent) / cloning:.2f} times as long together")
        print(f"  peak memory of the process {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB")


if __name__ == "__main__":
    main()
