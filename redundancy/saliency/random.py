"""Units in a random order: what every other criterion has to be better than."""

from __future__ import annotations

import numpy as np

from redundancy.saliency.criterion import register
from redundancy.saliency.view import Ranking, View, in_order


def random(view: View) -> Ranking:
    """Any order is as good as another; each unit is expected to cost as much."""
    return in_order(np.random.default_rng(view.seed).permutation(view.size), np.arange(1.0, view.size + 1.0))


RANDOM = register("random", random)
