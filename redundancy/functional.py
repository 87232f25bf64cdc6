"""Functional redundancy: units that are affine functions of others on data.

Every unit is looked at where weights read it, on a sample of the values that it takes there. The units that stay are
chosen by QR with column pivoting of the samples, as in an interpolative decomposition (Cheng, Gimbutas, Martinsson and
Rokhlin, 2005), and the others are fitted to them by least squares on one half of the data. What the other half does not
confirm stays: with fewer samples than units everything fits everything.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import lstsq, qr

from redundancy.findings import Finding, Findings
from redundancy.fold import Fold, Holds
from redundancy.network import Array, Network
from redundancy.spaces import Space, Tap, Trace, tap_name, trace

EXACT = 1e-6
"""The error of a unit, relative to its largest value, that is rounding: of values that were computed in float32."""

CONFIRMED = 10.0
"""How much larger the largest error on the second half of the data may be than the mean error on the first."""

STEEPEST = 100.0
"""The largest coefficient that a unit may be stated with: beyond, rounding of what stays would drown it."""

ROWS = 20_000
"""Samples that are looked at, at each tap, at most."""

DEAD, CONSTANT, DUPLICATE, SCALED, FLIPPED, DEPENDENT = (
    "dead", "constant", "duplicate", "scaled", "flipped", "dependent",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """The units of a space at one tap, on data.

    Attributes:
        tap: Where they are read.
        first, second: Samples of the two halves. Shape (samples, units of the space), float64.
        size: The largest value of each unit, by size; 1 for one that is zero. Shape (units,).
    """

    tap: Tap
    first: Array
    second: Array
    size: Array


def taps(network: Network) -> dict[str, int]:
    """The nodes whose units would have to be measured, and the axis that these lie on, not counting the batch."""
    followed = trace(network)
    homes = _homes(followed)
    return {homes[tap.name]: followed.units[homes[tap.name]].axis for space in _open(followed) for tap in space.taps}


@dataclass(frozen=True, slots=True, eq=False)
class Survey:
    """The units of a space wherever they are read, on data.

    Attributes:
        space: That may change unit by unit.
        measured: One a tap.
        order: The units, each the one that those before it explain least. Shape (n,), int.
        unexplained: How much of each, in that order, those before it leave unexplained: the mean error relative to the
            largest value. Shape (n,), decreasing.
    """

    space: Space
    measured: tuple[Measured, ...]
    order: Array
    unexplained: Array


def survey(network: Network, values: Mapping[str, Array]) -> tuple[Survey, ...]:
    """Every space that may change and whose units were measured wherever they are read.

    Args:
        network: Whose units they are.
        values: Samples at nodes: shape (samples, extent of the axis of units), in the order of the data.
    """
    followed = trace(network)
    homes = _homes(followed)
    found = []
    for space in _open(followed):
        if all(homes[tap.name] in values for tap in space.taps):
            measured = tuple(_measured(tap, values[homes[tap.name]]) for tap in space.taps)
            # What overflows in the float32 of the values can be fitted to nothing.
            finite = all(np.all(np.isfinite(half)) for each in measured for half in (each.first, each.second))
            if finite and min(len(samples.second) for samples in measured) > 1:
                found.append(Survey(space, measured, *_ordered(measured)))
    return tuple(found)


def functional(surveys: Iterable[Survey], reach: float = EXACT, notions: Collection[str] | None = None) -> Findings:
    """What folds on data.

    Args:
        surveys: Of a network.
        reach: The mean error that a unit may have, relative to its largest value.
        notions: Names of those to look for; all if not given.
    """
    found: list[Finding] = []
    for one in surveys:
        at = _folds(one, reach, notions)
        fold = at[one.space.taps[0].name]
        if len(fold.dropped):
            gone = fold.dropped
            why = tuple(fold.why[j] for j in gone)
            error = max(_worst(samples, at[samples.tap.name]) for samples in one.measured)
            found.append(Finding(one.space.name, one.space.size, gone, why, at, fold, error))
    return Findings(tuple(found), ())


def _homes(followed: Trace) -> dict[str, str]:
    """The node of each tap, by the tap's name."""
    return {
        tap_name(name, units, number): name
        for name, units in followed.units.items()
        for number in range(len(units.parts))
    }


def _open(followed: Trace) -> list[Space]:
    """The spaces that may change unit by unit, all of whose units are read at every tap."""
    return [
        space
        for space in followed.spaces
        if space.taps and not space.pins and not space.blocks and space.size > 1
        if all(np.array_equal(tap.units, np.arange(space.size)) for tap in space.taps)
    ]


def _measured(tap: Tap, values: Array) -> Measured:
    places = len(tap.part.where)
    rows = values[:: max(1, -(-len(values) * places // ROWS))]
    halves = [
        np.asarray(part[:, tap.part.where], np.float64).reshape(-1, len(tap.units))
        for part in (rows[: len(rows) // 2], rows[len(rows) // 2 :])
    ]
    size = np.max([np.max(np.abs(half), axis=0, initial=0.0) for half in halves], axis=0)
    return Measured(tap, halves[0], halves[1], np.where(size > 0, size, 1.0))


def _ordered(measured: Sequence[Measured]) -> tuple[Array, Array]:
    """The units in the order in which they should stay, at all taps at once, and what is unexplained of each."""
    blocks = []
    for samples in measured:
        rows = samples.first / samples.size
        centred = rows if samples.tap.padded else rows - rows.mean(axis=0)
        blocks.append(np.linalg.qr(centred, mode="r") / np.sqrt(max(len(rows), 1)))
    r, order = qr(np.vstack(blocks), mode="r", pivoting=True)
    left = np.zeros(len(order))
    diagonal = np.abs(np.diag(r))
    left[: len(diagonal)] = diagonal
    return order, left


def _folds(one: Survey, reach: float, notions: Collection[str] | None) -> dict[str, Fold]:
    """One fold for each tap, all of which keep the same units; at least one."""
    keep = np.sort(one.order[: max(1, int(np.sum(one.unexplained > reach)))])
    while True:
        fitted = [_fitted(samples, keep, reach * CONFIRMED) for samples in one.measured]
        doubtful = np.unique(np.concatenate([*(units for _, units in fitted), _others(fitted[0][0], notions)]))
        if not len(doubtful):
            return {samples.tap.name: fold for samples, (fold, _) in zip(one.measured, fitted, strict=True)}
        keep = np.union1d(keep, doubtful)


def _others(fold: Fold, notions: Collection[str] | None) -> Array:
    """The units that go by a notion that was not asked for. Shape (k,), int."""
    return np.array([j for j in fold.dropped if notions is not None and fold.why[j] not in notions], dtype=np.intp)


def _fitted(samples: Measured, keep: Array, allowed: float) -> tuple[Fold, Array]:
    """The fold at one tap, and the units that it is not confirmed for."""
    n = len(samples.size)
    gone = np.setdiff1d(np.arange(n), keep)
    into, offset, why = np.zeros((n, len(keep))), np.zeros(n), np.full(n, "", dtype=object)
    into[keep, np.arange(len(keep))] = 1.0
    wrong = np.zeros(n, dtype=bool)
    if len(gone):
        # The simplest explanation first; what it does not explain, but for rounding, goes on to the next.
        wrong[gone], left = True, gone
        for explain, within in ((_level, EXACT * CONFIRMED), (_pair, EXACT * CONFIRMED), (_combination, allowed)):
            names, coefficients, shifts = explain(samples, keep, left)
            good = _error(samples, keep, left, coefficients, shifts) <= within
            steep = np.max(np.abs(coefficients) * samples.size[keep] / samples.size[left][:, None], axis=1, initial=0.0)
            good &= steep <= STEEPEST
            into[left[good]], offset[left[good]], why[left[good]] = coefficients[good], shifts[good], names[good]
            wrong[left[good]] = False
            left = left[~good]
    return Fold(keep, into, offset, tuple(why), Holds.DATA), np.flatnonzero(wrong)


def _error(samples: Measured, keep: Array, units: Array, into: Array, offset: Array) -> Array:
    """The largest error of each unit on either half, relative to its largest value. Shape (units,)."""
    worst = np.zeros(len(units))
    for half in (samples.first, samples.second):
        missed = half[:, units] - half[:, keep] @ into.T - offset
        worst = np.maximum(worst, np.max(np.abs(missed), axis=0, initial=0.0))
    return np.asarray(worst / samples.size[units])


def _worst(samples: Measured, fold: Fold) -> float:
    gone = fold.dropped
    return float(np.max(_error(samples, fold.keep, gone, fold.told, fold.offset[gone]), initial=0.0))


Explained = tuple[Array, Array, Array]
"""(name, coefficients, constant) of each unit: shapes (units,), (units, k), (units,)."""


def _level(samples: Measured, keep: Array, units: Array) -> Explained:
    """Units as constants."""
    centres = 0.5 * (samples.first[:, units].max(axis=0) + samples.first[:, units].min(axis=0))
    still = (
        np.zeros_like(centres) if samples.tap.padded else np.where(np.any(samples.first[:, units], axis=0), centres, 0)
    )
    names = np.where(still == 0, DEAD, CONSTANT).astype(object)
    return names, np.zeros((len(units), len(keep))), still


def _pair(samples: Measured, keep: Array, units: Array) -> Explained:
    """Units as multiples of the unit that they are most like, with a constant."""
    others, mine = samples.first[:, keep], samples.first[:, units]
    means = (
        (np.zeros(len(keep)), np.zeros(len(units))) if samples.tap.padded else (others.mean(axis=0), mine.mean(axis=0))
    )
    products = (mine - means[1]).T @ (others - means[0])
    squares = np.einsum("mk,mk->k", others - means[0], others - means[0])
    safe = np.where(squares > 0, squares, np.inf)
    best = np.argmax(products**2 / safe, axis=1)
    rows = np.arange(len(units))
    factors = products[rows, best] / safe[best]
    factors = np.where(np.abs(factors - 1.0) <= EXACT, 1.0, factors)
    shifts = means[1] - factors * means[0][best]
    shifts = np.where(np.abs(shifts) <= EXACT * samples.size[units], 0.0, shifts)
    into = np.zeros((len(units), len(keep)))
    into[rows, best] = factors
    names = np.where(factors < 0, FLIPPED, np.where((factors == 1.0) & (shifts == 0), DUPLICATE, SCALED))
    return names.astype(object), into, shifts


def _combination(samples: Measured, keep: Array, units: Array) -> Explained:
    """Units as combinations of all that stay, by least squares."""
    others, mine = samples.first[:, keep], samples.first[:, units]
    ones = np.zeros((len(others), 0 if samples.tap.padded else 1)) + 1.0
    columns = np.hstack([others / samples.size[keep], ones])
    found = lstsq(columns, mine, lapack_driver="gelsy")[0] if len(units) else np.zeros((columns.shape[1], 0))
    shifts = np.zeros(len(units)) if samples.tap.padded else found[-1]
    names = np.full(len(units), DEPENDENT, dtype=object)
    return names, (found[: len(keep)] / samples.size[keep][:, None]).T, shifts
