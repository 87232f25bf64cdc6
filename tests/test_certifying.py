"""A certificate is never violated by what Keras computes, however hard one looks."""

import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from redundancy import certify
from redundancy.bounds.computing import rounding_of
from redundancy.errors import NetworkError, OptionError, UnsupportedError
from redundancy.frameworks.keras import evaluate, write
from redundancy.strategies import networks

SLOWLY = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def changed(network, seed, size):
    """The same network with some weights a little different, and some units zero or equal."""
    rng = np.random.default_rng(seed)
    found = {}
    for node in network:
        weights = {
            name: a * (1 + size * rng.standard_normal(a.shape)).astype(a.dtype) for name, a in node.weights.items()
        }
        if node.kind in ("dense", "conv") and rng.random() < 0.5:
            i, j = rng.integers(0, node.weights["kernel"].shape[-1], 2)
            for array in weights.values():
                array[..., j] = array[..., i] if rng.random() < 0.5 else 0.0
        if "variance" in weights:
            weights["variance"] = np.abs(weights["variance"])
        found[node.name] = node.with_weights(weights if rng.random() < 0.7 else node.weights)
    return network.with_nodes(found)


def searched(first, second, shape, seed, dtype=None, rounds=6):
    """The largest difference of each output: random inputs, corners, and steps from the worst of them."""
    rng = np.random.default_rng(seed)
    inputs = np.concatenate([rng.uniform(-1, 1, (40, *shape)), rng.choice([-1.0, 1.0], (40, *shape))])
    models = [write(network, dtype=dtype) for network in (first, second)]
    worst = 0.0
    for _ in range(rounds):
        inputs = inputs.astype(dtype or "float32")
        outputs = [np.asarray(model(inputs), np.float64) for model in models]
        apart = np.abs(outputs[1] - outputs[0]).reshape(len(inputs), -1)
        worst = np.maximum(worst, apart.max(axis=0))
        best = inputs[np.unique(np.argmax(apart, axis=0))]
        tried = np.repeat(best, 24, axis=0)
        moved = rng.random(tried.shape) < 0.2
        inputs = np.concatenate([best, np.where(moved, rng.choice([-1.0, 1.0], tried.shape), tried)])
    return worst


@SLOWLY
@given(networks(), st.integers(0, 1000), st.sampled_from([0.0, 1e-3, 0.1, 1.0]))
def test_float32_stays_within_the_bound_and_rounding(network, seed, size):
    other = changed(network, seed, size)
    certificate = certify(network, other, box=(-1, 1))
    found = searched(network, other, network[network.inputs[0]].shape, seed)
    assert np.all(found <= certificate.outputs[0] + certificate.rounding)


@SLOWLY
@given(networks(dtype="float64"), st.integers(0, 1000), st.sampled_from([0.0, 1e-9, 1e-3, 0.1, 1.0]))
def test_float64_stays_within_the_bound_and_rounding(network, seed, size):
    other = changed(network, seed, size)
    certificate = certify(network, other, box=(-1, 1))
    found = searched(network, other, network[network.inputs[0]].shape, seed, "float64")
    assert np.all(found <= certificate.outputs[0] + certificate.rounding)


@SLOWLY
@given(networks(), st.integers(0, 1000))
def test_float32_is_off_by_no_more_than_said(network, seed):
    shape = network[network.inputs[0]].shape
    inputs = np.random.default_rng(seed).uniform(-1, 1, (64, *shape)).astype("float32")
    off = np.abs(evaluate(network, inputs).astype("float64") - evaluate(network, inputs, dtype="float64")).max()
    assert off <= rounding_of(network, {network.inputs[0]: (np.array(-1.0), np.array(1.0))})


def small():
    inputs = keras.Input((4,))
    return keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Dense(3, activation="relu")(inputs)))


def test_nobody_is_warned_where_a_layer_without_a_rule_leaves_no_bound(recwarn):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((3,))
    hidden = keras.layers.Dense(4, "relu")(keras.ops.take(inputs, [-1, 0], axis=-1))
    first = keras.Model(inputs, keras.layers.Dense(2)(hidden))
    second = keras.models.clone_model(first)
    assert certify(first, second, box=(0.0, 1.0)).bound == np.inf
    assert not [warned for warned in recwarn if warned.category is RuntimeWarning]


def test_models_and_files_are_compared(tmp_path):
    first, second = small(), small()
    first.save(tmp_path / "first.keras")
    assert certify(first, second).bound == certify(tmp_path / "first.keras", second).bound > 0
    assert certify(first, first).bound == 0


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(UnsupportedError, match="is no model"):
        certify(small(), 3)
    with pytest.raises(OptionError, match="no pair"):
        certify(small(), small(), box=(1,))
    with pytest.raises(NetworkError, match="inputs have shapes"):
        certify(small(), keras.Sequential([keras.Input((5,)), keras.layers.Dense(2)]))


def test_no_box_at_all_is_refused():
    with pytest.raises(OptionError, match="bounds no input"):
        certify("a.keras", "b.keras", box=None)
