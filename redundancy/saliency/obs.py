"""Optimal Brain Surgeon of units, one after the other, where all others take over as well as they can.

B. Hassibi, D. G. Stork, Second order derivatives for network pruning: Optimal Brain Surgeon, NeurIPS 1993, for the
error of the layer that reads the units, whose Hessian is that of a least squares problem: X. Dong, S. Chen, S. J. Pan,
Learning to Prune Deep Neural Networks via Layer-wise Optimal Brain Surgeon, NeurIPS 2017. With X = [H, 1] of the values
of units, G = X'X / n + ridge, and weights T that read them, unit j costs |T_j|^2 / [G^-1]_jj; when it goes, T becomes
T - G^-1[:, j] T_j / [G^-1]_jj and G^-1 loses its row and column by elimination.
"""

from __future__ import annotations

import numpy as np

from redundancy.network import Array
from redundancy.saliency.criterion import register
from redundancy.saliency.view import Ranking, Reading, View, in_order

RIDGE = 1e-3
"""Of the mean square of a unit, is added to all: of units that are equal on the data neither is free."""


def obs(view: View) -> Ranking:
    """The unit that the others replace best goes first."""
    states = [_begun(reading) for reading in view.readings]
    n = view.size
    order, costs, left = np.zeros(n, np.intp), np.zeros(n), np.arange(n)
    for step in range(n):
        scores = sum(
            np.einsum("nm,nm->n", taken, taken) / np.diagonal(inverse)[: len(left)] for inverse, taken in states
        )
        k = int(np.argmin(scores))
        order[step], costs[step] = left[k], scores[k]
        states = [_without(inverse, taken, k) for inverse, taken in states]
        left = np.delete(left, k)
    return in_order(order, np.cumsum(np.maximum(costs, 0.0)))


def moments(samples: Array, padded: bool, ridge: float = RIDGE) -> Array:
    """G = X'X / n + ridge, of X = [H, 1], or of H where no constant can be moved. Shape (n + 1, n + 1), or (n, n)."""
    n = samples.shape[1]
    columns = samples if padded else np.hstack([samples, np.ones((len(samples), 1))])
    products = columns.T @ columns / max(len(samples), 1)
    level = float(np.mean(np.diagonal(products)[:n])) or 1.0
    products[np.arange(n), np.arange(n)] += ridge * level
    return np.asarray(products)


def _begun(reading: Reading) -> tuple[Array, Array]:
    # Of what is zero throughout, the ridge would say that it costs something: what its weights are does not matter.
    alive = np.any(reading.samples != 0, axis=0)
    return np.linalg.inv(moments(reading.samples, reading.padded)), reading.outgoing * alive[:, None]


def _without(inverse: Array, taken: Array, k: int) -> tuple[Array, Array]:
    column = inverse[:, k] / inverse[k, k]
    taken = taken - np.outer(column[: len(taken)], taken[k])
    inverse = inverse - np.outer(column, inverse[k])
    return np.delete(np.delete(inverse, k, axis=0), k, axis=1), np.delete(taken, k, axis=0)


OBS = register("obs", obs)
