"""A fold: every old unit, in terms of those that stay."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True, eq=False, init=False)
class Fold:
    """The affine statement `h = into @ h[keep] + offset` about n units, k of which stay.

    Most units stay, so only what is said of the others is held.

    Attributes:
        keep: Indices of the units that stay, increasing. Shape (k,), int.
        leads: Those of the ones that stay in which others are stated, by place in `keep`, increasing. Shape (l,), int.
        stated: Every unit that goes, in terms of those. Shape (n - k, l), float64.
        offset: Shape (n,), float64; zero for those that stay.
        why: The notion that removed each unit, "" for those that stay. Length n.
        holds: How far it is true.
    """

    keep: Array
    leads: Array
    stated: Array
    offset: Array
    why: tuple[str, ...]
    holds: Holds

    def __init__(
        self, keep: Array, into: Array, offset: Array, why: tuple[str, ...], holds: Holds = Holds.ALWAYS
    ) -> None:
        """States all units.

        Args:
            keep: As above.
            into: Every old unit in terms of those that stay. Shape (n, k); `into[keep]` is the identity.
            offset: As above.
            why: As above.
            holds: As above.

        Raises:
            NetworkError: The shapes do not fit, or a unit that stays is not stated as itself.
        """
        keep, into, offset = np.asarray(keep, np.intp), np.asarray(into, np.float64), np.asarray(offset, np.float64)
        n, k = into.shape
        if keep.shape != (k,) or offset.shape != (n,) or len(why) != n:
            raise NetworkError(f"a fold of {n} units to {k} has parts of other sizes: {keep}, {offset.shape}")
        if np.any(np.diff(keep) <= 0):
            raise NetworkError(f"the units that stay must be increasing, not {keep}")
        if not _is_identity(into[keep]) or np.any(offset[keep]):
            raise NetworkError("a fold must state each unit that stays as itself")
        told = np.delete(into, keep, axis=0)
        _fill(self, frozen_array(keep), told, frozen_array(offset), why, holds)

    @property
    def told(self) -> Array:
        """Every unit that goes in terms of all that stay, written out. Shape (n - k, k), float64."""
        told = np.zeros((len(self.stated), len(self.keep)))
        told[:, self.leads] = self.stated
        return told

    @property
    def into(self) -> Array:
        """Every old unit in terms of those that stay, written out. Shape (n, k), float64."""
        into = self.rows(np.arange(self.size))
        into.setflags(write=False)
        return into

    def rows(self, units: Array) -> Array:
        """Some units in terms of those that stay. Shape (m, k), float64."""
        rows = np.zeros((len(units), len(self.keep)))
        stays = self.kept[units]
        rows[np.flatnonzero(stays), np.searchsorted(self.keep, units[stays])] = 1.0
        gone = np.searchsorted(self.dropped, units[~stays])
        rows[np.ix_(np.flatnonzero(~stays), self.leads)] = self.stated[gone]
        return rows

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
        unused[self.keep[self.leads]] = False
        return unused

    def __call__(self, kept: Array) -> Array:
        """All the units from those that stay: (..., k) -> (..., n)."""
        everything = np.empty((*np.shape(kept)[:-1], self.size))
        everything[..., self.keep], everything[..., self.dropped] = kept, kept[..., self.leads] @ self.stated.T
        return np.asarray(everything + self.offset)

    def __str__(self) -> str:
        return "; ".join(self.sentence(j) for j in self.dropped) or "nothing folds"

    def sentence(self, j: int) -> str:
        """What it says of unit `j`: the equation, and why that holds."""
        return self.equation(j) + (f" ({self.why[j]})" if self.why[j] else "")

    def equation(self, j: int) -> str:
        """What it says of unit `j`, in terms of those that stay."""
        row = self.rows(np.array([j]))[0]
        terms = [f"{_factor(row[c])}h{self.keep[c]}" for c in np.flatnonzero(row)]
        if self.offset[j] or not terms:
            terms.append(f"{self.offset[j]:.4g}")
        return f"h{j} = {' + '.join(terms).replace('+ -', '- ')}"


def _factor(value: float) -> str:
    said = f"{value:.4g}"
    return {"1": "", "-1": "-"}.get(said, f"{said} ")


def _is_identity(square: Array) -> bool:
    """Without writing another one down."""
    return bool(np.all(np.diagonal(square) == 1.0)) and np.count_nonzero(square) == len(square)


@lru_cache(maxsize=64)
def identity(n: int) -> Fold:
    """The fold of `n` units that removes none."""
    return _unchecked(np.arange(n), np.zeros((0, n)), np.zeros(n), ("",) * n, Holds.ALWAYS)


def _unchecked(keep: Array, told: Array, offset: Array, why: tuple[str, ...], holds: Holds) -> Fold:
    """A fold of arrays that nobody else writes into, where there is nothing to check."""
    fold = object.__new__(Fold)
    _fill(fold, keep, told, offset, why, holds)
    return fold


def _fill(fold: Fold, keep: Array, told: Array, offset: Array, why: tuple[str, ...], holds: Holds) -> None:
    leads = np.flatnonzero(np.any(told, axis=0))
    _set(fold, keep, leads, told[:, leads], offset, why, holds)


def _like(fold: Fold, offset: Array, why: tuple[str, ...], holds: Holds) -> Fold:
    """The same combinations, otherwise."""
    other = object.__new__(Fold)
    _set(other, fold.keep, fold.leads, fold.stated, offset, why, holds)
    return other


def _set(fold: Fold, *values: Array | tuple[str, ...] | Holds) -> None:
    for name, value in zip(("keep", "leads", "stated", "offset", "why", "holds"), values, strict=True):
        if isinstance(value, np.ndarray):
            value.setflags(write=False)
        object.__setattr__(fold, name, value)


def explained(fold: Fold, why: tuple[str, ...]) -> Fold:
    """The same fold by other notions."""
    return _like(fold, fold.offset, why, fold.holds)


def shifted(fold: Fold, constants: Array, holds: Holds) -> Fold:
    """The same combinations where units have those constant parts. Constants of shape (n,), float64."""
    gone, offset = fold.dropped, np.zeros(fold.size)
    offset[gone] = constants[gone] - fold.stated @ constants[fold.keep[fold.leads]]
    return _like(fold, offset, fold.why, holds)


def merge(n: int, sources: Mapping[int, tuple[int, float, float]], why: str, holds: Holds = Holds.ALWAYS) -> Fold:
    """Units that equal a multiple of another: `sources[j] = (i, a, c)` says h_j = a h_i + c.

    Raises:
        NetworkError: A unit is stated in terms of one that goes.
    """
    if not sources:
        return identity(n)
    keep, gone = _parted(n, sources)
    column = {unit: place for place, unit in enumerate(keep.tolist())}
    told, offset = np.zeros((len(gone), len(keep))), np.zeros(n)
    for row, j in enumerate(gone.tolist()):
        i, a, c = sources[j]
        if i not in column:
            raise NetworkError(f"unit {j} cannot be stated in terms of unit {i}, which goes as well")
        told[row, column[i]], offset[j] = a, c
    return _unchecked(keep, told, offset, _because(n, gone, why), holds)


def _parted(n: int, gone: Iterable[int]) -> tuple[Array, Array]:
    """The units that stay and those that go, both increasing."""
    stays = np.ones(n, dtype=bool)
    stays[list(gone)] = False
    return np.flatnonzero(stays), np.flatnonzero(~stays)


def _because(n: int, gone: Array, why: str) -> tuple[str, ...]:
    reasons = [""] * n
    for j in gone.tolist():
        reasons[j] = why
    return tuple(reasons)


def drop(n: int, values: Mapping[int, float], why: str, holds: Holds = Holds.ALWAYS) -> Fold:
    """Units that are constants: `values[j] = c` says h_j = c."""
    if not values:
        return identity(n)
    keep, gone = _parted(n, values)
    offset = np.zeros(n)
    offset[gone] = [values[j] for j in gone.tolist()]
    return _unchecked(keep, np.zeros((len(gone), len(keep))), offset, _because(n, gone, why), holds)


def compose(first: Fold, second: Fold) -> Fold:
    """`second`, which speaks of the units that `first` keeps, after `first`."""
    if second.size != len(first.keep):
        raise NetworkError(f"a fold of {second.size} units cannot follow one that keeps {len(first.keep)}")
    if len(second.keep) == second.size:
        return first
    if len(first.keep) == first.size:
        holds = max(first.holds, second.holds)
        return _like(second, second.offset, second.why, holds)
    gone, mine, also = second.dropped, first.dropped, first.keep[second.dropped]
    stays, column = second.kept[first.leads], np.cumsum(second.kept) - 1
    told, offset = np.zeros((len(mine) + len(also), len(second.keep))), np.array(first.offset)
    told[: len(mine), column[first.leads[stays]]] = first.stated[:, stays]
    # Of those that went first, only the ones that are stated in units that go now change.
    users = np.flatnonzero(np.any(first.stated[:, ~stays], axis=1))
    through, now = first.stated[np.ix_(users, ~stays)], np.searchsorted(gone, first.leads[~stays])
    told[np.ix_(users, second.leads)] += through @ second.stated[now]
    told[len(mine) :, second.leads] = second.stated
    offset[mine[users]] += through @ second.offset[gone[now]]
    offset[also] += second.offset[gone]
    return _unchecked(
        first.keep[second.keep],
        told[np.argsort(np.concatenate([mine, also]))],
        offset,
        _later(first.why, also, second.why, gone),
        max(first.holds, second.holds),
    )


def _later(first: tuple[str, ...], also: Array, second: tuple[str, ...], gone: Array) -> tuple[str, ...]:
    why = list(first)
    for unit, after in zip(also.tolist(), gone.tolist(), strict=True):
        why[unit] = second[after]
    return tuple(why)


def beside(folds: Sequence[tuple[Array, Fold]], n: int) -> Fold:
    """The fold of n units of which each given one speaks of some: (their indices, the fold of them).

    Together the indices are all n, each once.
    """
    keep = np.sort(np.concatenate([units[fold.keep] for units, fold in folds]))
    gone = np.setdiff1d(np.arange(n), keep)
    told, offset, why = np.zeros((len(gone), len(keep))), np.zeros(n), np.full(n, "", dtype=object)
    for units, fold in folds:
        places = np.searchsorted(gone, units[fold.dropped]), np.searchsorted(keep, units[fold.keep])
        told[np.ix_(*places)] = fold.told
        offset[units], why[units] = fold.offset, fold.why
    return _unchecked(keep, told, offset, tuple(why), max(fold.holds for _, fold in folds))


def kept_too(fold: Fold, units: Array) -> Fold:
    """The same fold, but that some of the units that it removed stay."""
    keep = np.union1d(fold.keep, units).astype(np.intp)
    left = np.isin(fold.dropped, keep, invert=True)
    told, offset = np.zeros((int(left.sum()), len(keep))), fold.offset.copy()
    told[:, np.searchsorted(keep, fold.keep)] = fold.told[left]
    offset[keep] = 0.0
    stays = set(keep.tolist())
    why = tuple("" if j in stays else name for j, name in enumerate(fold.why))
    return _unchecked(keep, told, offset, why, fold.holds)
