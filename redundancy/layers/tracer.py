"""Keeps account of units while a network is followed from its inputs to its outputs."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from redundancy.algebra import Algebra
from redundancy.coefficients import Basis, Rows, folded
from redundancy.fold import Fold, beside, identity
from redundancy.network import Array, Node
from redundancy.sites import Find, Site, site_of
from redundancy.units import Affine, Part, Units, nothing_known

INPUT, OUTPUT = "it is an input of the network", "it is an output of the network"
"""Why the units of both ends stay."""


@dataclass(frozen=True, slots=True, eq=False)
class Pin:
    """Units that must stay as they are, and why.

    Attributes:
        part: The units, as they reach the layer.
        layer: The layer that does not let them change.
        reason: Why it does not.
        reads: The layer reads the units; if not, it is one that makes them, or an end of the network.
    """

    part: Part
    layer: str
    reason: str
    reads: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Units that a layer handles in groups of one size.

    Attributes:
        ids: The units. Shape (n,), int.
        labels: The group of each. Shape (n,), int.
        strict: A unit can only be stated in units of its own group.
        layer: Whose groups they are.
        even: The groups must stay of one size.
        whole: A group may go as a whole, as well.
        led: A group goes as a whole where it follows others, and only there.
    """

    ids: Array
    labels: Array
    strict: bool
    layer: str
    even: bool = True
    whole: bool = False
    led: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Following:
    """Groups of units that go as a whole, each with a whole group of others, and not otherwise.

    Attributes:
        ids: The units. Shape (n,), int.
        labels: The group of each. Shape (n,), int.
        leaders: Those that they follow. Shape (m,), int.
        leading: The group of each of those. Shape (m,), int.
        layer: Whose groups they are.
    """

    ids: Array
    labels: Array
    leaders: Array
    leading: Array
    layer: str

    def gone(self, dropped: Array) -> Array:
        """The groups of which all leaders go. Shape (groups,), int.

        Args:
            dropped: The units that go.
        """
        left = self.leading[~np.isin(self.leaders, dropped)]
        return np.setdiff1d(self.leading, left)


@dataclass(slots=True)
class Tracer:
    """The account of one walk through a network; the rules of layers write into it.

    Attributes:
        find: Finds what folds before a nonlinear function; None where nobody asks what units compute.
        box: Bounds of the network's inputs, by node: (low, high), each broadcasting to the input's shape.
        shapes: Of every node's output, by name.
        shared: The layers that are called several times with the same weights.
        nodes: All, by name.
        pins: What must stay, in the order found.
        blocks: What must stay in groups of one size.
        following: What goes with what.
    """

    find: Find | None = None
    box: Mapping[str, tuple[Array, Array]] = field(default_factory=dict)
    shapes: Mapping[str, tuple[int | None, ...]] = field(default_factory=dict)
    shared: frozenset[str] = frozenset()
    nodes: Mapping[str, Node] = field(default_factory=dict)
    pins: list[Pin] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    following: list[Following] = field(default_factory=list)
    _parent: list[int] = field(default_factory=list)

    @property
    def values(self) -> bool:
        """Whether what the units compute is followed, besides which units they are."""
        return self.find is not None

    def fresh(self, n: int) -> Array:
        """The ids of n new units. Shape (n,), int."""
        first = len(self._parent)
        self._parent.extend(range(first, first + n))
        return np.arange(first, first + n)

    def made(
        self,
        node: Node,
        n: int,
        axis: int,
        affine: Affine | None = None,
        low: Array | None = None,
        high: Array | None = None,
    ) -> Units:
        """Units that a node makes: n along `axis`, of which nothing is known unless it is said."""
        if self.find is None:
            affine = Affine({}, np.ones(n), np.zeros(n), ("",) * n, 0.0)
        low = np.full(n, -np.inf) if low is None else low
        high = np.full(n, np.inf) if high is None else high
        affine = affine or nothing_known(("value", node.name), n, precision(node))
        return Units((Part(self.fresh(n), affine, low, high, np.arange(n)[None, :]),), axis)

    def unknown(self, basis: Basis, n: int, axis: int) -> Units:
        """Units of which nothing is known but where their values are to be found; no layer makes them."""
        affine = nothing_known(basis, n, epsilon(np.dtype(np.float64)))
        return Units((Part(self.fresh(n), affine, np.full(n, -np.inf), np.full(n, np.inf), np.arange(n)[None]),), axis)

    def pin(self, units: Units, layer: str, reason: str, *, reads: bool = True) -> None:
        """These units stay as they are."""
        self.pins.extend(Pin(part, layer, reason, reads) for part in units.parts)

    def block(
        self, units: Units, groups: int, layer: str, *, strict: bool, whole: bool = False, led: bool = False
    ) -> None:
        """These units, in as many groups as said along their axis, must stay groups of one size."""
        self.blocks.append(Block(units.ids, _grouped(units, groups), strict, layer, whole=whole, led=led))

    def apart(self, units: Units, labels: Array, layer: str) -> None:
        """These units can only be stated in units of the same label. Labels of shape (size,), int."""
        self.blocks.append(Block(units.ids, labels, strict=True, layer=layer, even=False))

    def follow(self, units: Units, leaders: Units, groups: int, layer: str) -> None:
        """These units, in groups along their axis, go as groups of the leaders do."""
        labels, leading = _grouped(units, groups), _grouped(leaders, groups)
        self.following.append(Following(units.ids, labels, leaders.ids, leading, layer))

    def opaque(self, node: Node, inputs: tuple[Units, ...], reason: str) -> Units:
        """A node that nothing is known about: what it reads stays as it is, and so does what it makes."""
        for units in inputs:
            self.pin(units, node.layer, reason)
        size = node.shape[-1] if node.shape else None
        if size is None:
            return Units((), -1)
        units = self.made(node, size, len(node.shape) - 1)
        self.pin(units, node.layer, reason, reads=False)
        return units

    def is_pinned(self, units: Units, layer: str) -> bool:
        """Whether a layer itself pinned the units that it makes."""
        ids = {id(part) for part in units.parts}
        return any(pin.layer == layer and id(pin.part) in ids for pin in self.pins)

    def tie(self, first: Array, second: Array) -> None:
        """Unit by unit, these must stay or go together."""
        for a, b in zip(first.tolist(), second.tolist(), strict=True):
            self._parent[self._root(a)] = self._root(b)

    def roots(self) -> Array:
        """The unit that stands for each unit and all that are tied to it. Shape (units,), int."""
        above = np.array(self._parent, dtype=np.intp)
        while np.any(above != above[above]):
            above = above[above]
        return above

    def _root(self, unit: int) -> int:
        while self._parent[unit] != unit:
            self._parent[unit] = self._parent[self._parent[unit]]
            unit = self._parent[unit]
        return unit

    def applied(self, units: Units, algebra: Algebra, name: Hashable) -> Units:
        """The units after a function of each one: what folds before it is what is known after it.

        Args:
            units: Before it.
            algebra: Of the function.
            name: Of what is known after it.
        """
        if self.find is None:
            return units
        parts = [self._applied(part, algebra, (name, number)) for number, part in enumerate(units.parts)]
        return Units(tuple(parts), units.axis)

    def applied_each(
        self, units: Units, algebra: Callable[[int], Algebra | None], labels: Array, name: Hashable, varied: Algebra
    ) -> Units:
        """The units after functions of their own: only units with one function can be related.

        Args:
            units: Before them.
            algebra: Of the function with a label; None where that is not one function for all positions.
            labels: Of the function at each index of the axis; int.
            name: Of what is known after them.
            varied: What is true of every one of the functions: a unit that lies at several places may have several.
        """
        if self.find is None:
            return units
        parts = []
        for number, part in enumerate(units.parts):
            own = labels[part.where]
            kinds, kind = np.unique(own.T, axis=0, return_inverse=True)
            functions = [algebra(int(row[0])) if np.all(row == row[0]) else None for row in kinds]
            parts.append(self._applied_each(part, functions, kind.reshape(-1), varied, (name, number)))
        return Units(tuple(parts), units.axis)

    def _applied_each(
        self, part: Part, functions: list[Algebra | None], kind: Array, varied: Algebra, name: Hashable
    ) -> Part:
        if len(functions) == 1 and functions[0] is not None:
            return self._applied(part, functions[0], name)
        low, high = np.full(len(kind), -np.inf), np.full(len(kind), np.inf)
        whole = site_of(part.affine, part.low, part.high, boxed=bool(self.box))
        folds = []
        for number, function in enumerate(functions):
            mine = np.flatnonzero(kind == number)
            site = whole.take(mine)
            if function is None:
                folds += [(mine[group], fold) for group, fold in self._varied(site, varied)]
            else:
                low[mine], high[mine] = function.bounds(part.low[mine], part.high[mine])
                folds.append((mine, self._found(replace(site, algebra=function))))
        return self._known(part, beside(folds, len(kind)), low, high, name)

    def _varied(self, site: Site, varied: Algebra) -> list[tuple[Array, Fold]]:
        """What folds where one unit has several functions: a negative constant has several values then."""
        unbounded = np.full(site.size, np.inf)
        open_ = replace(site, algebra=varied, low=-unbounded, high=unbounded)
        still = (site.group < 0) & (site.offset < 0)
        rest = np.flatnonzero(~still)
        apart_ = [(np.array([unit]), identity(1)) for unit in np.flatnonzero(still)]
        return [*apart_, *([(rest, self._found(open_.take(rest)))] if len(rest) else [])]

    def _applied(self, part: Part, algebra: Algebra, name: Hashable) -> Part:
        low, high = algebra.bounds(part.low, part.high)
        if algebra.linear:
            return part
        site = site_of(part.affine, part.low, part.high, algebra, boxed=bool(self.box))
        return self._known(part, self._found(site), low, high, name)

    def _found(self, site: Site) -> Fold:
        return identity(site.size) if self.find is None else self.find(site)

    def _known(self, part: Part, fold: Fold, low: Array, high: Array, name: Hashable) -> Part:
        """The units behind a function, of which is known what folded before it."""
        n, eps = len(part.ids), part.affine.eps
        if not len(fold.dropped):
            return Part(part.ids, nothing_known(("value", name), n, eps), low, high, part.where)
        holds = max(fold.holds, part.affine.holds)
        terms: dict[Basis, Rows] = {("value", name): folded(fold)}
        own = fold.unused
        known = Affine(terms, np.ones(n), fold.offset, fold.why, eps, stored=False, holds=holds, own=own)
        return Part(part.ids, known, low, high, part.where)


def _grouped(units: Units, groups: int) -> Array:
    return np.arange(units.size) // (units.size // groups)


def precision(node: Node) -> float:
    """Machine epsilon of the least precise weight that a node stores; that of float64 where it stores none.

    What stores nothing rounds nothing: an input would otherwise have the kernels of a float64 model judged as float32.
    """
    kinds = [array.dtype for array in node.weights.values() if array.dtype.kind in "fV"]
    return max((epsilon(dtype) for dtype in kinds), default=epsilon(np.dtype(np.float64)))


def epsilon(dtype: np.dtype[Any]) -> float:
    """Machine epsilon of a floating dtype, those of `ml_dtypes` included."""
    if dtype.kind == "f":
        return float(np.finfo(dtype).eps)
    from ml_dtypes import finfo

    return float(finfo(dtype).eps)  # type: ignore[no-untyped-call]
