"""Models and layers whose code is their own: audited by their weights, and left as they are."""

import keras
import numpy as np
import pytest
from keras import layers
from planting_by_hand import checked, copied, weighted

import redundancy
from redundancy.auditing import Certainty
from redundancy.errors import UnsupportedError
from redundancy.report.table import audit_table

pytestmark = pytest.mark.usefixtures("in_float64")


class Tower(keras.Model):
    """Two convolutions and a dense layer, in an order that only its code says."""

    def __init__(self):
        super().__init__(name="tower")
        self.first = layers.Conv2D(5, 3, activation="relu", name="first")
        self.second = layers.Conv2D(4, 3, activation="tanh", name="second")
        self.dense = layers.Dense(3, name="dense")

    def call(self, x):
        return self.dense(layers.Flatten()(self.second(self.first(x))))


class Gate(keras.Layer):
    """A layer with a kernel that it multiplies its input by, in a way of its own."""

    def build(self, shape):
        self.mix = self.add_weight(shape=(shape[-1], shape[-1]), name="mix")
        self.shift = self.add_weight(shape=(shape[-1],), name="shift")

    def call(self, x):
        return x * keras.ops.sigmoid(keras.ops.matmul(x, self.mix) + self.shift)


def tower():
    model = Tower()
    model(np.zeros((1, 8, 8, 2)))
    return weighted(model)


def doubled(layer, source, copy, factor):
    layer.set_weights([_with(weight, source, copy, factor) for weight in layer.get_weights()])


def _with(weight, source, copy, factor):
    new = weight.copy()
    new[..., copy] = factor * new[..., source]
    return new


def test_a_subclassed_model_is_audited_layer_by_layer():
    model = tower()
    copied(model.first, 0, 1)
    doubled(model.first, 2, 3, 2.0)
    doubled(model.second, 0, 1, -1.0)
    found = redundancy.audit(model)
    assert {(f.space, f.notion, f.units, f.removable) for f in found.findings} == {
        ("first", "duplicate", (1,), False),
        ("first", "scaled", (2,), False),
        ("second", "flipped", (1,), False),
    }
    assert {f.certainty for f in found.findings} == {Certainty.WEIGHTS}
    assert found.before == found.after
    assert found.before.parameters == model.count_params()


def test_one_refusal_says_why_a_subclassed_model_stays():
    model = tower()
    copied(model.first, 0, 1)
    (refusal,) = redundancy.audit(model).refusals
    assert (refusal.layer, refusal.units) == ("tower", 1)
    assert "is subclassed, and its code cannot be read as a graph" in refusal.reason
    with pytest.raises(UnsupportedError, match=r"'tower' .* is subclassed") as refused:
        redundancy.compact(model)
    assert "\n" not in str(refused.value)


def test_multiples_are_none_before_a_function_that_does_not_scale():
    model = tower()
    doubled(model.second, 0, 1, 2.0)
    assert redundancy.audit(model).findings == ()


def test_a_subclassed_model_without_weights_is_refused_in_one_line():
    with pytest.raises(UnsupportedError, match="model 'tower' has no weights"):
        redundancy.audit(Tower())


def test_an_audit_of_a_subclassed_model_can_be_shown():
    model = tower()
    copied(model.first, 0, 1)
    found = redundancy.audit(model)
    assert "first: 1 of 5 units duplicate (by weights)" in str(found)
    assert found.to_dict()["findings"][0]["certainty"] == "by weights"


def gated():
    x = keras.Input((4,))
    gate = Gate(name="gate")
    stack = [layers.Dense(5, activation="relu"), layers.Dense(6), gate, layers.Dense(7, activation="tanh")]
    y = x
    for layer in stack:
        y = layer(y)
    return weighted(keras.Model(x, layers.Dense(2)(y))), stack


def test_what_lies_around_a_custom_layer_folds_and_what_it_touches_is_pinned_by_name():
    model, stack = gated()
    for layer in (stack[0], stack[1], stack[3]):
        copied(layer, 0, 1)
    with keras.saving.custom_object_scope({"Gate": Gate}):
        result = checked(model, 2)
    assert {removal.space for removal in result.removals} == {stack[0].name, stack[3].name}
    (refusal,) = result.refusals
    assert refusal.layer == "gate"
    assert "no rule for layer 'gate' (Gate)" in refusal.reason


def test_kernels_of_a_custom_layer_are_looked_at():
    model, stack = gated()
    copied(stack[2], 0, 1)
    (finding,) = [f for f in redundancy.audit(model).findings if f.certainty is Certainty.WEIGHTS]
    assert (finding.space, finding.notion, finding.equations, finding.removable) == (
        "gate",
        "duplicate",
        ("w1 = w0 (duplicate)",),
        False,
    )


def test_columns_of_zeros_in_a_custom_layer_are_named():
    model, stack = gated()
    mix, shift = stack[2].get_weights()
    mix[:, 3], shift[3] = 0.0, 0.0
    stack[2].set_weights([mix, shift])
    (finding,) = [f for f in redundancy.audit(model).findings if f.certainty is Certainty.WEIGHTS]
    assert (finding.notion, finding.units) == ("zero", (3,))


def test_a_table_of_a_subclassed_model_says_that_nothing_goes():
    model = tower()
    copied(model.first, 0, 1)
    assert "first" in audit_table(redundancy.audit(model), 100)


def of_its_own(kind=keras.Model, **methods):
    """A functional model with two equal units, of a class with those methods."""
    x = keras.Input((4,))
    hidden = layers.Dense(5, activation="relu", name="hidden")
    made = (x, layers.Dense(2, name="last")(hidden(x)))
    if kind is keras.Sequential:
        made = ([x, hidden, layers.Dense(2, name="last")],)
    model = weighted(type("Own", (kind,), methods)(*made))
    copied(hidden, 0, 2)
    return model


@pytest.mark.parametrize("kind", [keras.Model, keras.Sequential])
@pytest.mark.parametrize(
    "name", ["predict_step", "train_step", "test_step", "__call__", "compute_loss", "fit", "metrics"]
)
def test_a_model_whose_class_computes_or_trains_in_its_own_way_is_not_changed(kind, name):
    model = of_its_own(kind, **{name: lambda self, *args, **kwargs: None}) if name != "__call__" else None
    model = model or of_its_own(
        kind, __call__=lambda self, *args, **kwargs: keras.Model.__call__(self, *args, **kwargs)
    )
    with pytest.raises(UnsupportedError, match=f"Own.* has its own {name}, which no model in its place"):
        redundancy.compact(model)
    found = redundancy.audit(model)
    assert [(f.space, f.units, f.removable) for f in found.findings] == [("hidden", (2,), False)]
    assert "has its own" in found.refusals[0].reason


def test_a_method_that_is_set_on_the_model_itself_counts_as_well():
    model = of_its_own()
    model.predict_step = lambda data: data
    with pytest.raises(UnsupportedError, match="has its own predict_step"):
        redundancy.compact(model)


def test_what_a_class_adds_without_computing_otherwise_is_no_hindrance():
    methods = {"get_config": lambda self: {}, "describe": lambda self: "mine", "__repr__": lambda self: "own"}
    model = of_its_own(**methods)
    model.compile("sgd", keras.losses.MeanSquaredError(), metrics=[keras.metrics.MeanAbsoluteError()])
    model.fit(np.zeros((4, 4)), np.zeros((4, 2)), verbose=0)
    model.predict(np.zeros((4, 4)), verbose=0)
    checked(model, removed=1)


def holding(inner):
    """A model that calls another."""
    x = keras.Input((4,))
    return weighted(keras.Model(x, layers.Dense(2)(inner(x))))


def test_a_model_inside_that_is_called_in_its_own_way_stays_as_it_is():
    inner = of_its_own(__call__=lambda self, *args, **kwargs: keras.Model.__call__(self, *args, **kwargs))
    outer = holding(inner)
    small = checked(outer, removed=0)
    assert type(small.model.layers[1]) is type(inner)
    rows = np.random.default_rng(0).normal(size=(9, 4))
    np.testing.assert_allclose(small.model(rows), outer(rows), rtol=1e-6)


def test_a_model_inside_whose_call_records_more_each_time_is_refused():
    # Keras records the product as a step of the outer model, and the inner one multiplies again when it is called.
    inner = of_its_own(__call__=lambda self, *args, **kwargs: 2.0 * keras.Model.__call__(self, *args, **kwargs))
    with pytest.raises(UnsupportedError, match="written again as it is, an output differs"):
        redundancy.compact(holding(inner))
