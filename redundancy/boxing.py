"""The box of inputs that something is true in: as it was asked for, as the data have it, or assumed."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from redundancy.errors import OptionError
from redundancy.layers import RULES
from redundancy.network import Array, Network, Node
from redundancy.telling import FROM, TO

Box = Mapping[str, tuple[Array, Array]]
Bounds = Box | tuple[float, float]
"""Of inputs: by name of the input, or one pair for all inputs of floating numbers."""

SCALING = frozenset({"affine", "standardization", "batch_normalization"})
"""Layers that bring inputs to another size: where one reads an input, nobody knows which size that has."""

BYTE, MOST = 255, 25.0
"""What numbers up to the first become at most, where a layer that standardizes them expects that they are so large."""

MOVING = frozenset(
    {"dropout", "flatten", "permute", "reshape", "repeat", "cropping", "zero_padding", "upsampling", "slice", "gather"}
)
"""Layers that leave numbers as they are."""


def boxed(network: Network, bounds: Bounds | None) -> Box | None:
    """The bounds that were asked for, by name of the input; None for none.

    Raises:
        OptionError: They are no pairs.
    """
    if bounds is None:
        return None
    if isinstance(bounds, Mapping):
        return {name: _pair(given) for name, given in bounds.items()}
    pair = _pair(bounds)
    return {name: pair for name in network.inputs if _floating(network, name)}


def whole_box(
    network: Network, box: Box | None, given: tuple[Array, ...] | None
) -> tuple[dict[str, tuple[Array, Array]], tuple[str, ...]]:
    """Bounds of every input of floating numbers, as a bound of outputs needs them.

    Args:
        network: Whose inputs they are.
        box: The bounds that were asked for.
        given: Data, one array for each input; what box does not bound has the bounds of the data.

    Returns:
        The bounds by name, and the names of the inputs that are assumed to be from 0 to 1, because nothing says more.

    Raises:
        OptionError: That would have to be assumed of an input that a layer brings to another size.
    """
    ranges = [(a.min(), a.max()) for a in given] if given else [(FROM, TO)] * len(network.inputs)
    wanted = [name for name in network.inputs if _floating(network, name) and not _only_looked_up(network, name)]
    usual = {
        name: (np.asarray(low, np.float64), np.asarray(high, np.float64))
        for name, (low, high) in zip(network.inputs, ranges, strict=True)
        if name in wanted
    }
    assumed = () if given else tuple(name for name in wanted if name not in (box or {}))
    check_assumed(network, assumed)
    return {**usual, **(box or {})}, assumed


def check_assumed(network: Network, names: tuple[str, ...]) -> None:
    """Refuses to assume that inputs are from 0 to 1 where a layer brings them to another size first.

    Raises:
        OptionError: One does.
    """
    for name in names:
        if (scaling := _scaling(network, name)) is not None:
            raise OptionError(
                f"a tolerance holds for inputs of some size, and nothing says how large input '{name}' gets, which"
                f" layer '{scaling.layer}' brings to another size: give a box of inputs, as 0,255 for images in bytes,"
                " or data"
            )


def of_bytes(network: Network) -> frozenset[str]:
    """The inputs that are to be numbers up to 255: the layer that reads them first brings those to about 1."""
    found = {name: _scaling(network, name) for name in network.inputs}
    return frozenset(name for name, node in found.items() if node is not None and BYTE * _gain(node) <= MOST)


def check_size(network: Network, name: str) -> None:
    """Refuses a data set, whose images are from 0 to 1, for a model that expects more.

    Raises:
        OptionError: It does.
    """
    for each in of_bytes(network):
        scaling = _scaling(network, each)
        layer = "" if scaling is None else scaling.layer
        raise OptionError(
            f"layer '{layer}' expects numbers up to 255, and the images of {name!r} are from 0 to 1: give an .npz file"
            " with x_train and the rest as the model reads them"
        )


def _gain(node: Node) -> float:
    """How many times as large a layer makes numbers, in the middle of all its places."""
    weights = RULES[node.kind].loose(node)
    if node.kind == "affine":
        return float(np.median(np.abs(np.asarray(node.config["scale"], np.float64))))
    deviation = float(np.median(np.sqrt(np.maximum(np.asarray(weights["variance"], np.float64), 0.0))))
    if node.config.get("invert"):
        return deviation
    return 1.0 / deviation if deviation > 0 else np.inf


def _scaling(network: Network, name: str) -> Node | None:
    """What brings an input to another size, before anything else is made of it."""
    same = {name}
    for node in network:
        if node.inputs and node.inputs[0] in same:
            if node.kind in SCALING:
                return node
            if node.kind in MOVING:
                same.add(node.name)
    return None


def _floating(network: Network, name: str) -> bool:
    return "float" in network[name].config["dtype"]


def _only_looked_up(network: Network, name: str) -> bool:
    """Whether an input is only a place in tables, whose rows bound what comes out of them."""
    readers = [node.kind for node in network if name in node.inputs]
    return bool(readers) and set(readers) == {"embedding"}


def _pair(bounds: Any) -> tuple[Array, Array]:
    try:
        low, high = bounds
        return np.asarray(low, np.float64), np.asarray(high, np.float64)
    except (TypeError, ValueError):
        said = f"the box {reprlib.repr(bounds)} is no pair of a lower and an upper bound: give (low, high)"
        raise OptionError(said) from None
