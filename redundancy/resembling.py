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
from redundancy.notions.near import grouped
from redundancy.similarity import directions
from redundancy.spaces import Space, Trace

LEAST = 0.9
"""The cosine of two kernels below which they are not called near, however far beyond chance it is."""

REACH = sqrt(1.0 - LEAST**2)
"""How far two units may be apart in all that they compute, relative to their norm: as far as those kernels."""


@dataclass(frozen=True, slots=True)
class Resemblance:
    """What a unit is like.

    Attributes:
        of: Index of another unit of its space.
        cosine: Of the kernels of the two.
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
    kernels: dict[str, tuple[Array, float]] = {}
    for space in followed.spaces:
        left = np.setdiff1d(np.arange(space.size), gone.get(space.name, ()))
        if not space.pins and len(left) > 1 and (maker := _maker(followed, space)) is not None:
            rows = _directions(maker)
            clusters = near_duplicates(rows[left], least=LEAST)
            if clusters.pairs and clusters.threshold is not None:
                kernels[space.name] = rows, clusters.threshold
    found: dict[str, dict[int, Resemblance]] = {}
    # Kernels are not all: a bias, a normalisation or a function that minds the size can part units again.
    for pair in candidates(followed.network, None, REACH, grouped) if kernels else ():
        if pair.space not in kernels or {pair.unit, pair.of} & set(gone.get(pair.space, ())):
            continue
        rows, threshold = kernels[pair.space]
        cosine = float(rows[pair.unit] @ rows[pair.of])
        if cosine >= threshold:
            found.setdefault(pair.space, {})[pair.unit] = Resemblance(pair.of, cosine, pair.distance)
    return found


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
