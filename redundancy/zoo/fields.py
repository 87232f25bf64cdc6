"""What the fields of a recipe may hold: checks that turn what was given into one canonical value."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from numbers import Integral
from typing import Any, TypeVar

from redundancy.errors import RecipeError

Value = str | int | float | bool | None | tuple[int, int]
"""What an option may be: hashable, and the same after JSON."""

Options = tuple[tuple[str, Value], ...]
"""Options by name, sorted: equal options are equal tuples."""


T = TypeVar("T")


class _Required:
    """Stands where a field has no default."""


REQUIRED = _Required()


@dataclass(frozen=True, slots=True)
class Field:
    """One option.

    Attributes:
        check: Gives the canonical value of what was given; raises ValueError with what it has to be.
        default: What it is where it is left out; REQUIRED for no such thing.
    """

    check: Callable[[Any], Value]
    default: Value | _Required = REQUIRED


def options(what: str, given: Mapping[str, Any] | Iterable[tuple[str, Any]], fields: Mapping[str, Field]) -> Options:
    """The options given, checked, with every default filled in.

    Args:
        what: Whose options they are, for the error.
        given: Options by name.
        fields: Those that exist.

    Raises:
        RecipeError: One is unknown, missing, or not what it has to be.
    """
    values = mapping(what, given)
    for name in values:
        if name not in fields:
            there_are = f"it has {', '.join(sorted(fields))}" if fields else "it has none"
            raise RecipeError(f"{what} has no option {name!r}; {there_are}")
    return tuple((name, _value(what, name, values, fields[name])) for name in sorted(fields))


def mapping(what: str, given: object) -> dict[str, Any]:
    """A mapping, or pairs, as a dictionary with names for keys.

    Raises:
        RecipeError: It is neither.
    """
    try:
        values: dict[str, Any] = dict(given)  # type: ignore[call-overload]
    except (TypeError, ValueError):
        raise RecipeError(f"{what} needs options by name, not {given!r}") from None
    for name in values:
        if not isinstance(name, str):
            raise RecipeError(f"{what} has an option {name!r}; names are strings")
    return values


def _value(what: str, name: str, values: Mapping[str, Any], field: Field) -> Value:
    if name in values:
        return checked(f"{name} of {what}", values[name], field.check)
    if isinstance(field.default, _Required):
        raise RecipeError(f"{what} needs the option {name!r}; give it")
    return field.default


def checked(what: str, value: object, check: Callable[[Any], T]) -> T:
    """What `check` makes of the value.

    Raises:
        RecipeError: The check refuses it.
    """
    try:
        return check(value)
    except ValueError as error:
        raise RecipeError(f"{what} must be {error}, not {value!r}") from None


MOST = 2**31 - 1
"""No whole number in a recipe is larger: those who compute take no larger ones."""


def whole(least: int) -> Callable[[Any], int]:
    """A whole number, `least` or more, and at most MOST."""

    def check(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
            raise ValueError(f"a whole number from {least} up")
        if int(value) > MOST:
            raise ValueError(f"a whole number of at most {MOST:,}")
        return int(value)

    return check


def number(
    low: float = -math.inf, high: float = math.inf, *, above: bool = False, below: bool = False
) -> Callable[[Any], float]:
    """A finite number in [low, high]; `above` and `below` leave the ends out."""

    def check(value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < math.inf:
            raise ValueError("a finite number")
        if not low <= value <= high or (above and value == low) or (below and value == high):
            raise ValueError(f"a number {_interval(low, high, above=above, below=below)}")
        try:
            return float(value) + 0.0  # not -0.0, which is equal to 0.0 but another text
        except OverflowError:
            raise ValueError("a number that a float holds") from None

    return check


def _interval(low: float, high: float, *, above: bool, below: bool) -> str:
    least = f"above {low:g}" if above else f"from {low:g}"
    most = f" to below {high:g}" if below else f" to {high:g}"
    return least if math.isinf(high) else least + most


def flag(value: object) -> bool:
    """True or False."""
    if not isinstance(value, bool):
        raise ValueError("True or False")
    return value


def choice(*names: str) -> Callable[[Any], str]:
    """One of these names."""

    def check(value: object) -> str:
        if not isinstance(value, str) or value not in names:
            raise ValueError(f"one of {', '.join(names)}")
        return value

    return check


def optional(check: Callable[[Any], Value]) -> Callable[[Any], Value]:
    """None, or what `check` takes."""

    def either(value: object) -> Value:
        return None if value is None else check(value)

    return either


def pair(value: object) -> tuple[int, int]:
    """Two whole numbers from 1 up; a single one stands for both."""
    both: Any = (value, value) if isinstance(value, int) else value
    try:
        first, second = (whole(1)(one) for one in both)
    except (TypeError, ValueError):
        raise ValueError(f"a whole number from 1 to {MOST:,}, or two of them") from None
    return first, second


def text(value: object) -> str:
    """A name: printable, not empty, without slashes, which Keras does not allow in names."""
    if not isinstance(value, str) or not value or not value.isprintable() or "/" in value:
        raise ValueError("a printable name without slashes")
    return value
