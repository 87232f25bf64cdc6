import keras
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
