"""Layers with a kernel: Dense, EinsumDense, Embedding and the convolutions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from redundancy.errors import UnsupportedError
from redundancy.frameworks.keras.kinds.activation import function_of
from redundancy.frameworks.keras.kinds.kind import (
    Made,
    Meaning,
    Part,
    Paths,
    Shape,
    makes,
    present,
    reads,
    resizes,
)
from redundancy.network import Node

KERNEL: Paths = {"kernel": "kernel", "bias": "bias"}


def _linear(kind: str, layer: Any, config: dict[str, Any], shapes: tuple[Shape, ...] = ()) -> Meaning | None:
    activation = function_of(layer.activation)
    if activation is None:
        return None
    if shapes and is_misplaced(layer.bias, layer.data_format, layer.compute_output_shape((None, *shapes[0]))):
        return None
    if plain := _regularizer(getattr(layer, "kernel_regularizer", None)):
        config["regularizer"] = plain
    paths = present(layer, **KERNEL)
    return Meaning(kind, config, paths, None if activation["function"] == "linear" else activation)


def is_misplaced(bias: Any, data_format: Any, shape: Shape) -> bool:
    """Whether a layer whose channels come first adds its bias along the last axis instead.

    Keras's addition on TensorFlow takes the last axis wherever that is as long as the bias.

    Args:
        bias: Of shape (channels,); None where there is none.
        data_format: Where channels lie.
        shape: Of the output.
    """
    import keras

    if bias is None or data_format != "channels_first":
        return False
    return bool(keras.backend.backend() == "tensorflow" and shape[-1] == bias.shape[0] > 1)


def _regularizer(regularizer: Any) -> tuple[str, float] | None:
    import keras

    if type(regularizer) is keras.regularizers.L2:
        return "l2", _shortest(regularizer.l2)
    if type(regularizer) is keras.regularizers.L1:
        return "l1", _shortest(regularizer.l1)
    return None


def _shortest(value: Any) -> float:
    """The number that was meant: Keras keeps some factors in float32 only, where 0.01 is 0.009999999776."""
    number = float(value)
    return float(str(np.float32(number))) if number == float(np.float32(number)) else number


@reads("Dense")
def _dense(layer: Any, shapes: tuple[Shape, ...]) -> Meaning | None:
    return _linear("dense", layer, {})


@reads("EinsumDense")
def _einsum(layer: Any, shapes: tuple[Shape, ...]) -> Meaning | None:
    return _linear("einsum_dense", layer, {"equation": layer.equation})


@reads("Embedding")
def _embedding(layer: Any, shapes: tuple[Shape, ...]) -> Meaning | None:
    return Meaning("embedding", {"mask_zero": bool(layer.mask_zero)}, {"embeddings": "embeddings"})


def _geometry(layer: Any) -> dict[str, Any]:
    return {
        "strides": tuple(layer.strides),
        "padding": layer.padding,
        "dilation": tuple(layer.dilation_rate),
        "data_format": layer.data_format,
    }


@reads("Conv1D", "Conv2D", "Conv3D")
def _conv(layer: Any, shapes: tuple[Shape, ...]) -> Meaning | None:
    return _linear("conv", layer, {**_geometry(layer), "groups": layer.groups}, shapes)


@reads("Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose")
def _conv_transpose(layer: Any, shapes: tuple[Shape, ...]) -> Meaning | None:
    extra = layer.output_padding
    extra = None if extra is None else (extra,) * layer.rank if isinstance(extra, int) else tuple(extra)
    return _linear("conv_transpose", layer, {**_geometry(layer), "output_padding": extra}, shapes)


@reads("DepthwiseConv1D", "DepthwiseConv2D")
def _depthwise(layer: Any, shapes: tuple[Shape, ...]) -> Meaning | None:
    return _linear("depthwise_conv", layer, _geometry(layer), shapes)


@reads("SeparableConv1D", "SeparableConv2D")
def _separable(layer: Any, shapes: tuple[Shape, ...]) -> tuple[Part, ...] | None:
    activation = function_of(layer.activation)
    if activation is None:
        return None
    geometry, between = _geometry(layer), layer.compute_output_shape((None, *shapes[0]))[1:]
    if is_misplaced(layer.bias, layer.data_format, between):
        return None
    channels = shapes[0][0 if layer.data_format == "channels_first" else -1]
    axis = 0 if layer.data_format == "channels_first" else len(between) - 1
    wide = tuple((channels or 0) * layer.depth_multiplier if a == axis else n for a, n in enumerate(between))
    one = (1,) * layer.rank
    point = {"strides": one, "padding": "valid", "dilation": one, "groups": 1, "data_format": layer.data_format}
    paths = present(layer, kernel="pointwise_kernel", bias="bias")
    parts = (
        Part("", Meaning("depthwise_conv", geometry, {"kernel": "depthwise_kernel"}), (0,), wide),
        Part("pointwise", Meaning("conv", point, paths), ("",), between),
    )
    return parts + activated("pointwise", activation, between)


def activated(role: str, activation: Mapping[str, Any], shape: Shape) -> tuple[Part, ...]:
    """The part that is a layer's activation, behind that of another role; none where it is linear."""
    if activation["function"] == "linear":
        return ()
    return (Part("activation", Meaning("activation", activation), (role,), shape),)


@resizes("SeparableConv1D", "SeparableConv2D")
def _resized_separable(parts: Mapping[str, Node], before: Mapping[str, Any]) -> dict[str, Any]:
    point = parts["pointwise"].weights
    return {"filters": point["kernel"].shape[-1], "use_bias": "bias" in point}


def _biased(node: Node, config: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {"use_bias": "bias" in node.weights}
    if "regularizer" in config:
        name = "depthwise_regularizer" if node.kind == "depthwise_conv" else "kernel_regularizer"
        made[name] = _made_regularizer(node, *config["regularizer"])
    return made


def _made_regularizer(node: Node, name: str, factor: float) -> Any:
    import keras

    known = {"l1": keras.regularizers.L1, "l2": keras.regularizers.L2}
    if name not in known:
        raise UnsupportedError(f"layer '{node.layer}': the regularizer '{name}' is unknown; use 'l1' or 'l2'")
    return known[name](factor)


@makes("dense", paths=KERNEL)
def _made_dense(node: Node, config: Mapping[str, Any], came_from: str) -> Made:
    return "Dense", {"units": node.weights["kernel"].shape[1], **_biased(node, config)}


@makes("einsum_dense", paths=KERNEL)
def _made_einsum(node: Node, config: Mapping[str, Any], came_from: str) -> Made:
    bias = node.weights.get("bias")
    made = config["equation"].replace(" ", "").split("->")[1]
    output = made.replace("...", "")
    # The batch is among what the dots stand for if they come first, and has a letter of its own if they do not.
    said = len(output) - (not made.startswith("..."))
    sizes = tuple(node.shape[:said] if made.endswith("...") else node.shape[len(node.shape) - said :])
    axes = None
    if bias is not None:
        left = len(node.shape) - said if made.endswith("...") else 0
        letters = output[len(output) - (bias.ndim - left) :]
        # The first one counts where it is 1 as well: a bias begins at the first of its axes.
        pairs = enumerate(zip(letters, bias.shape, strict=False))
        axes = "".join(letter for k, (letter, n) in pairs if n != 1 or k == 0)
    return "EinsumDense", {"equation": config["equation"], "output_shape": sizes, "bias_axes": axes}


@makes("embedding", paths={"embeddings": "embeddings"})
def _made_embedding(node: Node, config: Mapping[str, Any], came_from: str) -> Made:
    rows, units = node.weights["embeddings"].shape
    return "Embedding", {"input_dim": rows, "output_dim": units, "mask_zero": config["mask_zero"]}


def _placed(config: Mapping[str, Any]) -> dict[str, Any]:
    made = {name: config[name] for name in ("strides", "padding", "data_format")}
    return {**made, "dilation_rate": config["dilation"]}


@makes("conv", paths=KERNEL)
def _made_conv(node: Node, config: Mapping[str, Any], came_from: str) -> Made:
    *size, _, filters = node.weights["kernel"].shape
    sizes = {"filters": filters, "kernel_size": tuple(size), "groups": config["groups"]}
    return f"Conv{len(size)}D", {**sizes, **_placed(config), **_biased(node, config)}


@makes("conv_transpose", paths=KERNEL)
def _made_conv_transpose(node: Node, config: Mapping[str, Any], came_from: str) -> Made:
    *size, filters, _ = node.weights["kernel"].shape
    sizes = {"filters": filters, "kernel_size": tuple(size), "output_padding": config["output_padding"]}
    return f"Conv{len(size)}DTranspose", {**sizes, **_placed(config), **_biased(node, config)}


@makes("depthwise_conv", paths=KERNEL)
def _made_depthwise(node: Node, config: Mapping[str, Any], came_from: str) -> Made:
    *size, _, multiplier = node.weights["kernel"].shape
    sizes = {"depth_multiplier": multiplier, "kernel_size": tuple(size)}
    return f"DepthwiseConv{len(size)}D", {**sizes, **_placed(config), **_biased(node, config)}
