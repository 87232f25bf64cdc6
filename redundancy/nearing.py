"""Near-duplicates made equal, as many as a bound on the output difference allows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from redundancy.certification import Box, Certificate, bounded
from redundancy.layers import RULES
from redundancy.likening import likened
from redundancy.network import Array, Network
from redundancy.notions import NOTIONS, finder
from redundancy.notions.near import NEAR, Choice, Nearness, near, paired
from redundancy.search import searched
from redundancy.spaces import Space, Trace, trace

REACH = 0.7
"""How far units may be apart, relative to their norm, to be thought of at all; at 1 nothing would be left of one."""

SINGLY = 64
"""Up to so many, the effect of each pair is bounded by itself; of more, the nearest are taken to matter least."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """Two units that could be made equal.

    Attributes:
        space: Name of their space.
        unit: Index of the one that would become a multiple of the other.
        of: Index of the other.
        factor: Of the multiple.
        distance: How far it is from that now, relative to its norm; 0 where that is not known.
        cosine: Of the weights of the two, without bias; 1 where that is not known.
    """

    space: str
    unit: int
    of: int
    factor: float
    distance: float = 0.0
    cosine: float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Nearing:
    """A network whose near-duplicates were made equal.

    Attributes:
        network: With the same nodes, and other weights.
        pairs: What was made equal.
        certificate: Of the difference to the network that came in.
    """

    network: Network
    pairs: tuple[Candidate, ...]
    certificate: Certificate


def made_equal(network: Network, tolerance: float, box: Box) -> Nearing:
    """Makes near-duplicates equal while no output can differ by more than a tolerance.

    Candidates are taken in the order of what each does to the outputs, and as many as the bound of all together
    allows: so the bound is of what is done, and not a sum of single ones. Units that have become equal are looked at
    again, until no two are left that may be made equal: so of a group that is near all but one go.

    Args:
        network: It stays as it is.
        tolerance: How far an output may differ, for inputs in the box.
        box: Bounds of the inputs, by node.

    Raises:
        NetworkError: A weight is NaN or infinite, or the box does not fit the network.
    """
    followed, before = trace(network), bounded(network, box)
    spaces = {space.name: space for space in followed.spaces}

    def equal(chosen: Sequence[Candidate]) -> Network:
        return likened(followed, _by_space(chosen, spaces))

    def bound(chosen: Sequence[Candidate]) -> Certificate:
        return before.against(equal(chosen))

    chosen: tuple[Candidate, ...] = ()
    best, done = bound(chosen), False
    while not done:
        effect = partial(_effect, chosen, bound)
        ranked = _ranked(candidates(equal(chosen), box), followed, effect)
        more, best = _most(chosen, ranked, bound, tolerance)
        done, chosen = more == chosen, more
    return Nearing(equal(chosen), chosen, best)


def _effect(
    chosen: tuple[Candidate, ...], bound: Callable[[Sequence[Candidate]], Certificate], one: Candidate
) -> float:
    """The bound of what was chosen and one pair more."""
    return bound(_joined(chosen, [one])).bound


def _most(
    chosen: tuple[Candidate, ...],
    ranked: Sequence[Candidate],
    bound: Callable[[Sequence[Candidate]], Certificate],
    tolerance: float,
) -> tuple[tuple[Candidate, ...], Certificate]:
    """As many as the bound of all together allows, after those that were chosen already."""
    fits, fails, best = 0, len(ranked) + 1, bound(chosen)
    while fails - fits > 1:
        middle = (fits + fails) // 2
        tried = bound(_joined(chosen, ranked[:middle]))
        if tried.bound <= tolerance:
            fits, best = middle, tried
        else:
            fails = middle
    return _joined(chosen, ranked[:fits]), best


def _joined(chosen: Iterable[Candidate], more: Iterable[Candidate]) -> tuple[Candidate, ...]:
    """All pairs together, each in terms of units that stay: of units that are equal any may have been spoken of."""
    roots: dict[tuple[str, int], tuple[int, float]] = {}
    for pair in (*chosen, *more):
        unit, scale = roots.get((pair.space, pair.unit), (pair.unit, 1.0))
        of, factor = roots.get((pair.space, pair.of), (pair.of, 1.0))
        if unit == of:
            continue
        factor *= pair.factor / scale
        roots[pair.space, unit] = (of, factor)
        for place, (root, own) in list(roots.items()):
            if place[0] == pair.space and root == unit:
                roots[place] = (of, own * factor)
    return tuple(Candidate(space, unit, of, factor) for (space, unit), (of, factor) in roots.items())


def candidates(
    network: Network, box: Box | None = None, reach: float = REACH, choose: Choice = paired
) -> list[Candidate]:
    """Pairs of units that could be made equal, in spaces that may change.

    Args:
        network: To look at; what is redundant exactly is in no pair.
        box: Bounds of the inputs, by node.
        reach: How far the units of a pair may be apart, relative to their norm.
        choose: Which pairs are taken of all that are near.
    """
    found = searched(network, finder([*NOTIONS.values(), near(reach, choose)]), box).found
    pairs = []
    for finding in found:
        for unit, why in zip(finding.units.tolist(), finding.why, strict=True):
            row = finding.fold.rows(np.array([unit]))[0]
            if why == NEAR and np.count_nonzero(row) == 1:
                column = int(np.flatnonzero(row)[0])
                of, measured = int(finding.fold.keep[column]), why if isinstance(why, Nearness) else Nearness(0.0, 1.0)
                factor = float(row[column])
                pairs.append(Candidate(finding.space, unit, of, factor, measured.distance, measured.cosine))
    return pairs


def _by_space(
    chosen: Iterable[Candidate], spaces: dict[str, Space]
) -> list[tuple[Space, dict[int, tuple[int, float]]]]:
    grouped: dict[str, dict[int, tuple[int, float]]] = {}
    for pair in chosen:
        grouped.setdefault(pair.space, {})[pair.unit] = (pair.of, pair.factor)
    return [(spaces[name], sources) for name, sources in grouped.items()]


def _ranked(pairs: Sequence[Candidate], followed: Trace, effect: Callable[[Candidate], float]) -> list[Candidate]:
    """The pairs, those first that matter least; those of which nothing is known to bound their effect left out."""
    if len(pairs) <= SINGLY:
        effects = {pair: effect(pair) for pair in pairs}
    else:
        rows = {space.name: _rows(space, followed) for space in followed.spaces if not space.pins}
        effects = {pair: _distance(rows[pair.space], pair) for pair in pairs}
    return sorted((pair for pair in pairs if np.isfinite(effects[pair])), key=effects.__getitem__)


def _rows(space: Space, followed: Trace) -> Array:
    """The weights that make each unit, all layers beside each other. Shape (n, d)."""
    blocks = [np.zeros((space.size, 0))]
    for node in followed.network:
        rule, ids = RULES.get(node.kind), followed.made(node.name)
        if rule is not None and rule.makes and np.array_equal(ids, space.ids):
            loose = rule.loose(node)
            moved = [np.moveaxis(loose[name], axis, 0) for name, axis in rule.writes.items() if name in loose]
            blocks += [np.asarray(array, np.float64).reshape(space.size, -1) for array in moved]
    return np.hstack(blocks)


def _distance(rows: Array, pair: Candidate) -> float:
    return float(np.linalg.norm(rows[pair.unit] - pair.factor * rows[pair.of]))
