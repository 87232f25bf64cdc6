"""Networks without some of their single weights, by magnitude, Optimal Brain Damage, Optimal Brain Surgeon or chance.

Nothing becomes smaller by that: a weight that is gone is zero. What becomes smaller is what single weights are good for
as a yardstick, for the criteria were published for them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from redundancy.errors import OptionError
from redundancy.feeding import arrays_of
from redundancy.network import Array, Network, frozen_array
from redundancy.saliency.weights.obd import damage
from redundancy.saliency.weights.obs import Block, block, inverse, inverted, operated
from redundancy.suggesting import suggested

MAGNITUDE, OBD, OBS, RANDOM = "magnitude", "obd", "obs", "random"

WAYS = (MAGNITUDE, OBD, OBS, RANDOM)

WHOLE = 4096
"""Up to so many weights one Hessian is taken of all of them; of more, one for each unit's own."""

DAMPING = 1e-3
"""What is added to the diagonal of a Hessian before it is inverted, as a part of its mean."""

ROUNDS = 64
"""In so many steps the surgeon takes what is to go, at least; saliencies are computed anew between them."""

Key = tuple[str, str]
"""A node and one of its weights, by name."""


@dataclass(frozen=True, slots=True, eq=False)
class Sparse:
    """A network some of whose weights are zero.

    Attributes:
        network: With zeros in it, and the others moved where the surgeon moved them.
        kept: Which weights are still there, by name of the node and of the weight: of its shape, bool. Weights of
            layers that are not in it are as they were.
    """

    network: Network
    kept: Mapping[str, Mapping[str, Array]]

    @property
    def left(self) -> int:
        """How many of the weights that could have gone are still there."""
        return sum(int(mask.sum()) for masks in self.kept.values() for mask in masks.values())


def sparsified(
    network: Network,
    fractions: Sequence[float],
    *,
    by: str = OBS,
    data: Any = None,
    labels: Array | None = None,
    kept: Mapping[str, Mapping[str, Array]] | None = None,
    seed: int = 0,
    likelihood: str | None = None,
) -> tuple[Sparse, ...]:
    """A network without some of the weights, kernels and biases, of its dense layers and convolutions.

    All of them are in one ranking. Nothing is trained.

    Args:
        network: Of one output.
        fractions: Of those weights, how many are to be gone, from 0 to below 1, in increasing order.
        by: "magnitude"; "obd", half the curvature times the square; "obs", the same with the best change of all other
            weights, of the same unit where there are more than 4,096; or "random".
        data: Where the loss is looked at, for "obd" and "obs": as `redundancy.compact` takes it.
        labels: Of the data. If not given they are drawn from what the network itself predicts, which is what makes
            squares of gradients a curvature; with those that are true they are one only where the network is right.
        kept: Weights that are left, where some are gone already; those stay zero, and count among the fractions.
        seed: Of labels that are drawn, and of "random".
        likelihood: What the output means, where neither its function nor labels say it: as for
            `redundancy.frameworks.keras.sensitivity.gates`. Linear outputs are taken for numbers, not for logits.

    Returns:
        One for each fraction.

    Raises:
        OptionError: There is no such way, data is missing or does not fit, or a fraction is out of range or order.
        UnsupportedError: The network has several outputs, or no weights that could go.
    """
    if by not in WAYS:
        known = f"choose from {', '.join(WAYS)}"
        raise OptionError(f"no way to remove weights is called {by!r}{suggested(str(by), WAYS)}: {known}")
    if any(not 0 <= fraction < 1 for fraction in fractions) or list(fractions) != sorted(fractions):
        raise OptionError(f"fractions {tuple(fractions)}: give numbers from 0 to below 1, in increasing order")
    layout = _layout(network, kept)
    counts = [max(0, round(fraction * len(layout.values)) - layout.gone) for fraction in fractions]
    if by in (MAGNITUDE, RANDOM):
        values = np.random.default_rng(seed).random(len(layout.values)) if by == RANDOM else np.abs(layout.values)
        return tuple(layout.ranked(values, counts))
    if data is None:
        raise OptionError(f"by={by!r} looks at the loss on data: give some, data=inputs")
    gradients = _gradients(network, layout, data, labels, seed, likelihood)
    if by == OBD:
        return tuple(layout.ranked(damage(layout.values, _mean_squares(gradients)), counts))
    return tuple(_operated(layout, gradients, counts))


@dataclass(frozen=True, slots=True, eq=False)
class _Layout:
    """All the weights that may go, in one row.

    Attributes:
        network: Whose they are.
        keys: Whose weights stand there one after the other.
        values: Shape (k,), float64.
        there: Which are still there. Shape (k,), bool.
        owners: The unit that each belongs to, counted through all layers. Shape (k,), int.
    """

    network: Network
    keys: tuple[Key, ...]
    values: Array
    there: Array
    owners: Array

    @property
    def gone(self) -> int:
        return int(np.sum(~self.there))

    def ranked(self, saliency: Array, counts: Sequence[int]) -> Iterator[Sparse]:
        """Without so many of the least saliency, nothing else changed."""
        order = np.argsort(np.where(self.there, saliency, np.inf), kind="stable")
        for count in counts:
            kept = self.there.copy()
            kept[order[:count]] = False
            yield self.sparse(self.values, kept)

    def sparse(self, values: Array, kept: Array) -> Sparse:
        """The network with these weights. Shapes (k,)."""
        arrays: dict[str, dict[str, Array]] = {}
        masks: dict[str, dict[str, Array]] = {}
        at = 0
        for name, weight in self.keys:
            before = self.network[name].weights[weight]
            part = slice(at, at + before.size)
            at += before.size
            masks.setdefault(name, {})[weight] = frozen_array(kept[part].reshape(before.shape))
            whole = np.where(kept[part], values[part], 0.0).reshape(before.shape)
            arrays.setdefault(name, {})[weight] = frozen_array(whole.astype(before.dtype))
        return Sparse(self.network.with_weights(arrays), masks)


def _layout(network: Network, kept: Mapping[str, Mapping[str, Array]] | None) -> _Layout:
    from redundancy.frameworks.keras.weightwise import differentiable

    keys = tuple((name, weight) for name in differentiable(network) for weight in network[name].weights)
    if not keys:
        raise OptionError("the network has no dense layer or convolution whose weights could go: give another one")
    arrays = [network[name].weights[weight] for name, weight in keys]
    there = [np.ones(a.shape, bool) if kept is None else kept[n][w] for a, (n, w) in zip(arrays, keys, strict=True)]
    owners, first = [], 0
    for number, array in enumerate(arrays):
        if number and keys[number][0] != keys[number - 1][0]:
            first += arrays[number - 1].shape[-1]
        owners.append(first + np.broadcast_to(np.arange(array.shape[-1]), array.shape).ravel())
    values = np.concatenate([np.asarray(array, np.float64).ravel() for array in arrays])
    return _Layout(network, keys, values, np.concatenate([mask.ravel() for mask in there]), np.concatenate(owners))


def _gradients(
    network: Network, layout: _Layout, data: Any, labels: Array | None, seed: int, likelihood: str | None
) -> Iterator[Array]:
    """Of each example's loss with respect to the weights, batch by batch. Shape (rows, k)."""
    from redundancy.frameworks.keras.weightwise import weight_gradients

    names = tuple(dict.fromkeys(name for name, _ in layout.keys))
    inputs = arrays_of(network, data)
    for found in weight_gradients(network, names, inputs, labels, seed=seed, likelihood=likelihood):
        arrays = [found[name][weight] for name, weight in layout.keys]
        yield np.concatenate([array.reshape(len(array), -1) for array in arrays], axis=1)


def _mean_squares(gradients: Iterator[Array]) -> Array:
    """The diagonal of the Fisher information. Shape (k,)."""
    total, rows = np.zeros(1), 0
    for batch in gradients:
        total = total + np.square(batch).sum(axis=0)
        rows += len(batch)
    return np.asarray(total / max(rows, 1))


def _operated(layout: _Layout, gradients: Iterator[Array], counts: Sequence[int]) -> Iterator[Sparse]:
    """Without so many weights, the others moved to make up for them."""
    alive = np.flatnonzero(layout.there)
    if len(alive) <= WHOLE:
        members = [alive]
        G = np.concatenate([batch[:, alive] for batch in gradients])
        inverses = [inverse(G, DAMPING * max(float(np.mean(np.square(G))), np.finfo(float).tiny))]
    else:
        members = [alive[layout.owners[alive] == owner] for owner in np.unique(layout.owners[alive])]
        inverses = _by_unit(members, gradients)
    blocks = [block(layout.values[at], each) for at, each in zip(members, inverses, strict=True)]
    step = max(1, max(counts, default=0) // ROUNDS)
    for state in operated(blocks, counts, step):
        yield _joined(layout, members, state)


def _by_unit(members: Sequence[Array], gradients: Iterator[Array]) -> list[Array]:
    """The inverse of each unit's own block of the Fisher information."""
    sums, rows = [np.zeros((len(at), len(at))) for at in members], 0
    for batch in gradients:
        rows += len(batch)
        for total, at in zip(sums, members, strict=True):
            total += batch[:, at].T @ batch[:, at]
    mean = sum(float(np.trace(total)) for total in sums) / max(rows, 1) / sum(map(len, members))
    return [inverted(total / max(rows, 1), DAMPING * max(mean, np.finfo(float).tiny)) for total in sums]


def _joined(layout: _Layout, members: Sequence[Array], state: Sequence[Block]) -> Sparse:
    values, kept = layout.values.copy(), np.zeros(len(layout.values), bool)
    for at, each in zip(members, state, strict=True):
        values[at], kept[at] = each.weights, each.kept
    return layout.sparse(values, kept)
