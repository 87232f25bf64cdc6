"""How often a unit is zero: H. Hu, R. Peng, Y.-W. Tai, C.-K. Tang, Network Trimming, 2016 (APoZ)."""

from __future__ import annotations

import numpy as np

from redundancy.saliency.criterion import register
from redundancy.saliency.view import Ranking, View, by_scores


def apoz(view: View) -> Ranking:
    """The share of samples on which a unit is not zero: the average percentage of zeros, from the other side."""
    return by_scores(np.mean([np.mean(reading.samples != 0, axis=0) for reading in view.readings], axis=0))


APOZ = register("apoz", apoz)
