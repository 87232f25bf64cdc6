"""Builds a network node by node, by hand: with defaults filled in and shapes computed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from redundancy.errors import NetworkError
from redundancy.layers import RULES, shape_of
from redundancy.network import Array, Network, Node


class Builder:
    """Builds a network: each method returns the name of the node it added.

    Example:
        >>> b = Builder()
        >>> x = b.input((3,))
        >>> y = b.add("dense", x, weights={"kernel": np.ones((3, 2)), "bias": np.zeros(2)})
        >>> b.network(y).parameters
        8
    """

    def __init__(self) -> None:
        self._nodes: dict[str, Node] = {}

    def input(self, shape: Iterable[int | None], name: str | None = None, *, dtype: str = "float32") -> str:
        """An input of the network, of that shape without the batch."""
        return self._added(Node(self._name("input", name), "input", shape=tuple(shape), config={"dtype": dtype}))

    def add(
        self,
        kind: str,
        *inputs: str,
        name: str | None = None,
        weights: Mapping[str, Array] | None = None,
        layer: str = "",
        **config: Any,
    ) -> str:
        """A node of a kind that has a rule, reading the nodes named.

        Args:
            kind: "dense", "conv", "activation", ...
            inputs: Names of nodes that exist.
            name: Its own; made from its kind if not given.
            weights: By name, as the kind requires them.
            layer: The layer it belongs to, if not one of its own.
            config: What differs from the kind's defaults.

        Raises:
            NetworkError: The kind, an input or an option is unknown, or a shape is impossible.
        """
        if kind not in RULES:
            raise NetworkError(f"no rule for a node of kind '{kind}': the kinds are {', '.join(sorted(RULES))}")
        node = Node(self._name(kind, name), kind, inputs, (), {**RULES[kind].defaults, **config}, weights or {}, layer)
        shapes = tuple(self.shape(reads) for reads in inputs)
        _check(node, shapes)
        shape = shape_of(node, shapes)
        if any(extent is not None and extent < 1 for extent in shape):
            raise NetworkError(
                f"node '{node.name}' ({kind}) would have shape {shape}: its input {shapes[0]} is too small"
            )
        return self._added(node.with_weights(node.weights, shape))

    def shape(self, name: str) -> tuple[int | None, ...]:
        """Shape of a node's output, without the batch."""
        if name not in self._nodes:
            raise NetworkError(f"no node '{name}' to read from: there are {', '.join(self._nodes) or 'none yet'}")
        return self._nodes[name].shape

    def network(self, *outputs: str) -> Network:
        """The network whose outputs are those nodes."""
        return Network(tuple(self._nodes.values()), outputs)

    def _name(self, kind: str, name: str | None) -> str:
        if name is not None:
            return name
        taken = (f"{kind}_{number}" for number in range(1, len(self._nodes) + 2))
        return next(free for free in taken if free not in self._nodes)

    def _added(self, node: Node) -> str:
        if node.name in self._nodes:
            raise NetworkError(f"two nodes are called '{node.name}': names must differ, rename one")
        self._nodes[node.name] = node
        return node.name


def _check(node: Node, inputs: tuple[tuple[int | None, ...], ...]) -> None:
    """The node says all that its kind needs and nothing else, and its weights fit each other and the input."""
    if not inputs:
        raise NetworkError(f"node '{node.name}' ({node.kind}) reads nothing: name the node it reads")
    if wrong := _wrong_option(node) or _wrong_weight(node, inputs):
        raise NetworkError(f"node '{node.name}' ({node.kind}): {wrong}")


def _wrong_option(node: Node) -> str | None:
    rule = RULES[node.kind]
    known = {**rule.defaults, **dict.fromkeys(rule.options)}
    for name in node.config:
        if name not in known:
            return f"unknown option '{name}'; it has {', '.join(known) or 'none'}"
    return next((f"'{name}' must be given" for name, value in node.config.items() if value is None), None)


def _wrong_weight(node: Node, inputs: tuple[tuple[int | None, ...], ...]) -> str | None:
    rule = RULES[node.kind]
    axes = {**dict.fromkeys(rule.alike, 0), **rule.carries, **rule.reads, **rule.writes}
    for name in axes.keys() ^ node.weights.keys():
        if name not in rule.optional or name not in axes:
            return f"weight '{name}' is {'missing' if name in axes else 'unknown'}; it has {', '.join(axes) or 'none'}"
    if node.weights and len(inputs) != 1:
        return f"it reads one node, not {len(inputs)}"
    extent = inputs[0][rule.axis(node, len(inputs[0]))] if inputs[0] else None
    groups = node.config.get("groups", 1)
    made = None
    for name, array in sorted(node.weights.items(), key=lambda item: item[0] == "bias"):
        fits = array.ndim == rule.ranks.get(name, array.ndim) and -array.ndim <= axes[name] < array.ndim
        if name in rule.alike:
            pairs = zip(array.shape, inputs[0], strict=False)
            fits = array.ndim == len(inputs[0]) and all(mine in (1, theirs) for mine, theirs in pairs)
        if fits and name in rule.writes and made is None and name != "bias":
            made = array.shape[rule.writes[name]]
        if fits and name in rule.writes and made is not None:
            fits = array.shape[rule.writes[name]] == made
        if fits and name in (*rule.reads, *rule.carries) and rule.loose(node) is node.weights:
            fits = array.shape[{**rule.carries, **rule.reads}[name]] == extent
        elif fits and name in rule.reads and groups > 1:
            fits = array.shape[rule.reads[name]] * groups == extent
        if not fits:
            return f"{name} of shape {array.shape} does not fit input {inputs[0]}"
    return None
