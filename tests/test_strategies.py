import numpy as np
import pytest
from forward import forward
from hypothesis import find, given, settings
from hypothesis import strategies as st

from redundancy.planting import RELATIONS
from redundancy.strategies import activations, decoys, initializers, networks, optimizers, planted, recipes

quickly = settings(max_examples=2000, database=None, deadline=None)


@given(networks())
def test_networks_can_be_evaluated(network):
    x = np.random.default_rng(0).standard_normal((2, *network[network.inputs[0]].shape))
    assert np.all(np.isfinite(forward(network, x)))


@given(networks())
def test_networks_say_their_shapes(network):
    x = np.zeros((2, *network[network.inputs[0]].shape))
    assert forward(network, x).shape[1:] == network[network.outputs[0]].shape


@pytest.mark.parametrize("dtype", ["float16", "float64"])
@settings(max_examples=20)
@given(data=st.data())
def test_weights_have_the_type_that_was_asked_for(dtype, data):
    network = data.draw(networks(dtype=dtype))
    assert {array.dtype for node in network for array in node.weights.values()} == {np.dtype(dtype)}


@pytest.mark.parametrize("kind", ["add", "concatenate", "batch_normalization", "max_pooling", "flatten"])
def test_every_kind_of_layer_occurs(kind):
    assert find(networks(), lambda network: any(node.kind == kind for node in network), settings=quickly)


def test_networks_shrink_to_two_dense_layers_of_two_units():
    simplest = find(networks(), lambda network: True, settings=quickly)
    assert [node.kind for node in simplest] == ["input", "dense", "dense"]
    assert simplest["dense_1"].shape == (2,)


def test_activations_shrink_to_relu():
    assert find(activations(), lambda config: True, settings=quickly) == {"function": "relu"}


@given(networks(functions=["tanh"]))
def test_functions_can_be_chosen(network):
    assert {node.config["function"] for node in network if node.kind == "activation"} <= {"tanh"}


@given(planted())
def test_what_is_planted_folds(plant):
    assert RELATIONS[plant.relation].folds


@settings(max_examples=30)
@given(decoys())
def test_what_is_a_decoy_does_not(plant):
    assert not RELATIONS[plant.relation].folds


@pytest.mark.parametrize("relation", sorted(RELATIONS))
def test_every_relation_can_be_planted(relation):
    assert find(planted([relation]), lambda plant: True, settings=quickly).relation == relation


@given(recipes())
def test_recipes_have_no_twins_unless_asked_for(recipe):
    assert recipe.twins == ()
    assert recipe.steps == 40


@given(recipes(twins=True))
def test_recipes_with_twins_name_two_units_of_the_first_layer(recipe):
    (pair,) = recipe.twins
    assert pair.layer == "first"
    assert len(set(pair.units)) == 2


def test_initialisers_and_optimisers_shrink_to_the_plainest():
    assert find(initializers(), lambda initializer: True, settings=quickly).name == "random_normal"
    assert find(optimizers(), lambda pair: True, settings=quickly)[0].name == "sgd"
