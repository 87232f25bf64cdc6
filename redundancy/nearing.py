"""Near-duplicates made equal, as many as a bound on the output difference allows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from redundancy.certify import Box, Certificate, bounded
from redundancy.layers import RULES
from redundancy.likening import likened
from redundancy.network import Array, Network
from redundancy.notions import NOTIONS, finder
from redundancy.notions.near import NEAR, near
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
    """

    space: str
    unit: int
    of: int
    factor: float


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
    allows: so the bound is of what is done, and not a sum of single ones.

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

    ranked = _ranked(candidates(network, box), followed, lambda one: bound([one]).bound)
    fits, fails, best = 0, len(ranked) + 1, bound([])
    while fails - fits > 1:
        middle = (fits + fails) // 2
        tried = bound(ranked[:middle])
        if tried.bound <= tolerance:
            fits, best = middle, tried
        else:
            fails = middle
    return Nearing(equal(ranked[:fits]), tuple(ranked[:fits]), best)


def candidates(network: Network, box: Box | None = None, reach: float = REACH) -> list[Candidate]:
    """Pairs of units that could be made equal, in spaces that may change.

    Args:
        network: Without exact redundancy.
        box: Bounds of the inputs, by node.
        reach: How far the units of a pair may be apart, relative to their norm.
    """
    found = searched(network, finder([*NOTIONS.values(), near(reach)]), box).found
    pairs = []
    for finding in found:
        for unit, why in zip(finding.units.tolist(), finding.why, strict=True):
            row = finding.fold.rows(np.array([unit]))[0]
            if why == NEAR and np.count_nonzero(row) == 1:
                column = int(np.flatnonzero(row)[0])
                pairs.append(Candidate(finding.space, unit, int(finding.fold.keep[column]), float(row[column])))
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
