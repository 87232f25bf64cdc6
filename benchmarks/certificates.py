"""Certificates: a proved bound on how far two networks are apart, beside the largest difference that a search finds.

    python benchmarks/certificates.py [--data mnist.npz] [--starts 200] [--steps 60]

A ReLU network of 784-300-100-10 and a small convolutional one are trained on real digits and changed: units merged,
units removed with repair (the others and a constant stand in, by least squares on training images), weights rounded to
float16. Inputs are all images with pixels from 0 to 1. `interval` is the bound that is carried forward and costs a
hundredth: what `compact(tolerance=...)` searches with; it needs networks of equal widths. `images` is the largest
difference on the test images, `search` that which projected gradient ascent finds, for each output and either sign,
from those test images that differ most, corners and random inputs. `factor` is the bound over that of the search.
"""

import argparse
import time
from dataclasses import replace

import numpy as np
import tensorflow as tf

from redundancy.certification import bounded, certify
from redundancy.data import load
from redundancy.fold import Fold, merge
from redundancy.frameworks.keras import write
from redundancy.likening import likened
from redundancy.pairing import needed
from redundancy.spaces import trace
from redundancy.surgery import operate
from redundancy.zoo import Recipe, conv, dense, flatten
from redundancy.zoo.train import train

PLAIN = (flatten(), dense(300, activation="relu"), dense(100, activation="relu"), dense(10))
MAPS = (conv(8, 3, strides=2, activation="relu"), conv(16, 3, strides=2, activation="relu"), flatten(), dense(10))


def spaces_of(network):
    """Those whose units may go, each with the place where they are read."""
    return [(space, space.taps[0]) for space in trace(network).spaces if not space.pins]


def made_by(network, space):
    """The weights that make each unit, with its bias."""
    node = next(node for node in network if node.layer == space.name)
    kernel = np.asarray(node.weights["kernel"], np.float64)
    return np.vstack([kernel.reshape(-1, kernel.shape[-1]), node.weights["bias"]]).T


def nearest(rows, count):
    """Pairs of the nearest rows, no row in two of them."""
    apart = np.sum((rows[:, None] - rows[None]) ** 2, axis=-1)
    i, j = np.triu_indices(len(rows), 1)
    pairs, taken = [], set()
    for a, b in zip(i[np.argsort(apart[i, j])], j[np.argsort(apart[i, j])], strict=True):
        if len(pairs) < count and not {a, b} & taken:
            pairs.append((int(a), int(b)))
            taken |= {a, b}
    return pairs


def merged(network, count):
    """The first layer's nearest units merged; and the same as a network of the old widths."""
    space, tap = spaces_of(network)[0]
    pairs = nearest(made_by(network, space), count)
    sources = {j: (i, 1.0, 0.0) for i, j in pairs}
    same = likened(trace(network), [(space, {j: (i, 1.0) for i, j in pairs})])
    return operate(network, {tap.name: merge(space.size, sources, "near")}).network, same


def removed(network, share, images):
    """The units of every hidden layer that matter least to what reads them, with repair by least squares."""
    for number in range(len(spaces_of(network))):
        space, tap = spaces_of(network)[number]
        gone = max(1, round(share * space.size))
        where = tap.part.where  # (positions, units)
        values = values_at(network, tap.node, images)[:, where].reshape(-1, space.size)
        outgoing = np.moveaxis(network[tap.reads[0].node].weights["kernel"], tap.reads[0].axis, 0)
        weights = np.sqrt(np.sum(outgoing[where].reshape(*where.shape, -1) ** 2, axis=(0, 2)))
        keep = np.sort(np.argsort(np.std(values, axis=0) * weights)[gone:])
        level = np.hstack([values[:, keep], np.ones((len(values), 1))])
        gram = level.T @ level / len(level)
        ridge = 1e-3 * np.trace(gram) / len(gram) * np.eye(len(gram))
        into = np.linalg.solve(gram + ridge, level.T @ values / len(level)).T
        into[keep] = np.eye(len(keep), len(keep) + 1)
        why = tuple("" if unit in keep else "repaired" for unit in range(space.size))
        network = operate(network, {tap.name: Fold(keep, into[:, :-1], into[:, -1], why)}).network
    return network, None


def values_at(network, name, images):
    """Values of a node's output, its units along the last axis."""
    values = np.asarray(write(needed(replace(network, outputs=(name,))))(images), np.float64)
    return values.reshape(-1, values.shape[-1])


def halved(network):
    """Weights as float16 holds them."""
    halves = {
        node.name: {name: a.astype(np.float16).astype(a.dtype) for name, a in node.weights.items()}
        for node in network if node.weights
    }  # fmt: skip
    other = network.with_weights(halves)
    return other, other


def searched(first, second, images, starts, steps):
    """The largest difference on the images, and by projected gradient ascent."""
    models = [write(network, dtype="float64") for network in (first, second)]

    def apart(x):
        return models[1](x) - models[0](x)

    @tf.function(reduce_retracing=True)
    def ascended(x, sign, output):
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = sign * apart(x)[:, output]
        return value, tape.gradient(value, x)

    on_images = np.abs(apart(images.astype("float64")).numpy())
    rng, best = np.random.default_rng(0), float(on_images.max())
    shape = images.shape[1:]
    for output in range(on_images.shape[1]):
        worst = images[np.argsort(-on_images[:, output])[: starts // 2]]
        corners = rng.integers(0, 2, (starts // 4, *shape))
        inputs = np.concatenate([worst, corners, rng.random((starts // 4, *shape))])
        for sign in (1.0, -1.0):
            x = tf.constant(inputs, tf.float64)
            for step in range(steps):
                value, slope = ascended(x, tf.constant(sign, tf.float64), tf.constant(output))
                best = max(best, float(tf.reduce_max(value)))
                size = 0.3 * (1 - step / steps) + 0.02
                x = tf.clip_by_value(x + size * tf.sign(slope), 0.0, 1.0)
            best = max(best, float(tf.reduce_max(sign * apart(x)[:, output])))
    return float(on_images.max()), best


def measured(what, network, changed, images, arguments):
    other, same = changed
    box = {name: (np.array(0.0), np.array(1.0)) for name in network.inputs}
    certify(network, other, box)
    began = time.perf_counter()
    certificate = certify(network, other, box)
    spent = 1e3 * (time.perf_counter() - began)
    carried = "-" if same is None else f"{bounded(network, box).against(same).bound:.3g}"
    on_images, found = searched(network, other, images, arguments.starts, arguments.steps)
    print(
        f"| {what} | {carried} | {certificate.bound:.3g} | {on_images:.3g} | {found:.3g} |"
        f" {certificate.bound / found:.1f} | {certificate.rounding:.2g} | {spent:.0f} |",
        flush=True,
    )
    assert found <= certificate.bound, "violated"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="mnist-5k")
    parser.add_argument("--starts", type=int, default=200)
    parser.add_argument("--steps", type=int, default=60)
    arguments = parser.parse_args()
    data = load(arguments.data)
    for name, layers in (("784-300-100-10", PLAIN), ("8 and 16 filters", MAPS)):
        (run,) = train(Recipe(layers, steps=600), [0], data=data)
        network, images = run.network, data.x_test[:1000]
        print(f"\n{name}, accuracy {run.accuracy:.3f}\n")
        print("| change | interval | bound | images | search | factor | rounding | ms |")
        print("|---|---|---|---|---|---|---|---|")
        few = 10 if layers is PLAIN else 3
        measured("one merge", network, merged(network, 1), images, arguments)
        measured(f"{few} merges", network, merged(network, few), images, arguments)
        for share in (0.01, 0.1, 0.5):
            changed = removed(network, share, data.x_train[:1000])
            measured(f"{share:.0%} removed", network, changed, images, arguments)
        measured("float16", network, halved(network), images, arguments)


if __name__ == "__main__":
    main()
