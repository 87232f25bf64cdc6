"""Groups of near-duplicate units, by scikit-learn; what counts as near is what chance would not do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from redundancy.network import Array
from redundancy.similarity import cosine
from redundancy.statistics import chance_cosine


@dataclass(frozen=True, slots=True, eq=False)
class Clusters:
    """Units grouped by direction.

    Attributes:
        labels: The group of each unit, numbered from 0. Shape (n,), int.
        threshold: The least cosine of two units of one group; None where no cosine is beyond chance.
        pairs: How many pairs of units are that similar, grouped together or not.
    """

    labels: Array
    threshold: float | None
    pairs: int

    @property
    def groups(self) -> tuple[Array, ...]:
        """Indices of the units of each group that has two units or more, the largest group first."""
        members = [np.flatnonzero(self.labels == label) for label in np.unique(self.labels)]
        return tuple(sorted((group for group in members if len(group) > 1), key=len, reverse=True))

    @property
    def spare(self) -> int:
        """How many units could go if one of each group stayed."""
        return len(self.labels) - len(np.unique(self.labels))


def near_duplicates(
    units: Array, *, level: float = 0.05, signed: bool = True, dimension: int | None = None, least: float = -1.0
) -> Clusters:
    """Groups units whose directions are closer than chance would bring any two of so many.

    The threshold depends on how many units there are and on how many weights each has: among 100 filters of 3x3 a
    cosine of .9 is likely by chance alone, among 100 of 5x5 it is one in a million. Within a group every two units
    are at least so similar (complete linkage). Near-duplicates are never equal: to merge them changes the network.

    Args:
        units: One unit a row. Shape (n, d).
        level: The chance that even one pair of n isotropic random directions is so similar; a union bound.
        signed: Compare cosines; else their absolute values, which is right only under odd functions.
        dimension: Of the space that chance has at its disposal, where it is less than d: a covariance may have a
            smaller rank.
        least: Of a cosine, whatever chance does: among many weights a cosine of .3 is beyond chance, and not near.

    Returns:
        The groups. In one dimension every cosine is 1 or -1, none is rare, and nothing is grouped.

    Raises:
        OptionError: The level or the dimension is impossible.
    """
    n = len(units)
    if n < 2:
        return Clusters(np.arange(n), None, 0)
    threshold = chance_cosine(n * (n - 1) // 2, dimension or units.shape[1], level, signed)
    alike = cosine(units) if signed else np.abs(cosine(units))
    if threshold is None:
        return Clusters(np.arange(n), None, 0)
    threshold = max(threshold, least)
    pairs = int(np.sum(alike[np.triu_indices(n, 1)] >= threshold))
    return Clusters(_linked(1.0 - alike, 1.0 - threshold), threshold, pairs)


def _linked(distances: Array, reach: float) -> Array:
    from sklearn.cluster import AgglomerativeClustering

    # A pair at the threshold itself belongs together; scikit-learn keeps it apart.
    model = AgglomerativeClustering(
        n_clusters=None, metric="precomputed", linkage="complete", distance_threshold=float(np.nextafter(reach, np.inf))
    )
    labels: Array = model.fit_predict(np.clip(distances, 0.0, None))
    return labels
