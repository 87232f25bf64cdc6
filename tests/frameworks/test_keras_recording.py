"""Models inside a model, of which Keras changes the inputs without recording it: by name, by rank, by type."""

import keras
import numpy as np
import pytest
from keras import layers
from planting_by_hand import copied, weighted

import redundancy
from redundancy.frameworks.keras import read


def inside(inner, shape, before=lambda x: x, after=lambda y: y):
    """The model around a model."""
    x = keras.Input(shape)
    return weighted(keras.Model(x, after(inner(before(x)))))


def numbers(*shapes):
    rng = np.random.default_rng(0)
    return [rng.uniform(0.0, 2.9, (8, *shape)).astype("float32") for shape in shapes]


def agrees(model, small, *shapes):
    x = numbers(*shapes)
    x = x if len(x) > 1 else x[0]
    expected, got = (keras.tree.flatten(each(x)) for each in (model, small.model))
    for a, b in zip(expected, got, strict=True):
        a, b = (keras.ops.convert_to_numpy(output) for output in (a, b))
        np.testing.assert_allclose(b, a, rtol=1e-5, atol=1e-5)


def difference(names=("b", "a")):
    """A model with two inputs in this order, whose output is another one when they are exchanged."""
    by_name = {name: keras.Input((3,), name=name) for name in names}
    b, a = by_name["b"], by_name["a"]
    return by_name, layers.Dense(2)(b) - 5.0 * layers.Dense(2)(a)


def test_inputs_that_are_sorted_by_name_stay_with_what_reads_them():
    by_name, output = difference()
    dense = layers.Dense(3)
    inner = keras.Model(list(by_name.values()), output)
    x, y = keras.Input((3,)), keras.Input((3,))
    model = weighted(keras.Model([x, y], inner({"a": dense(x), "b": y})))
    copied(dense, 0, 1)
    agrees(model, redundancy.compact(model), (3,), (3,))
    assert "Functional" in {node.kind for node in read(model)}


def test_names_on_both_sides_are_followed():
    by_name, output = difference(names=("a", "b"))
    dense = layers.Dense(3)
    inner = keras.Model(by_name, output)
    x, y = keras.Input((3,)), keras.Input((3,))
    model = weighted(keras.Model([x, y], inner({"b": y, "a": dense(x)})))
    copied(dense, 0, 1)
    small = redundancy.compact(model)
    assert len(small.removals) == 1
    agrees(model, small, (3,), (3,))


def test_an_axis_that_is_squeezed_makes_no_traceback():
    i = keras.Input((4,))
    model = inside(keras.Model(i, layers.Dense(2)(i)), (4, 1))
    agrees(model, redundancy.compact(model), (4, 1))


@pytest.mark.parametrize("dtype", ["int32", "uint8", "bool"])
def test_what_is_cut_to_whole_numbers_is_not_followed(dtype):
    """The sum of two units may be folded into what reads them; of their whole parts, it may not."""
    i = keras.Input((4,), dtype=dtype)
    dense = layers.Dense(4)
    model = inside(keras.Model(i, layers.Dense(2)(i)), (4,), before=dense)
    kernel, bias = dense.get_weights()
    kernel[:, 1], bias[1] = 0.5 * kernel[:, 0], 0.5 * bias[0]
    dense.set_weights([kernel, bias])
    small = redundancy.compact(model)
    assert not small.removals
    agrees(model, small, (4,))


def test_whole_numbers_that_fit_are_followed():
    x, i = keras.Input((5,), dtype="int32"), keras.Input((5,), dtype="int64")
    embedding = layers.Embedding(7, 4)
    model = weighted(keras.Model(x, layers.Dense(2)(keras.Model(i, embedding(i))(x))))
    table = embedding.get_weights()[0]
    table[:, 1] = table[:, 0]
    embedding.set_weights([table])
    assert len(redundancy.compact(model).removals) == 1


def between(inner, feeds):
    """The model around a model with two inputs, each read by one of its layers; and two layers that feed it."""
    x = keras.Input((3,))
    first, second = layers.Dense(4, activation="relu"), layers.Dense(4, activation="relu")
    tensors = {"first": first(x), "second": second(x)}
    outputs = [inner([tensors[name] for name in pair]) for pair in feeds]
    model = weighted(keras.Model(x, keras.tree.map_structure(lambda tensor: layers.Dense(2)(tensor), outputs)))
    copied(first, 0, 1)
    copied(second, 0, 1)
    return model


@pytest.mark.parametrize("feeds", [["ff", "fs"], ["fs", "ff"], ["sf", "ss", "fs"]])
def test_a_model_that_is_given_one_tensor_twice_keeps_two_inputs(feeds):
    names = {"f": "first", "s": "second"}
    a, b = keras.Input((4,)), keras.Input((4,))
    inner = keras.Model([a, b], layers.Dense(3)(a) - 5.0 * layers.Dense(3)(b), name="inner")
    model = between(inner, [[names[letter] for letter in pair] for pair in feeds])
    small = redundancy.compact(model)
    assert len(small.removals) == 1  # the two feed the same weights
    agrees(model, small, (3,))


def test_a_model_that_hands_on_its_inputs_stays():
    a, b = keras.Input((4,)), keras.Input((4,))
    model = between(keras.Model([a, b], [b, a], name="inner"), [["first", "second"]])
    small = redundancy.compact(model)
    assert len(small.removals) == 2
    assert [output.shape for output in small.model.get_layer("inner").outputs] == [(None, 3), (None, 3)]
    agrees(model, small, (3,))


def test_tensors_that_are_given_by_key_are_told_by_the_key_and_not_by_their_order():
    by_name, output = difference(names=("a", "b"))
    first, second = layers.Dense(3), layers.Dense(3)
    x = keras.Input((3,))
    model = weighted(keras.Model(x, keras.Model(by_name, output)({"b": first(x), "a": second(x)})))
    copied(first, 0, 1)
    copied(second, 0, 1)
    small = redundancy.compact(model)
    assert len(small.removals) == 2
    agrees(model, small, (3,))


def test_inputs_may_be_given_by_keyword():
    a, b = keras.Input((4,)), keras.Input((4,))
    inner = keras.Model([a, b], layers.Dense(3)(a) - layers.Dense(3)(b))
    model = between(lambda tensors: inner(inputs=tensors), [["first", "second"]])
    small = redundancy.compact(model)
    assert len(small.removals) == 2
    agrees(model, small, (3,))
