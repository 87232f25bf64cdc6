"""Plants redundancy, or what only looks like it, in a network: to see whether it is found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from textwrap import indent
from typing import Any

import numpy as np

from redundancy.algebra import MAXIMUM, Algebra, Scale, algebra_of
from redundancy.errors import NetworkError
from redundancy.layers import RULES, precision
from redundancy.network import Array, Network, Node
from redundancy.spaces import Space, Trace, trace

MAXIMA = ("max_pooling", "global_max_pooling")


@dataclass(frozen=True, slots=True, eq=False)
class Planted:
    """A network in which one unit was made out of another.

    Attributes:
        network: With the plant.
        relation: What was planted.
        space: The layers that make the units.
        units: (i, j): j was made out of i.
    """

    network: Network
    relation: str
    space: str
    units: tuple[int, int]

    def __str__(self) -> str:
        i, j = self.units
        return f"unit {j} of {self.space} is planted as '{self.relation}' of unit {i} in\n{self.network}\n"

    __repr__ = __str__

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(indent(str(self), " " * 8).lstrip())


@dataclass(frozen=True, slots=True, eq=False)
class Bed:
    """A space in which something can be planted.

    Attributes:
        space: Its units.
        makers: Names of the nodes with weights that make the units.
        carriers: Names of the nodes with weights that hold a number for each unit.
        early: Some of the carriers come before every nonlinear function.
        functions: That the units pass, max pooling included, in order; None for one whose algebra is not known.
        padded: Somebody reads the units with zeros beyond the border.
        eps: Machine epsilon of the weights that make the units.
    """

    space: Space
    makers: tuple[str, ...]
    carriers: tuple[str, ...]
    early: bool
    functions: tuple[Algebra | None, ...]
    padded: bool
    eps: float

    @property
    def bent(self) -> tuple[Algebra, ...]:
        """The nonlinear functions of one value among them."""
        return tuple(f for f in self.functions if f is not None and not f.linear and f is not MAXIMUM)


@dataclass(frozen=True, slots=True)
class Relation:
    """A way to make unit j out of unit i.

    Attributes:
        folds: Unit j can be folded away; if not, this is a decoy.
        fits: Whether it can be planted in a bed such that `folds` is true there.
        change: (name of weight, role, values of unit i, values of unit j) -> values of unit j; the role is
            "makes", "carries" or "reads".
    """

    folds: bool
    fits: Callable[[Bed], bool]
    change: Callable[[str, str, Array, Array], Array]


def _multiple(factor: float) -> Callable[[str, str, Array, Array], Array]:
    def change(name: str, role: str, first: Array, second: Array) -> Array:
        if role == "reads":
            return second
        # A BatchNormalization's gamma and variance make its gain, which stays; mean and beta move with the unit.
        return first if name in ("gamma", "variance") else (first * factor).astype(first.dtype)

    return change


def _zero(among: str) -> Callable[[str, str, Array, Array], Array]:
    def change(name: str, role: str, first: Array, second: Array) -> Array:
        return np.zeros_like(second) if role == among and name != "bias" else second

    return change


def _off(name: str, role: str, first: Array, second: Array) -> Array:
    """No weights, and a bias below zero."""
    if role != "makes":
        return second
    return -np.abs(second) - second.dtype.type(0.5) if name == "bias" else np.zeros_like(second)


def _other_statistics(name: str, role: str, first: Array, second: Array) -> Array:
    moved = {"variance": first * 4 + 1, "mean": first + 0.5}
    twin = _multiple(1.0)(name, role, first, second)
    return moved[name].astype(first.dtype) if name in moved else twin


def _one_ulp(name: str, role: str, first: Array, second: Array) -> Array:
    twin = _multiple(1.0)(name, role, first, second).copy()
    if name == "kernel" and role == "makes":
        largest = np.unravel_index(np.argmax(np.abs(twin.astype(np.float64))), twin.shape)
        twin[largest] = np.nextafter(twin[largest], twin.dtype.type(np.inf))
    return twin


def _edge(name: str, role: str, first: Array, second: Array) -> Array:
    """Weights that sum to zero: a Sobel filter where the window is 3x3."""
    if role != "makes":
        return second
    edge = np.zeros_like(second)
    if name == "kernel" and second.shape[:2] == (3, 3):
        edge += np.array([[1, 0, -1], [2, 0, -2], [1, 0, -1]], second.dtype).reshape(3, 3, *[1] * (second.ndim - 2))
    elif name == "kernel":
        flat = edge.reshape(-1)
        flat[: len(flat) // 2], flat[len(flat) - len(flat) // 2 :] = 1, -1
    return edge


def _known(bed: Bed) -> bool:
    return None not in bed.functions


def _scales(bed: Bed) -> bool:
    return _known(bed) and all(f is not None and f.scale is not Scale.NONE for f in bed.functions)


def _mirrors(bed: Bed) -> bool:
    if not _known(bed) or any(f is not None and f.mirror is None for f in bed.functions):
        return False
    # 1 - h is not odd: a second function, or a border of zeros, tells the two apart.
    return all(f.mirror == 0.0 for f in bed.bent) or (len(bed.bent) == 1 and not bed.padded and not bed.carriers)


def _bent(bed: Bed) -> bool:
    return _known(bed) and bool(bed.bent)


def _stays_zero(bed: Bed) -> bool:
    """Nothing makes another constant of a zero, which a border of zeros would tell apart from it."""
    kept = all(f is None or f.function(np.zeros(1))[0] == 0 for f in bed.functions)
    return kept and len(bed.makers) == 1 and not bed.carriers


def _rectified(bed: Bed) -> bool:
    """The first function is zero below -0.5, and nothing moves the units before it."""
    first = bed.functions[0] if bed.functions else None
    if not _known(bed) or bed.early or first is None or not first.monotone:
        return False
    if bed.padded and not _stays_zero(bed):
        return False
    return bool(np.all(first.function(np.array([-1e9, -0.5])) == 0))


RELATIONS: dict[str, Relation] = {
    "duplicate": Relation(True, _known, _multiple(1.0)),
    "scaled": Relation(True, _scales, _multiple(2.0)),
    "flipped": Relation(True, _mirrors, _multiple(-1.0)),
    "constant": Relation(True, lambda bed: _known(bed) and not bed.padded, _zero("makes")),
    "dead": Relation(True, _rectified, _off),
    "unused": Relation(True, _known, _zero("reads")),
    "antiparallel": Relation(
        False, lambda bed: _bent(bed) and any(f.mirror is None for f in bed.bent), _multiple(-1.0)
    ),
    "twin with other statistics": Relation(False, lambda bed: _bent(bed) and bed.early, _other_statistics),
    # In float64 the last place is lost in the arithmetic that looks at it.
    "one-ulp twin": Relation(False, lambda bed: _bent(bed) and bed.eps > 1e-9, _one_ulp),
    "edge filter": Relation(False, _bent, _edge),
}
"""What can be planted, by name: redundancy that folds, and decoys that must stay."""


def beds(network: Network) -> tuple[Bed, ...]:
    """The spaces in which something can be planted: they may change, have two units or more, and are read."""
    followed = trace(network)
    free = (space for space in followed.spaces if not space.pins and space.taps and space.size > 1)
    return tuple(_bed(space, followed) for space in free)


def _bed(space: Space, followed: Trace) -> Bed:
    inside = [node for node in followed.network if np.isin(followed.made(node.name), space.ids).any()]
    makers = [node.name for node in inside if RULES[node.kind].writes]
    carriers = [node.name for node in inside if RULES[node.kind].carries]
    functions = [(node.name, _function(node)) for node in inside if node.kind in ("activation", *MAXIMA)]
    order = [node.name for node in inside]
    first = next((order.index(name) for name, f in functions if f is not None and not f.linear), len(order))
    early = any(order.index(name) < first for name in carriers)
    padded = any(tap.padded for tap in space.taps)
    eps = max(precision(followed.network[name]) for name in makers)
    return Bed(space, tuple(makers), tuple(carriers), early, tuple(f for _, f in functions), padded, eps)


def _function(node: Node) -> Algebra | None:
    return MAXIMUM if node.kind in MAXIMA else algebra_of(node.config)


def plant(network: Network, space: str, units: tuple[int, int], relation: str) -> Planted:
    """Makes unit j of a space out of unit i.

    Args:
        network: It stays as it is.
        space: Name of the space; its layers, joined by "+".
        units: (i, j), indices in the space.
        relation: One of `RELATIONS`.

    Raises:
        NetworkError: There is no such space, unit or relation, or what would be planted is not what its name says.
    """
    bed = next((bed for bed in beds(network) if bed.space.name == space), None)
    if bed is None:
        free = ", ".join(bed.space.name for bed in beds(network)) or "none"
        raise NetworkError(f"nothing can be planted in '{space}': the spaces that may change are {free}")
    i, j = units
    if relation not in RELATIONS or not RELATIONS[relation].fits(bed):
        fitting = ", ".join(name for name, known in RELATIONS.items() if known.fits(bed)) or "none"
        raise NetworkError(f"'{relation}' cannot be planted in '{space}': what can is {fitting}")
    if i == j or not (0 <= i < bed.space.size and 0 <= j < bed.space.size):
        raise NetworkError(f"units {units} are not two different ones of the {bed.space.size} in '{space}'")
    return Planted(_changed(network, bed, units, RELATIONS[relation]), relation, space, units)


def with_copies(network: Network, share: float, rng: np.random.Generator) -> tuple[Network, int]:
    """Makes a share of the units of every space that may change copies of others.

    Args:
        network: It stays as it is.
        share: Of the units of a space that become copies; at most a half.
        rng: Draws which ones.

    Returns:
        The network, with copies in every layer that makes or carries the units, and how many copies there are.
    """
    followed = trace(network)
    source, planted = np.arange(len(followed.roots)), 0
    for space in followed.spaces:
        for units in _together(space) if space.taps and not space.pins else ():
            if count := int(share * len(units)):
                order = rng.permutation(units)
                source[space.ids[order[:count]]] = space.ids[order[count : 2 * count]]
                planted += count
    return network.with_nodes({node.name: _copied(node, followed, source) for node in network}), planted


def _together(space: Space) -> list[Array]:
    """The units of a space in sets that are read together everywhere: made apart, units differ whatever their weights.

    Where an Add ties the channels of one convolution to those of two in a row, copies across the two are none.
    """
    read = np.stack([np.isin(np.arange(space.size), tap.units) for tap in space.taps], axis=1)
    label = np.unique(read, axis=0, return_inverse=True)[1].reshape(-1)
    return [np.flatnonzero(label == kind) for kind in np.unique(label)]


def _copied(node: Node, followed: Trace, source: Array) -> Node:
    rule = RULES.get(node.kind)
    if rule is None or not node.inputs:
        return node
    weights = dict(rule.loose(node))
    before = dict(weights)
    for axes, ids in ((rule.writes, followed.made(node.name)), (rule.carries, followed.made(node.inputs[0]))):
        places = np.flatnonzero(source[ids] != ids) if weights.keys() & axes.keys() else ()
        for name in weights.keys() & axes.keys() if len(places) else ():
            weights[name] = np.take(weights[name], _sources(ids, source), axis=axes[name])
    return node if all(weights[name] is before[name] for name in weights) else rule.packed(node, weights)


def _sources(ids: Array, source: Array) -> Array:
    """The index whose values each index gets: the first place of a unit from the first of its source, and so on."""
    places = np.arange(len(ids))
    for unit in np.unique(ids[source[ids] != ids]):
        mine, sources = np.flatnonzero(ids == unit), np.flatnonzero(ids == source[unit])
        if len(mine) == len(sources):
            places[mine] = sources
    return places


def _changed(network: Network, bed: Bed, units: tuple[int, int], relation: Relation) -> Network:
    followed = trace(network)
    nodes = {node.name: node for node in network}
    for name, role in [(name, "makes") for name in bed.makers] + [(name, "carries") for name in bed.carriers]:
        rule = RULES[nodes[name].kind]
        axes = rule.writes if role == "makes" else rule.carries
        places = [np.flatnonzero(followed.made(name) == bed.space.ids[unit]) for unit in units]
        nodes[name] = _with(nodes[name], axes, places, role, relation)
    for tap in bed.space.taps:
        places = [tap.part.where[:, tap.units == unit].ravel() for unit in units]
        for read in tap.reads:
            nodes[read.node] = _with(nodes[read.node], {read.weight: read.axis}, places, "reads", relation)
    return network.with_nodes(nodes)


def _with(node: Node, axes: Mapping[str, int], places: list[Array], role: str, relation: Relation) -> Node:
    rule = RULES[node.kind]
    weights = dict(rule.loose(node))
    for name in weights.keys() & axes.keys():
        moved = np.moveaxis(weights[name], axes[name], -1).copy()
        first, second = moved[..., places[0]], moved[..., places[1]]
        if first.shape != second.shape:
            raise NetworkError(f"the two units lie at other places of layer '{node.layer}': choose two that lie alike")
        moved[..., places[1]] = relation.change(name, role, first, second)
        weights[name] = np.moveaxis(moved, -1, axes[name])
    changed = rule.packed(node, weights)
    if any(not np.array_equal(array, weights[name]) for name, array in rule.loose(changed).items()):
        raise NetworkError(f"layer '{node.layer}' makes the two units in different groups: choose two of one group")
    return changed
