"""Two networks brought to one form, so that what they compute can be compared unit by unit.

Where one has units that the other lacks, the other gets copies of its own most similar units in their places, and what
reads those shares its weights between a unit and its copies: each network still computes what it did.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from redundancy.errors import NetworkError
from redundancy.expanding import Expanded, expanded
from redundancy.layers import RULES
from redundancy.matching import matched
from redundancy.network import Network, Node
from redundancy.spaces import trace


def corresponding(first: Network, second: Network) -> tuple[Network, Network]:
    """Both networks, less what no output needs, the second with the names of the first.

    Args:
        first: A network.
        second: One of the same inputs, outputs and layers; widths may differ.

    Raises:
        NetworkError: Inputs or outputs have other shapes, or a layer is another.
    """
    _check_ends(first, second)
    first, second = needed(first), needed(second)
    names = dict(zip((node.name for node in second), (node.name for node in first), strict=False))
    for a, b in zip(first, second, strict=False):
        if (problem := _other(a, b, tuple(names[name] for name in b.inputs))) is not None:
            raise NetworkError(
                f"the networks cannot be compared: layer '{a.layer}' of the first is {_told(a)}, and '{b.layer}' of"
                f" the second, in its place, {problem}; give two with the same layers, whose widths may differ"
            )
    if len(first.nodes) != len(second.nodes):
        one, other = len(first.nodes), len(second.nodes)
        raise NetworkError(
            f"the networks cannot be compared: the first has {one} nodes and the second {other}; give two with the same"
            " layers, whose widths may differ"
        )
    renamed = tuple(
        replace(b, name=a.name, inputs=tuple(names[name] for name in b.inputs))
        for a, b in zip(first, second, strict=True)
    )
    outputs = tuple(names[name] for name in second.outputs)
    if outputs != first.outputs:
        raise NetworkError("the networks cannot be compared: their outputs come from other layers")
    return first, replace(second, nodes=renamed, outputs=outputs)


def alike(first: Network, second: Network) -> tuple[tuple[Expanded, Expanded], ...]:
    """The networks in forms in which they have as many units everywhere; a bound may be nearer in one or another.

    Args:
        first: A network.
        second: One of the same nodes, as `corresponding` gives them.

    Raises:
        NetworkError: A layer's width is another, and it handles its units in a way of its own.
    """
    followed = trace(first), trace(second)
    plans = matched(*followed)
    if all(mine.plain and theirs.plain for mine, theirs in plans):
        return ((Expanded(first, {}), Expanded(second, {})),)
    forms = [expanded(followed, plans)]
    if any(np.any(plan.near & ~plan.own) for pair in plans for plan in pair):
        unread = [(mine.unread(), theirs.unread()) for mine, theirs in plans]
        forms.append(expanded(followed, unread))
    return tuple(forms)


def needed(network: Network) -> Network:
    """The network without nodes that no output needs; its inputs stay."""
    wanted = {*network.inputs, *network.outputs}
    for node in reversed(network.nodes):
        if node.name in wanted:
            wanted.update(node.inputs)
    return replace(network, nodes=tuple(node for node in network if node.name in wanted))


def _check_ends(first: Network, second: Network) -> None:
    for what, ends in (("inputs", "inputs"), ("outputs", "outputs")):
        shapes = [[network[name].shape for name in getattr(network, ends)] for network in (first, second)]
        if shapes[0] != shapes[1]:
            raise NetworkError(
                f"the networks cannot be compared: {what} have shapes {_listed(shapes[0])} and {_listed(shapes[1])};"
                " give two with the same inputs and outputs"
            )


def _listed(shapes: list[tuple[int | None, ...]]) -> str:
    return ", ".join(map(str, shapes))


def _told(node: Node) -> str:
    return f"{node.config['function']}" if node.kind == "activation" else node.kind


def _other(a: Node, b: Node, inputs: tuple[str, ...]) -> str | None:
    """In what a layer is another one, besides its width; None if in nothing."""
    if a.kind != b.kind or a.inputs != inputs:
        return _told(b) if a.kind != b.kind else "reads another layer"
    # What is laid out as units are may change with them.
    alike = RULES[a.kind].alike if a.kind in RULES else ()
    free = {*alike, "target", "regularizer", "rate", "momentum"}
    for name in {*a.config, *b.config} - free:
        if a.config.get(name) != b.config.get(name):
            return f"{_told(b)} with {name}={b.config.get(name)}, not {a.config.get(name)}"
    return None
