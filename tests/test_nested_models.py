"""Models inside models, with several inputs and outputs: what is planted is found, outputs and layers stay."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers
from planting_by_hand import weighted

import redundancy
from redundancy.compaction import compact as compact_network
from redundancy.frameworks.keras import read
from redundancy.frameworks.keras.probes import outputs_of

UNITS = 4
LEFT = {"duplicate": UNITS - 1, "dead": UNITS - 1, "decoy": UNITS}
"""How many units are left of each hidden layer."""

NESTINGS = {
    "list": list,
    "tuple": tuple,
    "dict": lambda tensors: {f"k{9 - n}": tensor for n, tensor in enumerate(tensors)},
    "dict of lists": lambda tensors: {"z": list(tensors[:1]), "a": list(tensors[1:])},
}
PARTS = ("dense", "sum", "through", "again", "sequential", "inner")


class Composer:
    """Composes a model out of what Hypothesis draws."""

    def __init__(self, draw):
        self.draw = draw
        self.hidden = []

    def dense(self):
        self.hidden.append(layers.Dense(UNITS, activation="tanh", name=f"hidden_{len(self.hidden)}"))
        return self.hidden[-1]

    def picked(self, tensors):
        return self.draw(st.sampled_from(tensors))

    def inner(self, depth):
        """A model inside the model: what calls it with tensors, and how many it takes."""
        count = self.draw(st.integers(1, 3))
        nested = NESTINGS[self.draw(st.sampled_from(sorted(NESTINGS)))]
        inputs = [keras.Input((UNITS,), name=f"k{9 - n}", dtype="float64") for n in range(count)]
        known, outputs = list(inputs), []
        for _ in range(self.draw(st.integers(1, 3))):
            outputs += self.part(known, outputs, depth)
            known += outputs[-1:]
        model = keras.Model(nested(inputs), nested(outputs))
        model.trainable = self.draw(st.booleans())
        return lambda tensors: keras.tree.flatten(model(nested(tensors))), count

    def part(self, known, outputs, depth):
        what = self.draw(st.sampled_from(PARTS))
        if what == "sum":
            return [layers.Add()([self.picked(known), self.picked(known)])]
        if what == "through":
            return [self.picked(known)]
        if what == "again" and outputs:
            return [outputs[-1]]
        if what == "sequential":
            return [
                keras.Sequential([keras.Input((UNITS,), dtype="float64"), self.dense(), self.dense()])(
                    self.picked(known)
                )
            ]
        if what == "inner" and depth:
            return self.called(*self.inner(depth - 1), known)
        return [self.dense()(self.picked(known))]

    def called(self, call, count, known):
        return call([self.picked(known) for _ in range(count)])

    def model(self):
        x = keras.Input((3,), name="x", dtype="float64")
        known = [self.dense()(x) for _ in range(self.draw(st.integers(1, 2)))]
        call, count = self.inner(depth=1)
        for _ in range(self.draw(st.integers(1, 2))):
            known += self.called(call, count, known)
        heads = [layers.Dense(2, name=f"head_{n}")(tensor) for n, tensor in enumerate(known)]
        return keras.Model(x, heads)


def planted(draw):
    """A model that computes in float64, and how many units its hidden layers need."""
    composer = Composer(draw)
    model = weighted(composer.model(), draw(st.integers(0, 99)))
    what = draw(st.sampled_from(sorted(LEFT)))
    for layer in composer.hidden:
        kernel, bias = layer.get_weights()
        kernel[:, 1], bias[1] = (0.0, 0.0) if what == "dead" else (kernel[:, 0], bias[0])
        bias[1] += 1e-3 * (what == "decoy")
        layer.set_weights([kernel, bias])
    return model, LEFT[what]


def insides(model):
    """All layers at any depth, as (name, class, trainable)."""
    own = [(layer.name, type(layer).__name__, layer.trainable) for layer in model.layers]
    return own + [found for layer in model.layers if isinstance(layer, keras.Model) for found in insides(layer)]


def widths(model):
    return {
        layer.name: layer.units for layer in model._flatten_layers() if getattr(layer, "name", "").startswith("hidden")
    }


def outputs(model, scale=1.0):
    rows = scale * np.random.default_rng(0).standard_normal((6, 3))
    return outputs_of(model, (rows,))


def agree(first, second):
    for scale in (1.0, 1e3):
        for a, b in zip(outputs(first, scale), outputs(second, scale), strict=True):
            np.testing.assert_allclose(b, a, rtol=1e-9, atol=1e-9 * scale)


@pytest.mark.usefixtures("in_float64")
@settings(max_examples=20)
@given(st.data())
def test_nested_models_are_compacted_completely_and_never_wrongly(data):
    model, left = planted(data.draw)
    before = [weight.copy() for weight in model.get_weights()]
    small = redundancy.compact(model).model
    agree(model, small)
    assert set(widths(small).values()) == {left}
    assert insides(small) == insides(model)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    assert not compact_network(read(small)).removals
    again = type(small).from_config(small.get_config())
    again.set_weights(small.get_weights())
    agree(small, again)
