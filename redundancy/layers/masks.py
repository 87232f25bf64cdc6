"""Whether a mask may reach a layer: what is masked is no longer what the units computed."""

from __future__ import annotations

from redundancy.layers.rule import RULES
from redundancy.layers.tracer import Tracer
from redundancy.network import Node


def makes_masks(tracer: Tracer) -> bool:
    """Whether a mask may reach a layer that was not seen to be given one, inside a nested model, say."""
    nodes = tracer.nodes.values()
    return any(node.kind not in RULES or node.config.get("mask_zero") for node in nodes)


def is_masked(node: Node, tracer: Tracer) -> bool:
    """Whether a mask may reach a node whose configuration says so, or leaves it open."""
    said = node.config.get("masked")
    return makes_masks(tracer) if said is None else bool(said)
