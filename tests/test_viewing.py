"""What criteria see of a network, and the folds of what they let go."""

import numpy as np
import pytest
from forward import forward
from hypothesis import given
from hypothesis import strategies as st

from redundancy.building import Builder
from redundancy.errors import OptionError
from redundancy.saliency import CRITERIA
from redundancy.saliency.view import in_order
from redundancy.surgery import operate
from redundancy.viewing import Prunable, finding, replaced

RNG = np.random.default_rng(0)


def dense(b, source, units, name):
    shape = (b.shape(source)[-1], units)
    return b.add("dense", source, name=name, weights={"kernel": RNG.normal(size=shape), "bias": RNG.normal(size=units)})


def network(units=6):
    b = Builder()
    h = dense(b, b.input((4,), dtype="float64"), units, "first")
    return b.network(dense(b, b.add("activation", h, name="act", function="relu"), 2, "last"))


def values(net, rows=80):
    x = np.random.default_rng(1).normal(size=(rows, 4))
    return x, {"act": np.maximum(x @ net["first"].weights["kernel"] + net["first"].weights["bias"], 0)}


def seen(net, rows=80):
    x, at = values(net, rows)
    prunable = Prunable(net)
    (space,) = prunable.spaces
    return x, space, prunable.view(space, at)


def test_a_view_has_the_weights_that_make_units_and_those_that_read_them():
    net = network()
    _, _, view = seen(net)
    np.testing.assert_allclose(view.incoming[:, :-1], net["first"].weights["kernel"].T)
    np.testing.assert_allclose(view.incoming[:, -1], net["first"].weights["bias"])
    last = net["last"].weights["kernel"]
    np.testing.assert_allclose(view.outgoing @ view.outgoing.T, last @ last.T, atol=1e-12)


def test_readers_that_are_wider_than_the_units_are_many_are_seen_by_a_factor():
    b = Builder()
    h = dense(b, b.input((4,), dtype="float64"), 3, "first")
    net = b.network(dense(b, b.add("activation", h, name="act", function="relu"), 9, "last"))
    _, _, view = seen(net)
    last = net["last"].weights["kernel"]
    assert view.outgoing.shape == (3, 3)
    np.testing.assert_allclose(view.outgoing @ view.outgoing.T, last @ last.T, atol=1e-12)


@pytest.mark.parametrize("name", ["random", "norm", "srinivas-babu", "interpolative", "obs"])
@pytest.mark.parametrize("repair", [True, False])
def test_the_small_network_computes_what_its_folds_say(name, repair):
    net = network()
    x, space, view = seen(net)
    found = finding(space, view, CRITERIA[name].rank(view), 3, name, repair=repair)
    small = operate(net, found.at).network
    fold = found.at["act"]
    stated = fold(view.readings[0].samples[:, fold.keep])
    expected = stated @ net["last"].weights["kernel"] + net["last"].weights["bias"]
    np.testing.assert_allclose(forward(small, x), expected, atol=1e-9)
    assert small["first"].shape == (3,)


@given(n=st.integers(2, 6), gone=st.integers(1, 5), seed=st.integers(0, 999), padded=st.booleans())
def test_a_repair_never_makes_the_layer_worse_than_leaving_units_out(n, gone, seed, padded):
    rng = np.random.default_rng(seed)
    samples = rng.normal(size=(int(rng.integers(1, 40)), n)) * 10.0 ** rng.integers(-3, 4, n)
    order = rng.permutation(n)
    dropped, keep = np.sort(order[: min(gone, n - 1)]), np.sort(order[min(gone, n - 1) :])
    found = replaced(samples, keep, dropped, padded=padded)
    columns = samples[:, keep] if padded else np.hstack([samples[:, keep], np.ones((len(samples), 1))])
    after = np.sum((samples[:, dropped] - columns @ found) ** 2)
    assert after <= np.sum(samples[:, dropped] ** 2) * (1 + 1e-9) + 1e-12


def test_a_repair_is_least_squares():
    samples = np.random.default_rng(2).normal(size=(200, 5))
    keep, dropped = np.array([0, 2, 3]), np.array([1, 4])
    columns = np.hstack([samples[:, keep], np.ones((200, 1))])
    exact = np.linalg.lstsq(columns, samples[:, dropped], rcond=None)[0]
    np.testing.assert_allclose(replaced(samples, keep, dropped), exact, atol=1e-4)


def test_an_heir_that_goes_too_is_stood_in_for_by_its_own():
    net = network(3)
    _, space, view = seen(net)
    ranking = in_order(np.array([0, 1, 2]), np.arange(3.0))
    ranking.heirs[:], ranking.shares[:] = [1, 2, -1], [2.0, 3.0, 0.0]
    found = finding(space, view, ranking, 2, "x", repair=False)
    np.testing.assert_allclose(found.at["act"].into, [[6.0], [3.0], [1.0]])


def test_units_that_could_not_be_seen_are_not_looked_at():
    net = network()
    prunable = Prunable(net)
    assert prunable.view(prunable.spaces[0], {}) is None


def test_a_layer_that_there_is_not_is_refused():
    with pytest.raises(OptionError, match=r"no layer is called 'frist' .did you mean first"):
        Prunable(network(), ["frist"])


def test_layers_that_have_to_stay_are_refused_with_the_reason():
    with pytest.raises(OptionError, match=r"no units may be pruned .*last.*output"):
        Prunable(network(), ["last"])


def test_one_word_is_no_list_of_layers():
    with pytest.raises(OptionError, match="one word"):
        Prunable(network(), "first")


def test_why_inputs_stay_is_told_to_those_who_name_them():
    net = network()
    assert Prunable(net).refusals == ()
    assert [each.space for each in Prunable(net, ["first", *net.inputs]).refusals] == list(net.inputs)


def test_units_that_are_joined_with_an_input_are_told_to_stay():
    b = Builder()
    x = b.input((4,), dtype="float64")
    both = b.add("add", dense(b, x, 4, "first"), x, name="sum")
    net = b.network(dense(b, dense(b, b.add("activation", both, function="relu"), 5, "second"), 2, "last"))
    assert [each.space for each in Prunable(net).refusals] == [f"{x}+first"]
