"""A proved bound on how far the outputs of two networks of one graph can differ over a box of inputs.

Intervals bound what each unit of the first network computes. From layer to layer a bound of the difference is carried
along: a kernel W' in place of W gives |W' x' - W x| <= |W'| |x' - x| + |(W' - W) x|, and the last term is bounded over
the interval of x. Subtracting the intervals of the two networks instead would lose what they have in common. This is
the simplest of the bounds on differences that Paulsen, Wang and Wang (ReluDiff, 2020) refine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from redundancy.errors import NetworkError
from redundancy.fold import identity
from redundancy.network import Array, Network, Node
from redundancy.spaces import Trace, trace
from redundancy.spreading import SPREADS, Seen

Box = Mapping[str, tuple[Array, Array]]

INFLATION = 1.0 + 1e-9
"""Float64 arithmetic on the bounds themselves rounds by far less than this."""


@dataclass(frozen=True, slots=True, eq=False)
class Certificate:
    """How far the outputs of two networks can differ.

    Attributes:
        bound: No output differs by more, in real arithmetic, for inputs in the box; infinite where nothing is known.
        outputs: The same of each output, by unit: shape (units,), float64.
        box: (low, high) of each input that it rests on; an input that is not named may have any value.
    """

    bound: float
    outputs: tuple[Array, ...]
    box: Box


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
        network = self.followed.network
        if [(n.name, n.kind, n.inputs) for n in network] != [(n.name, n.kind, n.inputs) for n in other]:
            raise NetworkError("only networks with the same nodes are compared: these have others")
        seen: dict[str, Seen] = {}
        for a, b in zip(network, other, strict=True):
            roots = self.followed.made(a.name)
            blank = Seen(self.followed.units[a.name], np.zeros(len(roots)), roots)
            seen[a.name] = replace(blank, apart=_apart(a, b, tuple(seen[name] for name in a.inputs), blank))
        outputs = tuple(seen[name].apart * INFLATION for name in network.outputs)
        worst = max((float(np.max(apart, initial=0.0)) for apart in outputs), default=0.0)
        return Certificate(worst, outputs, self.box)


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
        second: One with the same nodes; only weights may be others.
        box: Bounds of inputs, by node: (low, high), each broadcasting to the input's shape without the batch.

    Raises:
        NetworkError: The networks have other nodes, or the box is empty or of a node that is no input.
    """
    return bounded(first, box).against(second)


def _apart(a: Node, b: Node, inputs: tuple[Seen, ...], blank: Seen) -> Array:
    if _same_weights(a, b) and not any(np.any(seen.apart) for seen in inputs):
        return blank.apart
    spread = SPREADS.get(a.kind)
    found = spread(a, b, inputs, blank) if spread else None
    known = np.full(blank.apart.shape, np.inf) if found is None or found.shape != blank.apart.shape else found
    # A difference of infinite bounds is no number.
    return np.where(np.isnan(known), np.inf, known)


def _same_weights(a: Node, b: Node) -> bool:
    pairs = [(array, b.weights.get(name)) for name, array in a.weights.items()]
    return len(a.weights) == len(b.weights) and all(
        one is other or (other is not None and np.array_equal(one, other)) for one, other in pairs
    )
