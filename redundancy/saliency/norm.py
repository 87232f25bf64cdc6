"""The size of a unit's weights.

H. Li, A. Kadav, I. Durdanovic, H. Samet, H. P. Graf, Pruning Filters for Efficient ConvNets, ICLR 2017; here with the
sum of squares, so that the sizes of several units add up.
"""

from __future__ import annotations

import numpy as np

from redundancy.saliency.criterion import register
from redundancy.saliency.view import Ranking, View, by_scores


def norm(view: View) -> Ranking:
    """The sum of the squares of the weights that make a unit; without its bias, which it is not told by."""
    return by_scores(np.sum(view.incoming[:, :-1] ** 2, axis=1))


NORM = register("norm", norm)
