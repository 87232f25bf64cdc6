"""A network with units repeated: the same function, in the form that it has where another network has more units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from redundancy.errors import NetworkError
from redundancy.layers import RULES, shape_of
from redundancy.likening import RATIOS
from redundancy.network import Array, Network, Node
from redundancy.spaces import Trace, trace


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """Where the units of a space come from, once they are repeated.

    Attributes:
        of: The unit of the network that each new one is, or is a multiple of. Shape (n,), int.
        own: Whether it is that unit itself; the others are copies. Shape (n,), bool.
        factor: Of the multiple; 1 of units themselves. Shape (n,), float64.
        near: Whether a copy takes over weights that the other network's unit is read with; else nobody reads it.
            Shape (n,), bool.
    """

    of: Array
    own: Array
    factor: Array
    near: Array

    def unread(self) -> Plan:
        """The same, but that nobody reads the copies."""
        return Plan(self.of, self.own, np.ones(len(self.of)), self.own)

    @property
    def plain(self) -> bool:
        """Whether every unit stays where it is."""
        return bool(np.all(self.own)) and np.array_equal(self.of, np.arange(len(self.of)))


@dataclass(frozen=True, slots=True, eq=False)
class Expanded:
    """A network whose units are repeated.

    Attributes:
        network: In float64, where it changed.
        sizes: Of what each kernel that changed was computed from, by absolute values, by node.
    """

    network: Network
    sizes: Mapping[str, Array]


def expanded(networks: tuple[Trace, Trace], plans: Sequence[tuple[Plan, Plan]]) -> tuple[Expanded, Expanded]:
    """Two networks in one form: each with copies of its units in the places of those that only the other has.

    A copy computes what its original does, or a multiple. What reads it takes some of the original's weights over, so
    that the sum stays what it was: W h = (W - s V) h + V (s h), with V the weights that the other network has there.

    Args:
        networks: Both, with their units, by the same names.
        plans: For each space what becomes of it, in both.

    Raises:
        NetworkError: Units are repeated that a layer handles in a way of its own.
    """
    form = _form(networks[0], [plan for plan, _ in plans])
    raw = [_repeated(one, form, [pair[number] for pair in plans]) for number, one in enumerate(networks)]
    done = []
    for number, one in enumerate(networks):
        mine = [pair[number] for pair in plans]
        done.append(_shared(raw[number], raw[1 - number], one, form, mine))
    return done[0], done[1]


def _form(followed: Trace, plans: Sequence[Plan]) -> Trace:
    """The network with as many units as the plans have, whatever its weights."""
    network, nodes = followed.network, list[Node]()
    shapes: dict[str, tuple[int | None, ...]] = {}
    size = {id(space): len(plan.of) for space, plan in zip(followed.spaces, plans, strict=True)}
    for node in network:
        rule = RULES.get(node.kind)
        inputs = tuple(shapes[name] for name in node.inputs)
        if rule is not None and node.inputs:
            made = sum(size[id(space)] for space in followed.spaces if _makes(followed, node, space.ids))
            weights = {}
            for name, array in rule.loose(node).items():
                shape = list(array.shape)
                before = inputs[0][rule.axis(node, len(inputs[0]))]
                if name in rule.reads or name in rule.carries:
                    shape[{**rule.carries, **rule.reads}[name]] = before
                if name in rule.alike and shape[rule.axis(node, len(inputs[0]))] > 1:
                    shape[rule.axis(node, len(inputs[0]))] = before
                if name in rule.writes and not rule.carries:
                    shape[rule.writes[name]] = made
                elif name in rule.writes:
                    shape[rule.writes[name]] = array.shape[rule.writes[name]] // _extent(network, node) * before
                weights[name] = np.zeros(shape, np.float64)
            node = rule.packed(node, weights)
            node = node.with_shape(shape_of(node, inputs))
        shapes[node.name] = node.shape
        nodes.append(node)
    return trace(replace(network, nodes=tuple(nodes)))


def _extent(network: Network, node: Node) -> int:
    shape = network[node.inputs[0]].shape
    return shape[RULES[node.kind].axis(node, len(shape))] or 1


def _makes(followed: Trace, node: Node, ids: Array) -> bool:
    made = followed.made(node.name)
    return bool(len(made)) and bool(np.isin(made[0], ids))


def labels(followed: Trace, name: str) -> tuple[Array, Array]:
    """The space and the unit in it at each index of a tensor's axis of units."""
    roots = followed.made(name)
    space, unit = np.full(len(roots), -1), np.full(len(roots), -1)
    for number, known in enumerate(followed.spaces):
        mine = np.isin(roots, known.ids)
        space[mine], unit[mine] = number, np.searchsorted(known.ids, roots[mine])
    return space, unit


def _sources(followed: Trace, form: Trace, plans: Sequence[Plan], name: str) -> tuple[Array, Array, Array, Array]:
    """For each index of an axis in the new form: that in the old one, whether it is no copy, its factor, its plan."""
    space, unit = labels(form, name)
    before, old = labels(followed, name)
    of = np.array([plans[s].of[u] for s, u in zip(space, unit, strict=True)], np.intp)
    own = np.array([plans[s].own[u] for s, u in zip(space, unit, strict=True)], bool)
    factor = np.array([plans[s].factor[u] for s, u in zip(space, unit, strict=True)], np.float64)
    near = np.array([plans[s].near[u] for s, u in zip(space, unit, strict=True)], bool)
    places: dict[tuple[int, int], list[int]] = {}
    for place, key in enumerate(zip(before.tolist(), old.tolist(), strict=True)):
        places.setdefault(key, []).append(place)
    seen: dict[tuple[int, int], int] = {}
    found = np.empty(len(of), np.intp)
    for position, (s, u, source) in enumerate(zip(space.tolist(), unit.tolist(), of.tolist(), strict=True)):
        number = seen.get((s, u), 0)
        seen[s, u] = number + 1
        found[position] = places[s, source][number]
    return found, own, factor, near


def _repeated(followed: Trace, form: Trace, plans: Sequence[Plan]) -> dict[str, Node]:
    """Every node with units repeated; copies are not read yet."""
    done = {}
    for node, shaped in zip(followed.network, form.network, strict=True):
        rule = RULES.get(node.kind)
        if rule is None or not node.inputs or not node.weights:
            done[node.name] = node.with_shape(shaped.shape)
            continue
        weights = {name: np.asarray(array) for name, array in rule.loose(node).items()}
        before = _sources(followed, form, plans, node.inputs[0])
        after = _sources(followed, form, plans, node.name)
        for name in weights:
            if name in rule.carries:
                weights[name] = _taken(weights[name], before, rule.carries[name], name)
            elif name in rule.alike and weights[name].shape[(axis := rule.axis(node, weights[name].ndim))] > 1:
                weights[name] = np.take(weights[name], before[0], axis=axis)
            if name in rule.writes:
                weights[name] = _taken(weights[name], after, rule.writes[name], name)
            if name in rule.reads:
                index, own, *_ = before
                rows = np.take(weights[name], index, axis=rule.reads[name])
                weights[name] = rows * _along(own, rows.ndim, rule.reads[name])
        done[node.name] = rule.packed(node, weights).with_shape(shaped.shape)
    return done


def _taken(array: Array, sources: tuple[Array, Array, Array, Array], axis: int, name: str) -> Array:
    index, _, factor, _ = sources
    taken = np.take(array, index, axis=axis)
    if name in RATIOS or np.all(factor == 1):
        return taken
    return np.asarray(taken.astype(np.float64) * _along(factor, taken.ndim, axis))


def _along(values: Array, rank: int, axis: int) -> Array:
    shape = [1] * rank
    shape[axis] = -1
    return values.reshape(shape)


def _shared(
    mine: Mapping[str, Node], theirs: Mapping[str, Node], followed: Trace, form: Trace, plans: Sequence[Plan]
) -> Expanded:
    """What reads units shares the weights of each between it and its copies."""
    nodes, sizes = [], {}
    for node in mine.values():
        rule = RULES.get(node.kind)
        if rule is not None and rule.reads and node.weights:
            index, own, factor, near = _sources(followed, form, plans, node.inputs[0])
            if not np.all(own):
                node, sizes[node.name] = _split(node, theirs[node.name], index, own, factor, near)
            elif np.any(_sources(followed, form, plans, node.name)[2] != 1):
                sizes[node.name] = np.abs(np.asarray(rule.loose(node)["kernel"], np.float64))
        nodes.append(node)
    return Expanded(replace(form.network, nodes=tuple(nodes)), sizes)


def _split(node: Node, other: Node, index: Array, own: Array, factor: Array, near: Array) -> tuple[Node, Array]:
    rule = RULES[node.kind]
    (name, axis), *more = rule.reads.items()
    if more or name != "kernel":
        raise NetworkError(f"layer '{node.layer}' ({node.kind}) reads units with several weights: its width must stay")
    weights = dict(rule.loose(node))
    rows = np.moveaxis(np.asarray(weights[name], np.float64), axis, 0).copy()
    others = np.moveaxis(np.asarray(rule.loose(other)[name], np.float64), axis, 0)
    sizes = np.abs(rows)
    home = {int(place): position for position, place in enumerate(index) if own[position]}
    for position in np.flatnonzero(~own & near):
        at, row = home[int(index[position])], others[position]
        rows[position], sizes[position] = row, np.abs(row)
        rows[at] -= factor[position] * row
        sizes[at] += np.abs(factor[position] * row)
    weights[name] = np.moveaxis(rows, 0, axis)
    return rule.packed(node, weights), np.moveaxis(sizes, 0, axis)
