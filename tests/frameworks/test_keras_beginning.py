import keras
import numpy as np
import pytest
from keras import layers

from redundancy.frameworks.keras import read, write
from redundancy.frameworks.keras.beginning import PLAIN, begun_with_zeros


def test_a_written_layer_keeps_its_initialisers():
    made = layers.Dense(2, kernel_initializer=keras.initializers.HeNormal(seed=3), bias_initializer="random_normal")
    model = keras.Sequential([keras.Input((3,)), made])
    assert write(read(model)).layers[0].get_config() == made.get_config()


def test_a_layer_begins_with_zeros_only_where_it_is_built_meanwhile():
    inside, behind = layers.Dense(2), layers.Dense(2)
    with begun_with_zeros(inside):
        inside.build((None, 3))
    behind.build((None, 3))
    assert not inside.kernel.numpy().any()
    assert behind.kernel.numpy().any()
    assert isinstance(inside.kernel_initializer, keras.initializers.GlorotUniform)


def test_a_layer_of_ones_own_begins_as_it_says():
    class Dense(layers.Dense):
        pass

    layer = Dense(2)
    with begun_with_zeros(layer):
        layer.build((None, 3))
    assert layer.kernel.numpy().any()


@pytest.mark.parametrize("name", sorted(PLAIN))
def test_layers_that_begin_with_zeros_are_layers_of_keras(name):
    assert issubclass(getattr(layers, name), layers.Layer)


def test_a_layer_begins_with_what_it_becomes():
    layer, wanted = layers.Conv2D(2, 1), np.ones((1, 1, 3, 2), np.float32)
    with begun_with_zeros(layer, {"kernel": wanted}) as given:
        layer.build((None, 4, 4, 3))
    assert np.array_equal(layer.kernel, wanted)
    assert given["kernel"].used
    assert isinstance(layer.kernel_initializer, keras.initializers.GlorotUniform)


@pytest.mark.parametrize("wrong", [np.ones((2, 3), np.float32), np.ones((3, 2), np.float64)])
def test_what_does_not_fit_a_weight_is_not_taken_for_it(wrong):
    layer = layers.Dense(2)
    with begun_with_zeros(layer, {"kernel": wrong}) as given:
        layer.build((None, 3))
    assert not given["kernel"].used
    assert not layer.kernel.numpy().any()


def test_training_what_was_written_leaves_the_network_as_it_is():
    network = read(keras.Sequential([keras.Input((64,)), layers.Dense(64), layers.BatchNormalization()]))
    before = [np.array(array) for node in network for array in node.weights.values()]
    for variable in write(network).weights:
        variable.assign_add(np.ones(variable.shape))
    after = [array for node in network for array in node.weights.values()]
    assert all(np.array_equal(one, other) for one, other in zip(before, after, strict=True))
