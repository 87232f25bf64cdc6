"""Networks without some of their single weights."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redundancy import sparsifying
from redundancy.building import Builder
from redundancy.errors import OptionError
from redundancy.frameworks.keras import evaluate
from redundancy.sparsifying import WAYS, sparsified
from redundancy.strategies import networks

RNG = np.random.default_rng(0)
X = RNG.standard_normal((200, 5))
X[:, 4] = X[:, 3]


def linear(kernel):
    b = Builder()
    x = b.input((len(kernel),), dtype="float64")
    return b.network(b.add("dense", x, name="top", weights={"kernel": np.asarray(kernel, np.float64)}))


def zeros(found):
    return {name: {weight: array == 0 for weight, array in found.network[name].weights.items()} for name in found.kept}


@settings(max_examples=10)
@given(networks(dtype="float64"), st.sampled_from(WAYS), st.floats(0, 0.9))
def test_as_many_weights_as_asked_for_are_zero(network, by, fraction):
    x = np.random.default_rng(0).standard_normal((20, *network[network.inputs[0]].shape))
    (found,) = sparsified(network, [fraction], by=by, data=x, likelihood="categorical")
    size = sum(mask.size for masks in found.kept.values() for mask in masks.values())
    assert found.left == size - round(fraction * size)
    for name, masks in found.kept.items():
        for weight, mask in masks.items():
            assert not found.network[name].weights[weight][~mask].any()


def test_the_smallest_go_by_magnitude():
    (found,) = sparsified(linear([[3.0, -1.0], [0.5, 2.0]]), [0.5], by="magnitude")
    assert np.array_equal(found.network["top"].weights["kernel"], [[3.0, 0.0], [0.0, 2.0]])


def test_damage_knows_that_an_input_is_always_small():
    x = RNG.standard_normal((500, 2)) * [1.0, 0.01]
    (found,) = sparsified(linear([[0.5], [2.0]]), [0.5], by="obd", data=x)
    assert np.array_equal(found.kept["top"]["kernel"], [[True], [False]])


def test_the_surgeon_gives_what_goes_to_what_stays():
    network = linear(np.ones((5, 1)))
    (found,) = sparsified(network, [0.2], by="obs", data=X)
    # Of two inputs that are always equal either may go, and the other does the work of both.
    assert sorted(found.network["top"].weights["kernel"].ravel().round(1)) == [0.0, 1.0, 1.0, 1.0, 2.0]
    np.testing.assert_allclose(evaluate(found.network, X), evaluate(network, X), atol=0.05)


def test_units_are_operated_on_alone_where_weights_are_many(monkeypatch):
    monkeypatch.setattr(sparsifying, "WHOLE", 0)
    b, rng = Builder(), np.random.default_rng(1)
    h = b.add("dense", b.input((5,), dtype="float64"), name="h", weights={"kernel": rng.standard_normal((5, 3))})
    a = b.add("activation", h, function="tanh")
    network = b.network(b.add("dense", a, name="top", weights={"kernel": rng.standard_normal((3, 2))}))
    (found,) = sparsified(network, [0.05], by="obs", data=X)
    moved = {
        (name, unit)
        for name in ("h", "top")
        for unit in range(network[name].shape[0])
        if np.any(found.network[name].weights["kernel"][:, unit] != network[name].weights["kernel"][:, unit])
    }
    assert found.left == 20
    assert len(moved) == 1


def test_what_is_gone_stays_gone():
    network = linear(RNG.standard_normal((5, 4)))
    for by in WAYS:
        first, more = sparsified(network, [0.25, 0.5], by=by, data=X)
        (again,) = sparsified(first.network, [0.5], by=by, data=X, kept=first.kept)
        assert again.left == more.left == 10
        assert not again.network["top"].weights["kernel"][~first.kept["top"]["kernel"]].any()


@pytest.mark.parametrize(
    ("fractions", "options", "said"),
    [
        ([0.5], {"by": "odb"}, "choose from magnitude"),
        ([0.5], {"by": "obd"}, "give some"),
        ([1.0], {"by": "random"}, "from 0 to below 1"),
        ([0.5, 0.2], {"by": "random"}, "increasing"),
    ],
)
def test_what_cannot_be_is_refused(fractions, options, said):
    with pytest.raises(OptionError, match=said):
        sparsified(linear(np.ones((5, 2))), fractions, **options)


def test_a_network_without_such_weights_is_refused():
    b = Builder()
    with pytest.raises(OptionError, match="no dense layer"):
        sparsified(b.network(b.add("activation", b.input((3,)), function="relu")), [0.5], by="random")
