"""A fold: every old unit, in terms of those that stay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import lru_cache

import numpy as np

from redundancy.errors import NetworkError
from redundancy.network import Array, frozen_array


class Holds(IntEnum):
    """How far a fold is true; a fold made of several holds as far as its weakest part."""

    ALWAYS = 0
    """For every input: proved from weights and activations."""
    BOX = 1
    """For every input in a stated box: proved by bounds."""
    DATA = 2
    """On the data that it was measured on."""


@dataclass(frozen=True, slots=True, eq=False)
class Fold:
    """The affine statement `h = into @ h[keep] + offset` about n units, k of which stay.

    Attributes:
        keep: Indices of the units that stay, increasing. Shape (k,), int.
        into: Every old unit in terms of those that stay. Shape (n, k), float64; `into[keep]` is the identity.
        offset: Shape (n,), float64; zero for those that stay.
        why: The notion that removed each unit, "" for those that stay. Length n.
        holds: How far it is true.

    Raises:
        NetworkError: The shapes do not fit, or a unit that stays is not stated as itself.
    """

    keep: Array
    into: Array
    offset: Array
    why: tuple[str, ...]
    holds: Holds = Holds.ALWAYS

    def __post_init__(self) -> None:
        for name, dtype in (("keep", np.intp), ("into", np.float64), ("offset", np.float64)):
            object.__setattr__(self, name, frozen_array(np.asarray(getattr(self, name), dtype)))
        n, k = self.into.shape
        if self.keep.shape != (k,) or self.offset.shape != (n,) or len(self.why) != n:
            raise NetworkError(f"a fold of {n} units to {k} has parts of other sizes: {self.keep}, {self.offset.shape}")
        if np.any(np.diff(self.keep) <= 0):
            raise NetworkError(f"the units that stay must be increasing, not {self.keep}")
        if not _is_identity(self.into[self.keep]) or np.any(self.offset[self.keep]):
            raise NetworkError("a fold must state each unit that stays as itself")

    @property
    def size(self) -> int:
        """How many units it speaks of."""
        return len(self.offset)

    @property
    def dropped(self) -> Array:
        """Indices of the units that go. Shape (n - k,), int."""
        return np.flatnonzero(~self.kept)

    @property
    def kept(self) -> Array:
        """Whether each unit stays. Shape (n,), bool."""
        kept = np.zeros(self.size, dtype=bool)
        kept[self.keep] = True
        return kept

    @property
    def unused(self) -> Array:
        """The units that stay, and that none of those that go is stated in. Shape (n,), bool."""
        unused = self.kept
        unused[self.keep[np.any(self.into[self.dropped], axis=0)]] = False
        return unused

    def __call__(self, kept: Array) -> Array:
        """All the units from those that stay: (..., k) -> (..., n)."""
        return np.asarray(kept @ self.into.T + self.offset)

    def __str__(self) -> str:
        return "; ".join(self.sentence(j) for j in self.dropped) or "nothing folds"

    def sentence(self, j: int) -> str:
        """What it says of unit `j`, as an equation."""
        terms = [f"{_factor(self.into[j, c])}h{i}" for c, i in enumerate(self.keep) if self.into[j, c]]
        if self.offset[j] or not terms:
            terms.append(f"{self.offset[j]:.4g}")
        return f"h{j} = {' + '.join(terms).replace('+ -', '- ')}" + (f" ({self.why[j]})" if self.why[j] else "")


def _factor(value: float) -> str:
    return {1.0: "", -1.0: "-"}.get(value, f"{value:.4g} ")


def _is_identity(square: Array) -> bool:
    """Without writing another one down."""
    return bool(np.all(np.diagonal(square) == 1.0)) and np.count_nonzero(square) == len(square)


@lru_cache(maxsize=64)
def identity(n: int) -> Fold:
    """The fold of `n` units that removes none; it takes n numbers of memory, not n^2."""
    line = np.zeros(2 * n - 1 if n else 0)
    line[n - 1 : n] = 1.0
    line.setflags(write=False)
    # Every row is the line, one place further to the right: a view.
    square = np.lib.stride_tricks.as_strided(
        line[max(n - 1, 0) :], (n, n), (-line.itemsize, line.itemsize), writeable=False
    )
    empty = np.zeros(n)
    empty.setflags(write=False)
    return _unchecked(np.arange(n), square, empty, ("",) * n, Holds.ALWAYS)


def _unchecked(keep: Array, into: Array, offset: Array, why: tuple[str, ...], holds: Holds) -> Fold:
    """A fold of arrays that nobody else writes into, where there is nothing to check: that would take a copy."""
    fold = object.__new__(Fold)
    for name, value in (("keep", keep), ("into", into), ("offset", offset), ("why", why), ("holds", holds)):
        if isinstance(value, np.ndarray):
            value.setflags(write=False)
        object.__setattr__(fold, name, value)
    return fold


def explained(fold: Fold, why: tuple[str, ...]) -> Fold:
    """The same fold by other notions."""
    return _unchecked(fold.keep, fold.into, fold.offset, why, fold.holds)


def shifted(fold: Fold, constants: Array, holds: Holds) -> Fold:
    """The same combinations where units have those constant parts. Constants of shape (n,), float64."""
    gone, offset = fold.dropped, np.zeros(fold.size)
    offset[gone] = constants[gone] - fold.into[gone] @ constants[fold.keep]
    return _unchecked(fold.keep, fold.into, offset, fold.why, holds)


def merge(n: int, sources: Mapping[int, tuple[int, float, float]], why: str, holds: Holds = Holds.ALWAYS) -> Fold:
    """Units that equal a multiple of another: `sources[j] = (i, a, c)` says h_j = a h_i + c.

    Raises:
        NetworkError: A unit is stated in terms of one that goes.
    """
    if not sources:
        return identity(n)
    keep = np.array([j for j in range(n) if j not in sources], dtype=np.intp)
    column = {int(i): c for c, i in enumerate(keep)}
    into, offset = np.zeros((n, len(keep))), np.zeros(n)
    into[keep, np.arange(len(keep))] = 1.0
    for j, (i, a, c) in sources.items():
        if i not in column:
            raise NetworkError(f"unit {j} cannot be stated in terms of unit {i}, which goes as well")
        into[j, column[i]], offset[j] = a, c
    return _unchecked(keep, into, offset, tuple(why if j in sources else "" for j in range(n)), holds)


def drop(n: int, values: Mapping[int, float], why: str, holds: Holds = Holds.ALWAYS) -> Fold:
    """Units that are constants: `values[j] = c` says h_j = c."""
    if not values:
        return identity(n)
    keep = np.array([j for j in range(n) if j not in values], dtype=np.intp)
    into, offset = np.zeros((n, len(keep))), np.zeros(n)
    into[keep, np.arange(len(keep))] = 1.0
    for j, value in values.items():
        offset[j] = value
    return _unchecked(keep, into, offset, tuple(why if j in values else "" for j in range(n)), holds)


def compose(first: Fold, second: Fold) -> Fold:
    """`second`, which speaks of the units that `first` keeps, after `first`."""
    if second.size != len(first.keep):
        raise NetworkError(f"a fold of {second.size} units cannot follow one that keeps {len(first.keep)}")
    if len(second.keep) == second.size:
        return first
    if len(first.keep) == first.size:
        return second if first.holds <= second.holds else replace(second, holds=first.holds)
    later = dict(zip(first.keep.tolist(), second.why, strict=True))
    # Most units stay, and stand for themselves: only those that go are multiplied.
    gone = second.dropped
    into, offset = first.into[:, second.keep], np.array(first.offset)
    users = np.flatnonzero(np.any(first.into[:, gone], axis=1))
    through = first.into[np.ix_(users, gone)]
    into[users] += through @ second.into[gone]
    offset[users] += through @ second.offset[gone]
    return _unchecked(
        first.keep[second.keep],
        into,
        offset,
        tuple(why or later.get(j, "") for j, why in enumerate(first.why)),
        max(first.holds, second.holds),
    )


def beside(folds: Sequence[tuple[Array, Fold]], n: int) -> Fold:
    """The fold of n units of which each given one speaks of some: (their indices, the fold of them).

    Together the indices are all n, each once.
    """
    keep = np.sort(np.concatenate([units[fold.keep] for units, fold in folds]))
    into, offset, why = np.zeros((n, len(keep))), np.zeros(n), np.full(n, "", dtype=object)
    for units, fold in folds:
        into[np.ix_(units, np.searchsorted(keep, units[fold.keep]))] = fold.into
        offset[units], why[units] = fold.offset, fold.why
    return _unchecked(keep, into, offset, tuple(why), max(fold.holds for _, fold in folds))


def kept_too(fold: Fold, units: Array) -> Fold:
    """The same fold, but that some of the units that it removed stay."""
    keep = np.union1d(fold.keep, units).astype(np.intp)
    into, offset = np.zeros((fold.size, len(keep))), fold.offset.copy()
    into[:, np.searchsorted(keep, fold.keep)] = fold.into
    into[keep], offset[keep] = np.eye(len(keep)), 0.0
    why = tuple("" if j in set(keep.tolist()) else name for j, name in enumerate(fold.why))
    return Fold(keep, into, offset, why, fold.holds)
