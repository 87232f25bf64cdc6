"""Recipes to JSON and back: what is left out has its default, what is not understood is refused and not skipped."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any

from redundancy.errors import RecipeError
from redundancy.zoo.choices import Initializer, Optimizer
from redundancy.zoo.layer import Layer

Kind = type[Initializer] | type[Optimizer] | type[Layer] | type[Any]


def dumps(values: Mapping[str, Any]) -> str:
    """One line of JSON, keys sorted."""
    return json.dumps(values, default=_plain, sort_keys=True, allow_nan=False)


def loads(source: str, made: type[Any], types: Mapping[str, Kind | list[Kind]]) -> dict[str, Any]:
    """What JSON says, with objects made of the values whose types are given.

    Args:
        source: The text.
        made: The dataclass whose fields it may have; those without a default it must have.
        types: By key, the class of the value, or a list of one class where it is a list.

    Raises:
        RecipeError: It is not JSON, keys are unknown or missing, or a value is refused by its class.
    """
    try:
        raw = json.loads(source, object_pairs_hook=_once)
    except (TypeError, ValueError, RecursionError) as error:
        raise RecipeError(f"the recipe is not JSON: {' '.join(str(error).split())}; write it with to_json") from None
    values = _fields("the recipe", raw, made)
    return {key: _typed(key, value, types.get(key)) for key, value in values.items()}


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, value in pairs:
        if key in values:
            raise ValueError(f"the key {key!r} is there twice")
        values[key] = value
    return values


def _plain(value: object) -> dict[str, object]:
    if isinstance(value, Initializer | Optimizer):
        return {"name": value.name, "parameters": value.options}
    values = {field.name: getattr(value, field.name) for field in fields(value)}  # type: ignore[arg-type]
    return {**values, "config": value.options} if isinstance(value, Layer) else values


def _fields(what: str, raw: object, made: type[Any]) -> dict[str, Any]:
    known = {field.name: field.default is MISSING for field in fields(made)}
    return _known(what, raw, known)


def _known(what: str, raw: object, keys: Mapping[str, bool]) -> dict[str, Any]:
    """An object that has keys of these only, and all those that it must have."""
    if not isinstance(raw, dict):
        raise RecipeError(f"{what} must be a JSON object, not {raw!r}")
    for key in raw:
        if key not in keys:
            raise RecipeError(f"{what} has an unknown key {key!r}; it can have {', '.join(keys)}")
    for key, needed in keys.items():
        if needed and key not in raw:
            raise RecipeError(f"{what} lacks the key {key!r}; give it")
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
    # What a class refuses, it names in its own error.
    if not issubclass(kind, Initializer | Optimizer):
        return kind(**_fields(what, raw, kind))
    if isinstance(raw, str):
        return kind(raw)
    values = _known(what, raw, {"name": True, "parameters": False})
    parameters = values.get("parameters", {})
    if not isinstance(parameters, dict):
        raise RecipeError(f"the parameters of {what} must be a JSON object, not {parameters!r}")
    return kind(values["name"], **parameters)
