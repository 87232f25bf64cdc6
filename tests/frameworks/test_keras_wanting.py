"""Which form of labels a loss takes, of Keras's own and of others."""

import keras
import pytest
from keras import ops

from redundancy.frameworks.keras.wanting import takes_numbers


def refusing(labels, said):
    return ops.sparse_categorical_crossentropy(ops.reshape(labels, (-1,)), said)


def silent(labels, said):
    rows = ops.reshape(ops.cast(labels, "int32"), (ops.shape(said)[0], -1))
    return -ops.log(ops.take_along_axis(said, rows, axis=-1)[:, 0])


class Own(keras.losses.Loss):
    def call(self, y_true, y_pred):
        return silent(y_true, y_pred)


def no_loss(labels, said):
    return 0.0 * ops.sum(said)


@pytest.mark.parametrize("loss", ["sparse_categorical_crossentropy", refusing, silent, Own()])
def test_losses_that_take_the_number_of_the_class(loss):
    assert takes_numbers(loss, (5,))


@pytest.mark.parametrize(
    "loss", ["mse", "hinge", "poisson", keras.losses.CategoricalCrossentropy(from_logits=True), no_loss]
)
def test_losses_that_take_ones_among_zeros_or_say_nothing(loss):
    assert not takes_numbers(loss, (5,))
    assert not takes_numbers(loss, (2, 2))
