"""Merging of the most alike: S. Srinivas, R. V. Babu, Data-free Parameter Pruning for Deep Neural Networks, BMVC 2015.

For ReLU units whose weights (w, b) are brought to length 1, their lengths moved to the weights a that read them.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import cdist

from redundancy.saliency.criterion import register
from redundancy.saliency.view import Ranking, View


def srinivas_babu(view: View) -> Ranking:
    """The pair (i, j) with the smallest mean(a_j^2) |v_i - v_j|^2 goes first: j goes, and a_i becomes a_i + a_j."""
    lengths = np.linalg.norm(view.incoming, axis=1)
    lengths = np.where(lengths > 0, lengths, 1.0)
    directions, outgoing = view.incoming / lengths[:, None], view.outgoing * lengths[:, None]
    apart = cdist(directions, directions, "sqeuclidean")
    np.fill_diagonal(apart, np.inf)
    n = view.size
    order, costs = np.zeros(n, np.intp), np.zeros(n)
    heirs, shares = np.full(n, -1, np.intp), np.zeros(n)
    left = np.ones(n, bool)
    for step in range(n - 1):
        saliency = apart * np.mean(outgoing**2, axis=1)  # one column for each j that may go
        i, j = np.unravel_index(np.argmin(saliency), saliency.shape)
        order[step], costs[step] = j, saliency[i, j]
        heirs[j], shares[j] = i, lengths[j] / lengths[i]
        outgoing[i] += outgoing[j]
        apart[j], apart[:, j], left[j] = np.inf, np.inf, False
    order[-1], costs[-1] = np.flatnonzero(left)[0], np.inf if n > 1 else 0.0
    return Ranking(order, np.cumsum(costs), heirs, shares)


SRINIVAS_BABU = register("srinivas-babu", srinivas_babu)
