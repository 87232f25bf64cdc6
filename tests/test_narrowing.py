"""Inputs that lose units: what a small model passes over, and that it is a model of Keras's own."""

import keras
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from redundancy import certify, compact, load_data, prune
from redundancy.building import Builder
from redundancy.certification import bounded
from redundancy.errors import NetworkError, OptionError
from redundancy.fold import Fold, Holds
from redundancy.frameworks.keras import evaluate, read, write
from redundancy.narrowing import closed, opened, widened
from redundancy.spaces import trace
from redundancy.strategies import networks
from redundancy.surgery import operate
from redundancy.viewing import Prunable


def vector_network(places=(3, 0, 2), inputs=4):
    rng, b = np.random.default_rng(1), Builder()
    taken = b.add("gather", b.input((inputs,), dtype="float64"), places=places)
    hidden = b.add("dense", taken, weights={"kernel": rng.normal(size=(len(places), 5)), "bias": rng.normal(size=5)})
    return b.network(
        b.add(
            "dense",
            b.add("activation", hidden, function="relu"),
            weights={"kernel": rng.normal(size=(5, 2)), "bias": np.zeros(2)},
        )
    )


@pytest.fixture(scope="module")
def digits():
    return load_data("mnist-5k")


@pytest.fixture(scope="module")
def trained(digits):
    layers = [
        keras.layers.Flatten(name="pixels"),
        keras.layers.Dense(24, activation="relu", name="hidden"),
        keras.layers.Dense(10, activation="softmax", name="classes"),
    ]
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((28, 28, 1)), *layers], name="digits")
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(digits.x_train, digits.y_train, epochs=3, verbose=0)
    return model


@settings(max_examples=10)
@given(network=networks(dtype="float64"), seed=st.integers(0, 99))
def test_to_take_all_places_changes_nothing_and_is_undone(network, seed):
    wide, names = opened(network)
    x = np.random.default_rng(seed).normal(size=(3, *network[network.inputs[0]].shape))
    assert np.array_equal(evaluate(wide, x), evaluate(network, x))
    assert closed(wide).digest == network.digest
    assert all(wide[name].inputs == (source,) for source, taken in names.items() for name in taken)
    assert not names or {name for taken in names.values() for name in taken} <= {s.name for s in Prunable(wide).spaces}


def narrowed(network, rng):
    """The same network where weights read some of its inputs only; the others are said to be a sum of those."""
    wide, names = opened(network)
    assume(names)
    taps = [tap for space in trace(wide).spaces for tap in space.taps if (tap.node,) in names.values()]
    folds = {}
    for tap in taps:
        n = len(tap.units)
        keep = np.sort(rng.choice(n, rng.integers(1, n), replace=False))
        into = np.where(np.isin(np.arange(n), keep)[:, None], np.eye(n)[:, keep], rng.normal(size=(n, len(keep))))
        folds[tap.name] = Fold(keep, into, np.zeros(n), ("",) * n, Holds.DATA)
    small = operate(wide, folds)
    assert not small.refusals
    return small.network


@settings(max_examples=20)
@given(network=networks(dtype="float64"), seed=st.integers(0, 99))
def test_places_that_are_passed_over_are_weights_of_zero(network, seed):
    rng = np.random.default_rng(seed)
    small = narrowed(network, rng)
    x = rng.normal(size=(5, *network[network.inputs[0]].shape))
    plain = widened(small)
    assert any(node.kind == "gather" for node in small)
    assert not any(node.kind == "gather" for node in plain)
    assert np.allclose(evaluate(plain, x), evaluate(small, x), rtol=1e-9, atol=1e-9)


def test_a_sequential_model_becomes_a_functional_one_of_the_same_inputs(digits, trained, tmp_path):
    small = prune(trained, data=digits, remove={"pixels": 0.8, "hidden": 0.25}, inputs=True)
    assert [node.layer for node in read(small.model) if "/" not in node.name][1:] == [
        "pixels",
        "pixels_taken",
        "hidden",
        "classes",
    ]
    assert small.model.input_shape == trained.input_shape
    assert small.model.count_params() == 157 * 18 + 18 + 18 * 10 + 10
    assert small.model.optimizer is not None
    assert small.tested[1] > small.tested[0] - 0.03
    small.model.save(tmp_path / "small.keras")
    again = keras.models.load_model(tmp_path / "small.keras")
    x = digits.x_test[:32]
    assert np.array_equal(again.predict(x, verbose=0), small.model.predict(x, verbose=0))
    other = x.copy()
    passed_over = np.setdiff1d(np.arange(784), small.network["pixels_taken"].config["places"])
    other.reshape(32, 784)[:, passed_over] = 9.0
    assert np.array_equal(again.predict(other, verbose=0), small.model.predict(x, verbose=0))


def test_pixels_that_say_nothing_go_first_and_cost_nothing(digits, trained):
    dark = int(np.sum(digits.x_train.reshape(-1, 784).max(axis=0) == 0))
    small = prune(trained, data=digits, remove={"pixels": dark / 784}, inputs=True)
    assert len(small.removals) == dark > 50
    assert small.harm < 1e-5


def test_the_small_model_is_read_pruned_and_trained_again(digits, trained):
    first = prune(trained, data=digits, remove=0.5, of="parameters", inputs=True, tune=1)
    second = prune(first.model, data=digits, remove=0.5, of="parameters", inputs=True, tune=1, distil=True, rounds=2)
    assert second.network.parameters <= 0.25 * read(trained).parameters
    assert sum(node.kind == "gather" for node in second.network) == 1
    assert second.tested[1] > second.tested[0] - 0.05


def test_layers_may_be_named_besides(digits, trained):
    small = prune(trained, data=digits, remove=0.3, layers=["hidden"], inputs=True)
    assert {removal.space for removal in small.removals} <= {"pixels_taken", "hidden"}
    assert {removal.space for removal in prune(trained, data=digits, remove=0.3).removals} == {"hidden"}


@pytest.mark.parametrize("by", ["norm", "product", "srinivas-babu", "median", "obd", "taylor", "mean"])
def test_every_criterion_ranks_inputs(digits, trained, by):
    small = prune(trained, data=digits, by=by, remove={"pixels": 0.1}, inputs=True)
    assert len(small.removals) == 78
    assert np.isfinite(small.harm)


def test_where_no_weights_read_inputs_it_is_refused(digits):
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Conv2D(4, 3), keras.layers.Flatten(), keras.layers.Dense(10)]
    model = keras.Sequential([keras.Input((28, 28, 1)), *layers])
    with pytest.raises(OptionError, match="no weights read several units of an input"):
        prune(model, data=digits, remove=0.5, inputs=True)


def test_an_input_is_called_by_what_weights_read_of_it(digits, trained):
    with pytest.raises(OptionError, match=r"'input_layer\w*' as it is: name what they read, of pixels"):
        prune(trained, data=digits, remove={read(trained).inputs[0]: 0.5}, inputs=True)


def test_channels_of_an_image_may_go():
    keras.utils.set_random_seed(0)
    x = np.random.default_rng(0).random((80, 6, 6, 3)).astype("float32")
    x[..., 1] = 0.5
    layers = [keras.layers.Conv2D(4, 3, activation="relu", name="conv"), keras.layers.Flatten(), keras.layers.Dense(2)]
    model = keras.Sequential([keras.Input((6, 6, 3), name="image"), *layers])
    small = prune(model, data=x, remove={"image": 1 / 3}, inputs=True)
    assert small.network["image_taken"].config["places"] == (0, 2)
    assert small.difference < 1e-5


def _attended(x):
    return keras.layers.MultiHeadAttention(2, 3)(keras.layers.Dense(4)(x[:, 1:]), x)


@pytest.mark.parametrize(
    "layer",
    [
        keras.layers.Bidirectional(keras.layers.GRU(3)),
        keras.layers.TimeDistributed(keras.layers.Dense(3)),
        lambda x: keras.layers.MultiHeadAttention(2, 3)(x, x),
        _attended,
    ],
)
def test_layers_that_mean_several_nodes_read_less(layer):
    keras.utils.set_random_seed(0)
    x = np.random.default_rng(0).normal(size=(80, 3, 5)).astype("float32")
    x[..., 1] = x[..., 4]
    inputs = keras.Input((3, 5), name="x")
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(layer(inputs))))
    small = prune(model, data=x, remove={"x": 0.2}, inputs=True)
    assert len(small.removals) == 1
    assert np.allclose(small.model.predict(x, verbose=0), model.predict(x, verbose=0), atol=1e-4)


def test_what_one_layer_hands_on_inside_itself_is_left_alone():
    inputs = keras.Input((6, 6, 3))
    layers = [keras.layers.SeparableConv2D(2, 3)(inputs), keras.layers.Conv2D(2, 3)(inputs)]
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(keras.layers.Add()(layers))))
    wide, names = opened(read(model))
    assert list(names) == list(read(model).inputs)
    x = np.random.default_rng(0).normal(size=(4, 6, 6, 3)).astype("float32")
    assert np.allclose(write(wide).predict(x, verbose=0), model.predict(x, verbose=0), atol=1e-5)


def test_what_takes_all_places_may_be_an_output_or_in_a_model_inside():
    keras.utils.set_random_seed(0)
    inner_input, inputs = keras.Input((4,)), keras.Input((5,), name="x")
    inner = keras.Model(inner_input, keras.ops.take(keras.layers.Dense(3)(inner_input), [0, 1, 2], axis=-1))
    hidden = inner(keras.layers.Dense(4, "relu")(inputs))
    outputs = keras.ops.take(keras.layers.Dense(2)(keras.layers.Dense(4, "relu")(hidden)), [0, 1], axis=-1)
    x = np.random.default_rng(0).normal(size=(80, 5)).astype("float32")
    small = prune(keras.Model(inputs, outputs), data=x, remove={"x": 0.4}, inputs=True)
    assert [len(node.config["places"]) for node in small.network if node.kind == "gather"] == [3, 3, 2]


def test_all_that_reads_an_input_reads_less_but_models_inside():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((6,), name="x")
    inner = keras.Sequential([keras.Input((6,)), keras.layers.Dense(3, "relu"), keras.layers.Dense(2)])
    read_by = [keras.ops.take(inputs, [5, 4, 0, 1], axis=-1), keras.ops.take(inputs, [2, 3], axis=-1), inputs]
    both = [*(keras.layers.Dense(2)(each) for each in read_by), inner(inputs)]
    x = np.random.default_rng(0).normal(size=(80, 6)).astype("float32")
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Concatenate()(both)))
    small = prune(model, data=x, remove={"x": 0.5}, inputs=True)
    assert sorted(len(node.config["places"]) for node in small.network if node.kind == "gather") == [1, 2, 3]


def test_hidden_units_that_are_taken_are_no_inputs():
    inputs = keras.Input((1,))
    hidden = keras.ops.take(keras.layers.Dense(4, "relu")(inputs), [0, 1], axis=-1)
    assert opened(read(keras.Model(inputs, keras.layers.Dense(2)(hidden))))[1] == {}


def test_certificates_are_of_networks_of_other_widths_whose_output_takes_places():
    def network(units):
        b, rng = Builder(), np.random.default_rng(0)
        first, second = rng.normal(size=(4, 8)), rng.normal(size=(8, 5))
        hidden = b.add("dense", b.input((4,), dtype="float64"), weights={"kernel": first, "bias": np.zeros(8)})
        read_by = b.add("dense", hidden, weights={"kernel": second[:, :units], "bias": np.zeros(units)})
        last = b.add("dense", read_by, weights={"kernel": np.ones((units, 1)), "bias": np.zeros(1)})
        return b.network(b.add("gather", hidden, places=(1, 0, 0)), last)

    found = certify(network(5), network(4), box=(-1.0, 1.0))
    assert np.all(found.outputs[0] < 1e-9)
    assert np.isfinite(found.bound)


def test_certificates_hold_where_a_place_is_taken_twice():
    def network(weight):
        b, weights = Builder(), {"kernel": np.float32([[1.0], [weight]]), "bias": np.zeros(1, np.float32)}
        return b.network(b.add("dense", b.add("gather", b.input((2,)), places=(1, 1)), weights=weights))

    assert certify(network(2**-30), network(0.0), box=(-1.0, 1.0)).bound >= 2**-30


@settings(max_examples=10)
@given(network=networks(dtype="float64"), seed=st.integers(0, 99))
def test_certificates_of_models_that_lost_inputs_hold(network, seed):
    rng = np.random.default_rng(seed)
    shape = network[network.inputs[0]].shape
    small = narrowed(network, rng)
    found = certify(network, small, box=(-1.0, 1.0))
    x = np.concatenate([rng.uniform(-1, 1, (200, *shape)), rng.choice([-1.0, 1.0], (200, *shape))])
    apart = np.abs(evaluate(small, x) - evaluate(network, x))
    assert np.all(apart <= found.bound + found.rounding)


def test_places_are_read_from_keras_and_written_back():
    inputs = keras.Input((4,))
    taken = keras.ops.take(inputs, np.array([3, 0, 2]), axis=-1)
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Dense(5, activation="relu")(taken)))
    network = read(model)
    assert [node.config["places"] for node in network if node.kind == "gather"] == [(3, 0, 2)]
    x = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
    assert np.array_equal(write(network).predict(x, verbose=0), model.predict(x, verbose=0))


@pytest.mark.parametrize(
    "given", [lambda x: keras.ops.take(x, [-1, 0], axis=-1), lambda x: keras.ops.take(x, [[0, 1]], axis=1),
              lambda x: keras.ops.take(x, [1, 0], axis=1), lambda x: keras.ops.take(x, 1, axis=-1)],
)  # fmt: skip
def test_what_is_taken_in_other_ways_is_left_as_it_is(given):
    inputs = keras.Input((4, 3))
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(given(inputs))))
    assert not any(node.kind == "gather" for node in read(model))
    small = compact(model)
    x = np.random.default_rng(0).normal(size=(5, 4, 3)).astype("float32")
    assert np.array_equal(small.model.predict(x, verbose=0), model.predict(x, verbose=0))


def test_places_that_nobody_reads_go_without_data():
    network = vector_network()
    kernel = np.array(network["dense_1"].weights["kernel"])
    kernel[1] = 0
    small = compact(network.with_weights({"dense_1": {"kernel": kernel}})).network
    assert small["gather_1"].config["places"] == (3, 2)


def test_bounds_follow_places():
    network = vector_network((2, 0))
    low, high = np.array([0.0, 1.0, 2.0, 3.0]), np.array([10.0, 11.0, 12.0, 13.0])
    found = bounded(network, {"input_1": (low, high)})
    (part,) = found.followed.units["gather_1"].parts
    assert (part.low.tolist(), part.high.tolist()) == ([2.0, 0.0], [12.0, 10.0])


@pytest.mark.parametrize("places", [(), (4,), (-1,)])
def test_places_that_are_not_there_are_refused(places):
    with pytest.raises(NetworkError, match=r"places|shape"):
        vector_network(places)


def test_an_input_that_is_named_twice_is_refused(digits, trained):
    with pytest.raises(OptionError, match="names what is read of an input twice, of pixels"):
        prune(trained, data=digits, remove={"pixels": 0.5, "pixels_taken": 0.2}, inputs=True)
