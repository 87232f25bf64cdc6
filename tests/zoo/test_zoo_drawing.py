"""What the zoo draws is what Keras draws on TensorFlow, bit for bit."""

import keras
import numpy as np
import pytest

from redundancy.zoo import draw
from redundancy.zoo.choices import INITIALIZERS
from redundancy.zoo.drawing import kept
from redundancy.zoo.seeds import KERNEL, sequence, state_words


@pytest.mark.parametrize("name", sorted(INITIALIZERS))
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_is_drawn_is_what_keras_draws_on_tensorflow(name, dtype):
    class Words(keras.random.SeedGenerator):
        def next(self, ordered=True):
            return keras.ops.convert_to_tensor(state_words(sequence(KERNEL, 0, 7)), "int64")

    for shape in ((3, 2, 4, 8), (5, 7), (7, 5)):
        config = {"class_name": name, "config": {"seed": Words(0)}}
        drawn = np.asarray(keras.initializers.get(config)(shape, dtype=dtype))
        assert drawn.tobytes() == draw(name, shape, 7, dtype).tobytes()


def test_what_is_dropped_is_what_keras_drops_on_tensorflow():
    layer, x = keras.layers.Dropout(0.3), np.random.default_rng(0).random((4, 5), dtype=np.float32)
    words = state_words(sequence(KERNEL, 0, 7))
    layer.seed_generator.state.assign(words)
    for step in range(3):
        dropped = np.asarray(layer(x, training=True))
        np.testing.assert_array_equal(dropped, x * kept(x.shape, 0.3, words, step, "float32"))
