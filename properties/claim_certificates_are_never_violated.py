"""A certificate says how far the outputs of two networks can differ for all inputs in a box: so no input shows more."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from redundancy import certify, claim, compact, observe
from redundancy.frameworks.keras import write
from redundancy.strategies import networks, planted


def changed(network, rng, size):
    """The same network, its weights off by some part of them."""
    return network.with_weights(
        {
            node.name: {
                name: (a * rng.uniform(1 - size, 1 + size, a.shape)).astype(a.dtype) for name, a in node.weights.items()
            }
            for node in network
        }
    )


def largest_difference(first, second, rng, rounds=4):
    """What a search finds: random inputs and corners, and changes of a few pixels of the worst."""
    models, shape = [write(network) for network in (first, second)], first[first.inputs[0]].shape
    inputs, largest = np.concatenate([rng.uniform(0, 1, (64, *shape)), rng.integers(0, 2, (64, *shape))]), 0.0
    for _ in range(rounds):
        outputs = [np.asarray(model(inputs.astype("float32")), np.float64) for model in models]
        apart = np.abs(outputs[1] - outputs[0]).reshape(len(inputs), -1).max(axis=1)
        largest = max(largest, float(apart.max()))
        near = np.repeat(inputs[np.argsort(-apart)[:8]], 16, axis=0)
        inputs = np.where(rng.random(near.shape) < 0.2, rng.integers(0, 2, near.shape), near)
    return largest


@claim("no input in the box shows a larger difference of two networks than their certificate says")
@settings(max_examples=12)
@given(
    plant=planted(["duplicate", "scaled"], networks()),
    seed=st.integers(0, 2**16),
    size=st.sampled_from([0.0, 0.001, 0.1, 0.9]),
)
def test_certificates(plant, seed, size):
    rng = np.random.default_rng(seed)
    small = compact(changed(plant.network, rng, size) if size else plant.network).network
    certificate = certify(plant.network, small)
    found = largest_difference(plant.network, small, rng)
    limit = certificate.bound + certificate.rounding
    observe("largest difference that a search finds, as a share of the certificate", found / limit if limit else 0.0)
    assert found <= limit
