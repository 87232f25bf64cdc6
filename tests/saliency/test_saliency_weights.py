"""Optimal Brain Damage and Surgeon on arrays."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from redundancy.saliency.weights.obd import damage
from redundancy.saliency.weights.obs import block, inverse, operated, without


def problem(seed, k=6, n=40):
    """A quadratic loss with its minimum at the weights: gradients of examples, weights, Hessian."""
    rng = np.random.default_rng(seed)
    G = rng.standard_normal((n, k)) @ rng.standard_normal((k, k))
    return G, rng.standard_normal(k), G.T @ G / n


def rise(hessian, before, after):
    return 0.5 * (after - before) @ hessian @ (after - before)


@given(st.integers(0, 1000))
def test_damage_is_what_a_diagonal_loss_rises_by(seed):
    _, w, H = problem(seed)
    for k, said in enumerate(damage(w, np.diag(H))):
        without_k = np.where(np.arange(len(w)) == k, 0.0, w)
        np.testing.assert_allclose(said, rise(np.diag(np.diag(H)), w, without_k), rtol=1e-12)


@pytest.mark.parametrize("n", [3, 6, 40])
def test_the_inverse_is_the_same_by_either_way(n):
    G, _, _ = problem(1, n=n)
    np.testing.assert_allclose(inverse(G, 0.1), np.linalg.inv(G.T @ G / n + 0.1 * np.eye(6)), rtol=1e-8, atol=1e-10)


@given(st.integers(0, 1000), st.integers(1, 5))
def test_the_surgeon_takes_weights_where_the_loss_rises_least(seed, q):
    _, w, H = problem(seed)
    gone = np.random.default_rng(seed).permutation(6)[:q]
    stay = np.setdiff1d(np.arange(6), gone)
    after = without(block(w, np.linalg.inv(H)), gone)

    def loss(free):
        moved = np.zeros(6)
        moved[stay] = free
        return rise(H, w, moved)

    found = rise(H, w, after.weights)
    assert not after.weights[gone].any()
    # No step from there lowers the loss.
    np.testing.assert_allclose((H @ (after.weights - w))[stay], 0.0, atol=1e-6 * np.abs(H).max() * np.abs(w).max())
    assert found <= loss(w[stay]) * (1 + 1e-9) + 1e-12


def test_the_saliency_is_what_the_loss_rises_by():
    _, w, H = problem(3)
    first = block(w, np.linalg.inv(H))
    for q in range(6):
        np.testing.assert_allclose(first.saliency[q], rise(H, w, without(first, np.array([q])).weights), rtol=1e-8)


def test_the_least_is_found_by_search_as_well():
    _, w, H = problem(4)
    (after,) = next(operated([block(w, np.linalg.inv(H))], [1]))
    best = [minimize(lambda free, q=q: rise(H, w, np.insert(free, q, 0.0)), np.delete(w, q)).fun for q in range(6)]
    assert list(np.flatnonzero(~after.kept)) == [int(np.argmin(best))]
    np.testing.assert_allclose(rise(H, w, after.weights), min(best), rtol=1e-4)


@given(st.integers(0, 1000))
def test_one_after_the_other_is_both_at_once(seed):
    _, w, H = problem(seed)
    first = block(w, np.linalg.inv(H))
    once, twice = without(first, np.array([1, 4])), without(without(first, np.array([4])), np.array([1]))
    np.testing.assert_allclose(once.weights, twice.weights, atol=1e-6)
    np.testing.assert_allclose(once.inverse, twice.inverse, atol=1e-6 * np.abs(first.inverse).max())


def test_blocks_share_one_ranking_and_states_go_on_from_each_other():
    w, cheap = np.array([1.0, 2.0, 3.0]), np.array([0.1, 5.0])
    blocks = [block(w, np.eye(3)), block(cheap, np.eye(2))]
    states = list(operated(blocks, [0, 1, 3, 4], step=2))
    assert [[int(b.kept.sum()) for b in state] for state in states] == [[3, 2], [3, 1], [1, 1], [0, 1]]
