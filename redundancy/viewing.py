"""The spaces that may lose units, as pruning criteria see them; and the folds of what a criterion lets go."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

import numpy as np

from redundancy.costs import Cost, cost_without
from redundancy.errors import OptionError
from redundancy.findings import Finding
from redundancy.fold import Fold, Holds
from redundancy.layers import INPUT, OUTPUT, RULES
from redundancy.network import Array, Network
from redundancy.saliency.obs import moments
from redundancy.saliency.view import Ranking, Reading, View
from redundancy.spaces import Space, Tap, Trace, tap_name, trace
from redundancy.suggesting import suggested
from redundancy.surgery import Refusal

ROWS = 20_000
"""Samples that are looked at, at each tap, at most."""

RIDGE = 1e-5
"""Of the mean square of a unit, in the least squares of a repair: units that are equal on the data share the work."""


class Prunable:
    """A network, and what of it may be pruned.

    Args:
        network: To prune.
        layers: Names of the layers whose units may go; all if not given.

    Raises:
        OptionError: There is no such layer, or none of them has units that may go.

    Attributes:
        network: As given.
        spaces: Those that may lose units one by one, in the order in which the network makes them.
        refusals: Why others may not, where somebody may expect it: of inputs, which nobody does, and of single units,
            only if they are named.
    """

    def __init__(self, network: Network, layers: Iterable[str] | None = None) -> None:
        self.network = network
        self._followed = trace(network)
        self._homes = {
            tap_name(name, units, number): name
            for name, units in self._followed.units.items()
            for number in range(len(units.parts))
        }
        names = _checked(self._followed, layers)
        wanted = [
            space for space in self._followed.spaces if names is None or not names.isdisjoint(layers_of(network, space))
        ]
        self.spaces = tuple(space for space in wanted if not _hindrance(space))
        self.refusals = tuple(
            Refusal(space.name, *reason, space.size)
            for space in wanted
            if (layers is not None or _expected(network, space)) and (reason := _hindrance(space)) is not None
        )
        if not self.spaces:
            every = [(space.name, *reason) for space in wanted if (reason := _hindrance(space)) is not None]
            every.sort(key=lambda why: why[-1] in (INPUT, OUTPUT))  # which all models have
            said = "; ".join(f"{name} because of layer '{layer}': {why}" for name, layer, why in every[:3] if layer)
            remedy = "give a model with others" if layers is None else "name layers that make others, or none"
            raise OptionError(f"no units may be pruned{f' ({said})' if said else ''}: {remedy}")

    def axes(self, space: Space) -> dict[str, int]:
        """The nodes where the units of a space are read, and the axis that these lie on, not counting the batch."""
        homes = dict.fromkeys(self._homes[tap.name] for tap in space.taps)
        return {home: self._followed.units[home].axis for home in homes}

    def space(self, name: str) -> Space:
        """The space of that name."""
        return next(space for space in self.spaces if space.name == name)

    def cost_after(self, counts: Mapping[str, int]) -> Cost:
        """What the network costs without so many units of each space, by name."""
        gone = np.zeros(len(self._followed.roots), bool)
        for space in self.spaces:
            gone[space.ids[: counts.get(space.name, 0)]] = True
        return cost_without(self._followed, gone)

    def view(
        self, space: Space, values: Mapping[str, Array], gates: Mapping[str, Array] | None = None, seed: int = 0
    ) -> View | None:
        """What a criterion sees of a space; None where its units could not be measured wherever they are read.

        Args:
            space: One of this network's.
            values: Samples at nodes: shape (samples, extent of the axis of units).
            gates: The gradients of gates at nodes, likewise: shape (examples, extent).
            seed: Of what is random.
        """
        if any(self._homes[tap.name] not in values for tap in space.taps):
            return None
        readings = self._alike(space, [self._reading(tap, values, gates) for tap in space.taps])
        if not all(np.all(np.isfinite(reading.samples)) for reading in readings):
            return None
        return View(self._incoming(space), readings, seed)

    def _alike(self, space: Space, readings: list[Reading]) -> tuple[Reading, ...]:
        """Readings by one layer that is called several times see all that it reads: its weights change once."""
        layers = [{self.network[read.node].layer for read in tap.reads} for tap in space.taps]
        groups: list[tuple[set[str], list[int]]] = []
        for number, mine in enumerate(layers):
            met = [group for group in groups if not mine.isdisjoint(group[0])]
            groups = [group for group in groups if mine.isdisjoint(group[0])]
            joined = sorted([number, *(place for _, places in met for place in places)])
            groups.append((mine.union(*(names for names, _ in met)), joined))
        found = list(readings)
        for _, places in groups:
            if len(places) > 1:
                samples = np.concatenate([readings[place].samples for place in places])
                padded = any(readings[place].padded for place in places)
                for place in places:
                    found[place] = replace(readings[place], samples=samples, padded=padded)
        return tuple(found)

    def _reading(self, tap: Tap, values: Mapping[str, Array], gates: Mapping[str, Array] | None) -> Reading:
        home, places = self._homes[tap.name], len(tap.part.where)
        rows = values[home][:: max(1, -(-len(values[home]) * places // ROWS))]
        samples = np.asarray(rows[:, tap.part.where], np.float64).reshape(-1, len(tap.units))
        # A gate multiplies the unit wherever it lies: gradients add up.
        opened = None if gates is None else np.asarray(gates[home][:, tap.part.where].sum(axis=1), np.float64)
        return Reading(samples, _factor(self.network, tap), tap.padded, opened)

    def _incoming(self, space: Space) -> Array:
        """Shape (n, k + 1): the weights that make each unit, by whatever layers, and the sum of its biases."""
        blocks, bias = [], np.zeros(space.size)
        for node in self.network:
            rule = RULES.get(node.kind)
            made = self._followed.made(node.name)
            if rule is None or not rule.writes or not len(made) or not np.isin(made, space.ids).all():
                continue
            places = np.searchsorted(space.ids, made)
            weights = rule.loose(node)
            for name in rule.writes.keys() & weights.keys():
                rows = np.moveaxis(_directions(weights[name]), rule.writes[name], 0).reshape(len(made), -1)
                if rows.shape[1] == 1 and name == "bias":
                    np.add.at(bias, places, rows[:, 0])
                else:
                    block = np.zeros((space.size, rows.shape[1]))
                    block[places] = rows
                    blocks.append(block)
        return np.hstack([*blocks, bias[:, None]])


def _directions(weights: Array) -> Array:
    """Weights as numbers; what takes a place is made by that one, with a weight of 1. Float64."""
    if weights.dtype.kind not in "iu":
        return np.asarray(weights, np.float64)
    return np.asarray(np.eye(int(weights.max()) + 1)[weights])


def _checked(followed: Trace, layers: Iterable[str] | None) -> frozenset[str] | None:
    if layers is None:
        return None
    if isinstance(layers, str):
        raise OptionError(f"layers='{layers}' is one word: give a list of names, as ['{layers}']")
    known = dict.fromkeys(node.layer for node in followed.network)
    for name in (names := tuple(layers)):
        if name not in known:
            raise OptionError(f"no layer is called {name!r}{suggested(str(name), known)}: name one of the model's")
    return frozenset(names)


def _expected(network: Network, space: Space) -> bool:
    """Whether somebody may expect that units go who named no layers."""
    return space.size > 1 and bool(space.taps) and not set(space.name.split("+")) <= set(network.inputs)


def layers_of(network: Network, space: Space) -> set[str]:
    """The layers that make its units, as the space and as the model call them."""
    made = space.name.split(" (")[0].split("+")
    layers = {node.layer for node in network}
    return {*made, *(layer for layer in layers for step in made if step.startswith(f"{layer}/"))}


def _hindrance(space: Space) -> tuple[str, str] | None:
    """(layer, reason) why units may not go one by one; None where they may."""
    if space.pins:
        return space.pins[0].layer, space.pins[0].reason
    if space.blocks:
        return space.blocks[0].layer, "its units go in groups only"
    if not space.taps or space.size < 2:
        return "", "it has one unit, or none that weights read"
    if not all(np.array_equal(tap.units, np.arange(space.size)) for tap in space.taps):
        return space.taps[0].node, "not all of its units are read there"
    return None


def _blocks(network: Network, tap: Tap) -> Iterator[Array]:
    """The weights that read units, for each that does and each place where these lie. Shapes (n, m), float64."""
    for read in tap.reads:
        node = network[read.node]
        weights = np.moveaxis(RULES[node.kind].loose(node)[read.weight], read.axis, 0)
        for places in tap.part.where:
            yield np.asarray(weights[places], np.float64).reshape(len(places), -1)


def _factor(network: Network, tap: Tap) -> Array:
    """A with A A' the products of the weights that read units, summed over where they lie. Shape (n, at most n)."""
    blocks = list(_blocks(network, tap))
    if sum(block.shape[1] for block in blocks) <= len(tap.units):
        return np.hstack(blocks)
    products = np.zeros((len(tap.units), len(tap.units)))
    for block in blocks:
        products += block @ block.T
    values, vectors = np.linalg.eigh(products)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)))


def finding(space: Space, view: View, ranking: Ranking, gone: int, why: str, *, repair: bool) -> Finding:
    """The folds that take the first units of a ranking away.

    Args:
        space: Whose units they are.
        view: Of it.
        ranking: Of its units.
        gone: How many go, fewer than all.
        why: What the removals are put down to.
        repair: Those that stay take over, by least squares on the samples; else only heirs do.
    """
    keep, dropped = np.sort(ranking.order[gone:]), np.sort(ranking.order[:gone])
    names = np.full(space.size, "", dtype=object)
    names[dropped] = why
    at = {
        tap.name: _fold(reading, ranking, keep, dropped, tuple(names), repair)
        for tap, reading in zip(space.taps, view.readings, strict=True)
    }
    first = at[space.taps[0].name]
    return Finding(space.name, space.size, dropped, tuple(names[dropped]), at, first)


def _fold(reading: Reading, ranking: Ranking, keep: Array, dropped: Array, why: tuple[str, ...], repair: bool) -> Fold:
    n = len(why)
    into, offset = np.zeros((n, len(keep))), np.zeros(n)
    into[keep, np.arange(len(keep))] = 1.0
    if repair:
        coefficients = replaced(reading.samples, keep, dropped, padded=reading.padded)
        into[dropped] = coefficients[: len(keep)].T
        if not reading.padded:
            offset[dropped] = coefficients[-1]
    else:
        column = dict(zip(keep.tolist(), range(len(keep)), strict=True))
        for unit in dropped.tolist():
            heir, share = unit, 1.0
            while heir >= 0 and heir not in column:
                heir, share = int(ranking.heirs[heir]), share * float(ranking.shares[heir])
            if heir >= 0:
                into[unit, column[heir]] = share
    return Fold(keep, into, offset, why, Holds.DATA)


def replaced(samples: Array, keep: Array, dropped: Array, *, padded: bool = False) -> Array:
    """Units that go as combinations of those that stay, by least squares with a ridge.

    On the samples the error is never larger than that of leaving them out.

    Args:
        samples: Shape (samples, n), float64.
        keep: Shape (k,), int.
        dropped: Shape (d,), int.
        padded: Without a constant.

    Returns:
        Shape (k + 1, d), the constants last; shape (k, d) without them.
    """
    products = moments(samples, padded, 0.0)
    stays = keep if padded else np.append(keep, samples.shape[1])
    inner = products[np.ix_(stays, stays)]
    ridge = RIDGE * (float(np.mean(np.diagonal(products)[: samples.shape[1]])) or 1.0)
    inner[np.arange(len(keep)), np.arange(len(keep))] += ridge
    return np.asarray(np.linalg.solve(inner, products[np.ix_(stays, dropped)]))
