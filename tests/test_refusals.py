"""What may not change stays as it is, and one line says which layer stands in the way, why, and what to do."""

import numpy as np
import pytest

from redundancy import compact


@pytest.fixture(scope="module")
def keras():
    import keras

    return keras


def twins_before(keras, *behind, inputs=(8, 8, 1)):
    """A model whose first layer has two equal filters, and what comes behind it."""
    layers = keras.layers
    x = keras.Input(inputs)
    first = layers.Conv2D(4, 3, activation="relu", name="first")
    y = first(x)
    for layer in behind:
        y = layer(y)
    model = keras.Model(x, layers.Dense(3)(layers.Flatten()(y)))
    kernel, bias = first.get_weights()
    kernel[..., 2] = kernel[..., 0]
    first.set_weights([kernel, bias])
    return model


def compacted(model):
    from redundancy.frameworks.keras import read

    return compact(read(model))


def test_without_an_obstacle_the_twins_are_merged(keras):
    assert [r.why for r in compacted(twins_before(keras)).removals] == ["duplicate"]


class Odd:
    """Makes a layer of a class that nobody knows."""

    def __new__(cls, keras):
        return type("Odd", (keras.layers.Layer,), {"call": lambda self, x: x[..., ::-1]})(name="odd")


def test_an_unknown_layer_is_named_in_one_line(keras):
    result = compacted(twins_before(keras, Odd(keras)))
    assert result.removals == ()
    (refusal,) = (refusal for refusal in result.refusals if refusal.space == "first")
    assert str(refusal) == (
        "1 unit(s) of first stay because of layer 'odd': no rule for layer 'odd' (Odd): its units are kept as they are"
    )


@pytest.mark.parametrize("name", ["LayerNormalization", "GroupNormalization", "UnitNormalization"])
def test_a_layer_that_normalises_over_its_units_is_named(keras, name):
    options = {"groups": 2} if name == "GroupNormalization" else {}
    result = compacted(twins_before(keras, getattr(keras.layers, name)(name="odd", **options)))
    (refusal,) = (refusal for refusal in result.refusals if refusal.space == "first")
    assert "layer 'odd': it normalises over its units" in str(refusal)


def test_a_function_over_units_is_named(keras):
    result = compacted(twins_before(keras, keras.layers.Softmax(name="odd")))
    (refusal,) = (refusal for refusal in result.refusals if refusal.space == "first")
    assert "layer 'odd': it normalises over its units" in str(refusal)


def test_groups_are_named(keras):
    result = compacted(twins_before(keras, keras.layers.Conv2D(4, 3, groups=2, name="odd")))
    (refusal,) = (refusal for refusal in result.refusals if refusal.space == "first")
    assert "layer 'odd': it handles units in groups, which must stay of one size" in str(refusal)


def test_units_that_are_an_output_stay(keras):
    model = twins_before(keras)
    tapped = keras.Model(model.input, [model.output, model.get_layer("first").output])
    result = compacted(tapped)
    assert result.removals == ()
    assert "it is an output of the network" in str(result.refusals[0])


def test_what_is_refused_is_written_back_unchanged(keras):
    from redundancy.frameworks.keras import write

    model = twins_before(keras, keras.layers.LayerNormalization(name="odd"))
    x = np.random.default_rng(0).standard_normal((3, 8, 8, 1)).astype(np.float32)
    assert np.array_equal(model.predict(x, verbose=0), write(compacted(model).network).predict(x, verbose=0))
