"""Attention of several heads: projections to queries, keys and values, what heads make of them, and a projection back.

The units of a projection are those of all heads, one head after the other. Query and key units are pairs: of them
only the sum of products over a head is used, so that what is said of either side is taken over by the other side's
weights. Value units pass, each weighed as its head does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from redundancy.coefficients import Basis, Rows
from redundancy.layers.linear import at_positions, made_by_kernel
from redundancy.layers.masks import makes_masks
from redundancy.layers.rule import Rule, Shape, register
from redundancy.layers.tracer import Tracer
from redundancy.network import Array, Node
from redundancy.similarity import identical
from redundancy.units import Part, Units

Weights = Mapping[str, Array]


def to_heads(node: Node) -> Weights:
    """The kernel of a projection to heads as (read, units), its bias as (units,), and the head of each unit."""
    read, heads, width = node.weights["kernel"].shape
    loose = {"kernel": node.weights["kernel"].reshape(read, -1), "heads": np.repeat(np.arange(heads), width)}
    return {**loose, "bias": node.weights["bias"].reshape(-1)} if "bias" in node.weights else loose


def from_heads(node: Node) -> Weights:
    """The kernel of the projection back as (units, made), its bias, and the head of each unit that it reads."""
    heads, width, made = node.weights["kernel"].shape
    loose = {"kernel": node.weights["kernel"].reshape(-1, made), "heads": np.repeat(np.arange(heads), width)}
    return {**node.weights, **loose}


def _packed_to(node: Node, weights: Weights) -> Node:
    heads = len(np.unique(weights["heads"]))
    kernel = weights["kernel"].reshape(len(weights["kernel"]), heads, -1)
    bias = {"bias": weights["bias"].reshape(heads, -1)} if "bias" in weights else {}
    return node.with_weights({"kernel": kernel, **bias})


def _packed_query(node: Node, weights: Weights) -> Node:
    """Scores are divided by the square root of a head's width: a query makes up for what its head has lost of it."""
    packed = _packed_to(node, weights)
    before, after = (_scale(node, each.weights["kernel"].shape[-1]) for each in (node, packed))
    factor = before / after
    scaled = {name: (array * factor).astype(array.dtype) for name, array in packed.weights.items()}
    return packed if factor == 1 else packed.with_weights(scaled)


def _scale(node: Node, width: int) -> float:
    """By what scores are multiplied, as the framework rounds it."""
    return float(np.dtype(node.config["scale"]).type(1 / np.sqrt(width)))


def _packed_from(node: Node, weights: Weights) -> Node:
    heads = len(np.unique(weights["heads"]))
    kernel = weights["kernel"].reshape(heads, -1, weights["kernel"].shape[-1])
    return node.with_weights({**{name: weights[name] for name in weights if name != "heads"}, "kernel": kernel})


def _projection(loose: Callable[[Node], Weights]) -> Callable[[Node, tuple[Units, ...], Tracer], Units]:
    def trace(node: Node, inputs: tuple[Units, ...], tracer: Tracer) -> Units:
        weights = loose(node)
        flat = node.with_weights(weights)
        return made_by_kernel(
            flat, inputs[0], tracer, weights["kernel"][None], len(node.shape) - 1, at_positions, padded=False
        )

    return trace


def _attention(node: Node, inputs: tuple[Units, ...], tracer: Tracer) -> Units:
    value, query, key, *masks = inputs
    if not _is_whole(node, tracer):
        return tracer.opaque(node, inputs, "its queries, keys and values are made in other ways than by projections")
    heads = node.config["heads"]
    for mask in masks:
        tracer.pin(mask, node.layer, "it takes it for a mask")
    tracer.tie(query.ids, key.ids)
    tracer.block(query, heads, node.layer, strict=True, led=True)
    if any(tracer.nodes[name].layer in tracer.shared for name in node.inputs[1:3]):
        tracer.pin(query, node.layer, "it is called several times, and multiplies what it makes with each other")
        tracer.block(value, heads, node.layer, strict=False)
    else:
        tracer.block(value, heads, node.layer, strict=False, whole=True)
        tracer.follow(query, value, heads, node.layer)
    alike = _alike(node, tracer)
    width, leaders = value.size // heads, [head for head in range(heads) if alike[head] not in alike[:head]]
    tracer.apart(value, np.repeat(alike, width), node.layer)
    # Without a mask every position sees one at least, and weights that sum to one leave a constant what it is.
    masked = bool(masks) or node.config["masked"] or makes_masks(tracer)
    (part,) = value.parts
    parts = (_seen(node, part, np.repeat(alike == alike[head], width), masked) for head in leaders)
    return Units(tuple(parts), len(node.shape) - 1)


def _is_whole(node: Node, tracer: Tracer) -> bool:
    kinds = [tracer.nodes[name].kind for name in node.inputs[:3]]
    alone = [sum(name in other.inputs for other in tracer.nodes.values()) == 1 for name in node.inputs[:3]]
    return kinds == ["attention_value", "attention_query", "attention_key"] and all(alone)


def _alike(node: Node, tracer: Tracer) -> Array:
    """Labels of heads that weigh positions in the same way, as their stored weights say. Shape (heads,), int."""
    arrays = []
    for name in node.inputs[1:3]:
        weights = tracer.nodes[name].weights
        arrays += [np.moveaxis(array, -2, 0).reshape(array.shape[-2], -1) for array in weights.values()]
    return identical(np.hstack(arrays))


def _seen(node: Node, part: Part, chosen: Array, masked: bool) -> Part:
    """The value units of heads that weigh positions alike, as these heads pass them."""
    taken = part.take(np.flatnonzero(chosen))
    head = int(np.flatnonzero(chosen)[0])
    affine = taken.affine.renamed(("attended", node.name, head))
    if not masked:
        return replace(taken, affine=affine)
    low, high = np.minimum(taken.low, 0), np.maximum(taken.high, 0)
    if np.any(affine.offset):
        # Where all is masked, Keras gives zero: a constant is one number there and another elsewhere.
        terms: dict[Basis, Rows] = {basis: affine.gained(basis) for basis in affine.terms}
        terms["attended one", node.name, head] = affine.offset[:, None]
        n = len(affine.gain)
        own = affine.alone
        affine = replace(affine, terms=terms, gain=np.ones(n), offset=np.zeros(n), stored=False, own=own)
    return replace(taken, affine=affine, low=low, high=high)


def _attention_loose(node: Node) -> Weights:
    heads, units = node.config["heads"], node.shape[-1] or 0
    return {"heads": np.repeat(np.arange(heads), units // heads)}


def _attention_packed(node: Node, weights: Weights) -> Node:
    return replace(node, config={**node.config, "heads": len(np.unique(weights["heads"]))})


def _wide(node: Node, inputs: tuple[Shape, ...]) -> Shape:
    _, heads, width = node.weights["kernel"].shape
    return (*inputs[0][:-1], heads * width)


def _narrow(node: Node, inputs: tuple[Shape, ...]) -> Shape:
    return (*inputs[0][:-1], node.weights["kernel"].shape[-1])


def _attended_shape(node: Node, inputs: tuple[Shape, ...]) -> Shape:
    value, query = inputs[:2]
    return (*query[:-1], value[-1])


def _biasless(node: Node) -> bool:
    """A layer of four projections has a bias in each, or in none: a constant is none where there are none."""
    return "bias" not in node.weights


for _kind, (_packing, _defaults) in {
    "attention_query": (_packed_query, {"scale": "float64"}),
    "attention_key": (_packed_to, {}),
    "attention_value": (_packed_to, {}),
}.items():
    register(
        _kind,
        Rule(
            _projection(to_heads),
            _wide,
            reads={"kernel": 0},
            writes={"kernel": -1, "bias": -1, "heads": -1},
            defaults=_defaults,
            optional=frozenset({"bias", "heads"}),
            padded=_biasless,
            ranks={"kernel": 3, "bias": 2},
            loose=to_heads,
            packed=_packing,
        ),
    )
register(
    "attention",
    Rule(
        _attention,
        _attended_shape,
        carries={"heads": 0},
        defaults={"heads": None, "masked": False},
        optional=frozenset({"heads"}),
        loose=_attention_loose,
        packed=_attention_packed,
        multiplies=(1, 2),
    ),
)
register(
    "attention_output",
    Rule(
        _projection(from_heads),
        _narrow,
        reads={"kernel": 0},
        writes={"kernel": -1, "bias": -1},
        carries={"heads": 0},
        optional=frozenset({"bias", "heads"}),
        padded=_biasless,
        ranks={"kernel": 3, "bias": 1},
        loose=from_heads,
        packed=_packed_from,
    ),
)
