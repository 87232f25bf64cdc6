"""A network as data: named nodes, configurations and NumPy weights, frozen, of no framework."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from textwrap import indent
from types import MappingProxyType
from typing import Any

import numpy as np

from redundancy.errors import NetworkError

Array = np.ndarray[Any, np.dtype[Any]]


def frozen_array(values: Any) -> Array:
    """A read-only array of `values`; shares their memory where they are read-only already.

    Args:
        values: Anything that NumPy makes an array of. Any shape, any dtype.
    """
    array = np.asarray(values)
    if array.flags.writeable:
        array = array.copy()
        array.setflags(write=False)
    return array


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One operation of a network, at one place in it.

    Attributes:
        name: Unique in its network.
        kind: What it does, in the house's words ("dense", "conv", ...), or a framework's own class name where the
            house has no word for it.
        inputs: Names of the nodes whose outputs it reads, in order.
        shape: Shape of its output without the batch; None where an extent is not fixed.
        config: What its kind needs besides weights: plain strings, numbers, booleans and tuples.
        weights: Arrays by name, read-only.
        layer: The layer it belongs to. Nodes of one layer that was called twice share it, and so do a layer and
            the activation it was given as an argument.
        origin: What the framework it came from needs to write it back. The mathematics never reads it.
    """

    name: str
    kind: str
    inputs: tuple[str, ...] = ()
    shape: tuple[int | None, ...] = ()
    config: Mapping[str, Any] = field(default_factory=dict)
    weights: Mapping[str, Array] = field(default_factory=dict)
    layer: str = ""
    origin: Any = None

    def __post_init__(self) -> None:
        frozen = {name: frozen_array(value) for name, value in self.weights.items()}
        object.__setattr__(self, "config", MappingProxyType(dict(self.config)))
        object.__setattr__(self, "weights", MappingProxyType(frozen))
        object.__setattr__(self, "layer", self.layer or self.name)

    def __reduce__(self) -> tuple[type[Node], tuple[object, ...]]:
        # Views of mappings cannot be pickled, and pickled arrays come back writable: the constructor makes both anew.
        mappings = dict(self.config), dict(self.weights)
        return Node, (self.name, self.kind, self.inputs, self.shape, *mappings, self.layer, self.origin)

    def with_weights(self, weights: Mapping[str, Array], shape: tuple[int | None, ...] | None = None) -> Node:
        """The same node with other weights, and another output shape where it changed."""
        return replace(self, weights=weights, shape=self.shape if shape is None else shape)

    def with_shape(self, shape: tuple[int | None, ...]) -> Node:
        """The same node with another output shape."""
        return replace(self, shape=shape)

    def reading(self, others: Mapping[str, str]) -> Node:
        """The same node, which reads other nodes in place of some, by name."""
        origin = self.origin
        if getattr(origin, "feeds", ()):  # what a call reads is said there again, where it means several nodes
            origin = replace(origin, feeds=tuple(others.get(name, name) for name in origin.feeds))
        return replace(self, inputs=tuple(others.get(name, name) for name in self.inputs), origin=origin)

    def __str__(self) -> str:
        sizes = [f"{name}{list(array.shape)}" for name, array in self.weights.items()]
        options = [f"{name}={value}" for name, value in self.config.items()]
        made_of = ", ".join([*options, *sizes])
        source = f" <- {', '.join(self.inputs)}" if self.inputs else ""
        return f"{self.name}: {self.kind}({made_of}) {list(self.shape)}{source}"


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """A model as data.

    Attributes:
        nodes: Every node, each after those it reads.
        outputs: Names of the nodes whose outputs are the network's, in order.
        origin: What the framework it came from needs to write it back. The mathematics never reads it.

    Raises:
        NetworkError: A name is used twice, or a node reads one that does not come before it.
    """

    nodes: tuple[Node, ...]
    outputs: tuple[str, ...]
    origin: Any = None

    def __post_init__(self) -> None:
        seen: set[str] = set()
        for node in self.nodes:
            if node.name in seen:
                raise NetworkError(f"two nodes are called '{node.name}': names must differ, rename one")
            missing = [name for name in node.inputs if name not in seen]
            if missing:
                raise NetworkError(f"node '{node.name}' reads '{missing[0]}', which does not come before it")
            seen.add(node.name)
        unknown = [name for name in self.outputs if name not in seen]
        if unknown or not self.outputs:
            which = f"'{unknown[0]}' is not a node" if unknown else "there are none"
            raise NetworkError(f"the network's outputs are wrong: {which}; name at least one existing node")

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes)

    def __getitem__(self, name: str) -> Node:
        for node in self.nodes:
            if node.name == name:
                return node
        raise NetworkError(f"no node '{name}' in this network; it has {', '.join(n.name for n in self.nodes)}")

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the nodes that take the network's inputs, in order."""
        return tuple(node.name for node in self.nodes if node.kind == "input")

    @property
    def parameters(self) -> int:
        """How many numbers the weights hold; those of a layer that is called twice count once."""
        layers = {(node.layer, name): array.size for node in self.nodes for name, array in node.weights.items()}
        return sum(layers.values())

    @property
    def digest(self) -> str:
        """40 hexadecimal digits of all that it is: nodes, their names and configurations, and weights to the bit."""
        mixed = sha256(repr(self.outputs).encode())
        for node in self.nodes:
            config = sorted((name, repr(value)) for name, value in node.config.items())
            mixed.update(repr((node.name, node.layer, node.kind, node.inputs, node.shape, config)).encode())
            for name, array in sorted(node.weights.items()):
                mixed.update(repr((name, str(array.dtype), array.shape)).encode() + array.tobytes())
        return mixed.hexdigest()[:40]

    def readers(self, name: str) -> tuple[Node, ...]:
        """The nodes that read the output of node `name`."""
        return tuple(node for node in self.nodes if name in node.inputs)

    def with_nodes(self, changed: Mapping[str, Node]) -> Network:
        """The same network with some nodes replaced, by name."""
        return replace(self, nodes=tuple(changed.get(node.name, node) for node in self.nodes))

    def with_weights(self, weights: Mapping[str, Mapping[str, Array]]) -> Network:
        """The same network with some weights replaced: node name -> weight name -> array of the same shape.

        Raises:
            NetworkError: There is no such node or weight, or the shape is another.
        """
        return self.with_nodes({name: _replaced(self[name], arrays) for name, arrays in weights.items()})

    def __str__(self) -> str:
        return "\n".join([*map(str, self.nodes), f"outputs: {', '.join(self.outputs)}"])

    __repr__ = __str__

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        # Hypothesis and IPython print by this: one line a layer, not a screen of numbers.
        printer.text("\n" + indent(str(self), " " * 8))


def _replaced(node: Node, arrays: Mapping[str, Array]) -> Node:
    for name, array in arrays.items():
        if name not in node.weights or node.weights[name].shape != np.shape(array):
            has = {key: value.shape for key, value in node.weights.items()}
            raise NetworkError(f"node '{node.name}' has no weight '{name}' of shape {np.shape(array)}: it has {has}")
    return node.with_weights({**node.weights, **arrays})
