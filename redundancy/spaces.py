"""Spaces: the units that several layers share and that must change together, and where they are read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from redundancy.errors import NetworkError
from redundancy.layers import RULES, Pin, Tracer
from redundancy.network import Array, Network, Node
from redundancy.units import Find, Part, Units


@dataclass(frozen=True, slots=True)
class Read:
    """A weight that reads a tensor's units."""

    node: str
    weight: str
    axis: int


@dataclass(frozen=True, slots=True, eq=False)
class Tap:
    """Units of a space at a place where weights read them.

    Attributes:
        name: Of the node whose output is read; with a number behind a colon if that has several parts.
        part: The units as they are there.
        units: Index in the space of each unit. Shape (n,), int.
        reads: The weights that read them.
        padded: Some reader sees zeros beyond the border: a constant cannot move to its bias.
    """

    name: str
    part: Part
    units: Array
    reads: tuple[Read, ...]
    padded: bool


@dataclass(frozen=True, slots=True, eq=False)
class Space:
    """Units that must change together.

    Attributes:
        name: The layers that make the units, joined by "+".
        ids: The canonical id of each unit. Shape (n,), int, increasing.
        taps: Where they are read.
        pins: Why they must stay as they are; nothing if they may change.
        held: Index in the space of each pinned unit, by pin.
    """

    name: str
    ids: Array
    taps: tuple[Tap, ...]
    pins: tuple[Pin, ...]
    held: tuple[Array, ...]

    @property
    def size(self) -> int:
        """How many units it has."""
        return len(self.ids)


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """A network, followed from its inputs to its outputs.

    Attributes:
        network: That was followed.
        units: Of each node's output, by name.
        roots: The canonical id of each id; tied units have one. Shape (units,), int.
        spaces: In the order in which they are made.
    """

    network: Network
    units: Mapping[str, Units]
    roots: Array
    spaces: tuple[Space, ...]

    def made(self, name: str) -> Array:
        """The canonical id at each index of the unit axis of a node's output."""
        return np.asarray(self.roots[self.units[name].ids])


def trace(network: Network, find: Find | None = None, box: Mapping[str, tuple[Array, Array]] | None = None) -> Trace:
    """Follows the units of a network through its layers.

    Args:
        network: To follow.
        find: Finds what folds before each nonlinear function; without it only the units are followed, not what
            they compute.
        box: Bounds of inputs, by node: (low, high), each broadcasting to the input's shape without the batch.

    Raises:
        NetworkError: A layer has no units; or the box is of a node that is no input, is empty, or does not broadcast.
    """
    bounds = _box(network, box or {})
    tracer = Tracer(find, bounds, {node.name: node.shape for node in network})
    units: dict[str, Units] = {}
    calls = _calls(network)
    for node in network:
        units[node.name] = _traced(node, tuple(units[name] for name in node.inputs), tracer, calls)
    for name in network.outputs:
        tracer.pin(units[name], network[name].layer, "it is an output of the network", reads=False)
    roots = tracer.roots()
    return Trace(network, units, roots, _spaces(network, units, roots, tracer.pins))


def _box(network: Network, box: Mapping[str, tuple[Array, Array]]) -> dict[str, tuple[Array, Array]]:
    for name, (low, high) in box.items():
        if name not in network.inputs:
            raise NetworkError(
                f"the box bounds '{name}', which is no input; the inputs are {', '.join(network.inputs)}"
            )
        if not all(_fits(np.shape(bound), network[name].shape) for bound in (low, high)):
            raise NetworkError(
                f"the box of input '{name}' has bounds of shapes {np.shape(low)} and {np.shape(high)}, which do not"
                f" broadcast to its shape {network[name].shape}; leave the batch out"
            )
        if not np.all(np.less_equal(low, high)):
            raise NetworkError(f"the box of input '{name}' is empty: a lower bound exceeds its upper bound, or is NaN")
    return {name: (np.asarray(low, np.float64), np.asarray(high, np.float64)) for name, (low, high) in box.items()}


def _fits(bound: tuple[int, ...], shape: tuple[int | None, ...]) -> bool:
    pairs = zip(reversed(bound), reversed(shape), strict=False)
    return len(bound) <= len(shape) and all(full is None or extent in (1, full) for extent, full in pairs)


def _calls(network: Network) -> dict[tuple[str, str], int]:
    """How often each layer is called: nodes by layer and kind."""
    calls: dict[tuple[str, str], int] = defaultdict(int)
    for node in network:
        calls[node.layer, node.kind] += 1
    return calls


def _traced(node: Node, inputs: tuple[Units, ...], tracer: Tracer, calls: Mapping[tuple[str, str], int]) -> Units:
    if 0 in node.shape:
        raise NetworkError(f"layer '{node.layer}' has no units: its output has shape {node.shape}; take it out")
    rule = RULES.get(node.kind)
    if rule is None:
        reason = f"no rule for layer '{node.layer}' ({node.kind}): its units are kept as they are"
        return tracer.opaque(node, inputs, f"{reason}; add one function to redundancy/layers/")
    if calls[node.layer, node.kind] > 1 and node.weights:
        return tracer.opaque(node, inputs, f"it is called {calls[node.layer, node.kind]} times with the same weights")
    return rule.trace(node, inputs, tracer)


def _spaces(network: Network, units: Mapping[str, Units], roots: Array, pins: Iterable[Pin]) -> tuple[Space, ...]:
    home = _components(units, roots)
    makers: dict[int, list[str]] = defaultdict(list)
    for node in network:
        rule = RULES.get(node.kind)
        if (rule is None or rule.writes or not node.inputs) and units[node.name].parts:
            makers[int(home[units[node.name].parts[0].ids[0]])].append(node.layer)
    taps = _taps(network, units)
    pinned: dict[int, list[Pin]] = defaultdict(list)
    for pin in pins:
        pinned[int(home[pin.part.ids[0]])].append(pin)
    return tuple(
        _space(layers, np.unique(roots[home == key]), roots, [t for t in taps if home[t[1].ids[0]] == key], pinned[key])
        for key, layers in makers.items()
    )


def _components(units: Mapping[str, Units], roots: Array) -> Array:
    """The space of each id, named by one of its ids: units of one part, and tied units, change together."""
    home = roots.copy()
    parts = {tuple(part.ids.tolist()): part.ids for tensor in units.values() for part in tensor.parts}
    changed = True
    while changed:
        before = home.copy()
        for ids in parts.values():
            home[ids] = home[ids].min()
        # Tied ids share the smallest home among them.
        smallest = np.full(len(home), len(home))
        np.minimum.at(smallest, roots, home)
        home = smallest[roots]
        changed = not np.array_equal(home, before)
    return home


def _taps(network: Network, units: Mapping[str, Units]) -> list[tuple[str, Part, tuple[Read, ...], bool]]:
    found = []
    for node in network:
        tensor = units[node.name]
        readers = [reader for reader in network.readers(node.name) if _reads(reader, node, tensor)]
        reads = tuple(Read(r.name, weight, axis) for r in readers for weight, axis in RULES[r.kind].reads.items())
        padded = any(RULES[reader.kind].padded(reader) for reader in readers)
        if reads:
            found += [
                (tap_name(node.name, tensor, number), part, reads, padded) for number, part in enumerate(tensor.parts)
            ]
    return found


def tap_name(node: str, units: Units, number: int) -> str:
    """The name of the tap at part `number` of a node's output."""
    return f"{node}:{number}" if len(units.parts) > 1 else node


def _reads(reader: Node, node: Node, units: Units) -> bool:
    rule = RULES.get(reader.kind)
    return bool(rule and rule.reads) and rule is not None and units.axis == rule.axis(reader, len(node.shape))


def _space(
    layers: list[str], ids: Array, roots: Array, taps: list[tuple[str, Part, tuple[Read, ...], bool]], pins: list[Pin]
) -> Space:
    placed = tuple(
        Tap(name, part, np.searchsorted(ids, roots[part.ids]), reads, padded) for name, part, reads, padded in taps
    )
    twice = [tap for tap in placed if len(np.unique(tap.units)) < len(tap.units)]
    pins = pins + [Pin(tap.part, tap.name, "one unit lies at several places of it") for tap in twice]
    held = tuple(np.searchsorted(ids, roots[pin.part.ids]) for pin in pins)
    return Space("+".join(dict.fromkeys(layers)), ids, placed, tuple(pins), held)
