"""Interpolative decomposition.

H. Cheng, Z. Gimbutas, P. G. Martinsson, V. Rokhlin, On the compression of low rank matrices, SIAM J. Sci. Comput. 26
(2005); for networks J. Chee, M. Renz, A. Damle, C. De Sa, Model Preserving Compression for Neural Networks, NeurIPS
2022. Its repair is by least squares.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import qr

from redundancy.saliency.criterion import register
from redundancy.saliency.view import Ranking, View, in_order


def interpolative(view: View) -> Ranking:
    """Pivoted QR of what units are on data: those stay that the ones before them explain least."""
    blocks = []
    for reading in view.readings:
        centred = reading.samples if reading.padded else reading.samples - reading.samples.mean(axis=0)
        blocks.append(np.linalg.qr(centred, mode="r") / np.sqrt(max(len(centred), 1)))
    triangle, pivots = qr(np.vstack(blocks), mode="r", pivoting=True)
    left = np.zeros(view.size)
    left[: min(triangle.shape)] = np.diag(triangle) ** 2
    return in_order(pivots[::-1], np.cumsum(left[::-1]))


INTERPOLATIVE = register("interpolative", interpolative)
