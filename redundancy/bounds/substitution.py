"""Linear bounds carried from what is asked back to the inputs, through two networks at once.

What is asked is a linear function of one tensor: of the first network's values z and of the differences d to the
second's. Layer by layer it is rewritten as a bound that is linear in the layer's inputs (backward substitution, as
CROWN and DeepPoly have it for one network), until only the inputs of the network are left, of which a box is known.
Intervals of every tensor, forward, say between which lines the functions lie; they bound what is asked on the way, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from redundancy.bounds.both import Both, Weights
from redundancy.bounds.intervals import Interval, gamma
from redundancy.bounds.steps import KnownStep, LinearStep, Step
from redundancy.network import Array, Network

AT_ONCE = 2**22
"""Numbers in the weights of the rows that are carried back together."""

WORTH = 1e10
"""Products up to which the values of a tensor are bounded by substitution, and not by intervals alone."""


@dataclass(slots=True, eq=False)
class Walk:
    """Two networks of one graph, as far as they have been followed.

    Attributes:
        network: The graph.
        steps: What each node does, by name.
        both: Where its values lie, by name.
        work: Products that it takes to carry a row from a node back to the inputs, by name.
    """

    network: Network
    steps: dict[str, Step] = field(default_factory=dict)
    both: dict[str, Both] = field(default_factory=dict)
    work: dict[str, float] = field(default_factory=dict)

    def add(self, name: str, step: Step) -> None:
        """Follows one node more."""
        self.steps[name] = step
        self.both[name] = step.forward()
        own = self.both[name].first.low.size
        if isinstance(step, LinearStep):
            own += sum(term.first.work + term.second.work for term in step.inputs)
        self.work[name] = own + sum(self.work[read] for read in self._reads(name))

    def _reads(self, name: str) -> tuple[str, ...]:
        return () if isinstance(self.steps[name], KnownStep) else self.network[name].inputs

    def tighten(self, name: str) -> None:
        """Bounds the values of one tensor by substitution as well, where that is not too much work."""
        known = self.both[name]
        n = known.first.low.size
        if self._at_once_exact(name) or 6.0 * n * self.work[name] > WORTH:
            return
        shape = known.first.low.shape
        apart = self._between(name, known.apart, 1.0, 0.0) if np.any(known.apart.size) else known.apart
        first = self._between(name, known.first, 0.0, 1.0)
        second = self._between(name, known.second, 1.0, 1.0) if np.any(known.apart.size) else first
        self.both[name] = Both(first, second, apart, known.norm).closer()
        assert self.both[name].first.low.shape == shape

    def _at_once_exact(self, name: str) -> bool:
        """Whether intervals lose nothing: a sum of independent values."""
        step = self.steps[name]
        return isinstance(step, KnownStep) or (
            isinstance(step, LinearStep) and all(not self._reads(read) for read in self._reads(name))
        )

    def _between(self, name: str, known: Interval, apart: float, first: float) -> Interval:
        """Where `apart * d + first * z` lies, for each value of a tensor."""
        shape = known.low.shape
        n, low, high = known.low.size, known.low.reshape(-1).copy(), known.high.reshape(-1).copy()
        rows = max(1, AT_ONCE // max(1, *(both.first.low.size for both in self.both.values())))
        for start in range(0, n, rows):
            some = slice(start, min(n, start + rows))
            unit = np.zeros((some.stop - some.start, n))
            unit[np.arange(len(unit)), np.arange(some.start, some.stop)] = 1.0
            unit = unit.reshape(-1, *shape)
            for sign, end in ((1.0, high), (-1.0, low)):
                weights = Weights(sign * apart * unit, sign * first * unit if first else None)
                most = self.most(name, weights)
                end[some] = np.minimum(end[some], most) if sign > 0 else np.maximum(end[some], -most)
        return Interval(low.reshape(shape), high.reshape(shape))

    def most(self, name: str, weights: Weights) -> Array:
        """The largest value of a linear function of one tensor, for inputs in the box; an upper bound of it.

        Args:
            name: Of the node whose output the tensor is.
            weights: One function a row.

        Returns:
            Shape (rows,).
        """
        rows = len(weights.apart)
        unread, level, size, terms = {name: weights}, np.zeros(rows), np.zeros(rows), 0.0
        best = np.full(rows, np.inf)
        for node in reversed(self.network.nodes):
            if node.name not in unread:
                continue
            best = np.fmin(best, self._now(unread, level, size, terms))
            mine, step = unread.pop(node.name), self.steps[node.name]
            terms += mine.apart[0].size
            if isinstance(step, KnownStep):
                value, larger = mine.most(self.both[node.name])
                level, size = level + value, size + larger
                continue
            passed, more, larger = step.backward(mine)
            terms += step.terms
            level, size = level + more, size + larger
            for read, part in zip(node.inputs, passed, strict=True):
                unread[read] = unread[read].plus(part) if read in unread else part
        return np.asarray(np.fmin(best, self._now({}, level, size, terms)))

    def apart(self, name: str) -> Array:
        """How far the values of a tensor are apart in the two networks, at most. Shape of the tensor."""
        known = self.both[name].apart
        if np.any(known.size) and 2.0 * known.low.size * self.work[name] <= WORTH:
            known = self._between(name, known, 1.0, 0.0)
        return known.size

    def _now(self, unread: Mapping[str, Weights], level: Array, size: Array, terms: float) -> Array:
        """What is known if what has not been carried back yet is bounded by intervals."""
        for name, weights in unread.items():
            value, larger = weights.most(self.both[name])
            level, size, terms = level + value, size + larger, terms + 2 * weights.apart[0].size
        with np.errstate(invalid="ignore"):
            total = level + gamma(terms + 2 * len(self.steps)) * size
        return np.where(np.isnan(total), np.inf, total)
