"""The size of a unit's weights times that of those that read it: unlike either, no rescaling of a unit changes it.

B. Neyshabur, R. Salakhutdinov, N. Srebro, Path-SGD, NeurIPS 2015, for why: under ReLU a unit's weights may be doubled
and those that read it halved.
"""

from __future__ import annotations

import numpy as np

from redundancy.saliency.criterion import register
from redundancy.saliency.view import Ranking, View, by_scores


def product(view: View) -> Ranking:
    """|w|^2 |a|^2, of the weights w that make a unit and the weights a that read it."""
    made = np.sum(view.incoming[:, :-1] ** 2, axis=1)
    return by_scores(made * np.sum(view.outgoing**2, axis=1))


PRODUCT = register("product", product)
