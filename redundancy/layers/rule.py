"""A layer's rule: what it does with units, as a value, and the registry of all rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from redundancy.errors import NetworkError
from redundancy.layers.tracer import Tracer
from redundancy.network import Array, Node
from redundancy.units import Units

Shape = tuple[int | None, ...]


def _never(node: Node) -> bool:
    return False


def _last(node: Node, rank: int) -> int:
    return rank - 1


def _as_stored(node: Node) -> Mapping[str, Array]:
    return node.weights


def _stored(node: Node, weights: Mapping[str, Array]) -> Node:
    return node.with_weights(weights)


@dataclass(frozen=True, slots=True)
class Rule:
    """What one kind of layer does with units.

    Attributes:
        trace: (node, the units of each input, tracer) -> the units of its output.
        shape: (node, shapes of its inputs) -> shape of its output; neither counts the batch.
        reads: Axis, by weight, along which a weight reads the units of its input. Here and below, axes are those of
            the loose weights.
        rereads: Axis, by weight, along which a weight reads the units of its own output, one step later.
        writes: Axis, by weight, along which a weight makes the units of its output, or holds a number for each.
        carries: Axis, by weight, along which a weight holds numbers for each unit of its input, which passes.
        alike: Weights that are laid out as the input is, and hold a number for each of its units along the same axis;
            where they have extent 1 there, one for all.
        axis: (node, rank of its input) -> the axis of the input along which it reads or carries units.
        defaults: The configuration, where a network is built by hand and leaves it out; None for what it must not.
        options: What a configuration may say besides.
        optional: Weights that a layer may do without.
        padded: Whether it sees zeros beyond the border, where a constant unit is not constant.
        ranks: How many axes a weight has, where that does not depend on the input.
        loose: The weights in a form of which the axes above speak; as stored, if not given. The last axes of the one
            that reads are those of the bias.
        packed: The node with such weights, in the form in which it stores them.
        multiplies: Two inputs, by number, that are only multiplied with each other, unit by unit, and summed: what
            relates units of either is taken over by what makes the other's. Constants of the second do not matter.
        biased: How many axes the bias of the loose weights has.
    """

    trace: Callable[[Node, tuple[Units, ...], Tracer], Units]
    shape: Callable[[Node, tuple[Shape, ...]], Shape]
    reads: Mapping[str, int] = field(default_factory=dict)
    rereads: Mapping[str, int] = field(default_factory=dict)
    writes: Mapping[str, int] = field(default_factory=dict)
    carries: Mapping[str, int] = field(default_factory=dict)
    alike: tuple[str, ...] = ()
    axis: Callable[[Node, int], int] = _last
    defaults: Mapping[str, Any] = field(default_factory=dict)
    options: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset({"bias", "gamma", "beta"})
    padded: Callable[[Node], bool] = _never
    ranks: Mapping[str, int] = field(default_factory=dict)
    loose: Callable[[Node], Mapping[str, Array]] = _as_stored
    packed: Callable[[Node, Mapping[str, Array]], Node] = _stored
    biased: int = 1
    multiplies: tuple[int, int] | None = None

    @property
    def makes(self) -> bool:
        """Whether the units of its output are its own."""
        return bool(self.writes) and (bool(self.reads) or not self.carries)


RULES: dict[str, Rule] = {}
"""Every rule, by kind of node."""


def register(kind: str, rule: Rule) -> None:
    """Adds the rule of a kind.

    Raises:
        NetworkError: The kind has one already.
    """
    if kind in RULES:
        raise NetworkError(f"there is a rule for '{kind}' already: two would contradict each other")
    RULES[kind] = rule


def shape_of(node: Node, inputs: tuple[Shape, ...]) -> Shape:
    """Shape of a node's output, given those of its inputs; that of an unknown kind is as stated."""
    rule = RULES.get(node.kind)
    return rule.shape(node, inputs) if rule else node.shape
