"""Training that goes on from given weights, some of which stay zero."""

import numpy as np
import pytest

from redundancy import load_data
from redundancy.errors import NetworkError
from redundancy.frameworks.keras import evaluate
from redundancy.sparsifying import sparsified
from redundancy.zoo import Recipe, conv, dense, flatten, initial
from redundancy.zoo.refining import Refinery

DIGITS = load_data("mnist-5k")
RECIPE = Recipe((conv(2, 3, strides=3, activation="tanh"), flatten(), dense(10)))
X, Y = DIGITS.x_train, DIGITS.y_train


def start(seed=0):
    return initial(RECIPE, seed, DIGITS.input_shape)


def loss(network):
    logits = evaluate(network, X[:1000])
    chosen = logits[np.arange(1000), Y[:1000]]
    return float(np.mean(np.log(np.exp(logits).sum(axis=1)) - chosen))


def test_what_is_gone_stays_gone_and_the_loss_falls():
    (cut,) = sparsified(start(), [0.5], by="magnitude")
    trained = Refinery(cut.network, learning_rate=0.01).trained(cut.network, cut.kept, X, Y, steps=60, seed=0)
    assert loss(trained) < 0.8 * loss(cut.network)
    for name, masks in cut.kept.items():
        for weight, mask in masks.items():
            assert np.array_equal(trained[name].weights[weight] != 0, mask)


def test_one_refinery_trains_many_networks_as_if_each_were_the_first():
    first, second = start(1), start(2)
    (cut,) = sparsified(first, [0.5], by="random")
    used, fresh = Refinery(first), Refinery(second)
    used.trained(cut.network, cut.kept, X, Y, steps=5, seed=3)
    again, alone = (each.trained(second, {}, X, Y, steps=5, seed=4) for each in (used, fresh))
    for node in alone:
        for weight, array in node.weights.items():
            np.testing.assert_allclose(again[node.name].weights[weight], array, atol=1e-6)
            assert array.all() or weight == "bias"


def test_no_steps_change_nothing():
    network = start()
    same = Refinery(network).trained(network, {}, X, Y, steps=0, seed=0)
    assert all(np.array_equal(w, same[n.name].weights[k]) for n in network for k, w in n.weights.items())


def test_what_is_not_kept_is_zero_before_any_step():
    network, kept = start(), {"dense_1": {"kernel": np.zeros((162, 10), bool)}}
    cut = Refinery(network).trained(network, kept, X, Y, steps=0, seed=0)
    assert not cut["dense_1"].weights["kernel"].any()


def test_its_logits_are_those_of_the_network():
    network = start(5)
    refinery = Refinery(start(6))
    np.testing.assert_allclose(refinery.logits(network, X[:50]), evaluate(network, X[:50]), atol=1e-5)


def test_masks_of_what_is_not_there_are_refused():
    network = start()
    with pytest.raises(NetworkError, match="no trained weight 'gamma'"):
        Refinery(network).trained(network, {"dense_1": {"gamma": np.ones(3, bool)}}, X, Y, steps=1, seed=0)
