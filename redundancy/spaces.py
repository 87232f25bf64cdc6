"""Spaces: the units that several layers share and that must change together, and where they are read."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from redundancy.algebra import NOT_POINTWISE
from redundancy.errors import NetworkError
from redundancy.layers import INPUT, OUTPUT, RULES, Block, Following, Pin, Tracer
from redundancy.layers.tying import REASONS, WHOLE
from redundancy.network import Array, Network, Node
from redundancy.sharing import holds_numbers, shared, tie_calls
from redundancy.sites import Find
from redundancy.units import Part, Units


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
        padded: A constant cannot move to the bias of some reader: it sees zeros beyond the border, say.
        node: Whose output it is.
        mate: The tap of units that these are only multiplied with: a fold at either will do. "" for none.
    """

    name: str
    part: Part
    units: Array
    reads: tuple[Read, ...]
    padded: bool
    node: str = ""
    mate: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Space:
    """Units that must change together.

    Attributes:
        name: The layers that make the units, joined by "+".
        ids: The canonical id of each unit. Shape (n,), int, increasing.
        taps: Where they are read.
        pins: Why they must stay as they are; nothing if they may change.
        held: Index in the space of each pinned unit, by pin.
        blocks: What must stay in groups of one size; the ids of a block are indices in the space.
    """

    name: str
    ids: Array
    taps: tuple[Tap, ...]
    pins: tuple[Pin, ...]
    held: tuple[Array, ...]
    blocks: tuple[Block, ...] = ()

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
        following: What goes with what; their ids are canonical.
    """

    network: Network
    units: Mapping[str, Units]
    roots: Array
    spaces: tuple[Space, ...]
    following: tuple[Following, ...] = ()

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
    nodes = {node.name: node for node in network}
    tracer = Tracer(find, bounds, {name: node.shape for name, node in nodes.items()}, shared(network), nodes)
    units: dict[str, Units] = {}
    first: dict[tuple[str, str], Node] = {}
    for node in network:
        inputs = tuple(units[name] for name in node.inputs)
        units[node.name] = _traced(node, inputs, tracer)
        if node.layer in tracer.shared and holds_numbers(node):
            before = first.setdefault((node.layer, node.kind), node)
            if before is not node:
                tie_calls(before, node, units, tracer)
    for name in network.outputs:
        tracer.pin(units[name], network[name].layer, OUTPUT, reads=False)
        for logits in _before_softmax(network, network[name]):
            tracer.pin(units[logits], network[name].layer, OUTPUT)
    roots = tracer.roots()
    following = tuple(replace(f, ids=roots[f.ids], leaders=roots[f.leaders]) for f in tracer.following)
    return Trace(network, units, roots, _spaces(network, units, roots, tracer), following)


def _before_softmax(network: Network, output: Node) -> tuple[str, ...]:
    """What an output is, one by one, but for a function of all of them together."""
    alike = output.config.get("function") in NOT_POINTWISE and network[output.inputs[0]].shape == output.shape
    return output.inputs[:1] if alike else ()


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


def _traced(node: Node, inputs: tuple[Units, ...], tracer: Tracer) -> Units:
    if 0 in node.shape:
        raise NetworkError(f"layer '{node.layer}' has no units: its output has shape {node.shape}; take it out")
    rule = RULES.get(node.kind)
    if rule is not None:
        return rule.trace(node, inputs, tracer)
    reason = f"no rule for layer '{node.layer}' ({node.kind}): its units are kept as they are"
    return tracer.opaque(node, inputs, WHOLE if node.config.get("whole") else REASONS.get(node.kind, reason))


def _spaces(network: Network, units: Mapping[str, Units], roots: Array, tracer: Tracer) -> tuple[Space, ...]:
    home = _components(units, roots, [block.ids for block in tracer.blocks if block.even])
    makers: dict[int, list[str]] = defaultdict(list)
    for node in network:
        rule = RULES.get(node.kind)
        if (rule is None or rule.makes or not node.inputs) and units[node.name].parts:
            makers[int(home[units[node.name].parts[0].ids[0]])].append(node.layer)
    taps: dict[int, list[Place]] = defaultdict(list)
    for tap in _taps(network, units, tracer.shared):
        taps[int(home[tap[1].ids[0]])].append(tap)
    pinned: dict[int, list[Pin]] = defaultdict(list)
    # Of several reasons the first is told: what an output's softmax does is no matter, since an output stays anyway.
    for pin in sorted(tracer.pins, key=lambda pin: pin.reason not in (INPUT, OUTPUT)):
        pinned[int(home[pin.part.ids[0]])].append(pin)
    blocks: dict[int, list[Block]] = defaultdict(list)
    for block in tracer.blocks:
        for key in np.unique(home[block.ids]):
            blocks[int(key)].append(block)
    members = {int(key): np.unique(roots[home == key]) for key in makers}
    names = _names(makers.values())
    return tuple(
        _space(name, members[key], roots, taps[key], pinned[key], blocks[key])
        for name, key in zip(names, makers, strict=True)
    )


def _names(makers: Iterable[list[str]]) -> list[str]:
    """The layers of each space, joined; with a number where a layer is called as several others are together."""
    used: Counter[str] = Counter()
    names = []
    for layers in makers:
        plain = name = "+".join(dict.fromkeys(layers))
        while name in names:
            used[plain] += 1
            name = f"{plain} ({used[plain] + 1})"
        names.append(name)
    return names


def _components(units: Mapping[str, Units], roots: Array, groups: list[Array]) -> Array:
    """The space of each id, named by one of its ids: those of one part, tied ones and groups of one size are one."""
    home = roots.copy()
    parts = {tuple(part.ids.tolist()): part.ids for tensor in units.values() for part in tensor.parts}
    changed = True
    while changed:
        before = home.copy()
        for ids in (*parts.values(), *groups):
            home[ids] = home[ids].min()
        # Tied ids share the smallest home among them.
        smallest = np.full(len(home), len(home))
        np.minimum.at(smallest, roots, home)
        home = smallest[roots]
        changed = not np.array_equal(home, before)
    return home


Place = tuple[str, Part, tuple[Read, ...], bool, str, str]
"""What a tap says but for its place in a space: name, part, reads, padded, node and mate."""


def _taps(network: Network, units: Mapping[str, Units], shared: frozenset[str]) -> list[Place]:
    readers: dict[str, list[Node]] = defaultdict(list)
    for node in network:
        # Weights read the first of several tensors; the others are masks, say.
        for name in node.inputs[:1]:
            readers[name].append(node)
    found = list(_products(network, units))
    for node in network:
        tensor = units[node.name]
        reading = [reader for reader in readers[node.name] if _reads(reader, node, tensor)]
        reads = tuple(Read(r.name, weight, axis) for r in reading for weight, axis in RULES[r.kind].reads.items())
        # The bias of a layer that is called twice is one for both calls.
        fixed = any(RULES[reader.kind].padded(reader) or reader.layer in shared for reader in reading)
        if node.kind in RULES and RULES[node.kind].rereads:
            reads += tuple(Read(node.name, weight, axis) for weight, axis in RULES[node.kind].rereads.items())
            fixed = True  # before the first step its units are zero
        if reads:
            found += [
                (tap_name(node.name, tensor, number), part, reads, fixed, node.name, "")
                for number, part in enumerate(tensor.parts)
            ]
    return found


def _products(network: Network, units: Mapping[str, Units]) -> Iterator[Place]:
    """Where units are multiplied with others: what makes the others can be said to read them."""
    for node in network:
        pair = RULES[node.kind].multiplies if node.kind in RULES else None
        if pair is None or len({len(units[node.inputs[number]].parts) for number in pair} - {1}):
            continue
        first, second = (network[node.inputs[number]] for number in pair)
        (part,), (other,) = units[first.name].parts, units[second.name].parts
        level = replace(other, affine=replace(other.affine, offset=np.zeros(len(other.ids))))
        yield first.name, part, _makes(second, ("kernel",)), True, first.name, second.name
        yield second.name, level, _makes(first, ("kernel", "bias")), True, second.name, first.name


def _makes(node: Node, names: tuple[str, ...]) -> tuple[Read, ...]:
    """Weights that make units, as what reads the units that those are multiplied with."""
    writes = RULES[node.kind].writes
    return tuple(Read(node.name, name, writes[name]) for name in names if name in node.weights)


def tap_name(node: str, units: Units, number: int) -> str:
    """The name of the tap at part `number` of a node's output."""
    return f"{node}:{number}" if len(units.parts) > 1 else node


def _reads(reader: Node, node: Node, units: Units) -> bool:
    rule = RULES.get(reader.kind)
    return bool(rule and rule.reads) and rule is not None and units.axis == rule.axis(reader, len(node.shape))


def _space(name: str, ids: Array, roots: Array, taps: list[Place], pins: list[Pin], blocks: list[Block]) -> Space:
    placed = tuple(
        Tap(place, part, np.searchsorted(ids, roots[part.ids]), reads, fixed, node, mate)
        for place, part, reads, fixed, node, mate in taps
    )
    twice = [tap for tap in placed if len(np.unique(tap.units)) < len(tap.units)]
    pins = pins + [Pin(tap.part, tap.name, "one unit lies at several places of it") for tap in twice]
    held = tuple(np.searchsorted(ids, roots[pin.part.ids]) for pin in pins)
    return Space(name, ids, placed, tuple(pins), held, tuple(_inside(ids, roots, blocks)))


def _inside(ids: Array, roots: Array, blocks: list[Block]) -> Iterator[Block]:
    """The blocks in terms of a space: those of its units that a block speaks of, by index in the space."""
    for block in blocks:
        mine = np.isin(roots[block.ids], ids)
        yield replace(block, ids=np.searchsorted(ids, roots[block.ids][mine]), labels=block.labels[mine])
