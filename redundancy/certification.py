"""A proved bound on how far the outputs of two networks can differ over a box of inputs.

Two bounds of one question. `certify` asks it once, of networks whose layers correspond: linear bounds of the difference
are carried back to the inputs (`redundancy.bounds`), as Paulsen, Wang and Wang (ReluDiff, 2020) and Teuber et al.
(VeryDiff, 2024) do it for ReLU networks. `bounded` is asked again and again by a search: intervals bound what each unit
of the first network computes, and from layer to layer a bound of the difference is carried along: a kernel W' in place
of W gives |W' x' - W x| <= |W'| |x' - x| + |(W' - W) x|, and the last term is bounded over the interval of x.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from redundancy.bounds.both import Both
from redundancy.bounds.computing import rounding_of
from redundancy.bounds.following import fixed, follow, same, unknown
from redundancy.bounds.intervals import Interval
from redundancy.bounds.substitution import Walk
from redundancy.errors import NetworkError
from redundancy.expanding import Expanded
from redundancy.fold import identity
from redundancy.narrowing import widened
from redundancy.network import Array, Network, Node
from redundancy.pairing import alike, corresponding
from redundancy.spaces import Trace, trace
from redundancy.spreading import SPREADS, Seen, along

Box = Mapping[str, tuple[Array, Array]]

INFLATION = 1.0 + 1e-9
"""Float64 arithmetic on the bounds that are carried forward rounds by far less than this."""


@dataclass(frozen=True, slots=True, eq=False)
class Certificate:
    """How far the outputs of two networks can differ.

    Attributes:
        bound: No output differs by more, in real arithmetic, for inputs in the box; infinite where nothing is known.
        outputs: The same of each output, by unit: shape (units,), float64.
        box: (low, high) of each input that it rests on; an input that is not named may have any value.
        rounding: What computing both networks in the precision of their weights adds to that, at most; None where
            that was not asked.
        why: Why nothing is known, and of which layer; "" where the bound is finite.
    """

    bound: float
    outputs: tuple[Array, ...]
    box: Box
    rounding: float | None = None
    why: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Bounded:
    """A network with bounds of all that it computes, to compare others with.

    Attributes:
        followed: The network and its units.
        box: (low, high) of each input that the bounds rest on.
    """

    followed: Trace
    box: Box

    def against(self, other: Network) -> Certificate:
        """Bounds the difference of the outputs to another network's.

        Args:
            other: One with the same nodes; only weights may be others.

        Raises:
            NetworkError: It has other nodes.
        """
        seen = self.seen(other)
        outputs = tuple(seen[name].apart * INFLATION for name in self.followed.network.outputs)
        return Certificate(_worst(outputs), outputs, self.box)

    def seen(self, other: Network) -> dict[str, Seen]:
        """What is known of each node, with bounds of how far another network's is apart.

        Args:
            other: One with the same nodes; only weights may be others.

        Raises:
            NetworkError: It has other nodes.
        """
        network = self.followed.network
        if [(n.name, n.kind, n.inputs) for n in network] != [(n.name, n.kind, n.inputs) for n in other]:
            raise NetworkError("only networks with the same nodes are compared: these have others")
        seen: dict[str, Seen] = {}
        for a, b in zip(network, other, strict=True):
            roots = self.followed.made(a.name)
            blank = Seen(self.followed.units[a.name], np.zeros(len(roots)), roots)
            seen[a.name] = replace(blank, apart=_apart(a, b, tuple(seen[name] for name in a.inputs), blank))
        return seen


def bounded(network: Network, box: Box) -> Bounded:
    """Bounds all that a network computes over a box of inputs.

    Args:
        network: To follow.
        box: Bounds of inputs, by node: (low, high), each broadcasting to the input's shape without the batch.

    Raises:
        NetworkError: The box is empty or of a node that is no input.
    """
    return Bounded(trace(network, lambda site: identity(site.size), box), dict(box))


def certify(first: Network, second: Network, box: Box) -> Certificate:
    """Bounds the difference of two networks' outputs.

    Args:
        first: A network.
        second: Another of the same inputs, outputs and layers.
        box: Bounds of inputs, by node of the first: (low, high), each broadcasting to the input's shape without the
            batch.

    Raises:
        NetworkError: The inputs, outputs or layers are others, or the box is empty or of a node that is no input.
    """
    first, second = corresponding(widened(first), widened(second))
    rounding = rounding_of(first, box) + rounding_of(second, box) if fixed(first) else float("inf")
    found = [_certified(*form, box) for form in alike(first, second)]
    outputs = tuple(np.min(each, axis=0) for each in zip(*(one.outputs for one in found), strict=True))
    bound = _worst(outputs)
    return Certificate(bound, outputs, box, rounding, found[0].why if np.isinf(bound) else "")


def _certified(first: Expanded, second: Expanded, box: Box) -> Certificate:
    """Bounds the difference of networks that have as many units everywhere."""
    network = first.network

    @cache
    def carried() -> dict[str, Seen]:
        return bounded(network, box).seen(second.network)

    axes = trace(network, box=box).units
    if not fixed(network):
        outputs = tuple(carried()[name].apart * INFLATION for name in network.outputs)
        return Certificate(_worst(outputs), outputs, box, why="its inputs have no fixed size")
    walk = follow(
        network,
        second.network,
        box,
        lambda name: _known(network[name], carried()[name]),
        sizes=(first.sizes, second.sizes),
    )
    outputs = tuple(_by_unit(walk.apart(name), axes[name].axis) for name in network.outputs)
    bound = _worst(outputs)
    return Certificate(bound, outputs, box, why=_why(walk) if np.isinf(bound) else "")


def _worst(outputs: tuple[Array, ...]) -> float:
    return max((float(np.max(apart, initial=0.0)) for apart in outputs), default=0.0)


def _by_unit(apart: Array, axis: int) -> Array:
    axis %= apart.ndim
    return np.asarray(np.max(np.moveaxis(apart, axis, 0).reshape(apart.shape[axis], -1), axis=1))


def _known(node: Node, seen: Seen) -> Both:
    """Where the values of a node lie, as far as bounds of its units say."""
    shape = tuple(extent or 0 for extent in node.shape)
    if seen.units.size != shape[seen.units.axis]:
        return unknown(shape)
    laid = [1] * len(shape)
    laid[seen.units.axis] = -1
    low, high, apart = (
        np.broadcast_to(a.reshape(laid), shape)
        for a in (along(seen.units, "low"), along(seen.units, "high"), seen.apart * INFLATION)
    )
    first = Interval(low - abs(low) * (INFLATION - 1.0), high + abs(high) * (INFLATION - 1.0))
    between = Interval(-apart, apart)
    return Both(first, first.plus(between), between)


def _why(walk: Walk) -> str:
    """The first layer behind which nothing is known."""
    for node in walk.network:
        behind = [np.all(np.isfinite(walk.both[name].apart.size)) for name in node.inputs]
        if not np.all(np.isfinite(walk.both[node.name].apart.size)) and all(behind):
            return f"nothing is known of how a difference passes layer '{node.layer}' ({node.kind})"
    return "inputs have no bounds"


def _apart(a: Node, b: Node, inputs: tuple[Seen, ...], blank: Seen) -> Array:
    if same(a, b) and not any(np.any(seen.apart) for seen in inputs):
        return blank.apart
    spread = SPREADS.get(a.kind)
    found = spread(a, b, inputs, blank) if spread else None
    known = np.full(blank.apart.shape, np.inf) if found is None or found.shape != blank.apart.shape else found
    # A difference of infinite bounds is no number.
    return np.where(np.isnan(known), np.inf, known)
