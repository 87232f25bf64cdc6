"""How large a unit is on data.

P. Molchanov, S. Tyree, T. Karras, T. Aila, J. Kautz, Pruning Convolutional Neural Networks for Resource Efficient
Inference, ICLR 2017, who compare it with others.
"""

from __future__ import annotations

import numpy as np

from redundancy.saliency.criterion import register
from redundancy.saliency.view import Ranking, View, by_scores


def mean(view: View) -> Ranking:
    """The mean of |h|; that of h itself would call a unit useless whose values cancel."""
    return by_scores(np.mean([np.mean(np.abs(reading.samples), axis=0) for reading in view.readings], axis=0))


MEAN = register("mean", mean)
