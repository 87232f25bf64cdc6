"""Optimal Brain Damage of units: Y. LeCun, J. S. Denker, S. A. Solla, Optimal Brain Damage, NeurIPS 1990.

The paper deletes single weights. A unit is deleted by a gate m = 1 that multiplies it: its saliency is h_mm m^2 / 2,
with the diagonal of the Hessian in the Gauss-Newton approximation that the paper makes, which for a cross-entropy is
the Fisher information: the mean of squared gradients (L. Theis, I. Korshunova, A. Tejani, F. Huszar, Faster gaze
prediction with dense networks and Fisher pruning, 2018).
"""

from __future__ import annotations

import numpy as np

from redundancy.saliency.criterion import register
from redundancy.saliency.view import Ranking, View, by_scores


def obd(view: View) -> Ranking:
    """Half the mean of (dL/dm)^2 over examples, where a gate m = 1 multiplies the unit wherever it is read."""
    return by_scores(0.5 * np.mean(view.gates**2, axis=0))


OBD = register("obd", obd, gates=True)
