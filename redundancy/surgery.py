"""Surgery: a network and folds give a smaller network that computes the same, and refusals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from redundancy.errors import NetworkError
from redundancy.fold import Fold, identity
from redundancy.layers import RULES
from redundancy.network import Array, Network, Node
from redundancy.spaces import Space, Trace, tap_name, trace


@dataclass(frozen=True, slots=True)
class Refusal:
    """A fold that was found but may not be applied.

    Attributes:
        space: The layers that make the units.
        layer: The layer that stands in the way.
        reason: Why it does.
        units: How many units would have gone.
    """

    space: str
    layer: str
    reason: str
    units: int

    def __str__(self) -> str:
        return f"{self.units} unit(s) of {self.space} stay because of layer '{self.layer}': {self.reason}"

    def to_dict(self) -> dict[str, Any]:
        """In plain types, as JSON has them."""
        return {"space": self.space, "layer": self.layer, "reason": self.reason, "units": self.units}


class FoldedWeightError(NetworkError):
    """A folded weight that cannot be stored in the type of the weights that it is folded into.

    Attributes:
        tap: Whose fold leads there.
        layer: Whose weight it is.
        reason: Why it cannot be stored.
    """

    def __init__(self, tap: str, layer: str, reason: str) -> None:
        super().__init__(f"layer '{layer}': {reason}")
        self.tap, self.layer, self.reason = tap, layer, reason


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """What surgery returns.

    Attributes:
        network: The new network; the one that came in is untouched.
        refusals: The folds that were not applied.
    """

    network: Network
    refusals: tuple[Refusal, ...]


def operate(network: Network, folds: Mapping[str, Fold]) -> Operation:
    """Applies folds to a network.

    Every consumer that reads `h` with weights W and bias b gets `into.T @ W` and `b + offset @ W`; what makes or
    carries a unit that goes loses it. Arithmetic is in float64, results are stored as before.

    Args:
        network: To operate on.
        folds: By the name of the tap they speak of: the node whose output is read, with ":0", ":1", ... behind it if
            that output has several parts (see `redundancy.spaces.Tap`). A space that is read at several taps needs
            a fold at each of them, and all must keep the same units.

    Raises:
        NetworkError: There is no such tap, or a fold speaks of another number of units than the tap has.
        FoldedWeightError: A sum of weights is too large for the type that they are stored in.
    """
    followed = trace(network)
    _check(followed, folds)
    refusals: list[Refusal] = []
    accepted: dict[str, dict[str, Fold]] = {}
    for space in followed.spaces:
        mine = {tap.name: folds[tap.name] for tap in space.taps if tap.name in folds}
        if not any(len(fold.dropped) for fold in mine.values()):
            continue
        if refusal := _refusal(space, mine):
            refusals.append(refusal)
        else:
            accepted[space.name] = mine
    refusals += _parted(followed, accepted)
    stays = _staying(followed, accepted)
    applied = {name: fold for mine in accepted.values() for name, fold in mine.items()}
    return Operation(_rewritten(followed, stays, applied), tuple(refusals))


def _staying(followed: Trace, accepted: Mapping[str, Mapping[str, Fold]]) -> Array:
    """Which units stay, by canonical id. Shape (units,), bool."""
    stays = np.ones(len(followed.roots), dtype=bool)
    for space in followed.spaces:
        if space.name in accepted:
            stays[space.ids] = _kept(space, accepted[space.name])
    return stays


def _parted(followed: Trace, accepted: dict[str, dict[str, Fold]]) -> list[Refusal]:
    """Takes back what would part groups of units from those that they follow."""
    refusals: list[Refusal] = []
    before = -1
    while before != len(accepted):
        before = len(accepted)
        dropped = np.flatnonzero(~_staying(followed, accepted))
        for following in followed.following:
            left = following.labels[~np.isin(following.ids, dropped)]
            if np.array_equal(following.gone(dropped), np.setdiff1d(following.labels, left)):
                continue
            for space in followed.spaces:
                if np.isin(space.ids, [following.ids[0], following.leaders[0]]).any() and space.name in accepted:
                    gone = space.size - int(_kept(space, accepted.pop(space.name)).sum())
                    refusals.append(Refusal(space.name, following.layer, "what follows its units would stay", gone))
    return refusals


def _check(followed: Trace, folds: Mapping[str, Fold]) -> None:
    sizes = {tap.name: len(tap.units) for space in followed.spaces for tap in space.taps}
    for name, fold in folds.items():
        if name not in sizes:
            raise NetworkError(f"no weights read units at '{name}': the taps are {', '.join(sizes) or 'none'}")
        if fold.size != sizes[name]:
            raise NetworkError(f"the fold at '{name}' speaks of {fold.size} units, but there are {sizes[name]}")


def _refusal(space: Space, folds: Mapping[str, Fold]) -> Refusal | None:
    gone = max(len(fold.dropped) for fold in folds.values())
    if space.pins:
        return Refusal(space.name, space.pins[0].layer, space.pins[0].reason, gone)
    kept = _kept(space, folds)
    for tap in space.taps:
        reader = tap.reads[0].node
        fold = folds.get(tap.name)
        if tap.mate in folds:
            if fold is not None:
                return Refusal(space.name, reader, f"it is multiplied with '{tap.mate}', where other units fold", gone)
            continue
        present = kept[tap.units]
        if not present.all() and (fold is None or not np.array_equal(np.flatnonzero(present), fold.keep)):
            return Refusal(space.name, reader, f"the units that go elsewhere are read by it at '{tap.name}'", gone)
        if not any(kept[other.units].any() for other in space.taps if other.node == tap.node):
            return Refusal(space.name, reader, "none of the units that it reads would be left", gone)
        if fold is not None and tap.padded and np.any(fold.offset):
            return Refusal(
                space.name, reader, "it pads with zeros, or is called twice, where a constant is no bias", gone
            )
    return _uneven(space, folds, gone)


def _uneven(space: Space, folds: Mapping[str, Fold], gone: int) -> Refusal | None:
    """What is handled in groups must stay groups of one size."""
    kept = _kept(space, folds)
    for block in space.blocks:
        left = np.bincount(block.labels, weights=kept[block.ids])
        left = left[left > 0] if block.whole or block.led else left
        if block.even and np.any(left != left[0]):
            return Refusal(space.name, block.layer, "its groups would have different sizes", gone)
    return None


def _kept(space: Space, folds: Mapping[str, Fold]) -> Array:
    """Which units of the space no fold removes. Shape (n,), bool."""
    kept = np.ones(space.size, dtype=bool)
    for tap in space.taps:
        if tap.name in folds:
            kept[tap.units[folds[tap.name].dropped]] = False
    return kept


def _rewritten(followed: Trace, stays: Array, folds: Mapping[str, Fold]) -> Network:
    changed: dict[str, Node] = {}
    taps = (tap for space in followed.spaces for tap in space.taps)
    mates = {tap.mate: tap.name for tap in taps if tap.mate and tap.name in folds}
    for node in () if stays.all() else followed.network:
        rule, made = RULES.get(node.kind), stays[followed.made(node.name)]
        sources = [stays[followed.made(name)] for name in node.inputs]
        if rule is None or (made.all() and all(source.all() for source in sources)):
            continue
        weights = dict(rule.loose(node))
        for source in sources[:1]:
            _cut(weights, rule.carries, source)
            _cut(weights, _alike(weights, rule.alike, followed.units[node.inputs[0]].axis), source)
        if node.inputs:
            _read(node, rule.reads, node.inputs[0], followed, stays, folds, weights)
        _read(node, rule.rereads, node.name, followed, stays, folds, weights)
        if mate := mates.get(node.name):
            _gather(node, rule.writes, folds[mate], weights, mate)
        _cut(weights, rule.writes, made)
        shape = list(node.shape)
        if followed.units[node.name].parts:
            shape[followed.units[node.name].axis] = int(made.sum())
        changed[node.name] = rule.packed(node, _sealed(weights)).with_shape(tuple(shape))
    return followed.network.with_nodes(changed)


def _sealed(weights: Mapping[str, Array]) -> dict[str, Array]:
    """The same arrays, each in a piece and read-only: nobody else writes into them, so a node need not copy them."""
    sealed = {name: np.asarray(array, order="C") for name, array in weights.items()}
    for array in sealed.values():
        array.setflags(write=False)
    return sealed


def _cut(weights: dict[str, Array], axes: Mapping[str, int], stays: Array) -> None:
    for name in weights.keys() & axes.keys() if not stays.all() else ():
        weights[name] = np.compress(stays, weights[name], axis=axes[name])


def _gather(node: Node, writes: Mapping[str, int], fold: Fold, weights: dict[str, Array], tap: str) -> None:
    """Adds what makes units that go to what makes those that stay, as the units that they are multiplied with say."""
    for name in weights.keys() & node.weights.keys() & writes.keys():
        old = np.moveaxis(np.asarray(weights[name], np.float64), writes[name], -1)
        new = np.array(old)
        with np.errstate(over="ignore", invalid="ignore"):
            new[..., fold.keep] = old @ fold.into
        weights[name] = _stored(np.moveaxis(new, -1, writes[name]), weights[name], node, tap)


def _alike(weights: Mapping[str, Array], names: tuple[str, ...], axis: int) -> dict[str, int]:
    """The axis of the units in weights that are laid out as a tensor is; without those that have one number for all."""
    return {name: axis for name in names if name in weights and weights[name].shape[axis] > 1}


def _read(
    node: Node,
    reads: Mapping[str, int],
    source: str,
    followed: Trace,
    stays: Array,
    folds: Mapping[str, Fold],
    weights: dict[str, Array],
) -> None:
    """Folds the units that a node reads into the weights that read them, and what is constant into its bias."""
    for weight, axis in reads.items():
        units, present = followed.units[source], stays[followed.made(source)]
        if present.all():
            continue
        old = np.moveaxis(weights[weight], axis, 0)
        new = old[present]
        place = np.cumsum(present) - 1
        for number, part in enumerate(units.parts):
            tap = tap_name(source, units, number)
            fold = folds.get(tap) or identity(len(part.ids))
            gone = fold.dropped
            if not len(gone):
                continue
            # Units that stay stand for themselves: only weights that take some others in change.
            wider = fold.leads
            lost = np.asarray(old[part.where[:, gone]], np.float64)
            targets = part.where[:, fold.keep[wider]]
            with np.errstate(over="ignore", invalid="ignore"):
                added = np.moveaxis(np.tensordot(fold.stated, lost, axes=(0, 1)), 0, 1)
                total = np.asarray(old[targets], np.float64) + added
            new[place[targets]] = _stored(total, old, node, tap)
            if np.any(fold.offset):
                _shift(node, weights, fold.offset[gone].reshape(1, -1, *[1] * (old.ndim - 1)), lost, tap)
        weights[weight] = np.moveaxis(new, 0, axis)


def _shift(node: Node, weights: dict[str, Array], constants: Array, lost: Array, tap: str) -> None:
    """Adds constants times weights, (in, ..., *shape of the bias), to the bias; makes one where there is none."""
    with np.errstate(over="ignore", invalid="ignore"):
        by = constants * lost
        if not np.any(by):
            return
        like = weights.get("bias", weights["kernel"])
        axes = RULES[node.kind].biased
        total = by.reshape(-1, *by.shape[by.ndim - axes :]).sum(axis=0)
        bias = np.asarray(weights.get("bias", 0.0), np.float64) + total
    weights["bias"] = _stored(bias, like, node, tap)


def _stored(values: Array, like: Array, node: Node, tap: str) -> Array:
    with np.errstate(over="ignore", invalid="ignore"):
        stored = np.rint(values).astype(like.dtype) if like.dtype.kind in "iub" else values.astype(like.dtype)
    if not np.all(np.isfinite(np.asarray(stored, np.float64))) and np.all(np.isfinite(np.asarray(like, np.float64))):
        largest = np.max(np.abs(values))
        raise FoldedWeightError(
            tap, node.layer, f"the folded weight {largest:.3g} is too large for {like.dtype}: cast it"
        )
    if like.dtype.kind in "iub" and np.any(np.abs(stored - values) > 1e-6):
        raise FoldedWeightError(tap, node.layer, f"its folded weights are no {like.dtype} numbers: cast it to float32")
    return stored
