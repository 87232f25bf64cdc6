"""Merging is no approximation: the consumers of a duplicate take over its weights, and nothing else changes.

To merge near-duplicates is one, and then accuracy is a matter of a margin: a thousand images can certify one point.
"""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from redundancy import claim, compact, judge_pairs, observe
from redundancy.fold import drop
from redundancy.frameworks.keras import evaluate
from redundancy.planting import RELATIONS, beds, plant
from redundancy.search import search
from redundancy.strategies import planted
from redundancy.surgery import operate
from redundancy.zoo import (
    Recipe,
    add,
    average_pooling,
    batch_normalization,
    concatenate,
    conv,
    dense,
    flatten,
    max_pooling,
    seeds,
)


def convolution(function):
    return conv(8, 3, strides=2, activation=function), max_pooling(), flatten()


def hidden(function):
    return flatten(), dense(24, activation=function), dense(16, activation=function)


def normalised(function):
    return conv(8, 3, strides=2), batch_normalization(), conv(8, 3, activation=function), flatten()


def residual(function):
    stem = conv(8, 3, strides=3, activation=function, name="stem")
    branch = conv(8, 3, padding="same", activation=function, name="branch")
    return stem, branch, add("stem", "branch", name="sum"), average_pooling(), flatten()


def branches(function):
    left = conv(6, 3, strides=3, padding="same", activation=function, name="left", inputs="input")
    right = conv(6, 5, strides=3, padding="same", activation=function, name="right", inputs="input")
    return left, right, concatenate("left", "right", name="both"), flatten()


ARCHITECTURES = {f.__name__: f for f in (convolution, hidden, normalised, residual, branches)}
FOLDING = ("duplicate", "scaled", "flipped")


@st.composite
def cases(draw):
    """(architecture, function, relation, where): what to train, and what to plant in it."""
    architecture = draw(st.sampled_from(list(ARCHITECTURES)))
    function = draw(st.sampled_from(["relu", "tanh", "sigmoid"]))
    return architecture, function, draw(st.sampled_from(FOLDING)), draw(st.integers(0, 7)), draw(st.integers(0, 4))


@pytest.fixture(scope="session")
def grown(dataset, trained, root_seed):
    """Trains the network of a case, and plants in it; both claims are about the same networks."""

    def network(case):
        architecture, function, relation, place, unit = case
        recipe = Recipe(
            (*ARCHITECTURES[architecture](function), dense(dataset.classes)),
            learning_rate=3e-3,
            steps=100,
            data=dataset.name,
        )
        (run,) = trained(recipe, seeds("merging", recipe, root=root_seed, count=1))
        fitting = [bed.space for bed in beds(run.network) if RELATIONS[relation].fits(bed)]
        assume(fitting)
        space = fitting[place % len(fitting)]
        return plant(run.network, space.name, (unit, space.size - 1), relation)

    return network


@pytest.fixture(scope="session")
def logits(dataset):
    """(logits, the same in float64) of the network that was grown in a case, which two claims ask for."""
    kept = {}

    def of(case, network):
        if case not in kept:
            kept[case] = tuple(evaluate(network, dataset.x_test, dtype=dtype) for dtype in (None, "float64"))
        return kept[case]

    return of


def rounding(logits, exact):
    """What float32 arithmetic itself did to these logits: the measure of every other difference."""
    return max(float(np.max(np.abs(logits - exact))), 2.0**-23 * float(np.max(np.abs(exact))))


@claim("merging duplicates keeps every prediction, and every logit within rounding: plain, scaled or flipped")
@given(case=cases())
def test_merging(case, dataset, grown, logits):
    planted = grown(case)
    small = compact(planted.network).network
    assert small.parameters < planted.network.parameters, f"nothing was merged: {planted}"
    (before, exact), after = logits(case, planted.network), evaluate(small, dataset.x_test)
    largest = float(np.max(np.abs(after - before)))
    roundings = largest / rounding(before, exact)
    observe("largest difference of a logit, in roundings", roundings)
    observe("changed predictions", int(np.sum(after.argmax(1) != before.argmax(1))))
    observe("accuracy", float(np.mean(before.argmax(1) == dataset.y_test)))
    assert roundings <= 16, f"logits changed by {largest:.2g}: {planted}"
    assert np.array_equal(after.argmax(1), before.argmax(1)), f"predictions changed: {planted}"


@claim("removing a duplicate without folding it into its consumers changes the logits")
@given(case=cases())
def test_removing(case, dataset, grown, logits):
    planted = grown(case)
    folds = search(planted.network).folds
    without = {
        name: drop(fold.size, dict.fromkeys(fold.dropped.tolist(), 0.0), "removed") for name, fold in folds.items()
    }
    before, exact = logits(case, planted.network)
    after = evaluate(operate(planted.network, without).network, dataset.x_test)
    largest = float(np.max(np.abs(after - before)))
    observe("largest difference of a logit", largest)
    observe("share of predictions changed", float(np.mean(after.argmax(1) != before.argmax(1))))
    assert largest > 1000 * rounding(before, exact)


@claim("merging near-duplicates under a tolerance costs less than one point of accuracy")
@pytest.mark.parametrize("tolerance", [3.0, 10.0])
def test_near(tolerance, dataset, trained, seeds):
    layers = (conv(100, 3, strides=3, activation="relu", name="filters"), flatten(), dense(dataset.classes))
    recipe = Recipe(layers, optimizer="adam", learning_rate=2e-3, steps=150, data=dataset.name)
    for run in trained(recipe, seeds(2)):
        small = compact(run.network, tolerance=tolerance).network
        before, after = (evaluate(network, dataset.x_test) for network in (run.network, small))
        observe(f"filters left of 100, tolerance {tolerance:g}", small["filters"].weights["kernel"].shape[-1])
        observe(f"largest difference of a logit, tolerance {tolerance:g}", float(np.max(np.abs(after - before))))
        assert small.parameters < run.network.parameters, "nothing was merged"
        labels = dataset.y_test
        judge_pairs(before.argmax(1), after.argmax(1), labels=labels, claim="not worse", margin=0.01)


MERGERS = {"duplicate", "scaled", "flipped", "dependent"}


@claim("what only looks like a duplicate is never merged")
@pytest.mark.parametrize("looks", [name for name, relation in RELATIONS.items() if not relation.folds])
@settings(max_examples=10)
@given(data=st.data())
def test_decoys(looks, data):
    decoy = data.draw(planted([looks]))
    result = compact(decoy.network)
    merged = {r.unit for r in result.removals if r.space == decoy.space and r.why in MERGERS}
    assert not merged & set(decoy.units), f"merged: {decoy}"
    inputs = np.random.default_rng(0).standard_normal((8, *decoy.network[decoy.network.inputs[0]].shape))
    before, after = (evaluate(network, inputs, dtype="float64") for network in (decoy.network, result.network))
    difference = float(np.max(np.abs(after - before)) / (1 + np.max(np.abs(before))))
    observe("largest relative difference of an output, float32 weights", difference)
    assert difference < 1e-5
