"""The inputs of a model are called as its network's are."""

import keras

from redundancy.frameworks.keras import read
from redundancy.frameworks.keras.inputs import Input, inputs_of


def test_an_input_without_a_name_is_called_as_its_layer():
    model = keras.Sequential([keras.Input((None, 4)), keras.layers.Dense(2)])
    assert tuple(each.name for each in inputs_of(model)) == read(model).inputs


def test_inputs_are_in_order_with_shape_and_dtype():
    one, other = keras.Input((3,), name="b"), keras.Input((), name="a", dtype="int32")
    model = keras.Model([one, other], [keras.layers.Dense(2)(one), keras.layers.Embedding(4, 2)(other)])
    assert inputs_of(model) == (Input("b", (3,), "float32"), Input("a", (), "int32"))


def test_a_model_that_is_no_graph_has_none():
    class Own(keras.Model):
        def call(self, x):
            return x

    assert inputs_of(Own()) == ()
