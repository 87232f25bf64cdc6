import numpy as np
import pytest
from fused_architectures import ARCHITECTURES
from hypothesis import given
from hypothesis import strategies as st

from redundancy.zoo import Recipe, activation, add, conv, dense, dropout, flatten, initial, max_pooling
from redundancy.zoo.fused.plan import RECTIFIED, TOGETHER, planned
from redundancy.zoo.fused.sizes import CACHE, LARGEST, group_size
from redundancy.zoo.structure import structure

SHAPE = (6, 6, 1)


def kinds(*layers, batch_size=128, shape=SHAPE):
    return [part.kind for part in planned(structure(Recipe(layers), shape), batch_size).parts]


def test_a_linear_convolution_that_a_dense_layer_reads_is_one_matrix_with_it():
    assert kinds(conv(3, 3), flatten(), dense(3)) == ["input", TOGETHER]


@pytest.mark.parametrize(
    "layers",
    [
        (conv(3, 3, activation="relu"), flatten(), dense(3)),
        (conv(3, 3), dropout(0.5), flatten(), dense(3)),
        (conv(3, 3), flatten(), activation("tanh"), dense(3)),
        (conv(3, 3, strides=2), flatten(), dense(3)),
    ],
)
def test_what_lies_between_keeps_them_apart(layers):
    assert TOGETHER not in kinds(*layers)


def test_one_matrix_is_made_only_where_it_costs_less():
    assert TOGETHER not in kinds(conv(3, 3), flatten(), dense(3), batch_size=1)


def test_a_relu_is_computed_where_it_takes_the_least_memory():
    pooled = kinds(conv(3, 3, activation="relu"), max_pooling(), flatten(), dense(3))
    assert pooled == ["input", "conv", "max_pooling", "activation", "flatten", "dense"]
    assert kinds(conv(3, 3, activation="relu"), flatten(), dense(3)) == ["input", RECTIFIED, "flatten", "dense"]


def test_neither_a_relu_nor_a_convolution_moves_if_another_layer_reads_it():
    branches = (activation("relu", name="a"), max_pooling(1, inputs="a", name="b"), add("a", "b"))
    assert kinds(conv(3, 3), *branches, flatten(), dense(3))[1:3] == [RECTIFIED, "max_pooling"]
    inner = (conv(3, 3, name="c"), activation("relu", name="a"), add("a", "c"))
    assert kinds(*inner, flatten(), dense(3))[1:3] == ["conv", "activation"]


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_weights_come_back_as_they_went(name):
    network = initial(Recipe(ARCHITECTURES[name]), 3, SHAPE)
    plan = planned(network, 16)
    again = plan.network(structure(Recipe(ARCHITECTURES[name]), SHAPE), plan.laid(network))
    for node in network:
        for weight, array in node.weights.items():
            np.testing.assert_array_equal(again[node.name].weights[weight], array)


@given(st.integers(1, 10_000), st.integers(1, 10 * CACHE))
def test_groups_are_even_and_fit(wanted, each):
    size = group_size(wanted, each)
    assert 1 <= size <= min(LARGEST, wanted)
    assert size == 1 or size * each <= CACHE
    assert -wanted % size < -(-wanted // size)
