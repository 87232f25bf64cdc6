"""Optimal Brain Surgeon: one weight goes, and all others move such that the loss rises least.

Hassibi and Stork (1993): to second order, setting w_q to zero with the best change of the other weights raises the loss
by w_q^2 / (2 [H^-1]_qq), and that change is -w_q [H^-1]_:q / [H^-1]_qq. Several weights Q may go at once, by
-[H^-1]_:Q ([H^-1]_QQ)^-1 w_Q. The inverse without them is that of Schur's complement.

Where one inverse of all weights is too large, the Hessian is taken for block diagonal, as layer-wise surgeons do (Dong
et al. 2017; Frantar and Alistarh 2022): weights of one block make up for each other, and blocks share one ranking.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from redundancy.network import Array, frozen_array


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Weights that make up for each other.

    Attributes:
        weights: Shape (k,), float64.
        inverse: Of the Hessian of the mean loss, of the weights that are still there. Shape (m, m).
        kept: Which these are. Shape (k,), bool.
    """

    weights: Array
    inverse: Array
    kept: Array

    @property
    def saliency(self) -> Array:
        """What the loss rises by where each goes; infinite for one that is gone. Shape (k,)."""
        found = np.full(len(self.weights), np.inf)
        found[self.kept] = np.square(self.weights[self.kept]) / (2.0 * np.diag(self.inverse))
        return found


def inverse(gradients: Array, damping: float) -> Array:
    """The inverse of the damped Fisher information, (G'G / n + damping I)^-1.

    Args:
        gradients: G, of each example's loss with respect to k weights. Shape (n, k).
        damping: Above 0.

    Returns:
        Shape (k, k), float64. By Woodbury's identity where there are fewer examples than weights.
    """
    G = np.asarray(gradients, np.float64)
    n, k = G.shape
    if n >= k:
        return inverted(G.T @ G / n, damping)
    inner = inverted(G @ G.T, n * damping)
    return np.asarray((np.eye(k) - G.T @ inner @ G) / damping)


def inverted(matrix: Array, damping: float) -> Array:
    """The inverse of a symmetric matrix that has no negative eigenvalue, damped. Shape (..., k, k)."""
    return np.asarray(np.linalg.inv(matrix + damping * np.eye(matrix.shape[-1])))


def block(weights: Array, inverse: Array) -> Block:
    """All of the weights.

    Args:
        weights: Shape (k,).
        inverse: Shape (k, k).
    """
    k = len(weights)
    return Block(frozen_array(np.asarray(weights, np.float64)), inverse, frozen_array(np.ones(k, bool)))


def without(before: Block, gone: Array) -> Block:
    """The block without some weights, the others moved such that the loss rises least.

    Args:
        before: The block.
        gone: Numbers of weights that are still there. Shape (q,), int.
    """
    there = np.flatnonzero(before.kept)
    leaves = np.isin(there, gone)
    columns = before.inverse[:, leaves]
    solved = np.linalg.solve(columns[leaves], columns.T)  # (q, m)
    weights, kept = np.zeros_like(before.weights), before.kept.copy()
    kept[gone] = False
    weights[kept] = (before.weights[there] - solved.T @ before.weights[there[leaves]])[~leaves]
    after = before.inverse[np.ix_(~leaves, ~leaves)] - columns[~leaves] @ solved[:, ~leaves]
    return Block(frozen_array(weights), after, frozen_array(kept))


def operated(blocks: Sequence[Block], counts: Sequence[int], step: int = 1) -> Iterator[tuple[Block, ...]]:
    """The blocks after so many weights went in all, those of the least saliency first.

    Args:
        blocks: Of which all weights are there.
        counts: How many are to be gone, in increasing order.
        step: How many go before saliencies are computed anew; 1 is the method as published.
    """
    now, gone = list(blocks), 0
    for count in counts:
        while gone < count:
            size = min(step, count - gone)
            for number, which in _least(now, size):
                now[number] = without(now[number], which)
            gone += size
        yield tuple(now)


def _least(blocks: Sequence[Block], size: int) -> list[tuple[int, Array]]:
    """The weights of least saliency: (number of the block, numbers of its weights)."""
    saliency = np.concatenate([each.saliency for each in blocks])
    starts = np.cumsum([0, *(len(each.weights) for each in blocks)])
    chosen = np.sort(np.argpartition(saliency, size - 1)[:size])
    owners = np.searchsorted(starts, chosen, side="right") - 1
    return [(int(number), chosen[owners == number] - starts[number]) for number in np.unique(owners)]
