"""Criteria by themselves: arrays in, an order out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from redundancy.errors import NetworkError, OptionError
from redundancy.saliency import CRITERIA, Reading, View, criterion


def view(samples, incoming=None, outgoing=None, gates=None, padded=False, seed=0):
    n = samples.shape[1]
    rng = np.random.default_rng(n)
    incoming = rng.standard_normal((n, 4)) if incoming is None else incoming
    outgoing = rng.standard_normal((n, 3)) if outgoing is None else outgoing
    gates = rng.standard_normal((7, n)) if gates is None else gates
    return View(np.asarray(incoming, float), (Reading(samples, np.asarray(outgoing, float), padded, gates),), seed)


def drawn(n, rows=60, seed=0):
    return np.maximum(np.random.default_rng(seed).standard_normal((rows, n)), 0.0)


@pytest.mark.parametrize("name", CRITERIA)
@given(n=st.integers(1, 9), seed=st.integers(0, 99), padded=st.booleans())
def test_every_unit_is_ranked_once_and_losses_add_up(name, n, seed, padded):
    ranking = CRITERIA[name].rank(view(drawn(n, seed=seed), padded=padded))
    assert sorted(ranking.order.tolist()) == list(range(n))
    assert np.all(np.diff(ranking.loss) >= 0)
    assert all(heir != unit and -1 <= heir < n for unit, heir in enumerate(ranking.heirs))


@pytest.mark.parametrize("name", CRITERIA)
def test_a_ranking_is_the_same_twice(name):
    first, second = (CRITERIA[name].rank(view(drawn(8))) for _ in range(2))
    assert np.array_equal(first.order, second.order)


@pytest.mark.parametrize("name", ["apoz", "mean", "interpolative", "obs"])
def test_a_unit_that_is_always_zero_goes_first(name):
    samples = drawn(6)
    samples[:, 3] = 0.0
    assert CRITERIA[name].rank(view(samples)).order[0] == 3


@pytest.mark.parametrize("name", ["interpolative", "obs"])
def test_one_of_two_units_that_are_equal_on_data_goes_first(name):
    samples = drawn(6)
    samples[:, 4] = samples[:, 1]
    assert CRITERIA[name].rank(view(samples)).order[0] in (1, 4)


@pytest.mark.parametrize("name", ["norm", "product"])
def test_a_unit_without_weights_goes_first(name):
    incoming = np.ones((5, 4))
    incoming[2, :-1] = 0.0
    assert CRITERIA[name].rank(view(drawn(5), incoming)).order[0] == 2


def test_the_product_does_not_change_where_a_unit_is_rescaled():
    rng = np.random.default_rng(0)
    incoming, outgoing = rng.standard_normal((5, 4)), rng.standard_normal((5, 3))
    scale = np.array([1.0, 10.0, 0.1, 3.0, 1.0])[:, None]
    first, second = (
        CRITERIA["product"].rank(view(drawn(5), a, b)).order
        for a, b in ((incoming, outgoing), (incoming * scale, outgoing / scale))
    )
    assert np.array_equal(first, second)


def test_damage_and_taylor_are_moments_of_the_gradients_of_gates():
    gates = np.array([[1.0, -3.0, 0.0], [1.0, 3.0, 1.0]])
    seen = view(drawn(3), gates=gates)
    assert CRITERIA["taylor"].rank(seen).loss.tolist() == [0.5, 1.5, 4.5]
    assert CRITERIA["obd"].rank(seen).loss.tolist() == [0.25, 0.75, 5.25]


def test_gradients_add_up_where_a_unit_is_read_twice():
    reading = Reading(drawn(2), np.ones((2, 1)), False, np.array([[1.0, 2.0]]))
    assert View(np.ones((2, 2)), (reading, reading)).gates.tolist() == [[2.0, 4.0]]


def test_gradients_that_nobody_measured_are_refused():
    with pytest.raises(NetworkError, match="not known"):
        CRITERIA["obd"].rank(View(np.ones((2, 2)), (Reading(drawn(2), np.ones((2, 1))),)))


def test_the_most_alike_are_merged_and_the_heir_takes_over_by_lengths():
    incoming = np.array([[1.0, 0, 0], [2.0, 0.0001, 0], [0, 1.0, 0], [0, 0, 1.0]])
    ranking = CRITERIA["srinivas-babu"].rank(view(drawn(4), incoming, np.ones((4, 1))))
    assert ranking.order[0] in (0, 1)
    gone = int(ranking.order[0])
    assert ranking.heirs[gone] == 1 - gone
    assert ranking.shares[gone] == pytest.approx(2.0 if gone else 0.5, rel=1e-3)


@given(n=st.integers(3, 7), seed=st.integers(0, 999), padded=st.booleans())
def test_the_surgeon_takes_the_unit_that_the_others_replace_best(n, seed, padded):
    samples, outgoing = drawn(n, seed=seed), np.random.default_rng(seed).standard_normal((n, 3))
    seen = view(samples, outgoing=outgoing, padded=padded)
    ranking = CRITERIA["obs"].rank(seen)
    costs = np.array([_lost(samples, outgoing, [j], padded) for j in range(n)])
    assert costs[ranking.order[0]] <= costs.min() * 1.05 + 1e-6


@given(n=st.integers(3, 7), seed=st.integers(0, 999))
def test_the_surgeons_costs_are_those_of_least_squares(n, seed):
    samples, outgoing = drawn(n, seed=seed), np.random.default_rng(seed).standard_normal((n, 3))
    ranking = CRITERIA["obs"].rank(view(samples, outgoing=outgoing))
    for gone in range(1, n):
        exact = _lost(samples, outgoing, ranking.order[:gone], False)
        # The ridge makes every step dearer, and forgets a little of it.
        assert 0.8 * exact - 1e-9 <= ranking.loss[gone - 1] <= 1.6 * exact + 0.05 * np.sum(outgoing**2)


def _lost(samples, outgoing, gone, padded):
    """The mean squared error of the layer that reads, where all others take over as well as they can."""
    keep = np.delete(np.arange(samples.shape[1]), gone)
    columns = samples[:, keep] if padded else np.hstack([samples[:, keep], np.ones((len(samples), 1))])
    wanted = samples @ outgoing
    found = columns @ np.linalg.lstsq(columns, wanted, rcond=None)[0]
    return float(np.sum((found - wanted) ** 2) / len(samples))


def test_a_criterion_that_there_is_not_is_refused():
    with pytest.raises(OptionError, match=r"no criterion is called 'obx' .did you mean ob"):
        criterion("obx")


@given(seed=st.integers(0, 99), padded=st.booleans())
def test_obs_lets_units_that_are_zero_throughout_go_first_whatever_reads_them(seed, padded):
    samples = drawn(8, seed=seed)
    samples[:, [2, 5]] = 0.0
    samples[:, 4] *= 1e-3  # next to nothing, and alive
    outgoing = np.ones((8, 3))
    outgoing[[2, 5]] = 1e3
    ranking = CRITERIA["obs"].rank(view(samples, outgoing=outgoing, padded=padded))
    assert sorted(ranking.order[:2].tolist()) == [2, 5]
    assert ranking.loss[1] == 0
