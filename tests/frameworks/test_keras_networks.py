"""Networks of the house's own: written, changed, trained outside, and pulled back."""

import math
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from forward import forward
from hypothesis import given, settings
from hypothesis import strategies as st

from redundancy.algebra import NAMES
from redundancy.building import Builder
from redundancy.errors import NetworkError, UnsupportedError
from redundancy.frameworks.keras import evaluate, evaluation, pull, push, read, write
from redundancy.strategies import networks


def random(*shape, dtype="float32"):
    return np.random.default_rng(sum(shape)).normal(size=shape).astype(dtype)


def linear(builder, source, units, *, name, layer="", bias=True, **config):
    shape = (builder.shape(source)[-1], units)
    weights = {"kernel": random(*shape), **({"bias": random(units)} if bias else {})}
    return builder.add("dense", source, name=name, weights=weights, layer=layer, **config)


def two_layers(function="relu", *, layer="first", **parameters):
    b = Builder()
    h = linear(b, b.input((4,)), 3, name="first")
    a = b.add("activation", h, name="act", layer=layer, function=function, **parameters)
    return b.network(linear(b, a, 2, name="second"))


def names(model):
    return [layer.name for layer in model.layers]


# TensorFlow keeps the constants of these in float32, even where it computes in float64.
ROUGH = {"gelu": 1e-7, "leaky_relu": 1e-6}
EXACT = sorted(set(NAMES) - {*ROUGH, "exponential"})


@settings(max_examples=25)
@given(networks(dtype="float64", functions=EXACT), st.integers(1, 5))
def test_keras_computes_what_numpy_computes(network, rows):
    x = np.random.default_rng(rows).normal(size=(rows, *network[network.inputs[0]].shape))
    np.testing.assert_allclose(evaluate(network, x, batch_size=2), forward(network, x), rtol=1e-9, atol=1e-9)


def test_rows_are_computed_at_once_as_long_as_memory_stays_small(monkeypatch):
    network, x = two_layers(), random(7, 4)
    expected = evaluate(network, x)
    seen = []
    monkeypatch.setattr(evaluation, "_outputs", lambda model, run, batch: seen.append(len(batch[0])) or [batch[0]])
    monkeypatch.setattr(evaluation, "AT_ONCE", 3 * max(math.prod(node.shape) for node in network))
    evaluate(network, x)
    assert seen == [3, 3, 1]
    monkeypatch.undo()
    np.testing.assert_allclose(evaluate(network, x, batch_size=3), expected, rtol=1e-6)


@settings(max_examples=15)
@given(networks())
def test_what_was_written_is_read_as_it_was(network):
    again = read(write(network))
    assert {node.name for node in again} == {node.name for node in network}
    for before in network:
        after = again[before.name]
        assert (after.kind, after.inputs, after.shape) == (before.kind, before.inputs, before.shape)
        assert after.config == before.config
        assert all(np.array_equal(array, after.weights[name]) for name, array in before.weights.items())


FUNCTIONS = {
    "relu": {},
    "relu6": {},
    "gelu": {},
    "hard_sigmoid": {},
    "leaky_relu": {"negative_slope": 0.1},
    "elu": {"alpha": 0.5},
}


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("layer", ["first", ""])
def test_activations_compute_what_they_say(function, layer):
    network, x = two_layers(function, layer=layer, **FUNCTIONS[function]), random(5, 4)
    np.testing.assert_allclose(
        evaluate(network, x, dtype="float64"), forward(network, x), rtol=ROUGH.get(function, 1e-9)
    )


def test_an_activation_of_a_layer_is_its_argument_and_another_a_layer():
    assert names(write(two_layers()))[1:] == ["first", "second"]
    assert names(write(two_layers(layer="")))[1:] == ["first", "act", "second"]


def test_an_activation_that_keras_cannot_name_is_a_layer():
    assert names(write(two_layers("leaky_relu", negative_slope=0.1)))[1:] == ["first", "act", "second"]


def test_a_layer_that_is_read_before_its_activation_has_none():
    b = Builder()
    h = linear(b, b.input((4,)), 3, name="first")
    network = b.network(b.add("add", h, b.add("activation", h, name="first/act", layer="first", function="tanh")))
    assert names(write(network))[1:3] == ["first", "first_act"]
    np.testing.assert_allclose(evaluate(network, random(2, 4)), forward(network, random(2, 4)), rtol=1e-5)


def test_names_with_slashes_do_not_clash():
    b = Builder()
    h = linear(b, b.input((3,), "in/put"), 3, name="a/b")
    h = linear(b, linear(b, h, 3, name="a_b"), 3, name="a/b_1")
    network = b.network(b.add("activation", h, name="a_b/1", function="relu"))
    model = write(network)
    assert len(set(names(model))) == 5
    assert not any("/" in name for name in names(model))
    np.testing.assert_allclose(evaluate(network, random(2, 3)), forward(network, random(2, 3)), rtol=1e-5)


def test_a_layer_of_several_nodes_is_written_once():
    b = Builder()
    weights = {"kernel": random(3, 3)}
    h = b.add("dense", b.input((3,)), name="d", weights=weights)
    network = b.network(b.add("dense", h, name="d/1", layer="d", weights=weights))
    assert write(network).count_params() == 9
    np.testing.assert_allclose(evaluate(network, random(2, 3)), forward(network, random(2, 3)), rtol=1e-5)


def test_a_layer_of_several_nodes_has_one_set_of_weights():
    b = Builder()
    h = b.add("dense", b.input((3,)), name="d", weights={"kernel": random(3, 3)})
    network = b.network(b.add("dense", h, name="d/1", layer="d", weights={"kernel": np.ones((3, 3))}))
    with pytest.raises(NetworkError, match=r"layer 'd' is called 2 times, but .* different weights"):
        write(network)


def stack():
    import keras
    from keras import layers

    first = layers.Conv2D(4, 2, use_bias=False, kernel_regularizer="l2", activation="relu", name="c")
    rest = [layers.BatchNormalization(name="n"), layers.Flatten(name="f"), layers.Dense(2, name="d", trainable=False)]
    return keras.Sequential([keras.Input((3, 3, 1)), first, *rest], name="stack")


def narrowed(network):
    """The first two of four filters, and a bias where there was none."""
    c, n, d = network["c"], network["n"], network["d"]
    kernel = d.weights["kernel"].reshape(4, 4, 2)[:, :2].reshape(8, 2)
    changed = {
        "c": c.with_weights({"kernel": c.weights["kernel"][..., :2], "bias": random(2)}, (2, 2, 2)),
        "c/activation": replace(network["c/activation"], shape=(2, 2, 2)),
        "n": n.with_weights({name: array[:2] for name, array in n.weights.items() if name != "gamma"}, (2, 2, 2)),
        "f": replace(network["f"], shape=(8,)),
        "d": d.with_weights({**d.weights, "kernel": kernel}),
    }
    return network.with_nodes(changed)


def test_a_narrower_network_is_a_narrower_model_that_is_otherwise_the_same():
    model = stack()
    small = narrowed(read(model))
    again = write(small)
    assert [v.shape for v in again.weights][:2] == [(2, 2, 1, 2), (2,)]
    assert type(again) is type(model)
    assert names(again) == names(model)
    assert not again.layers[-1].trainable
    assert again.layers[0].kernel_regularizer is not None
    x = random(4, 3, 3, 1)
    np.testing.assert_allclose(evaluate(small, x), forward(small, x), rtol=1e-5, atol=1e-6)


def test_a_configuration_that_was_changed_is_written():
    network = read(stack())
    conv = replace(network["c"], config={**network["c"].config, "padding": "same"}, shape=(3, 3, 4))
    dense = network["d"].with_weights({"kernel": random(36, 2), "bias": random(2)})
    wide = network.with_nodes({"c": conv, "d": dense})
    x = random(4, 3, 3, 1)
    np.testing.assert_allclose(evaluate(wide, x), forward(wide, x), rtol=1e-5, atol=1e-5)


def test_weights_are_pulled_and_pushed():
    network = read(stack())
    model = write(network)
    other = network.with_weights({"d": {"kernel": random(16, 2)}, "n": {"mean": random(4)}})
    push(other, model)
    pulled = pull(model, network)
    for node in other:
        assert pulled[node.name].weights.keys() == node.weights.keys()
        assert all(np.array_equal(array, pulled[node.name].weights[name]) for name, array in node.weights.items())


def test_what_was_pulled_does_not_change_with_the_model():
    network = two_layers()
    model = write(network)
    before = pull(model, network)["first"].weights["kernel"]
    model.get_layer("first").kernel.assign(np.zeros((4, 3)))
    np.testing.assert_array_equal(before, network["first"].weights["kernel"])


@pytest.mark.parametrize("exchange", [lambda m, n: pull(m, n), lambda m, n: push(n, m)], ids=["pull", "push"])
def test_a_model_of_another_structure_is_refused_and_left_alone(exchange):
    network = read(stack())
    model = write(narrowed(network))
    before = model.get_weights()
    with pytest.raises(NetworkError, match="the model's layer 'c' has weights of shapes"):
        exchange(model, network)
    with pytest.raises(NetworkError, match="the model has no layer 'first'"):
        exchange(model, two_layers())
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


def test_nothing_is_pushed_where_a_later_layer_does_not_fit():
    network = read(stack())
    model = write(network)
    other = network.with_weights({"c": {"kernel": random(2, 2, 1, 4)}})
    other = other.with_nodes({"d": other["d"].with_weights({"kernel": random(16, 5), "bias": random(5)})})
    with pytest.raises(NetworkError, match="the model's layer 'd' has weights of shapes"):
        push(other, model)
    np.testing.assert_array_equal(model.layers[0].kernel.numpy(), network["c"].weights["kernel"])


def test_several_inputs_and_outputs_are_tuples():
    b = Builder()
    x, y = b.input((2,)), b.input((2,))
    network = b.network(b.add("add", x, y), y)
    given = random(5, 2), random(6, 2)[:5]
    total, second = evaluate(network, given, batch_size=2)
    np.testing.assert_array_equal(total, given[0] + given[1])
    np.testing.assert_array_equal(second, given[1])


def test_no_rows_give_no_rows():
    assert evaluate(two_layers(), np.empty((0, 4), "float32")).shape == (0, 2)


WRONG = {
    "rank": (random(4), r"the inputs have shapes \(4,\), but the network reads \('n', 4\)"),
    "extent": (random(2, 5), r"the inputs have shapes \(2, 5\)"),
    "number": ((random(2, 4), random(2, 4)), r"the inputs have shapes \(2, 4\), \(2, 4\)"),
}


@pytest.mark.parametrize("name", WRONG)
def test_inputs_that_do_not_fit_are_refused(name):
    x, text = WRONG[name]
    with pytest.raises(NetworkError, match=text):
        evaluate(two_layers(), x)


UNKNOWN = {
    "function": (lambda: two_layers("wavy", layer=""), "layer 'act': no function 'wavy' in keras.activations"),
    "function of a layer": (lambda: two_layers("wavy"), "cannot write layer 'first'"),
    "parameter": (lambda: two_layers("celu", alpha=3.0), "layer 'first': no Keras layer does"),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_keras_does_not_have_is_refused_in_one_line(name):
    make, text = UNKNOWN[name]
    with pytest.raises(UnsupportedError, match=text) as refused:
        write(make())
    assert "\n" not in str(refused.value)


def test_a_kind_that_keras_does_not_have_is_refused():
    network = two_layers(layer="")
    network = network.with_nodes({"act": replace(network["act"], kind="Mystery")})
    with pytest.raises(UnsupportedError, match="cannot write layer 'act': Keras has no layer for kind 'Mystery'"):
        write(network)


def test_regularizers_are_written():
    b = Builder()
    h = linear(b, b.input((4,)), 3, name="first", regularizer=("l2", 0.5))
    model = write(b.network(h))
    np.testing.assert_allclose(model.losses, [0.5 * np.square(random(4, 3)).sum()], rtol=1e-6)


def test_importing_the_room_loads_no_framework():
    code = (
        "import redundancy.frameworks.keras, sys; sys.exit('tensorflow' in sys.modules or 'keras.src' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
