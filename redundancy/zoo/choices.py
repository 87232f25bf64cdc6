"""The random initialisers and the optimisers of Keras that a recipe may name, and their parameters."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Self

from redundancy.zoo.fields import Field, Options, Value, checked, choice, flag, number, options

_SPREAD = {"mean": Field(number(), 0.0), "stddev": Field(number(0.0, above=True), 0.05)}

INITIALIZERS: Mapping[str, Mapping[str, Field]] = MappingProxyType(
    {
        "glorot_uniform": {},
        "glorot_normal": {},
        "he_uniform": {},
        "he_normal": {},
        "lecun_uniform": {},
        "lecun_normal": {},
        "random_normal": _SPREAD,
        "random_uniform": {"minval": Field(number(), -0.05), "maxval": Field(number(), 0.05)},
        "truncated_normal": _SPREAD,
        "orthogonal": {"gain": Field(number(), 1.0)},
        "variance_scaling": {
            "scale": Field(number(0.0, above=True), 1.0),
            "mode": Field(choice("fan_in", "fan_out", "fan_avg"), "fan_in"),
            "distribution": Field(choice("truncated_normal", "untruncated_normal", "uniform"), "truncated_normal"),
        },
    }
)
"""Keras's random initialisers, with their parameters and Keras's own defaults."""

_SHARE = number(0.0, 1.0, below=True)
_TINY = Field(number(0.0), 1e-7)
_MOMENTS = {"beta_1": Field(_SHARE, 0.9), "beta_2": Field(_SHARE, 0.999), "epsilon": _TINY}

OPTIMIZERS: Mapping[str, Mapping[str, Field]] = MappingProxyType(
    {
        "sgd": {"momentum": Field(number(0.0, 1.0), 0.0), "nesterov": Field(flag, False)},
        "rmsprop": {
            "rho": Field(_SHARE, 0.9),
            "momentum": Field(number(0.0, 1.0), 0.0),
            "epsilon": _TINY,
            "centered": Field(flag, False),
        },
        "adam": {**_MOMENTS, "amsgrad": Field(flag, False)},
        "adamw": {**_MOMENTS, "amsgrad": Field(flag, False), "weight_decay": Field(number(0.0), 0.004)},
        "adamax": _MOMENTS,
        "nadam": _MOMENTS,
        "adagrad": {"initial_accumulator_value": Field(number(0.0), 0.1), "epsilon": _TINY},
        "adadelta": {"rho": Field(_SHARE, 0.95), "epsilon": _TINY},
        "lion": {"beta_1": Field(_SHARE, 0.9), "beta_2": Field(_SHARE, 0.99)},
    }
)
"""Keras's optimisers, with their parameters and Keras's own defaults; the learning rate is the recipe's."""


class _Named:
    """One of a table of names, with its parameters: frozen, hashable, equal where the values are."""

    __slots__ = ("name", "parameters")

    name: str
    parameters: Options
    _what: str
    _table: Mapping[str, Mapping[str, Field]]

    def __init__(self, name: str, **parameters: Value) -> None:
        checked(f"the {self._what}", name, choice(*self._table))
        given = options(f"{self._what} {name!r}", parameters, self._table[name])
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "parameters", given)

    @classmethod
    def of(cls, given: Self | str) -> Self:
        """Itself, or the one of that name with every default.

        Raises:
            RecipeError: It is neither.
        """
        if isinstance(given, cls):
            return given
        # What is no name either, the constructor refuses.
        return cls(given)  # type: ignore[arg-type]

    @property
    def options(self) -> dict[str, Value]:
        """Its parameters by name, defaults included."""
        return dict(self.parameters)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen: make another one")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen: make another one")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _Named) or type(self) is not type(other):
            return NotImplemented
        return (self.name, self.parameters) == (other.name, other.parameters)

    def __hash__(self) -> int:
        return hash((type(self), self.name, self.parameters))

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (type(self), self.name, self.parameters)

    def _changed(self) -> list[str]:
        plain = self._table[self.name]
        return [f"{name}={value!r}" for name, value in self.parameters if value != plain[name].default]

    def __str__(self) -> str:
        changed = self._changed()
        return f"{self.name}({', '.join(changed)})" if changed else self.name

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join([repr(self.name), *self._changed()])})"


def _again(cls: type[_Named], name: str, parameters: Options) -> _Named:
    return cls(name, **dict(parameters))


class Initializer(_Named):
    """A random initialiser of Keras: `Initializer("random_normal", stddev=0.1)`.

    Attributes:
        name: One of `INITIALIZERS`.
        parameters: Sorted by name, defaults included.

    Raises:
        RecipeError: The name or a parameter is unknown, or a value is one that it cannot take.
    """

    __slots__ = ()
    _what = "initializer"
    _table = INITIALIZERS


class Optimizer(_Named):
    """An optimiser of Keras without its learning rate: `Optimizer("sgd", momentum=0.9)`.

    Attributes:
        name: One of `OPTIMIZERS`.
        parameters: Sorted by name, defaults included.

    Raises:
        RecipeError: The name or a parameter is unknown, or a value is one that it cannot take.
    """

    __slots__ = ()
    _what = "optimizer"
    _table = OPTIMIZERS
