"""Recipes to JSON and back, strictly: what is not understood is refused, not skipped."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from redundancy.errors import RecipeError
from redundancy.zoo.choices import Initializer, Optimizer
from redundancy.zoo.layer import Layer

Kind = type[Initializer] | type[Optimizer] | type[Layer] | type[Any]


def dumps(values: Mapping[str, Any]) -> str:
    """One line of JSON, keys sorted."""
    return json.dumps(values, default=_plain, sort_keys=True, allow_nan=False)


def loads(source: str, keys: tuple[str, ...], types: Mapping[str, Kind | list[Kind]]) -> dict[str, Any]:
    """What JSON says, with objects made of the values whose types are given.

    Args:
        source: The text.
        keys: Those it must have; others are refused.
        types: By key, the class of the value, or a list of one class where it is a list.

    Raises:
        RecipeError: It is not JSON, keys are unknown or missing, or a value is refused by its class.
    """
    try:
        raw = json.loads(source, object_pairs_hook=_once)
    except (TypeError, ValueError, RecursionError) as error:
        raise RecipeError(f"the recipe is not JSON: {' '.join(str(error).split())}; write it with to_json") from None
    values = _exactly("the recipe", raw, keys)
    return {key: _typed(key, value, types.get(key)) for key, value in values.items()}


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = [key for key, _ in pairs]
    for key in keys:
        if keys.count(key) > 1:
            raise ValueError(f"the key {key!r} is there twice")
    return dict(pairs)


def _plain(value: object) -> dict[str, object]:
    if isinstance(value, Initializer | Optimizer):
        return {"name": value.name, "parameters": value.options}
    values = {field.name: getattr(value, field.name) for field in fields(value)}  # type: ignore[arg-type]
    return {**values, "config": value.options} if isinstance(value, Layer) else values


def _exactly(what: str, raw: object, keys: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(raw, dict):
        raise RecipeError(f"{what} must be a JSON object, not {raw!r}")
    for key in [*raw, *keys]:
        if (key in raw) != (key in keys):
            problem = "has an unknown key" if key in raw else "lacks the key"
            raise RecipeError(f"{what} {problem} {key!r}; it needs {', '.join(keys)}")
    return raw


def _typed(key: str, value: object, kind: Kind | list[Kind] | None) -> object:
    if kind is None:
        return tuple(value) if isinstance(value, list) else value
    if not isinstance(kind, list):
        return _made(key, value, kind)
    if not isinstance(value, list):
        raise RecipeError(f"{key} must be a JSON list, not {value!r}")
    return tuple(_made(f"{key}[{place}]", item, kind[0]) for place, item in enumerate(value))


def _made(what: str, raw: object, kind: Kind) -> object:
    if issubclass(kind, Initializer | Optimizer):
        values = _exactly(what, raw, ("name", "parameters"))
        if not isinstance(values["parameters"], dict):
            raise RecipeError(f"the parameters of {what} must be a JSON object, not {values['parameters']!r}")
        return kind(values["name"], **values["parameters"])
    # What the class refuses, it names in its own error.
    names = tuple(field.name for field in fields(kind))
    return kind(**_exactly(what, raw, names))
