"""Gradients with respect to gates of units; `tox run -e jax` and `-e torch` run this on theirs."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from forward import LAYERS
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax

from redundancy.building import Builder
from redundancy.errors import NetworkError, OptionError, UnsupportedError
from redundancy.frameworks.keras import read
from redundancy.frameworks.keras.sensitivity import gates
from redundancy.strategies import networks

RNG = np.random.default_rng(0)
W, V, X = RNG.standard_normal((4, 3)), RNG.standard_normal((3, 2)), RNG.standard_normal((70, 4))
LABELS = RNG.integers(0, 2, 70)
KERNEL = RNG.standard_normal((3, 3, 2, 4))


def two_layers(last=None):
    b = Builder()
    h = b.add("dense", b.input((4,), dtype="float64"), name="h", weights={"kernel": W})
    y = b.add("dense", b.add("activation", h, name="a", function="tanh"), name="y", weights={"kernel": V})
    return b.network(b.add("activation", y, name="p", **last) if last else y)


def by_hand(residuals):
    a = np.tanh(X @ W)
    return {"a": a * (residuals @ V.T), "h": (X @ W) * (1 - a**2) * (residuals @ V.T), "y": a @ V * residuals}


def same(found, expected):
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        assert found[name].dtype == np.float64
        np.testing.assert_allclose(found[name], array, rtol=0, atol=1e-12)


AXES = {"a": 0, "h": 0, "y": 0}
SCORES = np.tanh(X @ W) @ V
MEANS = np.exp(SCORES) / np.exp(SCORES).sum(axis=1, keepdims=True)
TOLD = MEANS - np.eye(2)[LABELS]


@pytest.mark.parametrize("last", [None, {"function": "softmax", "axis": -1}, {"function": "log_softmax", "axis": -1}])
def test_classes_by_logits_and_by_probabilities(last):
    same(gates(two_layers(last), AXES, (X,), LABELS), by_hand(TOLD))


def test_yes_or_no_of_each_output():
    labels = RNG.integers(0, 2, (70, 2))
    found = gates(two_layers({"function": "sigmoid"}), AXES, (X,), labels)
    same(found, by_hand(1 / (1 + np.exp(-SCORES)) - labels))


def test_numbers():
    targets = RNG.standard_normal((70, 2))
    same(gates(two_layers(), AXES, (X,), targets), by_hand(SCORES - targets))


# What is drawn is drawn over and over: the mean square of what comes of it has an exact expectation.
@pytest.mark.parametrize(
    ("last", "likelihood", "curvature"),
    [
        (None, "categorical", lambda p: p * np.eye(2) - np.outer(p, p)),
        ({"function": "softmax", "axis": -1}, None, lambda p: p * np.eye(2) - np.outer(p, p)),
        (None, None, lambda p: np.eye(2)),
    ],
)
def test_labels_that_are_drawn_give_the_gauss_newton_matrix(last, likelihood, curvature):
    rows = np.repeat(X[:1], 20_000, axis=0)
    found = gates(two_layers(last), {"a": 0}, (rows,), likelihood=likelihood)["a"]
    jacobian = V * np.tanh(X[:1] @ W).T
    expected = np.einsum("uk,kl,ul->u", jacobian, curvature(MEANS[0]), jacobian)
    np.testing.assert_allclose((found**2).mean(axis=0), expected, rtol=0.05)


def test_drawn_yes_or_no_has_its_own_curvature():
    rows = np.repeat(X[:1], 20_000, axis=0)
    found = gates(two_layers({"function": "sigmoid"}), {"y": 0}, (rows,))["y"]
    means = 1 / (1 + np.exp(-SCORES[0]))
    np.testing.assert_allclose((found**2).mean(axis=0), means * (1 - means) * SCORES[0] ** 2, rtol=0.05)


def test_the_same_seed_draws_the_same_labels():
    first, again, other = (gates(two_layers(), {"a": 0}, (X,), seed=seed)["a"] for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def gated(network, x, name, gate):
    """The outputs where the units of one node, on the last axis, are multiplied."""
    values = {network.inputs[0]: np.asarray(x, np.float64)}
    for node in network:
        if node.kind != "input":
            read_from = (values[source] for source in node.inputs)
            values[node.name] = LAYERS[node.kind](node.config, node.weights, *read_from)
        if node.name == name:
            values[name] = values[name] * gate
    return values[network.outputs[0]]


def loss(scores, labels):
    return -log_softmax(scores, axis=-1)[np.arange(len(labels)), labels]


@settings(max_examples=20)
@given(networks(dtype="float64", functions=["tanh", "sigmoid", "relu", "softplus"]), st.data())
def test_against_numerical_differentiation(network, data):
    name = data.draw(st.sampled_from([node.name for node in network]))
    rng = np.random.default_rng(0)
    x, labels = rng.standard_normal((5, *network[network.inputs[0]].shape)), rng.integers(0, 3, 5)
    units = network[name].shape[-1]
    found = gates(network, {name: len(network[name].shape) - 1}, (x,), labels)[name]
    step = 1e-5
    expected = [
        (
            loss(gated(network, x, name, 1 + step * unit), labels)
            - loss(gated(network, x, name, 1 - step * unit), labels)
        )
        / (2 * step)
        for unit in np.eye(units)
    ]
    assert found.shape == (5, units)
    np.testing.assert_allclose(found, np.transpose(expected), atol=1e-6 * max(1.0, np.abs(expected).max()))


def test_units_on_another_axis():
    b = Builder()
    x = b.input((2, 3), dtype="float64")
    network = b.network(
        b.add("dense", b.add("flatten", x, name="flat"), weights={"kernel": RNG.standard_normal((6, 2))})
    )
    rows = RNG.standard_normal((4, 2, 3))
    by_column, by_row = (gates(network, {x: axis}, (rows,), np.zeros(4, int))[x] for axis in (1, 0))
    assert (by_column.shape, by_row.shape) == ((4, 3), (4, 2))
    np.testing.assert_allclose(by_column.sum(axis=1), by_row.sum(axis=1), atol=1e-12)


def test_a_node_that_leads_nowhere_has_no_gradient():
    b = Builder()
    x = b.input((4,))
    b.add("dense", x, name="idle", weights={"kernel": W})
    network = b.network(b.add("dense", x, name="top", weights={"kernel": W}))
    found = gates(network, {"idle": 0, "top": 0}, (X,), LABELS)
    assert not found["idle"].any()
    assert found["top"].any()


def test_a_layer_of_two_steps_that_is_called_twice_is_seen_where_it_ends():
    inputs, shared = keras.Input((6, 6, 2)), keras.layers.SeparableConv2D(3, 2, name="shared")
    aside = shared(inputs)
    top = keras.layers.Dense(2)(keras.layers.Flatten(name="flat")(shared(inputs)))
    network = read(keras.Model(inputs, [top, aside]))
    alone, (last,) = replace(network, outputs=network.outputs[:1]), network["flat"].inputs
    axes = {node.name: 2 for node in network if node.name.startswith("shared")}
    found = gates(alone, axes, (RNG.standard_normal((3, 6, 6, 2)),), np.zeros(3, int))
    assert len(axes) == 4
    assert {name for name, array in found.items() if array.any()} == {last}


def test_the_other_call_of_a_layer_has_no_part_in_it():
    inputs, shared = keras.Input((4,)), keras.layers.Dense(3, "tanh", name="shared")
    first = shared(inputs)
    network = read(keras.Model(inputs, [keras.layers.Dense(2)(first), shared(keras.layers.Dense(4)(inputs))]))
    alone = replace(network, outputs=network.outputs[:1])
    calls = [node.name for node in network if node.layer == "shared" and node.kind == "activation"]
    assert [bool(found.any()) for found in gates(alone, dict.fromkeys(calls, 0), (X,), LABELS).values()] == [
        True,
        False,
    ]


def test_log_probabilities_are_classes_without_labels_as_well():
    softly, said = two_layers({"function": "log_softmax", "axis": -1}), two_layers()
    found = gates(softly, {"a": 0}, (X,))["a"]
    np.testing.assert_allclose(found, gates(said, {"a": 0}, (X,), likelihood="categorical")["a"], atol=1e-12)


def test_a_layer_of_several_outputs_of_which_the_second_is_read():
    inputs = keras.Input((5, 2))
    _, state = keras.layers.GRU(3, return_state=True, return_sequences=True, name="gru")(inputs)
    network = read(keras.Model(inputs, keras.layers.Dense(2, name="top")(state)))
    found = gates(network, {"gru": 1, "top": 0}, (RNG.standard_normal((4, 5, 2)),), np.array([0, 1, 0, 1]))
    assert found["top"].any()
    assert not found["gru"].any()


def test_a_layer_that_keeps_its_state_fixes_how_many_rows_there_are():
    inputs = keras.Input(batch_shape=(8, 3, 4))
    h = keras.layers.GRU(3, stateful=True, name="gru")(inputs)
    network = read(keras.Model(inputs, keras.layers.Dense(2, name="top")(h)))
    rows = RNG.standard_normal((12, 3, 4))
    found = gates(network, {"gru": 0}, (rows,), LABELS[:12])["gru"]
    assert found.shape == (12, 3)
    np.testing.assert_array_equal(found[:8], gates(network, {"gru": 0}, (rows[:8],), LABELS[:8])["gru"])


def test_what_is_left_out_behind_the_logits_has_no_gradient():
    assert not gates(two_layers({"function": "softmax", "axis": -1}), {"p": 0}, (X,), LABELS)["p"].any()


def test_no_rows_give_no_gradients():
    assert gates(two_layers(), {"a": 0}, (X[:0],), LABELS[:0])["a"].shape == (0, 3)


def masked():
    """A recurrent layer that passes over what a mask hides."""
    inputs = keras.Input((5,), dtype="int32")
    h = keras.layers.Embedding(7, 3, mask_zero=True, name="words")(inputs)
    return keras.Model(inputs, keras.layers.Dense(2)(keras.layers.GRU(4, name="gru")(h)))


def test_masks_go_on_behind_a_gate():
    model, x = masked(), np.array([[1, 2, 0, 0, 0], [3, 4, 5, 6, 1]])
    found = gates(read(model), {"words": 1, "gru": 0}, (x,), np.array([0, 1]))["words"]
    table = model.get_layer("words").get_weights()[0]
    table[0] = 100.0  # what is hidden has no part in it
    model.get_layer("words").set_weights([table])
    again = gates(read(model), {"words": 1}, (x,), np.array([0, 1]))["words"]
    np.testing.assert_allclose(again, found, atol=1e-6)


def test_layers_of_models_inside():
    inner = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, "tanh", name="h")], name="inner")
    inputs = keras.Input((4,))
    network = read(keras.Model(inputs, keras.layers.Dense(2, use_bias=False, name="y")(inner(inputs))))
    hidden = next(node for node in network if node.kind == "activation")
    kernels = [node.weights["kernel"] for node in network if "kernel" in node.weights]
    a = np.tanh(X @ kernels[0])
    scores = a @ kernels[1]
    means = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    expected = a * ((means - np.eye(2)[LABELS]) @ kernels[1].T)
    np.testing.assert_allclose(gates(network, {hidden.name: 0}, (X,), LABELS)[hidden.name], expected, atol=1e-5)


def test_rows_that_a_model_fixes():
    inputs = keras.Input(batch_shape=(8, 4))
    network = read(keras.Model(inputs, keras.layers.Dense(2, name="y")(inputs)))
    found = gates(network, {"y": 0}, (X,), LABELS)["y"]
    free = replace(network, nodes=tuple(replace(node, origin=None) for node in network), origin=None)
    np.testing.assert_allclose(found, gates(free, {"y": 0}, (X,), LABELS)["y"], atol=1e-6)


def test_channels_first():
    # In float64: TensorFlow has no kernels for that on CPUs.
    last, first = (build(where, KERNEL) for where in (False, True))
    x, labels = RNG.standard_normal((70, 2, 6, 6)), RNG.integers(0, 4, 70)
    expected = gates(last, {"conv": 2}, (x.transpose(0, 2, 3, 1),), labels, dtype="float64")["conv"]
    found = gates(first, {"conv": 0}, (x,), labels, dtype="float64")["conv"]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


def build(channels_first, kernel):
    order = "channels_first" if channels_first else "channels_last"
    inputs = keras.Input((2, 6, 6) if channels_first else (6, 6, 2))
    conv = keras.layers.Conv2D(4, 3, data_format=order, use_bias=False, name="conv")
    outputs = keras.layers.GlobalAveragePooling2D(data_format=order)(conv(inputs))
    model = keras.Model(inputs, outputs)
    conv.set_weights([kernel])
    return read(model)


@pytest.mark.parametrize(
    ("labels", "likelihood", "error", "said"),
    [
        (LABELS[:3], None, OptionError, "3 labels for 70 rows"),
        (LABELS + 5, None, OptionError, "there are 2 classes"),
        (np.zeros((70, 5)), None, OptionError, "one for each output"),
        (np.zeros(70), "categorical", OptionError, "one integer"),
        (LABELS, "poisson", OptionError, "no likelihood 'poisson'"),
    ],
)
def test_what_does_not_fit_is_refused(labels, likelihood, error, said):
    with pytest.raises(error, match=said):
        gates(two_layers(), AXES, (X,), labels, likelihood=likelihood)


def test_several_outputs_are_refused():
    with pytest.raises(UnsupportedError, match="2 outputs"):
        gates(replace(two_layers(), outputs=("a", "y")), AXES, (X,))


def test_units_without_a_fixed_number_are_refused():
    inputs = keras.Input((None, 3))
    network = read(keras.Model(inputs, keras.layers.GlobalAveragePooling1D()(inputs)))
    with pytest.raises(NetworkError, match="no fixed number"):
        gates(network, {network.inputs[0]: 0}, (X[:, None, :3],))
