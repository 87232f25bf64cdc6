"""What one layer does, in both networks at once: with intervals forward, and with linear bounds backward."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from redundancy.bounds.both import Both, Weights, euclidean, lengths, product
from redundancy.bounds.intervals import Interval, gamma, outward_unless_zero
from redundancy.bounds.linear import Linear
from redundancy.bounds.lines import Line
from redundancy.bounds.maps import Map, Sparse
from redundancy.network import Array

FEW = 8
"""Roundings of a step besides those of its sums."""


def _apply(step: Map, over: Interval) -> tuple[Array, Array]:
    """Middle and radius of a linear map of an interval: infinite where it reaches what is unbounded."""
    center, width = _middle(over)
    return step.apply(center[None])[0], reach(step.sizes(), width)


def _middle(over: Interval) -> tuple[Array, Array]:
    """The middle of an interval, and how far its ends are from there."""
    endless = ~np.isfinite(over.low) | ~np.isfinite(over.high)
    low, high = np.where(endless, 0.0, over.low), np.where(endless, 0.0, over.high)
    return 0.5 * low + 0.5 * high, np.where(endless, np.inf, 0.5 * high - 0.5 * low)


@dataclass(frozen=True, slots=True, eq=False)
class Term:
    """One of the products that a linear layer adds up, in both networks: M x, and M' (x' - x) + (M' - M) x.

    Attributes:
        first: The first network's map, M.
        second: The second's, M'.
        change: Their difference; None where they are the same.
        both: Where x lies, in both.
        sizes: Of the products that M, M' and the change make, by absolute values, with what the maps themselves were
            computed from: how far they can be rounded.
    """

    first: Map
    second: Map
    change: Map | None
    both: Both
    sizes: tuple[Array, Array, Array]


def term(first: Map, second: Map, sizes: tuple[Map | None, Map | None], both: Both) -> Term:
    """One of the products of a linear layer.

    Args:
        first: The first network's map.
        second: The second's; where nothing changed the same one, or an equal one.
        sizes: What each map was computed from, by absolute values; None where it holds what is stored.
        both: Where its input lies.
    """
    change = None if second is first else second.minus(first)  # type: ignore[arg-type]
    if change is not None and not change.any:
        change, second = None, first
    wide = [given or own.sizes() for own, given in zip((first, second), sizes, strict=True)]
    made = [reach(step, over.size) for step, over in zip(wide, (both.first, both.second), strict=True)]
    apart = reach(wide[1], both.apart.size)
    if change is not None:
        computed = any(given is not None for given in sizes)
        moved = [*wide] if computed else [change.sizes()]
        apart = apart + sum(reach(step, both.first.size) for step in moved)
    return Term(first, second, change, both, (made[0], made[1], apart))


def reach(sizes: Map, size: Array) -> Array:
    """What a map of absolute values makes of the largest values; infinite where it reaches what is unbounded."""
    endless = ~np.isfinite(size)
    reached = sizes.apply(np.where(endless, 0.0, size)[None])[0]
    if np.any(endless):
        reached = np.where(sizes.apply(endless.astype(np.float64)[None])[0] > 0, np.inf, reached)
    return np.asarray(reached)


@dataclass(frozen=True, slots=True, eq=False)
class LinearStep:
    """A linear layer: y' - y = M' (x' - x) + (M' - M) x + (b' - b), summed over its inputs.

    Attributes:
        inputs: One for each input.
        bias: The first network's.
        shift: That of the second, less it.
        sizes: Of what both were computed from, and of all that is added up: in the first network, in the second, and
            in their difference.
        shape: Of the output.
    """

    inputs: tuple[Term, ...]
    bias: tuple[Array, Array]
    shift: Array
    sizes: tuple[Array, Array, Array]
    shape: tuple[int, ...]

    def forward(self) -> Both:
        """Where the outputs lie."""
        firsts = [(term.first, term.both.first) for term in self.inputs]
        seconds = [(term.second, term.both.second) for term in self.inputs]
        aparts = [(term.second, term.both.apart) for term in self.inputs]
        aparts += [(term.change, term.both.first) for term in self.inputs if term.change is not None]
        lost = [gamma(self.terms) * size for size in self.sizes]
        return Both(
            _summed(firsts, self.bias[0], lost[0], self.shape),
            _summed(seconds, self.bias[1], lost[1], self.shape),
            _summed(aparts, self.shift, lost[2], self.shape),
            self._norm(lost[2]),
        ).closer()

    def _norm(self, lost: Array) -> float:
        """A bound on the Euclidean norm of the difference: units together cannot all be as far apart as each can."""
        total, middle = euclidean(lost), self.shift
        for term in self.inputs:
            if (length := term.both.length) > 0.0:
                total += term.second.norm() * length
            if term.change is not None:
                center, radius = _middle(term.both.first)
                middle = middle + term.change.apply(center[None])[0]
                total += term.change.norm() * euclidean(radius)
        total = (total + euclidean(np.broadcast_to(middle, self.shape))) * (1.0 + gamma(FEW))
        return np.inf if np.isnan(total) else total

    def backward(self, weights: Weights) -> tuple[list[Weights], Array, Array]:
        """Weights of the outputs as weights of the inputs, what is added to each row, and the sizes of all terms."""
        found = []
        for term in self.inputs:
            first = None if weights.first is None else term.first.transpose(weights.first)
            if term.change is not None:
                more = term.change.transpose(weights.apart)
                first = more if first is None else first + more
            found.append(Weights(term.second.transpose(weights.apart), first))
        level, size = _against(weights.apart, self.shift), _against(np.abs(weights.apart), self.sizes[2])
        if weights.first is not None:
            level = level + _against(weights.first, self.bias[0])
            size = size + _against(np.abs(weights.first), self.sizes[0])
        return found, level, size

    @property
    def terms(self) -> int:
        """How many roundings there are in a row."""
        return FEW + sum(term.first.terms + term.second.terms for term in self.inputs)


def linear_step(first: Linear, second: Linear, inputs: Sequence[Both], shape: tuple[int, ...]) -> LinearStep:
    """A linear layer in both networks.

    Args:
        first: What it computes in the first.
        second: What it computes in the second; the same object where nothing changed.
        inputs: Where its inputs lie.
        shape: Of its output.
    """
    none = (None,) * len(inputs)
    given = zip(first.sizes or none, second.sizes or none, strict=True)
    terms = tuple(map(term, first.maps, second.maps, given, inputs))
    same = first is second or (np.array_equal(first.bias, second.bias))
    shift = np.zeros(1) if same else second.bias - first.bias
    moved = 0.0 * shift if same else first.bias_size + second.bias_size
    sizes = [first.bias_size, second.bias_size, moved]
    for one in terms:
        sizes = [size + more for size, more in zip(sizes, one.sizes, strict=True)]
    a, b, c = (np.broadcast_to(size, shape) for size in sizes)
    return LinearStep(terms, (first.bias, second.bias), shift, (a, b, c), shape)


def _against(weights: Array, values: Array) -> Array:
    """The sum of weights times values that broadcast to them. (rows, *shape), (...) -> (rows,)."""
    if not np.any(values):
        return np.zeros(len(weights))
    return product(weights.reshape(len(weights), -1), np.broadcast_to(values, weights.shape[1:]))


def _summed(terms: Sequence[tuple[Map, Interval]], bias: Array, lost: Array, shape: tuple[int, ...]) -> Interval:
    middle, radius = np.broadcast_to(bias, shape), np.zeros(shape)
    for step, over in terms:
        center, width = _apply(step, over)
        middle, radius = middle + center, radius + width
    radius = radius + lost
    low, high = middle - radius, middle + radius
    return outward_unless_zero(low, high)


@dataclass(frozen=True, slots=True, eq=False)
class BentStep:
    """A layer that is bounded by lines, value by value.

    Attributes:
        below, above: Lines of the first network's output in terms of its input.
        under, over: Lines of the difference of outputs in terms of that of inputs and of the first's input.
        both: Where inputs lie.
        image: Where outputs lie.
        astray: How far the difference lies from the lines under and over it without their level, as a multiple of that
            of the inputs; infinite where that is not known.
    """

    below: Line
    above: Line
    under: Line
    over: Line
    both: Both
    image: Both
    astray: tuple[Array, Array] = (np.array(np.inf), np.array(np.inf))
    terms: int = FEW

    def forward(self) -> Both:
        """Where the outputs lie."""
        return self.image

    def backward(self, weights: Weights) -> tuple[list[Weights], Array, Array]:
        """Weights of the outputs as weights of the inputs, what is added to each row, and the sizes of all terms."""
        apart, first, level, size = _bent(weights.apart, self.under, self.over, self.both, self.astray)
        if weights.first is not None:
            _, more, added, larger = _bent(weights.first, self.below, self.above, self.both, None)
            first, level, size = first + more, level + added, size + larger
        return [Weights(apart, first)], level, size


def _bent(
    weights: Array, below: Line, above: Line, both: Both, astray: tuple[Array, Array] | None
) -> tuple[Array, Array, Array, Array]:
    up, down = np.maximum(weights, 0.0), np.minimum(weights, 0.0)
    rows = len(weights)
    level, size = np.zeros(rows), np.zeros(rows)
    for part, line in ((up.reshape(rows, -1), above), (down.reshape(rows, -1), below)):
        largest = np.abs(line.level) + _times(np.abs(line.d), both.apart.size) + _times(np.abs(line.z), both.first.size)
        level, size = level + product(part, line.level), size + product(np.abs(part), largest)
    if astray is not None:
        level = np.fmin(level, _together(up, down, below, above, both, astray))
    return up * above.d + down * below.d, up * above.z + down * below.z, level, size


def _together(up: Array, down: Array, below: Line, above: Line, both: Both, astray: tuple[Array, Array]) -> Array:
    """What the levels of lines add at most, by the norm of all differences together."""
    rows, length = len(up), both.length
    if not np.isfinite(length):
        return np.full(rows, np.inf)
    far, total = np.zeros(up.shape), np.zeros(rows)
    for part, line, most in ((up, above, astray[1]), (down, below, astray[0])):
        known = np.broadcast_to(np.isfinite(most), up.shape[1:])
        far = far + np.abs(part) * np.where(known, most, 0.0)
        total = total + product(part.reshape(rows, -1), np.where(known, 0.0, line.level))
    return np.asarray(total + lengths(far, length))


def _times(a: Array, b: Array) -> Array:
    """The product, where nothing times infinity is nothing."""
    a, b = np.broadcast_arrays(a, b)
    return np.asarray(np.multiply(a, b, out=np.zeros(a.shape), where=a != 0))


@dataclass(frozen=True, slots=True, eq=False)
class KnownStep:
    """A layer of whose outputs only intervals are known.

    Attributes:
        image: Where outputs lie.
    """

    image: Both

    def forward(self) -> Both:
        """Where the outputs lie."""
        return self.image


@dataclass(frozen=True, slots=True, eq=False)
class PickedStep:
    """A layer that is bounded by lines in one of its inputs for each output.

    Attributes:
        pick: Takes those inputs.
        bent: What becomes of them.
    """

    pick: Sparse
    bent: BentStep
    terms: int = FEW

    def forward(self) -> Both:
        """Where the outputs lie."""
        return self.bent.image

    def backward(self, weights: Weights) -> tuple[list[Weights], Array, Array]:
        """Weights of the outputs as weights of the inputs, what is added to each row, and the sizes of all terms."""
        (picked,), level, size = self.bent.backward(weights)
        first = None if picked.first is None else self.pick.transpose(picked.first)
        return [Weights(self.pick.transpose(picked.apart), first)], level, size


Step = LinearStep | BentStep | PickedStep | KnownStep
