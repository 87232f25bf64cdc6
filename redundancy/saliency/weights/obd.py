"""Optimal Brain Damage: what the loss rises by where one weight goes, other weights staying as they are.

LeCun, Denker and Solla (1990): at a minimum, to second order and with the diagonal of the Hessian alone, setting w_k to
zero raises the loss by h_kk w_k^2 / 2.
"""

from __future__ import annotations

import numpy as np

from redundancy.network import Array


def damage(weights: Array, curvature: Array) -> Array:
    """The saliency of each weight.

    Args:
        weights: Of any shape.
        curvature: The diagonal of the Hessian of the mean loss, of the same shape: of its Gauss-Newton approximation,
            say, which is never negative (the Levenberg-Marquardt approximation of the paper).

    Returns:
        Of the same shape, float64.
    """
    return np.asarray(0.5 * np.asarray(curvature, np.float64) * np.square(np.asarray(weights, np.float64)))
