"""Audits, and compactions that are only near, or only true in a box or on data: of Keras models."""

import keras
import numpy as np
import pytest
from keras import layers

import redundancy
from redundancy import auditing, verification
from redundancy.auditing import Certainty
from redundancy.errors import OptionError, VerificationError
from redundancy.fold import Holds
from redundancy.frameworks.keras import read
from redundancy.frameworks.keras.measuring import sampled
from redundancy.frameworks.keras.probes import on_data
from redundancy.functional import taps

RNG = np.random.default_rng(0)
X = RNG.random((300, 6)).astype("float32")


def model(units=8, activation="relu", seed=0):
    rng = np.random.default_rng(seed)
    hidden = layers.Dense(units, activation=activation, name="hidden")
    made = keras.Sequential([keras.Input((6,)), hidden, layers.Dense(3, name="last")])
    for weight in made.weights:
        weight.assign(rng.standard_normal(weight.shape))
    # On this data none is off by chance.
    hidden.bias.assign(np.abs(hidden.bias) + 1.0)
    return made


def changed(made, change):
    kernel, bias = (weight.copy() for weight in made.get_layer("hidden").get_weights())
    change(kernel, bias)
    made.get_layer("hidden").set_weights([kernel, bias])
    return made


def dead_on_data(kernel, bias):
    kernel[:, 3], bias[3] = -np.abs(kernel[:, 3]), -0.1


def near_twin(kernel, bias):
    kernel[:, 5], bias[5] = kernel[:, 2] + 1e-3, bias[2]


def outputs(made, x=X):
    return np.asarray(made(x))


def test_what_is_dead_on_data_goes_with_data_only():
    made = changed(model(), dead_on_data)
    assert redundancy.compact(made).removals == ()
    result = redundancy.compact(made, data=X)
    assert [(r.unit, r.why, r.holds) for r in result.removals] == [(3, "dead", Holds.DATA)]
    assert np.max(np.abs(outputs(made) - outputs(result.model))) == pytest.approx(result.difference, abs=1e-6)
    assert result.bound is None


def test_what_is_dead_in_a_box_is_proved_by_it_and_checked_inside_of_it():
    made = changed(model(), dead_on_data)
    result = redundancy.compact(made, box=(0.0, 1.0))
    assert [(r.unit, r.holds) for r in result.removals] == [(3, Holds.BOX)]
    assert np.max(np.abs(outputs(made) - outputs(result.model))) < 1e-5
    assert np.max(np.abs(outputs(made, -9 * X) - outputs(result.model, -9 * X))) > 1e-2


def test_near_twins_go_under_a_tolerance_with_a_bound():
    made = changed(model(), near_twin)
    assert redundancy.compact(made).removals == ()
    result = redundancy.compact(made, tolerance=0.05)
    assert [removal.why for removal in result.removals] == ["near-duplicate"]
    assert np.max(np.abs(outputs(made) - outputs(result.model))) <= result.bound <= 0.05
    assert [(float(low), float(high)) for low, high in result.box.values()] == [(0.0, 1.0)]


def test_what_is_assumed_of_inputs_is_said_in_python_and_in_json():
    made = changed(model(), near_twin)
    result = redundancy.compact(made, tolerance=0.05)
    (said,) = result.to_dict()["box"]
    assert (said["low"], said["high"], said["assumed"]) == (0.0, 1.0, True)
    assert "for inputs from 0 to 1, but for rounding" in str(result)
    assert "No box was given: inputs from 0 to 1 are assumed" in str(result)
    for known in (
        redundancy.compact(made, tolerance=0.05, box=(-1, 1)),
        redundancy.compact(made, tolerance=0.05, data=X),
    ):
        assert [each["assumed"] for each in known.to_dict()["box"]] == [False]
        assert "assumed" not in str(known)


@pytest.mark.parametrize(
    "first", [layers.Rescaling(1 / 255), layers.Normalization(mean=3.0, variance=2.0), layers.BatchNormalization()]
)
def test_inputs_that_are_brought_to_another_size_are_not_assumed_to_be_small(first):
    made = keras.Sequential(
        [keras.Input((6,)), layers.Dropout(0.5), first, layers.Dense(5, activation="relu"), layers.Dense(2)]
    )
    with pytest.raises(OptionError, match=f"which layer '{first.name}' brings to another size: give a box"):
        redundancy.compact(made, tolerance=0.1)
    assert redundancy.compact(made, tolerance=0.1, box=(0, 255)).assumed == ()
    assert redundancy.compact(made, tolerance=0.1, data=X).assumed == ()
    assert redundancy.compact(made).assumed == ()


def test_nothing_has_to_be_assumed_of_what_is_looked_up():
    made = keras.Sequential([keras.Input((4,)), layers.Embedding(9, 3), layers.Flatten(), layers.Dense(2)])
    assert redundancy.compact(made, tolerance=0.1).assumed == ()


def test_a_tolerance_on_data_takes_what_the_outputs_can_bear():
    made = model(24)
    few, many = (redundancy.compact(made, data=X, tolerance=t) for t in (0.05, 2.0))
    assert len(few.removals) < len(many.removals)
    for result, tolerance in ((few, 0.05), (many, 2.0)):
        assert np.max(np.abs(outputs(made) - outputs(result.model))) <= tolerance


def test_units_keep_their_numbers_through_all_stages():
    """A copy goes first, then what is dead on data: both are called as the first model counts them."""

    def change(kernel, bias):
        kernel[:, 1], bias[1] = kernel[:, 0], bias[0]
        dead_on_data(kernel, bias)

    result = redundancy.compact(changed(model(), change), data=X)
    assert [(r.unit, r.why) for r in result.removals] == [(1, "duplicate"), (3, "dead")]
    assert result.folds["hidden"].keep.tolist() == [0, 2, 4, 5, 6, 7]


def test_an_audit_tells_what_is_proved_measured_and_near():
    def change(kernel, bias):
        kernel[:, 1], bias[1] = kernel[:, 0], bias[0]
        dead_on_data(kernel, bias)
        near_twin(kernel, bias)

    made = changed(model(), change)
    found = redundancy.audit(made, data=X)
    said = [(f.notion, f.units, f.certainty, f.removable) for f in found.findings]
    assert said == [
        ("duplicate", (1,), Certainty.PROVED, True),
        ("dead", (3,), Certainty.DATA, True),
        ("near-duplicate", (2,), Certainty.NEAR, False),
    ]
    assert found.after.parameters == redundancy.compact(made, data=X).parameters_after
    assert found.findings[0].saved.parameters == 7 + 3
    assert found.to_dict()["findings"][1]["equations"] == ["h3 = 0 (dead)"]


def test_an_audit_without_findings_says_so():
    found = redundancy.audit(model(4))
    assert found.findings == ()
    assert found.before == found.after
    assert [(r.space, r.reason, r.units) for r in found.fixed] == [("last", "it is an output of the network", 3)]


def test_what_is_measured_wrongly_changes_nothing(monkeypatch):
    """Folds that would break the outputs on data are left out, whoever proposes them."""
    right = redundancy.workbench.survey

    def wrong(network, values):
        return right(network, {name: 0 * rows for name, rows in values.items()})

    monkeypatch.setattr("redundancy.workbench.survey", wrong)
    made = model()
    assert redundancy.compact(made, data=X).removals == ()


def test_a_bound_that_does_not_hold_is_caught(monkeypatch):
    made = changed(model(), near_twin)
    monkeypatch.setattr("redundancy.nearing.bounded", lambda network, box: _Blind())
    monkeypatch.setattr("redundancy.nearing.REACH", 5.0)
    with pytest.raises(VerificationError, match="mistake of this package"):
        redundancy.compact(made, tolerance=1e-3)


class _Blind:
    def against(self, other):
        from redundancy.certification import Certificate

        return Certificate(1e-4, (), {})


def test_values_are_measured_inside_nested_models():
    inner = keras.Sequential([keras.Input((6,)), layers.Dense(5, activation="relu", name="in")], name="inner")
    x = keras.Input((6,))
    made = keras.Model(x, layers.Dense(2)(layers.Dense(4, activation="tanh", name="out")(inner(x))))
    network = read(made)
    values = sampled(network, taps(network), (X,))
    assert sorted(values) == ["inner/in/activation", "out/activation"]
    assert np.allclose(np.sort(values["inner/in/activation"], axis=0), np.sort(inner(X), axis=0), atol=1e-6)


def test_positions_of_maps_are_samples():
    made = keras.Sequential([keras.Input((6, 6, 1)), layers.Conv2D(3, 3, name="conv"), layers.Conv2D(2, 3)])
    network = read(made)
    values = sampled(network, taps(network), (RNG.random((10, 6, 6, 1)),))
    assert values["conv"].shape == (10 * 16, 3)


def test_data_outside_of_the_box_is_no_reason_to_complain():
    made = changed(model(), dead_on_data)
    assert len(redundancy.compact(made, box=(0.0, 1.0), data=-5 * X).removals) >= 1


def test_names_of_modules_do_not_hide_functions():
    assert callable(redundancy.audit)
    assert callable(redundancy.compact)
    assert auditing.Audit is type(redundancy.audit(model(4)))
    assert verification.apart([np.ones(2)], [np.zeros(2)]) == 1


def test_what_python_prints_says_what_must_not_be_missed():
    result = redundancy.compact(changed(model(), dead_on_data), data=X)
    assert "Largest difference of an output, measured:" in str(result)
    assert "Some units went because of the data: on other inputs outputs can differ by more." in str(result)


def test_a_result_is_shown_in_one_line():
    made = changed(model(), dead_on_data)
    for found in (redundancy.audit(made), redundancy.compact(made)):
        assert isinstance(found, redundancy.Audit | redundancy.Compaction)
        assert len(repr(found)) < 160
        assert made.name in repr(found)


def test_a_mask_is_nothing_that_may_not_be_touched():
    x = keras.Input((7,))
    y = layers.LSTM(5)(layers.Embedding(11, 6, mask_zero=True)(x))
    made = keras.Model(x, layers.Dense(2, name="last")(y))
    assert [refusal.space for refusal in redundancy.audit(made).fixed] == ["last"]


@pytest.mark.parametrize(("token", "said"), [(11, "holds 11"), (-1, "holds -1")])
@pytest.mark.parametrize("kind", ["int32", "float32"])
def test_a_token_that_no_table_knows_is_refused(token, said, kind):
    x = keras.Input((7,), dtype=kind, name="tokens")
    y = layers.Flatten()(layers.Embedding(11, 6, name="words")(x))
    made = keras.Model(x, layers.Dense(2)(y))
    tokens = np.zeros((60, 7), kind)
    tokens[5, 5] = token
    with pytest.raises(
        OptionError, match=rf"^the data of input 'tokens' {said}, and layer 'words' knows 0 to 10: [^\n]*$"
    ):
        redundancy.compact(made, data=tokens)


def test_what_a_framework_says_is_one_plain_line():
    def broken(inputs, training, mask=None):
        raise ValueError("\x1b[1m{{function_node __wrapped__X}} it is\n so [Op:Gather]\x1b[0m")

    made = model()
    made.call = broken
    with pytest.raises(OptionError, match=r"does not run on the data: .* it is so [^\x1b{]*$"):
        on_data(made, (X,))


def test_a_tolerance_is_a_promise_on_the_data_whatever_rounding_is():
    """Outputs of a million, of which 1,024 roundings were more than the tolerance."""
    rng = np.random.default_rng(0)
    model = keras.Sequential([keras.Input((20,)), layers.Dense(16, activation="tanh"), layers.Dense(1)])
    kernel, _ = model.layers[-1].get_weights()
    model.layers[-1].set_weights([1e4 * kernel, np.array([1e6])])
    data = (0.05 * rng.standard_normal((200, 3)) @ rng.standard_normal((3, 20))).astype("float32")
    small = redundancy.compact(model, data=data, tolerance=0.5)
    assert np.max(np.abs(model(data) - small.model(data))) <= 0.5


def test_outputs_do_not_change_where_nothing_goes():
    rng = np.random.default_rng(0)
    x = keras.Input((6,))
    first, second = (layers.Dense(10, activation=function) for function in ("relu", "sigmoid"))
    a, b = first(x), second(x)
    joined = layers.Concatenate()([layers.Multiply()([a, b]), layers.Maximum()([a, b]), layers.Subtract()([a, b])])
    model = keras.Model(x, layers.Dense(2)(joined))
    for layer in (first, second):
        kernel, bias = layer.get_weights()
        kernel[:, 1] = kernel[:, 0] * (1 + 0.02 * rng.standard_normal(6))
        layer.set_weights([kernel, bias])
    result = redundancy.compact(model, tolerance=0.05, box=(-1.0, 1.0))
    assert result.removals or result.difference == 0
