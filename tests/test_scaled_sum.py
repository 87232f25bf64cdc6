"""The layer by which InceptionResNetV2 adds its branches: the first plus a number times the second."""

import keras
import pytest
from keras import layers
from keras.src.applications.inception_resnet_v2 import CustomScaleLayer
from planting_by_hand import checked, copied, weighted

pytestmark = pytest.mark.usefixtures("in_float64")


def branched(scale, both):
    x = keras.Input((4,))
    first, second = layers.Dense(5, name="first"), layers.Dense(5, name="second")
    total = CustomScaleLayer(scale)([first(x), second(x)])
    model = weighted(keras.Model(x, layers.Dense(2)(layers.ReLU()(total))))
    for layer in (first, second) if both else (first,):
        copied(layer, 0, 1)
    return model


@pytest.mark.parametrize("scale", [0.17, -2.0, 1.0])
def test_units_that_are_equal_in_both_branches_go(scale):
    assert len(checked(branched(scale, True), 1).removals) == 1


@pytest.mark.parametrize("scale", [0.17, -2.0, 1.0])
def test_units_that_are_equal_in_one_branch_stay(scale):
    checked(branched(scale, False), 0)
