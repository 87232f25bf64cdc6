"""The layers of a recipe: what they are called, what they take, what they read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from redundancy.algebra import NAMES
from redundancy.errors import RecipeError
from redundancy.zoo.fields import (
    Field,
    Options,
    Value,
    checked,
    choice,
    flag,
    mapping,
    number,
    optional,
    options,
    pair,
    text,
    whole,
)

INPUT = "input"
"""The name of a network's input, for layers that read it."""

Pair = int | tuple[int, int]

_ACTIVATION = choice(*NAMES)
_PADDING = Field(choice("valid", "same"), "valid")
_MAKES_UNITS = {
    "units": Field(whole(1)),
    "activation": Field(optional(_ACTIVATION), None),
    "use_bias": Field(flag, True),
}
_POOLS = {"pool_size": Field(pair, (2, 2)), "strides": Field(optional(pair), None), "padding": _PADDING}

KINDS: Mapping[str, Mapping[str, Field]] = MappingProxyType(
    {
        "conv": {**_MAKES_UNITS, "kernel_size": Field(pair), "padding": _PADDING, "strides": Field(pair, (1, 1))},
        "dense": _MAKES_UNITS,
        "batch_normalization": {
            "epsilon": Field(number(0.0, above=True), 1e-3),
            "momentum": Field(number(0.0, 1.0), 0.99),
        },
        "activation": {"function": Field(_ACTIVATION)},
        "dropout": {"rate": Field(number(0.0, 1.0, below=True))},
        "flatten": {},
        "max_pooling": _POOLS,
        "average_pooling": _POOLS,
        "global_average_pooling": {},
        "add": {},
        "concatenate": {},
    }
)
"""The options of every kind of layer."""

PARAMETERS: Mapping[str, Mapping[str, Field]] = MappingProxyType(
    {
        "leaky_relu": {"negative_slope": Field(number(), 0.2)},
        "elu": {"alpha": Field(number(), 1.0)},
    }
)
"""The parameters of the activations that have any, with Keras's own defaults."""

_PLAINLY = ("units", "kernel_size", "function", "activation", "rate")
"""Options whose values speak for themselves, in the order to tell them."""

_JOINS = ("add", "concatenate")


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of a recipe: hashable, and equal where its values are.

    Attributes:
        kind: One of `KINDS`.
        config: Its options, every default filled in, sorted by name. A mapping may be given.
        name: Unique in its recipe; "" for one made of its kind and its number among its kind, from 1: "conv_1".
        inputs: Names of the layers it reads, or `INPUT`; () for the layer before it.

    Raises:
        RecipeError: The kind is unknown, an option is, or it reads another number of layers than its kind can.
    """

    kind: str
    config: Options = ()
    name: str = ""
    inputs: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        checked("the kind of a layer", self.kind, choice(*KINDS))
        what = f"layer {self.name or self.kind!r}"
        given = mapping(what, self.config)
        object.__setattr__(self, "config", options(what, given, _fields(self.kind, given)))
        if self.name != "":
            checked("the name of a layer", self.name, text)
        object.__setattr__(self, "inputs", _inputs(what, self.kind, self.inputs))

    @property
    def options(self) -> dict[str, Value]:
        """Its options by name."""
        return dict(self.config)

    def placed(self, name: str, inputs: tuple[str, ...]) -> Layer:
        """The same layer with its name and what it reads."""
        return replace(self, name=name, inputs=inputs)

    def __str__(self) -> str:
        given, known = self.options, _fields(self.kind, self.options)
        # The units first; what differs from the defaults after them.
        names = [*(name for name in _PLAINLY if name in known), *(name for name in known if name not in _PLAINLY)]
        told = [_told(name, given[name]) for name in names if given[name] != known[name].default]
        return f"{self.kind}({', '.join(told)})" if told else self.kind


def _fields(kind: str, given: Mapping[str, Any]) -> Mapping[str, Field]:
    if kind != "activation":
        return KINDS[kind]
    function = given.get("function")
    return {**KINDS[kind], **(PARAMETERS.get(function, {}) if isinstance(function, str) else {})}


def _inputs(what: str, kind: str, given: object) -> tuple[str, ...]:
    names = tuple(given) if isinstance(given, Iterable) and not isinstance(given, str) else (given,)
    inputs = tuple(checked(f"an input of {what}", name, text) for name in names)
    if kind in _JOINS and len(inputs) < 2:
        raise RecipeError(f"{what} joins {len(inputs)} layers; name at least two")
    if kind not in _JOINS and len(inputs) > 1:
        raise RecipeError(f"{what} reads {len(inputs)} layers, but takes one; join them before")
    return inputs


def _told(name: str, value: Value) -> str:
    shown = f"{value[0]}x{value[1]}" if isinstance(value, tuple) else str(value)
    return shown if name in _PLAINLY else f"{name}={shown}"


def function_config(function: str, given: Mapping[str, Value] | None = None) -> dict[str, Any]:
    """The configuration of an activation node: the function, with its parameters or their defaults."""
    parameters = options(f"activation {function!r}", given or {}, PARAMETERS.get(function, {}))
    return {"function": function, **dict(parameters)}


def conv(
    units: int,
    kernel_size: Pair,
    *,
    activation: str | None = None,
    padding: str = "valid",
    strides: Pair = 1,
    use_bias: bool = True,
    name: str | None = None,
    inputs: str | tuple[str, ...] | None = None,
) -> Layer:
    """A two-dimensional convolution, channels last; with `activation`, two nodes of one layer."""
    config = {
        "units": units,
        "kernel_size": kernel_size,
        "activation": activation,
        "padding": padding,
        "strides": strides,
        "use_bias": use_bias,
    }
    return _layer("conv", config, name, inputs)


def dense(
    units: int,
    *,
    activation: str | None = None,
    use_bias: bool = True,
    name: str | None = None,
    inputs: str | tuple[str, ...] | None = None,
) -> Layer:
    """A dense layer; with `activation`, two nodes of one layer."""
    return _layer("dense", {"units": units, "activation": activation, "use_bias": use_bias}, name, inputs)


def batch_normalization(
    *,
    epsilon: float = 1e-3,
    momentum: float = 0.99,
    name: str | None = None,
    inputs: str | tuple[str, ...] | None = None,
) -> Layer:
    """BatchNormalization along the channels, with gain and offset."""
    return _layer("batch_normalization", {"epsilon": epsilon, "momentum": momentum}, name, inputs)


def activation(
    function: str,
    *,
    name: str | None = None,
    inputs: str | tuple[str, ...] | None = None,
    **parameters: float,
) -> Layer:
    """An activation, by Keras's name, with its parameters (see `PARAMETERS`)."""
    return _layer("activation", {"function": function, **parameters}, name, inputs)


def dropout(rate: float, *, name: str | None = None, inputs: str | tuple[str, ...] | None = None) -> Layer:
    """Dropout of a share of the values, in training only."""
    return _layer("dropout", {"rate": rate}, name, inputs)


def flatten(*, name: str | None = None, inputs: str | tuple[str, ...] | None = None) -> Layer:
    """Lays a map out along one axis."""
    return _layer("flatten", {}, name, inputs)


def max_pooling(
    pool_size: Pair = 2,
    *,
    strides: Pair | None = None,
    padding: str = "valid",
    name: str | None = None,
    inputs: str | tuple[str, ...] | None = None,
) -> Layer:
    """The maximum over windows; the strides are the windows' size where not given."""
    return _layer("max_pooling", {"pool_size": pool_size, "strides": strides, "padding": padding}, name, inputs)


def average_pooling(
    pool_size: Pair = 2,
    *,
    strides: Pair | None = None,
    padding: str = "valid",
    name: str | None = None,
    inputs: str | tuple[str, ...] | None = None,
) -> Layer:
    """The mean over windows; the strides are the windows' size where not given."""
    return _layer("average_pooling", {"pool_size": pool_size, "strides": strides, "padding": padding}, name, inputs)


def global_average_pooling(*, name: str | None = None, inputs: str | tuple[str, ...] | None = None) -> Layer:
    """The mean over a whole map, channel by channel."""
    return _layer("global_average_pooling", {}, name, inputs)


def add(*inputs: str, name: str | None = None) -> Layer:
    """The sum of the layers named."""
    return _layer("add", {}, name, inputs)


def concatenate(*inputs: str, name: str | None = None) -> Layer:
    """The layers named, side by side along the channels."""
    return _layer("concatenate", {}, name, inputs)


def _layer(kind: str, config: dict[str, Any], name: str | None, inputs: str | tuple[str, ...] | None) -> Layer:
    # The constructor of Layer makes a sorted tuple of the mapping.
    return Layer(kind, tuple(config.items()), name or "", (inputs,) if isinstance(inputs, str) else inputs or ())
