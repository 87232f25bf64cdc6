"""Which units of two networks correspond: those that are made by the most similar weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment

from redundancy.algebra import Scale, algebra_of
from redundancy.errors import NetworkError
from redundancy.expanding import Plan, labels
from redundancy.layers import RULES
from redundancy.layers.normalization import effective
from redundancy.network import Array, Network, Node
from redundancy.spaces import Space, Trace

PASSING = frozenset(
    {"add", "average_pooling", "batch_normalization", "concatenate", "conv", "dense", "dropout", "flatten"}
    | {"global_average_pooling", "global_max_pooling", "identity", "max_pooling"}
)
"""Layers that let positive multiples of units pass, where no function stands in the way."""


def matched(first: Trace, second: Trace) -> list[tuple[Plan, Plan]]:
    """What becomes of the units of each space, so that both networks have as many.

    The units of the first come first, in their order, then those of the second that correspond to none. Where sizes
    are the same the units correspond in their order, unless another order is nearer.

    Raises:
        NetworkError: Units are as many as they have to be for a layer, in one network only.
    """
    if len(first.spaces) != len(second.spaces):
        raise NetworkError("the networks cannot be compared: their layers share units in other ways")
    plans: list[tuple[Plan, Plan]] = []
    for number, (a, b) in enumerate(zip(first.spaces, second.spaces, strict=True)):
        plans.append(_plans(first, second, number, plans))
        if a.size != b.size and (layers := [*_particular(first, a), *_particular(second, b)]):
            raise NetworkError(
                f"the networks cannot be compared: layer '{layers[0]}' handles its {a.size} and {b.size} units in a way"
                " of its own; give two in which they are as many"
            )
    return plans


def _particular(followed: Trace, space: Space) -> Iterator[str]:
    """Layers that do more with units than to read them with a kernel, or to let them pass."""
    yield from (block.layer for block in space.blocks)
    for node in followed.network:
        rule = RULES.get(node.kind)
        if rule is None or not (rule.rereads or rule.multiplies or set(rule.reads) - {"kernel"}):
            continue
        if any(_within(followed, followed.network[name], space) for name in (node.name, *node.inputs)):
            yield node.layer


def _plans(first: Trace, second: Trace, number: int, plans: Sequence[tuple[Plan, Plan]]) -> tuple[Plan, Plan]:
    a, b = first.spaces[number], second.spaces[number]
    if a.pins or b.pins:
        return _pinned(a, b)
    rows = _features(first, second, number, plans)
    if rows is None:
        if a.size != b.size:
            raise NetworkError(
                f"the networks cannot be compared: '{a.name}' has {a.size} and {b.size} units, and what makes them is"
                " not known; give two in which they are as many"
            )
        return _plain(a.size), _plain(b.size)
    apart = _distances(*rows)
    here, there = _pairs(apart)
    mates = np.full(a.size, -1)
    mates[here] = there
    extra = np.setdiff1d(np.arange(b.size), there)
    alone = np.flatnonzero(mates < 0)
    scales = _scales(first, a)
    mine = _joined(np.arange(a.size), np.full(a.size, True), *_nearest(rows[1][extra], rows[0], scales))
    own = mates >= 0
    of, factor, near = mates.copy(), np.ones(a.size), np.full(a.size, True)
    of[alone], factor[alone], near[alone] = _nearest(rows[0][alone], rows[1], scales)
    whole = np.full(len(extra), True)
    theirs = Plan(
        np.concatenate([of, extra]),
        np.concatenate([own, whole]),
        np.concatenate([factor, np.ones(len(extra))]),
        np.concatenate([near, whole]),
    )
    return mine, theirs


def _pinned(a: Space, b: Space) -> tuple[Plan, Plan]:
    if a.size != b.size:
        pin = (*a.pins, *b.pins)[0]
        raise NetworkError(
            f"the networks cannot be compared: '{a.name}' has {a.size} and {b.size} units, and layer '{pin.layer}'"
            f" needs them as they are ({pin.reason}); give two in which they are as many"
        )
    return _plain(a.size), _plain(b.size)


def _plain(n: int) -> Plan:
    return Plan(np.arange(n), np.full(n, True), np.ones(n), np.full(n, True))


def _joined(units: Array, own: Array, of: Array, factor: Array, near: Array) -> Plan:
    return Plan(
        np.concatenate([units, of]),
        np.concatenate([own, np.full(len(of), False)]),
        np.concatenate([np.ones(len(units)), factor]),
        np.concatenate([own, near]),
    )


def _distances(a: Array, b: Array) -> Array:
    squares = np.sum(a**2, axis=1)[:, None] + np.sum(b**2, axis=1)[None] - 2.0 * a @ b.T
    return np.asarray(np.maximum(squares, 0.0))


def _pairs(apart: Array) -> tuple[Array, Array]:
    """Units that correspond: as near as can be together."""
    here, there = linear_sum_assignment(apart)
    n, m = apart.shape
    if n == m and np.trace(apart) <= apart[here, there].sum() * (1 + 1e-9):
        return np.arange(n), np.arange(n)
    return here, there


def _nearest(rows: Array, others: Array, scaled: bool) -> tuple[Array, Array, Array]:
    """For each row the nearest of the others, or multiple of one; and whether it is nearer than nothing."""
    size = np.sum(rows**2, axis=1)
    products, squares = rows @ others.T, np.sum(others**2, axis=1)
    factor = np.ones(products.shape)
    if scaled:
        best = products / np.where(squares > 0, squares, 1.0)
        factor = np.where(best > 0, best, 1.0)
    apart = size[:, None] - 2.0 * factor * products + factor**2 * squares
    of = np.argmin(apart, axis=1) if len(rows) else np.zeros(0, np.intp)
    at = np.arange(len(rows)), of
    near = apart[at] < size
    # What is the same but for rounding is the same.
    factor = np.where(np.abs(factor[at] - 1.0) < 1e-6, 1.0, factor[at])
    return of, factor, near


def _scales(followed: Trace, space: Space) -> bool:
    """Whether a positive multiple of what makes a unit is that multiple of it wherever it is read."""
    touched = [node for node in followed.network if node.inputs and _within(followed, node, space)]
    return all(_passes(node) for node in touched)


def _within(followed: Trace, node: Node, space: Space) -> bool:
    return bool(np.any(np.isin(followed.made(node.name), space.ids)))


def _passes(node: Node) -> bool:
    if node.kind != "activation":
        return node.kind in PASSING
    algebra = algebra_of(node.config)
    return algebra is not None and algebra.scale is not Scale.NONE


def _features(
    first: Trace, second: Trace, number: int, plans: Sequence[tuple[Plan, Plan]]
) -> tuple[Array, Array] | None:
    """What makes the units of a space in both networks, in terms of what the second reads. Shapes (units, d)."""
    found: tuple[list[Array], list[Array]] = ([], [])
    for a, b in zip(first.network, second.network, strict=True):
        rule = RULES.get(a.kind)
        if rule is None or not rule.makes or tuple(rule.reads) != ("kernel",) or not a.inputs:
            continue
        (space, units), (_, theirs) = labels(first, a.name), labels(second, b.name)
        if np.any(space != number) or len(np.unique(units)) < len(units):
            continue
        kernels = _kernels(first, second, a, b, plans)
        if kernels is not None:
            for rows, kernel, order in zip(found, kernels, (units, theirs), strict=True):
                rows.append(kernel[np.argsort(order)])
    return (np.hstack(found[0]), np.hstack(found[1])) if found[0] else None


def _kernels(
    first: Trace, second: Trace, a: Node, b: Node, plans: Sequence[tuple[Plan, Plan]]
) -> tuple[Array, Array] | None:
    """The kernels of a layer, each row what makes a unit; the first's in terms of what the second reads."""
    rule = RULES[a.kind]
    places = _counterparts(first, second, a.inputs[0], plans)
    if places is None:
        return None
    one, other = (np.asarray(rule.loose(node)["kernel"], np.float64) for node in (a, b))
    axes = rule.reads["kernel"], rule.writes["kernel"]
    one, other = (np.moveaxis(kernel, axes, (0, -1)) for kernel in (one, other))
    index, factor = places
    moved = np.zeros((len(other), *one.shape[1:]))
    known = index >= 0
    np.add.at(moved, index[known], one[known] * factor[known].reshape(-1, *[1] * (one.ndim - 1)))
    rows = []
    for network, node, kernel in ((first.network, a, moved), (second.network, b, other)):
        bias = np.asarray(node.weights.get("bias", np.zeros(kernel.shape[-1])), np.float64)
        if bias.size != kernel.shape[-1]:
            return None
        flat = np.vstack([kernel.reshape(-1, kernel.shape[-1]), bias.reshape(1, -1)])
        rows.append(_normalised(flat, network, node).T)
    return rows[0], rows[1]


def _normalised(rows: Array, network: Network, node: Node) -> Array:
    """Weights and bias, as a normalisation behind the layer changes them."""
    for reader in network.readers(node.name):
        if reader.kind == "batch_normalization":
            gain, offset = effective(reader)
            if gain.shape == rows.shape[1:] and np.all(np.isfinite(gain)):
                rows = rows * gain
                rows[-1] += offset
                break
    return rows


def _counterparts(
    first: Trace, second: Trace, name: str, plans: Sequence[tuple[Plan, Plan]]
) -> tuple[Array, Array] | None:
    """For each index of a tensor's axis in the first that in the second which is nearest to it, and its factor."""
    space, unit = labels(first, name)
    theirs = list(zip(*(array.tolist() for array in labels(second, name)), strict=True))
    if np.any(space >= len(plans)) or np.any(space < 0):
        return None
    places: dict[tuple[int, int], list[int]] = {}
    for place, key in enumerate(theirs):
        places.setdefault(key, []).append(place)
    seen: dict[tuple[int, int], int] = {}
    index, factor = np.full(len(unit), -1), np.ones(len(unit))
    for place, (s, u) in enumerate(zip(space.tolist(), unit.tolist(), strict=True)):
        plan, occurrence = plans[s][1], seen.get((s, u), 0)
        seen[s, u] = occurrence + 1
        if plan.near[u]:
            index[place] = places[s, int(plan.of[u])][occurrence]
            factor[place] = plan.factor[u]
    return index, factor
