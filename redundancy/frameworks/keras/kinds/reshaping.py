"""Layers that move values and change none: Flatten, Reshape, Permute, cropping, padding and the like."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from redundancy.frameworks.keras.kinds.kind import Made, Meaning, Shape, makes, reads
from redundancy.network import Node


@reads("Flatten")
def _flatten(layer: Any, shapes: tuple[Shape, ...]) -> Meaning | None:
    return Meaning("flatten", {"data_format": layer.data_format})


@makes("flatten")
def _made_flatten(node: Node, config: Mapping[str, Any], came_from: str) -> Made:
    return "Flatten", {"data_format": config["data_format"]}


@reads("Reshape")
def _reshape(layer: Any, shapes: tuple[Shape, ...]) -> Meaning | None:
    return Meaning("reshape", {"target": tuple(layer.target_shape)})


@makes("reshape")
def _made_reshape(node: Node, config: Mapping[str, Any], came_from: str) -> Made:
    # What was told to follow from the rest still does, so that a layer that is called twice may be of two sizes.
    pairs = zip(node.shape, config["target"], strict=True)
    shape = tuple(-1 if extent is None or target == -1 else extent for extent, target in pairs)
    return (
        ("ops.Reshape", {"newshape": (-1, *shape)})
        if came_from == "ops.Reshape"
        else ("Reshape", {"target_shape": shape})
    )


@reads("Permute")
def _permute(layer: Any, shapes: tuple[Shape, ...]) -> Meaning | None:
    return Meaning("permute", {"dims": tuple(axis - 1 for axis in layer.dims)})


@makes("permute")
def _made_permute(node: Node, config: Mapping[str, Any], came_from: str) -> Made:
    dims = tuple(axis + 1 for axis in config["dims"])
    return ("ops.Transpose", {"axes": (0, *dims)}) if came_from == "ops.Transpose" else ("Permute", {"dims": dims})


@reads("RepeatVector")
def _repeat(layer: Any, shapes: tuple[Shape, ...]) -> Meaning | None:
    return Meaning("repeat", {"n": int(layer.n)})


@makes("repeat")
def _made_repeat(node: Node, config: Mapping[str, Any], came_from: str) -> Made:
    return "RepeatVector", {"n": config["n"]}


def _per_axis(amount: Any, rank: int) -> tuple[tuple[int, int], ...]:
    """Padding or cropping of one axis is a pair; Keras gives a single pair where there is one spatial axis."""
    return ((int(amount[0]), int(amount[1])),) if rank == 1 else tuple((int(a), int(b)) for a, b in amount)


@reads("ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D")
def _padding(layer: Any, shapes: tuple[Shape, ...]) -> Meaning | None:
    rank = len(shapes[0]) - 1
    layout = getattr(layer, "data_format", "channels_last")
    return Meaning("zero_padding", {"amount": _per_axis(layer.padding, rank), "data_format": layout})


@reads("Cropping1D", "Cropping2D", "Cropping3D")
def _cropping(layer: Any, shapes: tuple[Shape, ...]) -> Meaning | None:
    rank = len(shapes[0]) - 1
    layout = getattr(layer, "data_format", "channels_last")
    return Meaning("cropping", {"amount": _per_axis(layer.cropping, rank), "data_format": layout})


@makes("zero_padding", "cropping")
def _made_padding(node: Node, config: Mapping[str, Any], came_from: str) -> Made:
    amount = config["amount"]
    cls, name = ("ZeroPadding", "padding") if node.kind == "zero_padding" else ("Cropping", "cropping")
    rank = len(amount)
    formatted = {} if rank == 1 else {"data_format": config["data_format"]}
    return f"{cls}{rank}D", {name: amount[0] if rank == 1 else amount, **formatted}


@reads("UpSampling1D", "UpSampling2D", "UpSampling3D")
def _upsampling(layer: Any, shapes: tuple[Shape, ...]) -> Meaning | None:
    rank = len(shapes[0]) - 1
    size = (int(layer.size),) * rank if isinstance(layer.size, int) else tuple(int(n) for n in layer.size)
    layout, method = getattr(layer, "data_format", "channels_last"), getattr(layer, "interpolation", "nearest")
    # The weights of the other methods sum to one only up to how a backend rounds them.
    if method not in ("nearest", "bilinear"):
        return None
    return Meaning("upsampling", {"size": size, "data_format": layout, "interpolation": method})


@makes("upsampling")
def _made_upsampling(node: Node, config: Mapping[str, Any], came_from: str) -> Made:
    size = config["size"]
    if len(size) == 1:
        return "UpSampling1D", {"size": size[0]}
    made = {"size": size, "data_format": config["data_format"]}
    return f"UpSampling{len(size)}D", {**made, "interpolation": config["interpolation"]} if len(size) == 2 else made
