"""By how much the loss changes to first order.

P. Molchanov, S. Tyree, T. Karras, T. Aila, J. Kautz, Pruning Convolutional Neural Networks for Resource Efficient
Inference, ICLR 2017.
"""

from __future__ import annotations

import numpy as np

from redundancy.saliency.criterion import register
from redundancy.saliency.view import Ranking, View, by_scores


def taylor(view: View) -> Ranking:
    """The mean over examples of |dL/dm|, where a gate m = 1 multiplies the unit wherever it is read."""
    return by_scores(np.mean(np.abs(view.gates), axis=0))


TAYLOR = register("taylor", taylor, gates=True)
