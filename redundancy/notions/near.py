"""Near-duplicate: a unit whose effective weights and bias are almost a multiple of another's.

No fold of one is exact, so it is not among the notions that are looked for: whoever proposes such folds has to bound
what they do to the outputs.
"""

from __future__ import annotations

import numpy as np

from redundancy.algebra import Scale
from redundancy.fold import Fold, identity, merge
from redundancy.network import Array
from redundancy.notions.notion import Notion
from redundancy.sites import Site

NEAR = "near-duplicate"


def near(reach: float) -> Notion:
    """The notion of units that are apart by at most so much, relative to their norm.

    Args:
        reach: |z_j - a z_i| / |z_j|, of weights and bias; 0 to 1.
    """
    return Notion(NEAR, lambda site: _near(site, reach))


def _near(site: Site, reach: float) -> Fold:
    """h_j = a h_i where z_j is almost a z_i; a is the best one where multiples pass the function, else 1.

    The nearest pairs first: of two units the larger one stays, and what others are stated in stays.
    """
    if site.coefficients is None or site.size < 2:
        return identity(site.size)
    rows = np.hstack([site.rows, site.offset[:, None]])
    factors, distances = _compared(rows, free=site.algebra.scale is not Scale.NONE)
    sources: dict[int, tuple[int, float, float]] = {}
    leaders: set[int] = set()
    first, second = np.nonzero(distances <= reach)
    for place in np.argsort(distances[first, second], kind="stable"):
        j, i = int(first[place]), int(second[place])
        if j not in sources and i not in sources and j not in leaders:
            sources[j] = (i, float(factors[j, i]), 0.0)
            leaders.add(i)
    return merge(site.size, sources, NEAR)


def _compared(rows: Array, *, free: bool) -> tuple[Array, Array]:
    """(factor, distance) with which row j is stated in row i, both of shape (n, n); infinitely far in itself."""
    products, squares = rows @ rows.T, np.einsum("nd,nd->n", rows, rows)
    safe = np.where(squares > 0, squares, np.inf)
    factors = np.clip(products / safe[None, :], 0.0, None) if free else np.ones_like(products)
    left = squares[:, None] - 2 * factors * products + factors**2 * squares[None, :]
    distances = np.sqrt(np.clip(left, 0.0, None) / safe[:, None])
    # Of two, the smaller one goes; of equal ones, the later one.
    order = np.lexsort((np.arange(len(rows)), -squares))
    rank = np.empty(len(rows), dtype=np.intp)
    rank[order] = np.arange(len(rows))
    distances[(rank[:, None] <= rank[None, :]) | (factors == 0) | (squares[None, :] == 0)] = np.inf
    return factors, distances
