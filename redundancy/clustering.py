"""Groups of near-duplicate units, by scikit-learn; what counts as near is what chance would not do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from redundancy.neighbours import coincident, neighbours
from redundancy.network import Array
from redundancy.similarity import ROUNDING, cosine, directions
from redundancy.statistics import chance_cosine

LARGEST = 4096
"""Points of one component that are grouped by complete linkage: beyond, by balls, which takes less memory."""


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

    Near pairs come from `redundancy.neighbours`, and no matrix of all pairs is made: only of each component of them.
    A component of more than `LARGEST` points is grouped around centres instead, where again every two units of a group
    are as similar, but there may be more groups than under complete linkage.

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
    if threshold is None:
        return Clusters(np.arange(n), None, 0)
    threshold = max(threshold, least)
    if threshold <= 0:
        return _all_pairs(units, threshold, signed)
    # Units that point the same way are one point, as long as they are far closer than the threshold asks.
    same = coincident(units, signed=signed) if threshold < 1.0 - 1e-9 else np.arange(n)
    points, size = np.unique(same, return_counts=True)
    near = _graph(units[points], threshold, signed, size)
    labels = np.arange(n)
    for component in near.components:
        labels[points[component]] = points[_clique_labels(units[points[component]], threshold, signed, component)]
    return Clusters(np.unique(labels[same], return_inverse=True)[1].reshape(-1), threshold, near.pairs)


@dataclass(frozen=True, slots=True, eq=False)
class _Near:
    """Which points are near.

    Attributes:
        components: Points that chains of near points connect, two or more, each increasing.
        pairs: How many pairs of units are near.
    """

    components: tuple[Array, ...]
    pairs: int


def _joined(home: Array, edges: list[Array]) -> Array:
    """Components of points, each named by one of its points, after some edges more. Shape (n,), int."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n = len(home)
    every = np.concatenate([np.stack([np.arange(n), home]), *edges], axis=1)
    labels = connected_components(coo_array((np.ones(every.shape[1]), tuple(every)), (n, n)), directed=False)[1]
    return np.asarray(np.unique(labels, return_index=True)[1][labels])


def _graph(points: Array, threshold: float, signed: bool, size: Array) -> _Near:
    """The graph of near points, of which only what is connected is kept; `size` is how many units a point stands for.

    A point that is near nothing, as a unit of zeros is, counts no pairs with itself.
    """
    n, home = len(points), np.arange(len(points))
    count, waiting = int(np.sum(size * (size - 1) // 2)), []
    for found in neighbours(points, threshold, signed=signed):
        count += int(np.sum(size[found.first] * size[found.second]))
        waiting.append(np.stack([found.first, found.second]))
        if sum(edges.shape[1] for edges in waiting) > n:
            # No more edges are kept than there are points.
            home, waiting = _joined(home, waiting), []
    home = _joined(home, waiting)
    order = np.argsort(home, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(home[order])) + 1) if n else []
    return _Near(tuple(group for group in groups if len(group) > 1), count)


def _clique_labels(rows: Array, threshold: float, signed: bool, names: Array) -> Array:
    """Groups the points of a component, by complete linkage where it is not too large: the name of one of each group.

    Complete linkage never joins points of different components, so that to do it one by one changes nothing.
    """
    if len(rows) > LARGEST:
        return names[_balls(rows, threshold, signed)]
    alike = cosine(rows) if signed else np.abs(cosine(rows))
    labels = _linked(1.0 - alike, 1.0 - threshold)
    first = np.unique(labels, return_index=True)[1]
    return np.asarray(names[first[labels]])


def _balls(rows: Array, threshold: float, signed: bool) -> Array:
    """Groups of points around centres, at most half the threshold's angle away from them: the index of each centre.

    Every two points of a group are as near as the threshold asks, as under complete linkage, but there may be more
    groups. It takes no matrix of all pairs.
    """
    wide, centre = directions(rows), np.full(len(rows), -1)
    reach = np.cos(0.5 * np.arccos(threshold)) + ROUNDING
    for point in range(len(rows)):
        if centre[point] >= 0:
            continue
        free = np.flatnonzero(centre < 0)
        cosines = wide[free] @ wide[point]
        centre[free[(cosines if signed else np.abs(cosines)) >= reach]] = point
        centre[point] = point
    return centre


def _all_pairs(units: Array, threshold: float, signed: bool) -> Clusters:
    """Where almost every pair is near: no search helps."""
    alike = cosine(units) if signed else np.abs(cosine(units))
    pairs = int(np.sum(alike[np.triu_indices(len(units), 1)] >= threshold))
    return Clusters(_linked(1.0 - alike, 1.0 - threshold), threshold, pairs)


def _linked(distances: Array, reach: float) -> Array:
    from sklearn.cluster import AgglomerativeClustering

    # A pair at the threshold itself belongs together; scikit-learn keeps it apart.
    model = AgglomerativeClustering(
        n_clusters=None, metric="precomputed", linkage="complete", distance_threshold=float(np.nextafter(reach, np.inf))
    )
    labels: Array = model.fit_predict(np.clip(distances, 0.0, None))
    return labels
