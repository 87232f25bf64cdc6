"""Recurrent layers, which read units of another layer and, one step later, their own: SimpleRNN, GRU and LSTM."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from redundancy.algebra import Algebra, algebra_of
from redundancy.coefficients import Basis, Rows
from redundancy.functions import identity
from redundancy.layers.composing import composed
from redundancy.layers.joining import concatenated, concatenated_shape
from redundancy.layers.linear import ELSEWHERE, at_positions
from redundancy.layers.rule import Rule, Shape, register
from redundancy.layers.tracer import Tracer, precision
from redundancy.network import Array, Node
from redundancy.similarity import alike, identical
from redundancy.sites import Find, Site, site_of
from redundancy.units import Affine, Units

GATES: Mapping[str, int] = {"simple_rnn": 1, "gru": 3, "lstm": 4}
"""How many numbers a unit is told at every step, by kind: they lie one after the other in its weights."""

CANDIDATE: Mapping[str, int] = {"simple_rnn": 0, "gru": 2, "lstm": 2}
"""Which of them is the value that may enter the state; the others say how much of it does."""

_WHOLE = Algebra("what a recurrent unit does with all that it is told", identity)
"""Units that are told the same at every step are equal, and nothing else follows."""


def loosened(node: Node) -> Mapping[str, Array]:
    """The kernels as (read, gates, units), the biases as (gates, units)."""
    gates, weights = GATES[node.kind], node.weights
    loose = {name: weights[name].reshape(weights[name].shape[0], gates, -1) for name in ("kernel", "recurrent_kernel")}
    if "bias" in weights:
        biases = weights["bias"].reshape(-1, gates, loose["kernel"].shape[2])
        loose.update(zip(("bias", "recurrent_bias"), biases, strict=False))
    return loose


def packed(node: Node, weights: Mapping[str, Array]) -> Node:
    """The node with loosened weights, in Keras's layout."""
    stored = {name: weights[name].reshape(len(weights[name]), -1) for name in ("kernel", "recurrent_kernel")}
    if "bias" in weights:
        bias = weights["bias"]
        # A layer that had no bias has none of its recurrent kernel's either.
        biases = [bias, weights.get("recurrent_bias", np.zeros_like(bias))] if _has_two_biases(node) else [bias]
        flat = np.stack(biases).reshape(len(biases), -1)
        stored["bias"] = flat if _has_two_biases(node) else flat[0]
    return node.with_weights(stored)


def _has_two_biases(node: Node) -> bool:
    return bool(node.kind == "gru" and node.config["reset_after"])


def _trace(node: Node, inputs: tuple[Units, ...], tracer: Tracer) -> Units:
    units, weights, count = inputs[0], loosened(node), node.config["states"]
    n, axis, states = weights["kernel"].shape[2], len(node.shape) - 1, inputs[1 : 1 + count]
    if problem := _problem(node, units, weights, states):
        return tracer.opaque(node, inputs, problem)
    for mask in inputs[1 + count :]:
        tracer.pin(mask, node.layer, "it takes it for a mask")
    known = None if tracer.find is None else _known(node, units, weights, states, tracer.find)
    made = tracer.made(node, n, axis, known)
    for state in states:
        tracer.tie(made.ids, state.ids)
    return made


def _problem(node: Node, units: Units, weights: Mapping[str, Array], states: tuple[Units, ...]) -> str:
    """Why nothing can be said of a layer; "" where it can."""
    for name in ("function", "recurrent"):
        if name in node.config and algebra_of({"function": node.config[name]}) is None:
            return f"no algebra is known for its function '{node.config[name]}'"
    if node.config["stateful"]:
        return "it keeps its state from one call to the next, so that its first step may begin anywhere"
    if units.axis != 1 or units.size != weights["kernel"].shape[0]:
        return ELSEWHERE
    n = weights["kernel"].shape[2]
    if any(len(state.parts) != 1 or state.axis != 0 or len(state.parts[0].ids) != n for state in states):
        return "the state that it begins with is laid out in other pieces than its units"
    return ""


def _known(
    node: Node, units: Units, weights: Mapping[str, Array], states: tuple[Units, ...], find: Find
) -> Affine | None:
    """Which units are equal to others, or zero, at every step; None where none is.

    By induction over time: they begin alike, and what they are told at a step is alike if they were before it.
    """
    told = _told(node, units, weights)
    begun = [site_of(state.parts[0].affine, state.parts[0].low, state.parts[0].high) for state in states]
    zero = _zero(node, told, weights, begun)
    labels = _equal(told, weights, begun, zero)
    n, eps = len(zero), max([precision(node), *(part.affine.eps for part in units.parts)])
    bound = np.where(zero, 0.0, np.inf)
    site = Site(
        group=np.where(zero, -1, labels),
        factor=np.where(zero, 0.0, 1.0),
        offset=np.zeros(n),
        slack=np.zeros(n),
        coefficients=None,
        low=-bound,
        high=bound,
        algebra=_WHOLE,
        eps=eps,
    )
    fold = find(site)
    if not len(fold.dropped):
        return None
    holds = max(affine.holds for affine in (*told, *(state.parts[0].affine for state in states)))
    into: dict[Basis, Rows] = {("value", node.name): fold.into}
    return Affine(into, np.ones(n), fold.offset, fold.why, eps, stored=False, holds=max(holds, fold.holds))


def _told(node: Node, units: Units, weights: Mapping[str, Array]) -> tuple[Affine, ...]:
    """What the layer below tells the units at a step, gate by gate."""
    kernel = weights["kernel"]
    bias = weights.get("bias", np.zeros(kernel.shape[1:]))
    gates = range(kernel.shape[1])
    return tuple(composed(node, units, kernel[None, :, gate], bias[gate], at_positions) for gate in gates)


def _zero(node: Node, told: tuple[Affine, ...], weights: Mapping[str, Array], begun: list[Site]) -> Array:
    """Units that are 0 at every step: nothing but 0 may ever enter their state. Shape (n,), bool."""
    algebra = algebra_of({"function": node.config["function"]})
    gate, recurrent = CANDIDATE[node.kind], weights["recurrent_kernel"]
    n = recurrent.shape[0]
    if algebra is None or algebra.function(np.zeros(1))[0] != 0:
        return np.zeros(n, dtype=bool)
    zero = ~np.any(told[gate].rows() != 0, axis=1) & (told[gate].offset == 0)
    zero &= weights.get("recurrent_bias", np.zeros(recurrent.shape[1:]))[gate] == 0
    for state in begun:
        zero &= (state.group < 0) & (state.offset == 0)
    before = np.zeros(n, dtype=bool)
    while not np.array_equal(before, zero):
        before = zero
        zero = zero & ~np.any(recurrent[~zero, gate] != 0, axis=0)
    return np.asarray(zero)


def _equal(told: tuple[Affine, ...], weights: Mapping[str, Array], begun: list[Site], zero: Array) -> Array:
    """Labels of units that are equal at every step: the coarsest division that every step keeps. Shape (n,), int.

    Units of one label read as many of each other label: a copy may read itself where the unit reads itself.
    """
    blocks = [label for gate, affine in enumerate(told) for label in _alike(affine, weights, gate)]
    blocks += [identical(np.stack([state.group, state.factor, state.offset], axis=1)) for state in begun]
    if "recurrent_bias" in weights:
        blocks.append(identical(weights["recurrent_bias"].T))
    labels, count = _together([*blocks, zero.astype(int)])
    recurrent = np.asarray(weights["recurrent_kernel"], np.float64)
    while True:
        sums = np.zeros((count, *recurrent.shape[1:]))
        # What is always zero is read by nobody.
        np.add.at(sums, labels[~zero], recurrent[~zero])
        read = [alike(sums[:, gate].T) for gate in range(recurrent.shape[1])]
        finer, more = _together([labels, *read])
        if more == count:
            return labels
        labels, count = finer, more


def _alike(affine: Affine, weights: Mapping[str, Array], gate: int) -> tuple[Array, Array]:
    """Labels of units with equal weights at a gate, and of those with equal biases."""
    rows, offset = affine.rows(), affine.offset[:, None]
    stored = "bias" not in weights or np.array_equal(affine.offset, weights["bias"][gate])
    return identical(rows) if affine.stored else alike(rows), identical(offset) if stored else alike(offset)


def _together(blocks: list[Array]) -> tuple[Array, int]:
    """Labels of units that are alike by every block of labels, and how many labels there are."""
    distinct, labels = np.unique(np.stack(blocks), axis=1, return_inverse=True)
    return np.asarray(labels).reshape(-1), distinct.shape[1]


def _shape(node: Node, inputs: tuple[Shape, ...]) -> Shape:
    n = node.weights["recurrent_kernel"].shape[0]
    return (inputs[0][0], n) if node.config["return_sequences"] else (n,)


def _state(node: Node, inputs: tuple[Units, ...], tracer: Tracer) -> Units:
    """One of the outputs of a recurrent layer: its sequence, or a state that it ends with."""
    step = ("state", node.config["index"])
    return Units(
        tuple(replace(part, affine=part.affine.renamed(step)) for part in inputs[0].parts), len(node.shape) - 1
    )


def _both(node: Node, inputs: tuple[Units, ...], tracer: Tracer) -> Units:
    """What two layers make that go through a sequence in opposite directions, side by side: as many units each."""
    units = concatenated(node, inputs, tracer)
    if units.parts and not tracer.is_pinned(units, node.layer):
        tracer.block(units, 2, node.layer, strict=False)
    return units


def _state_shape(node: Node, inputs: tuple[Shape, ...]) -> Shape:
    return node.shape


_OPTIONS = {"function": "tanh", "return_sequences": False, "stateful": False, "states": 0}
_GATED = {**_OPTIONS, "recurrent": "sigmoid"}

for _kind, _defaults in {
    "simple_rnn": _OPTIONS,
    "gru": {**_GATED, "reset_after": True},
    "lstm": _GATED,
}.items():
    register(
        _kind,
        Rule(
            _trace,
            _shape,
            reads={"kernel": 0},
            rereads={"recurrent_kernel": 0},
            writes={"kernel": -1, "recurrent_kernel": -1, "bias": -1, "recurrent_bias": -1},
            defaults=_defaults,
            optional=frozenset({"bias", "recurrent_bias"}),
            ranks={"kernel": 2, "recurrent_kernel": 2},
            loose=loosened,
            packed=packed,
            biased=2,
        ),
    )

register("both_ways", Rule(_both, concatenated_shape, defaults={"axis": -1}))
register("state", Rule(_state, _state_shape, defaults={"index": None}))
