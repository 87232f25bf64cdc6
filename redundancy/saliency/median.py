"""Units near the geometric median of all.

Y. He, P. Liu, Z. Wang, Z. Hu, Y. Yang, Filter Pruning via Geometric Median for Deep Convolutional Neural Networks
Acceleration, CVPR 2019.
"""

from __future__ import annotations

from scipy.spatial.distance import cdist

from redundancy.saliency.criterion import register
from redundancy.saliency.view import Ranking, View, by_scores


def median(view: View) -> Ranking:
    """The sum of the distances of a unit's weights to those of all others; opposite ones are far apart."""
    weights = view.incoming[:, :-1]
    return by_scores(cdist(weights, weights).sum(axis=1))


MEDIAN = register("median", median)
