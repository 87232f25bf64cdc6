"""Pairs of rows that point almost the same way, without comparing all pairs in full.

A filter compares sketches (see `redundancy.sketches`); what passes is checked in float64. With a union bound over all
pairs, the chance that any pair at all is missed is at most `MISS`, on correlated weights as on random ones. Where many
pairs pass, longer sketches filter again.

Growth: n d k for the sketches, n^2 k / 2 for their products, d for each pair that passes. Only rows within a window
along the first coordinate of the sketches are multiplied, so that high thresholds cost less than n^2. Where most pairs
are closer than the threshold or just beyond, all are compared in full: n^2 d / 2. Memory is that of the sketches and
one tile of their products, never n by n.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from math import sqrt

import numpy as np

from redundancy.errors import OptionError
from redundancy.network import Array, frozen_array
from redundancy.similarity import directions
from redundancy.sketches import BUFFER, DIMENSIONS, Sketches, blocks, norms_of, passing, sketched

MISS = 1e-12
"""The chance that a search misses any pair, at most."""

SAME = 1e-12
"""1 - cosine of directions that are taken for one."""

_TILE = (512, 8192)
_SAMPLE = 64


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Some of the pairs of a search; each pair occurs once in all of them.

    Attributes:
        first: The smaller index of each pair. Shape (m,), int.
        second: The larger one.
        cosine: Shape (m,), float64; signed.
    """

    first: Array
    second: Array
    cosine: Array


def neighbours(rows: Array, threshold: float, *, signed: bool = True, seed: int = 0) -> Iterator[Pairs]:
    """All pairs of rows whose cosine reaches a threshold, some at a time.

    Args:
        rows: Shape (n, d), any float dtype; read in blocks, never copied whole. A row of zeros is near nothing.
        threshold: In (0, 1].
        signed: Compare cosines; else their absolute values.
        seed: Of the random projection. The chance of a miss is over this choice, for rows that do not depend on it.

    Raises:
        OptionError: The threshold is out of range.
    """
    if not 0.0 < threshold <= 1.0:
        raise OptionError(f"no search for cosines from {threshold} on: give a threshold in (0, 1]")
    norms = norms_of(rows)
    chosen = np.flatnonzero(norms > 0)
    if len(chosen) > 1:
        kept = rows if len(chosen) == len(rows) else rows[chosen]
        yield from _Search(kept, norms[chosen], chosen, threshold, signed, seed).pairs()


def coincident(rows: Array, *, signed: bool = True) -> Array:
    """Labels of rows that point the same way but for `SAME`: multiples of each other, rounded as they are stored.

    Args:
        rows: Shape (n, d), any float dtype.
        signed: Opposite rows differ; else they do not.

    Returns:
        Shape (n,), int: the index of the first row of its kind. A row of zeros is alone.
    """
    labels = np.arange(len(rows))
    keys, norms = projections(rows)
    run = runs(keys if signed else np.abs(keys), 2.0 * sqrt(2.0 * SAME))
    for first, second in rounds(np.where(norms > 0, run, -1), labels):
        cosines = exact(rows, norms, first, second)
        same = (cosines if signed else np.abs(cosines)) >= 1.0 - SAME
        labels[second[same]] = first[same]
    return labels


def projections(rows: Array, count: int = 4) -> tuple[Array, Array]:
    """The directions of rows, projected on some random ones; and the norms of the rows. Shapes (n, count), (n,)."""
    sketch = directions_of(rows.shape[1], count)
    keys, norms = np.zeros((len(rows), count)), norms_of(rows)
    usual = bool(np.all((norms == 0) | ((norms > 1e-100) & (norms < 1e100))))
    for block in blocks(rows):
        wide = np.asarray(rows[block], np.float64) if usual else directions(rows[block])
        keys[block] = wide @ sketch
    return (keys / np.where(norms > 0, norms, 1.0)[:, None] if usual else keys), norms


@lru_cache(maxsize=32)
def directions_of(d: int, count: int) -> Array:
    """Random directions, always the same ones. Shape (d, count)."""
    # They must not depend on which rows are asked about, and chance must not repeat their structure.
    sketch = np.random.default_rng(d).standard_normal((d, count))
    return frozen_array(sketch / np.linalg.norm(sketch, axis=0))


def runs(keys: Array, gap: float) -> Array:
    """Labels of rows such that keys within a gap of each other, in every column, have one label. Shape (n,), int."""
    labels = np.zeros(len(keys), dtype=np.intp)
    for column in keys.T:
        if len(labels) and labels.max() == len(labels) - 1:
            break  # each has a label of its own
        order = np.lexsort((column, labels))
        breaks = (np.diff(column[order]) > gap) | (np.diff(labels[order]) != 0)
        labels[order] = np.concatenate([[0], np.cumsum(breaks)]) if len(order) else 0
    return labels


def rounds(run: Array, labels: Array) -> Iterator[tuple[Array, Array]]:
    """Compares, in every run at once, its first row that nobody has judged with all later ones.

    Args:
        run: The run of each row, -1 for rows that are in none. Shape (n,), int.
        labels: What the caller decides after each round: a row of another label than its own index is settled.

    Yields:
        (leaders, others): pairs to compare; others are increasing within a run.
    """
    order = np.argsort(run, kind="stable")
    order = order[run[order] >= 0]
    while len(order):
        starts = np.concatenate([[True], np.diff(run[order]) != 0])
        leaders = order[starts][np.cumsum(starts) - 1]
        others = ~starts
        if np.any(others):
            yield leaders[others], order[others]
        order = order[others & (labels[order] == order)]


def exact(rows: Array, norms: Array, first: Array, second: Array) -> Array:
    """The cosine of each pair of rows, none of which is zero. Shape (m,), float64."""
    step = max(1, BUFFER // rows.shape[1])
    cosines = np.zeros(len(first))
    usual = norms.min() > 1e-100 and norms.max() < 1e100
    for start in range(0, len(first), step):
        pair = first[start : start + step], second[start : start + step]
        a, b = (np.asarray(rows[i], np.float64) if usual else directions(rows[i]) for i in pair)
        scale = norms[pair[0]] * norms[pair[1]] if usual else 1.0
        cosines[start : start + step] = np.einsum("ij,ij->i", a, b) / scale
    return np.asarray(np.clip(cosines, -1.0, 1.0))


class _Search:
    """One search: rows without zeros, their norms, what the caller calls them, and what is asked."""

    def __init__(self, rows: Array, norms: Array, names: Array, threshold: float, signed: bool, seed: int) -> None:
        self._rows, self._norms, self._names = rows, norms, names
        self._threshold, self._signed, self._rng = threshold, signed, np.random.default_rng(seed)
        # Two filters with a window each, for half as many pairs as n^2: together they miss less than `MISS`.
        self._miss = 0.5 * MISS / len(rows) ** 2
        self._finest = min(rows.shape[1], DIMENSIONS[-2])

    def pairs(self) -> Iterator[Pairs]:
        k, every = self._cheapest(self._rng), np.arange(len(self._rows))
        for first, second, cosines in self._tile(every, every, 0) if k is None else self._passing(k):
            near = self._sized(cosines) >= self._threshold
            if np.any(near):
                a, b = self._names[first[near]], self._names[second[near]]
                yield Pairs(np.minimum(a, b), np.maximum(a, b), cosines[near])

    def _sized(self, cosines: Array) -> Array:
        return cosines if self._signed else np.abs(cosines)

    def _cheapest(self, rng: np.random.Generator) -> int | None:
        """The dimension of the sketches that costs least, judged by a sample; None where to compare all is cheaper.

        It depends on the rows and not on the projection, which is drawn later.
        """
        n, d = self._rows.shape
        wide = directions(self._rows[np.sort(rng.choice(n, min(n, _SAMPLE), replace=False))])
        squares = 2.0 - 2.0 * self._sized(wide @ wide.T)[np.triu_indices(len(wide), 1)]
        costs: dict[int | None, float] = {None: 4.0 * d * n * n / 2}
        for k in [k for k in DIMENSIONS if k < d] + [d] * (d <= DIMENSIONS[-1]):
            share = passing(squares, k, d, self._threshold, self._miss)
            costs[k] = n * d * k * (k < d) + n * n / 2 * (k + 100.0 + min(40.0 * share, 4.0) * d)
        return min(costs, key=lambda k: costs[k])

    def _sketched(self, k: int) -> Sketches:
        return sketched(self._rows, self._norms, k, self._threshold, self._miss, self._rng, signed=self._signed)

    def _passing(self, k: int) -> Iterator[tuple[Array, Array, Array]]:
        """The pairs that pass the filter, with their exact cosines."""
        coarse, fine, seen = self._sketched(k), None, 0
        order = np.argsort(coarse.places, kind="stable")
        key, (high, wide) = coarse.places[order], _TILE
        for top in range(0, len(order), high):
            rows = order[top : top + high]
            end = int(np.searchsorted(key, key[top : top + high][-1] + coarse.window, side="right"))
            for left in range(top, end, wide):
                columns = order[left : min(left + wide, end)]
                passes = coarse.tile(rows, columns)
                if left == top:
                    # Each pair once, and no row with itself: those would be taken for pairs that pass.
                    passes[:, : len(rows)] = np.triu(passes[:, : len(rows)], 1)
                seen += int(np.count_nonzero(passes))
                if seen > len(order) and k < self._finest and fine is None:
                    fine = self._sketched(self._finest)
                if fine is not None and _crowded(passes):
                    passes &= fine.tile(rows, columns)
                if _crowded(passes):
                    yield from self._tile(rows, columns, left - top)
                    continue
                a, b = np.nonzero(passes)
                first, second = rows[a], columns[b]
                if fine is not None:
                    near = fine.pairs(first, second)
                    first, second = first[near], second[near]
                yield first, second, exact(self._rows, self._norms, first, second)

    def _tile(self, first: Array, second: Array, ahead: int) -> Iterator[tuple[Array, Array, Array]]:
        """Pairs of some rows and others, compared in full; only those where first place < second place + ahead."""
        step = max(1, 2 * BUFFER // self._rows.shape[1])
        for top in range(0, len(first), step):
            mine = directions(self._rows[first[top : top + step]])
            for left in range(0, len(second), step):
                if left + step + ahead <= top:
                    continue
                cosines = np.clip(mine @ directions(self._rows[second[left : left + step]]).T, -1.0, 1.0)
                a, b = np.nonzero(self._sized(cosines) >= self._threshold)
                later = a + top < b + left + ahead
                yield first[top + a[later]], second[left + b[later]], cosines[a[later], b[later]]


def _crowded(passes: Array) -> bool:
    """Whether so many pairs of a tile pass that to multiply all is cheaper."""
    return int(np.count_nonzero(passes)) > passes.size // 16
