"""Pruning of networks that Hypothesis composes, and of Keras models, on data."""

import json

import keras
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from redundancy import Network, load_data, prune
from redundancy.building import Builder
from redundancy.errors import OptionError, RedundancyError, UnsupportedError
from redundancy.frameworks.keras import evaluate, read
from redundancy.frameworks.keras.sensitivity import gates
from redundancy.material import Material
from redundancy.pruner import Pruner, Training, first
from redundancy.saliency import CRITERIA
from redundancy.strategies import networks
from redundancy.viewing import Prunable


@pytest.fixture(scope="module")
def digits():
    return load_data("mnist-5k")


@pytest.fixture(scope="module")
def classifier(digits):
    """A small convolutional classifier with a normalisation, a pooling, and a residual part, a bit trained."""
    keras.utils.set_random_seed(0)
    x = inputs = keras.Input((28, 28, 1), name="image")
    x = stem = keras.layers.Conv2D(8, 3, strides=3, activation="relu", name="stem")(x)
    x = keras.layers.Conv2D(8, 3, padding="same", use_bias=False, name="branch")(x)
    x = keras.layers.ReLU()(keras.layers.BatchNormalization(name="norm")(x))
    x = keras.layers.Flatten()(keras.layers.MaxPooling2D()(keras.layers.Add(name="sum")([stem, x])))
    x = keras.layers.Dense(32, activation="relu", name="hidden")(x)
    model = keras.Model(inputs, keras.layers.Dense(10, activation="softmax", name="classes")(x), name="digits")
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(digits.x_train, digits.y_train, epochs=2, verbose=0)
    return model


@settings(max_examples=15)
@given(network=networks(), by=st.sampled_from(list(CRITERIA)), repair=st.booleans(), seed=st.integers(0, 99))
def test_as_many_units_go_as_were_asked_for_and_the_rest_computes(network, by, repair, seed):
    x = np.random.default_rng(seed).normal(size=(70, *network[network.inputs[0]].shape)).astype("float32")
    before = {node.name: {k: v.copy() for k, v in node.weights.items()} for node in network}
    try:
        found = prune(network, data=x, by=by, remove=0.3, repair=repair, seed=seed)
    except OptionError as error:
        assert "can go" in str(error) or "no units" in str(error)  # noqa: PT017 - some have a unit a layer
        assume(False)
    gone = sum(fold.size - len(fold.keep) for fold in found.folds.values())
    assert gone == len(found.removals)
    assert gone >= 0.3 * sum(space.size for space in Prunable(network).spaces) - 1e-9
    assert found.network.parameters < network.parameters
    assert np.all(np.isfinite(evaluate(found.network, x)))
    assert all(np.array_equal(v, network[n].weights[k]) for n, w in before.items() for k, v in w.items())


@settings(max_examples=10)
@given(network=networks(dtype="float64", functions=["relu", "tanh"]), seed=st.integers(0, 99))
def test_the_harm_that_is_told_is_that_of_the_outputs(network, seed):
    x = np.random.default_rng(seed).normal(size=(64, *network[network.inputs[0]].shape))
    try:
        found = prune(network, data=x, remove=0.2)
    except OptionError:
        assume(False)
    before, after = evaluate(network, x), evaluate(found.network, x)
    assert found.difference == pytest.approx(np.max(np.abs(after - before)), rel=1e-6, abs=1e-12)
    spread = np.mean((before - before.mean(axis=0)) ** 2)
    assert found.harm == pytest.approx(np.mean((after - before) ** 2) / spread, rel=1e-6, abs=1e-12)


def test_dead_units_go_first_and_cost_nothing(digits):
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Flatten(), keras.layers.Dense(20, activation="relu", name="hidden"), keras.layers.Dense(10)]
    model = keras.Sequential([keras.Input((28, 28, 1)), *layers])
    kernel, bias = model.get_layer("hidden").get_weights()
    kernel[:, ::2], bias[::2] = 0.0, -1.0
    model.get_layer("hidden").set_weights([kernel, bias])
    found = prune(model, data=digits.x_train[:500], remove=0.5)
    assert sorted(removal.unit for removal in found.removals) == list(range(0, 20, 2))
    assert found.difference < 1e-4


def test_a_residual_network_is_pruned_within_a_margin_and_judged_on_the_test_images(classifier, digits):
    found = prune(classifier, data=digits, within=0.03)
    assert {removal.space for removal in found.removals} >= {"hidden"}
    assert found.chosen[1] >= found.chosen[0] - 0.03
    right = [np.mean(m.predict(digits.x_test, verbose=0).argmax(1) == digits.y_test) for m in (classifier, found.model)]
    assert found.tested == pytest.approx(right, abs=1e-3)
    assert found.verdict.outcome.value in ("HOLDS", "INCONCLUSIVE")
    assert "0.03" in found.verdict.scope
    assert found.model.optimizer is not None
    assert json.loads(json.dumps(found.to_dict()))["verdict"]["outcome"] == found.verdict.outcome.value


@pytest.mark.parametrize("of", ["parameters", "macs"])
def test_parameters_and_products_are_saved_as_asked(classifier, digits, of):
    found = prune(classifier, data=digits.x_train[:300], remove=0.5, of=of, by="norm")
    after = found.to_dict()
    assert after["after"][of] <= 0.5 * after["before"][of]


@pytest.mark.parametrize("by", ["random", "srinivas-babu", "obs"])
def test_repair_harms_less(classifier, digits, by):
    repaired, bare = (prune(classifier, data=digits.x_train[:600], remove=0.4, by=by, repair=r) for r in (True, False))
    assert repaired.harm <= bare.harm * 1.05 + 1e-3


def test_only_the_layers_that_were_named_are_pruned(classifier, digits):
    found = prune(classifier, data=digits.x_train[:300], remove=0.5, layers=["hidden"])
    assert set(found.folds) == {"hidden"}
    assert found.network["hidden"].shape == (16,)


@pytest.mark.parametrize(
    "options", [{"tune": 2}, {"tune": 2, "distil": True}, {"tune": 2, "distil": 4}, {"tune": 1, "rounds": 2}]
)
def test_training_afterwards_brings_accuracy_back(classifier, digits, options):
    shares = {"stem": 0.5, "hidden": 0.8}
    bare, tuned = (prune(classifier, data=digits, remove=shares, repair=False, **more) for more in ({}, options))
    assert tuned.tested[1] > bare.tested[1] + 0.1
    assert tuned.network.parameters == bare.network.parameters
    predicted = tuned.model.predict(digits.x_test, verbose=0).argmax(1)
    assert np.mean(predicted == digits.y_test) == pytest.approx(tuned.tested[1], abs=1e-3)


@pytest.mark.parametrize("loss", ["categorical_crossentropy", "mean_squared_error"])
def test_labels_are_given_as_the_loss_takes_them(digits, loss):
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Flatten(), keras.layers.Dense(12, "relu"), keras.layers.Dense(10, "softmax")]
    model = keras.Sequential([keras.Input((28, 28, 1)), *layers])
    model.compile(keras.optimizers.Adam(3e-3), loss)
    assert prune(model, data=digits, remove=0.2, tune=2).tested[1] > 0.7


def test_gradients_are_those_of_classes_where_labels_say_that_outputs_are_logits(digits):
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Flatten(), keras.layers.Dense(12, "relu", name="hidden"), keras.layers.Dense(10)]
    network = read(keras.Sequential([keras.Input((28, 28, 1)), *layers]))
    x, y = digits.x_train[:400], digits.y_train[:400]
    (axes,) = [{node.name: 0} for node in network if node.kind == "activation"]
    (opened,) = gates(network, axes, (x,), seed=0, likelihood="categorical").values()
    found = prune(network, data=x, labels=y, by="obd", remove={"hidden": 0.5}, repair=False)
    assert {removal.unit for removal in found.removals} == set(np.argsort(np.mean(opened**2, axis=0))[:6].tolist())


def test_each_layer_loses_the_share_that_was_stated(classifier, digits):
    found = prune(classifier, data=digits.x_train[:300], remove={"hidden": 0.75, "stem": 0.25}, by="norm")
    assert {len(fold.keep) for fold in found.folds.values()} == {6, 8}


def test_a_file_is_pruned_by_a_file(classifier, digits, tmp_path):
    classifier.save(tmp_path / "m.keras")
    np.savez(tmp_path / "d.npz", image=digits.x_train[:400], y=digits.y_train[:400])
    found = prune(tmp_path / "m.keras", data=tmp_path / "d.npz", within=0.1)
    assert found.chosen is not None
    assert found.tested is None
    assert found.verdict is None


def test_a_network_gives_a_network(digits):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8, activation="tanh"), keras.layers.Dense(2)])
    found = prune(read(model), data=np.random.default_rng(0).normal(size=(99, 4)), remove=0.5)
    assert found.model is None
    assert isinstance(found.network, Network)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "say how much goes"),
        ({"remove": 0.5, "within": 0.1}, "one of the two"),
        ({"remove": 1.0}, "remove=1.0 is no share"),
        ({"remove": True}, "remove=True is no share"),
        ({"remove": float("nan")}, "no share"),
        ({"within": 0}, "within=0 is no share"),
        ({"remove": 0.999}, "is more than can go"),
        ({"remove": 0.5, "tune": -1}, "a whole number"),
        ({"remove": 0.5, "tune": 1}, "labels"),
        ({"remove": 0.5, "distil": True}, "give tune="),
        ({"remove": 0.5, "tune": 1, "distil": -1.0}, "a temperature above 0"),
        ({"remove": 0.5, "tune": 1, "distil": float("nan")}, "a temperature above 0"),
        ({"remove": {"hidden": 2}}, "remove=2 is no share"),
        ({"remove": {}}, "no share"),
        ({"remove": {"hidden": 0.5}, "layers": ["stem"]}, "layers= says others"),
        ({"remove": {"hidden": 0.5, "classes": 0.5}}, "units of layer 'classes' may not go"),
        ({"remove": 0.5, "of": "bytes"}, "nothing that can be saved"),
        ({"remove": 0.5, "by": "magnitude"}, "no criterion is called 'magnitude'"),
        ({"remove": 0.5, "layers": ["hiden"]}, "did you mean hidden"),
        ({"within": 0.1}, "no labels"),
        ({"within": 0.1, "labels": [0.5] * 300}, "integer"),
        ({"within": 0.1, "labels": [0, 1]}, "each of the 300 rows"),
        ({"within": 0.1, "labels": [77] * 300}, "labels from 77 to 77"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(classifier, digits, options, said):
    with pytest.raises(RedundancyError, match=said) as refused:
        prune(classifier, data=digits.x_train[:300], **options)
    assert "\n" not in str(refused.value)


def overflowing():
    """Four equal units whose weights, added up, are too large for float16."""
    b = Builder()
    first = {"kernel": np.ones((3, 4), "float16"), "bias": np.zeros(4, "float16")}
    h = b.add("dense", b.input((3,), dtype="float16"), name="first", weights=first)
    last = {"kernel": np.full((4, 2), 4e4, "float16"), "bias": np.zeros(2, "float16")}
    return b.network(b.add("dense", b.add("activation", h, function="relu"), name="last", weights=last))


def test_units_that_surgery_refuses_are_not_left_behind_in_silence():
    x = np.random.default_rng(0).uniform(0, 1e-4, (80, 3)).astype("float16")
    with pytest.raises(RedundancyError, match=r"'first' cannot go: the folded weight .* too large"):
        prune(overflowing(), data=x, remove={"first": 0.75}, by="norm")
    with pytest.raises(OptionError, match="more than can go"):
        prune(overflowing(), data=x, remove=0.75, by="norm")


def test_too_few_rows_are_refused(classifier, digits):
    with pytest.raises(OptionError, match="at least 60"):
        prune(classifier, data=digits.x_train[:59], remove=0.5)


@given(st.integers(1, 40), st.integers(0, 50))
def test_halving_finds_the_first(most, begins):
    assert first(most, lambda n: n >= begins) == min(max(begins, 1), most)


@pytest.fixture(scope="module")
def rows():
    """Data with three classes."""
    x = np.random.default_rng(0).normal(size=(96, 6)).astype("float32")
    return x, (x[:, 0] > 0).astype(int) + (x[:, 1] > 0)


def dense(outputs, function=None, **settings):
    """A model with one hidden layer of eight units, compiled with Adam where a loss is given."""
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Dense(8, activation="relu", name="hidden"), keras.layers.Dense(outputs, function, name="o")]
    model = keras.Sequential([keras.Input((6,)), *layers])
    if settings:
        model.compile(**{"optimizer": "adam", **settings})
    return model


SPARSE = keras.losses.sparse_categorical_crossentropy


@pytest.mark.parametrize(
    "loss", [SPARSE, keras.losses.SparseCategoricalCrossentropy(name="mine"), [SPARSE], {"o": SPARSE}]
)
def test_a_loss_takes_its_labels_however_it_was_given(rows, loss):
    x, y = rows
    assert prune(dense(3, "softmax", loss=loss), data=x, labels=y, remove=0.3, tune=1).epochs == 1


def own_loss(truth, said):
    raise ValueError("of two inputs")


def test_a_loss_that_breaks_is_one_line(rows):
    x, y = rows
    with pytest.raises(OptionError, match="cannot be trained as it is compiled"):
        prune(dense(3, "softmax", loss=own_loss), data=x, labels=y, remove=0.3, tune=1)


@pytest.mark.parametrize("settings", [{"labels": -1}, {"labels": 5}, {"seed": -1}, {"seed": "a"}])
def test_labels_and_seeds_that_are_none_are_refused(rows, settings):
    x, y = rows
    given = {"seed": 0, "labels": 0} | settings
    model, labels = dense(3, "softmax"), y + given["labels"]
    with pytest.raises(OptionError, match="from 0"):
        prune(model, data=x, labels=labels, remove=0.3, tune=1, seed=given["seed"])


@pytest.mark.parametrize("last", [keras.layers.Reshape((1,)), keras.layers.Activation("linear")])
def test_a_probability_is_one_behind_a_cast_or_a_reshape_too(rows, last):
    x, _ = rows
    model = dense(1, "sigmoid")
    y = (model.predict(x, verbose=0)[:, 0] > 0.5).astype(int)
    assert 0 < y.mean() < 1
    behind = keras.Model(model.inputs, last(model.outputs[0]))
    assert prune(behind, data=x, labels=y, remove=None, within=0.5).chosen[0] == 1.0


@pytest.mark.parametrize("function", ["hard_sigmoid", "sparse_sigmoid"])
def test_whatever_says_a_probability_is_scored_as_one(rows, function):
    x, _ = rows
    model = dense(1, function)
    y = (model.predict(x, verbose=0)[:, 0] > 0.5).astype(int)
    assert 0 < y.mean() < 1
    behind = keras.Model(model.inputs, keras.layers.Reshape((1,))(model.outputs[0]))
    for each in (model, behind):
        assert prune(each, data=x, labels=y, within=0.5).chosen[0] == 1.0
        found = prune(each, data=x, labels=y, remove=0.5)
        before, after = (evaluate(each, x)[:, 0] for each in (found.original, found.network))
        assert found.harm == pytest.approx(np.mean((after - before) ** 2) / np.var(before), rel=1e-4)  # no logits


def test_an_output_whose_sign_decides_is_read_as_a_logit(rows):
    x, y = rows
    network = read(dense(1))
    given = Material((x,), (y > 0).astype(int))
    work = Pruner(network, CRITERIA["obs"], given, Prunable(network), "units", True, 0, Training(None))
    assert work._head.likelihood == "bernoulli"


def test_layers_that_lose_the_same_units_lose_them_once():
    inputs = keras.Input((6,))
    both = [keras.layers.Dense(8, name=name)(inputs) for name in "ab"]
    hidden = keras.layers.ReLU()(keras.layers.Add()(both))
    model = keras.Model(inputs, keras.layers.Dense(2)(hidden))
    x = np.random.default_rng(0).normal(size=(64, 6))
    assert len(prune(model, data=x, remove={"a": 0.5, "b": 0.5}).removals) == 4
    with pytest.raises(OptionError, match="give one share"):
        prune(model, data=x, remove={"a": 0.5, "b": 0.25})


def test_a_layer_that_is_called_twice_takes_over_once():
    a, b = keras.Input((6,), name="a"), keras.Input((3,), name="b")
    first, second = keras.layers.Dense(6, activation="relu", name="first"), keras.layers.Dense(4, name="second")
    sides = [second(first(each)) for each in (a, keras.layers.Dense(6, activation="relu")(b))]
    model = keras.Model([a, b], keras.layers.Concatenate()(sides))
    rng = np.random.default_rng(0)
    found = prune(model, data=[rng.normal(size=(64, n)) for n in (6, 3)], remove={"first": 0.5})
    assert found.model.get_layer("first").units == 3


def test_layers_of_two_steps_are_called_as_the_model_calls_them():
    layers = [keras.layers.SeparableConv1D(6, 3, name="sep"), keras.layers.Flatten(), keras.layers.Dense(2)]
    model = keras.Sequential([keras.Input((8, 3)), *layers])
    x = np.random.default_rng(0).normal(size=(64, 8, 3))
    assert len(prune(model, data=x, remove=0.5, layers=["sep"]).removals) == 3
    assert len(prune(model, data=x, remove={"sep": 0.5}).removals) == 3


def test_what_is_not_finite_is_refused_before_and_after(rows):
    x, y = rows
    model = dense(3)
    kernel, bias = model.get_layer("o").get_weights()
    kernel[0, 0] = np.nan
    model.get_layer("o").set_weights([kernel, bias])
    for remove in (0.3, {"hidden": 0.3}):
        with pytest.raises(OptionError, match="what the model says of the data is NaN"):
            prune(model, data=x, remove=remove)
    wild = dense(3, "softmax", loss="sparse_categorical_crossentropy", optimizer=keras.optimizers.SGD(1e30))
    with pytest.raises(OptionError, match="training made weights NaN"):
        prune(wild, data=x, labels=y, remove=0.3, tune=2)


def test_counts_that_make_outputs_infinite_are_no_choice():
    from redundancy.allocation import curve, steps

    measured = curve("a", 10, 1.0, lambda count: float(count) if count < 6 else np.inf)
    assert measured.gone[-1] == 5
    assert sum(step.units for step in steps((measured,))) == 5


def test_why_no_units_may_go_is_said():
    layers = [keras.layers.Dense(6), keras.layers.Softmax(), keras.layers.Dense(2)]
    with pytest.raises(OptionError, match="because of layer 'softmax"):
        prune(keras.Sequential([keras.Input((4,)), *layers]), data=np.ones((64, 4)), remove=0.5)


@pytest.mark.parametrize("given", [lambda model: model, read])
def test_what_keeps_its_state_is_not_pruned_on_rows(given):
    layers = [keras.layers.LSTM(4, stateful=True, name="memory"), keras.layers.Dense(8, "relu"), keras.layers.Dense(2)]
    model = keras.Sequential([keras.Input(batch_shape=(16, 3, 2)), *layers])
    with pytest.raises(UnsupportedError, match="layer 'memory' keeps its state"):
        prune(given(model), data=np.zeros((64, 3, 2), "float32"), remove=0.3)
