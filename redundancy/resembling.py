"""Units that are only alike: in their kernels beyond chance, and in all else that they compute."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

from redundancy.clustering import near_duplicates
from redundancy.layers import RULES, Rule
from redundancy.nearing import candidates
from redundancy.network import Array, Node
from redundancy.notions.near import Pairs, Sources, grouped
from redundancy.similarity import cosine, directions
from redundancy.spaces import Space, Trace
from redundancy.statistics import chance_cosine

LEAST = 0.9
"""The cosine of two kernels below which they are not called near, however far beyond chance it is."""

LEVEL = 0.05
"""The chance that random initialisation brings even one pair of a layer as near."""

REACH = sqrt(1.0 - LEAST**2)
"""How far two units may be apart in all that they compute, relative to their norm: as far as those kernels."""


@dataclass(frozen=True, slots=True)
class Resemblance:
    """What a unit is like.

    Attributes:
        of: Index of another unit of its space.
        cosine: Of the weights of the two, without bias.
        distance: How far the unit is from a multiple of the other, relative to its norm, with bias and normalisation;
            from the other itself, where the function that follows minds the size.
    """

    of: int
    cosine: float
    distance: float

    def sentence(self, unit: int) -> str:
        """The same in words."""
        return f"h{unit} is like h{self.of} (cosine {self.cosine:.3f})"


def resembling(followed: Trace, gone: Mapping[str, Sequence[int]]) -> dict[str, dict[int, Resemblance]]:
    """Units that are alike, though no fold says so exactly, by space: what a tolerance could make equal.

    Args:
        followed: The network, with its units.
        gone: Units that are redundant anyway, by space: they are like no other, and none is like them.
    """
    if not any(_has_near_kernels(followed, space, gone.get(space.name, ())) for space in followed.spaces):
        return {}
    found: dict[str, dict[int, Resemblance]] = {}
    # Kernels are not all: a bias, a normalisation or a function that minds the size can part units again.
    for pair in candidates(followed.network, None, REACH, _beyond_chance):
        if not {pair.unit, pair.of} & set(gone.get(pair.space, ())):
            found.setdefault(pair.space, {})[pair.unit] = Resemblance(pair.of, pair.cosine, pair.distance)
    return found


def _beyond_chance(pairs: Pairs) -> Sources:
    """Of rows whose coefficients are nearer than chance would bring any two of them, all but one of a group."""
    n, d = pairs.rows.shape
    threshold = chance_cosine(n * (n - 1) // 2, d - 1, LEVEL) if d > 1 else None
    if threshold is None:
        return {}
    threshold = max(threshold, LEAST)
    cosines = [cosine(pairs.rows[[j, i], :-1])[0, 1] for j, i in zip(pairs.unit, pairs.of, strict=True)]
    return grouped(pairs.take(np.flatnonzero(np.array(cosines) >= threshold)))


def _has_near_kernels(followed: Trace, space: Space, gone: Sequence[int]) -> bool:
    """Whether it is worth to look at all that the units of a space compute, which takes longer."""
    left = np.setdiff1d(np.arange(space.size), gone)
    maker = None if space.pins or len(left) < 2 else _maker(followed, space)
    return maker is not None and near_duplicates(_directions(maker)[left], level=LEVEL, least=LEAST).pairs > 0


def _maker(followed: Trace, space: Space) -> Node | None:
    """The first layer with a kernel that makes all units of a space."""
    for node in followed.network:
        rule = RULES.get(node.kind)
        if rule is None or not rule.makes or "kernel" not in rule.writes:
            continue
        if _extent(rule, node, "kernel") == space.size and np.array_equal(followed.made(node.name), space.ids):
            return node
    return None


def _directions(node: Node) -> Array:
    """The kernel of each unit, scaled to norm one. Shape (n, d), float64."""
    rule = RULES[node.kind]
    kernel = np.moveaxis(rule.loose(node)["kernel"], rule.writes["kernel"], 0)
    return directions(kernel.reshape(len(kernel), -1))


def _extent(rule: Rule, node: Node, weight: str) -> int:
    """How many units a weight makes; 0 where the equation of a layer says that in no single way."""
    shape, axis = rule.loose(node)[weight].shape, rule.writes[weight]
    return shape[axis] if -len(shape) <= axis < len(shape) else 0
