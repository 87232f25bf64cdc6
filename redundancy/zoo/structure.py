"""From a recipe to a network of the right shape, its kernels zero: no framework, no randomness."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from math import prod
from typing import Any

import numpy as np

from redundancy.building import Builder
from redundancy.errors import NetworkError, RecipeError
from redundancy.network import Array, Network
from redundancy.zoo.layer import INPUT, Layer, function_config
from redundancy.zoo.recipe import Recipe


def structure(recipe: Recipe, input_shape: Iterable[int]) -> Network:
    """The recipe's network with zero kernels and biases, and BatchNormalization that changes nothing yet.

    Its weights take no memory, however large they are: each is one number, seen from everywhere.

    A layer's node has the layer's name; the activation of a conv or dense layer is a node of its own, called
    "conv_1_relu", say, and of the same layer.

    Args:
        recipe: What to build.
        input_shape: Of an image: (height, width, channels).

    Raises:
        RecipeError: A layer cannot read the shape that reaches it, the output is not one number a class, or a weight
            has more numbers than any machine can hold.
    """
    dtype = numpy_dtype(recipe.dtype)
    builder, shape = Builder(), tuple(input_shape)
    # Which node's output a layer's name stands for: behind its activation, where it has one.
    outputs = {INPUT: builder.input(shape, INPUT, dtype=recipe.dtype)}
    try:
        for layer in recipe.architecture:
            outputs[layer.name] = _added(builder, layer, [outputs[name] for name in layer.inputs], recipe, dtype)
    except NetworkError as error:
        raise RecipeError(f"the layers do not fit images of shape {shape}: {error}") from error
    last = recipe.architecture[-1].name
    if len(given := builder.shape(outputs[last])) != 1:
        raise RecipeError(f"layer {last!r} gives shape {given}, not one number a class; end in flatten and dense")
    return builder.network(outputs[last])


def numpy_dtype(name: str) -> np.dtype[Any]:
    """NumPy's dtype of that name, bfloat16 included."""
    if name != "bfloat16":
        return np.dtype(name)
    from ml_dtypes import bfloat16

    dtype: np.dtype[Any] = np.dtype(bfloat16)
    return dtype


def _added(builder: Builder, layer: Layer, reads: list[str], recipe: Recipe, dtype: np.dtype[Any]) -> str:
    shapes = [builder.shape(name) for name in reads]
    _check_shapes(layer, shapes)
    config, weights = _node(layer, shapes[0], dtype)
    if recipe.regularizer and "kernel" in weights:
        config["regularizer"] = recipe.regularizer
    name = builder.add(layer.kind, *reads, name=layer.name, weights=weights, **config)
    function = layer.options.get("activation")
    if not isinstance(function, str):
        return name
    return builder.add("activation", name, name=f"{name}_{function}", layer=layer.name, **function_config(function))


def _check_shapes(layer: Layer, shapes: list[tuple[int | None, ...]]) -> None:
    what = f"layer {layer.name!r} ({layer.kind})"
    if (layer.kind == "conv" or layer.kind.endswith("pooling")) and len(shapes[0]) != 3:
        raise RecipeError(f"{what} reads shape {shapes[0]}, but needs a map; put it before flatten")
    # Of the channels, Concatenate may read as many as there are.
    compared = {shape if layer.kind == "add" else shape[:-1] for shape in shapes}
    if len(compared) > 1:
        raise RecipeError(f"{what} reads the shapes {', '.join(map(str, shapes))}, which do not fit each other")


def _node(layer: Layer, shape: tuple[int | None, ...], dtype: np.dtype[Any]) -> tuple[dict[str, Any], dict[str, Array]]:
    """The configuration and the weights of a layer's node."""
    given: Mapping[str, Any] = layer.options
    inputs = shape[-1] or 0
    if layer.kind in ("conv", "dense"):
        kernel = (*given.get("kernel_size", ()), inputs, given["units"])
        if prod(kernel) * dtype.itemsize > sys.maxsize:
            raise RecipeError(f"layer {layer.name!r} would have {prod(kernel):,} weights; make it smaller")
        config = {name: given[name] for name in ("strides", "padding") if name in given}
        weights = {"kernel": _everywhere(0.0, kernel, dtype)}
        return config, weights | ({"bias": _everywhere(0.0, kernel[-1:], dtype)} if given["use_bias"] else {})
    if layer.kind == "batch_normalization":
        starts = {"gamma": 1.0, "beta": 0.0, "mean": 0.0, "variance": 1.0}
        return dict(given), {name: _everywhere(value, (inputs,), dtype) for name, value in starts.items()}
    if layer.kind == "activation":
        parameters = {name: value for name, value in given.items() if name != "function"}
        return function_config(given["function"], parameters), {}
    if "pool_size" in given:
        return {**given, "strides": given["strides"] or given["pool_size"]}, {}
    return dict(given), {}


def _everywhere(value: float, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    return np.broadcast_to(np.array(value, dtype), shape)
