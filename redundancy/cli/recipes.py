"""What `redundancy zoo train` is told to train: a recipe, as JSON or as Python, and seeds."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from redundancy.errors import OptionError, RecipeError
from redundancy.modules import check_module, executed, imported
from redundancy.output import reason
from redundancy.report.layout import cut, plain
from redundancy.suggesting import suggested

if TYPE_CHECKING:
    from redundancy.zoo import Recipe

STDIN = "-"
"""The name of the standard input, where a file can be named."""

LARGEST = 1 << 20
"""Bytes of JSON that are read: no recipe that can be trained takes as many."""

MOST_SEEDS = 1_000_000
"""Runs that may be asked for at once; beyond, a slip of the keyboard is more likely than a wish."""

COLUMNS = 300
"""Of what is said about a recipe: what is wrong with a file can be as long as the file."""

_SEEDS = re.compile(r"(?P<first>\d{0,20}):(?P<end>\d{1,20})(?::(?P<step>\d{1,20}))?|(?P<one>\d{1,20})", re.ASCII)


def recipe_of(said: str) -> Recipe:
    """The recipe that an argument names.

    Args:
        said: `-` for JSON on the standard input, the path of a JSON file, or a name in Python: `file.py:NAME` or
            `module:NAME`.

    Raises:
        OptionError: There is no such thing, or it cannot be read.
        RecipeError: Nothing can be trained from it.
    """
    place, colon, name = said.rpartition(":")
    if said == STDIN or not (colon and name.isidentifier()) or _is_file(said):
        return _from_json(said)
    what = f"the recipe {said!r}"
    if place.endswith(".py"):
        if not _is_file(place):
            raise OptionError(f"{what}: there is no file {place!r}; give file.py:NAME, module:NAME or a JSON file")
        return _named(what, name, executed(what, Path(place)))
    check_module(what, place)
    return _named(what, name, imported(what, place))


def seeds_of(text: str) -> tuple[int, ...]:
    """Seeds, each once, in their order: `0:100` for 0 to 99, `7`, or several of these with commas between them.

    Raises:
        argparse.ArgumentTypeError: It names none, or too many.
    """
    parts = [_some(text, part.strip()) for part in text.split(",")]
    if (count := sum(map(_length, parts))) > MOST_SEEDS:
        raise argparse.ArgumentTypeError(f"{text!r} names {count:,} seeds; give at most {MOST_SEEDS:,} at once")
    if not count:
        raise argparse.ArgumentTypeError(f"{text!r} names no seed: the end is left out, as in 0:100 for 0 to 99")
    return tuple(dict.fromkeys(seed for part in parts for seed in part))


def _some(text: str, part: str) -> range:
    match = _SEEDS.fullmatch(part)
    if match is None or match["step"] == "0":
        raise argparse.ArgumentTypeError(f"{text!r} names no seeds: give 0:100 for 0 to 99, 7, or 1,2,5")
    if match["one"]:
        return range(int(match["one"]), int(match["one"]) + 1)
    return range(int(match["first"] or 0), int(match["end"]), int(match["step"] or 1))


def _length(seeds: range) -> int:
    # Python's own `len` takes no more than a machine can count.
    return max(0, -(-(seeds.stop - seeds.start) // seeds.step))


def _is_file(path: str) -> bool:
    try:
        return Path(path).is_file()
    except (OSError, ValueError):
        return False


def _from_json(said: str) -> Recipe:
    from redundancy.zoo import Recipe

    what = "the standard input" if said == STDIN else repr(said)
    try:
        return Recipe.from_json(_text(said, what))
    except RecipeError as error:
        raise RecipeError(f"{what}: {cut(plain(error), COLUMNS)}") from error


def _text(said: str, what: str) -> str:
    try:
        if said == STDIN:
            content = sys.stdin.buffer.read(LARGEST + 1)
        else:
            with Path(said).open("rb") as file:
                content = file.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise OptionError(f"{what} has more than {LARGEST >> 20} MiB, so it is no recipe; give a JSON file of one")
        return content.decode("utf-8-sig")
    except (OSError, ValueError) as error:
        remedy = "give a JSON file, - for the standard input, or file.py:NAME"
        raise OptionError(f"cannot read the recipe {what}: {cut(reason(error), COLUMNS)}; {remedy}") from error


def _named(what: str, name: str, there: Mapping[str, Any]) -> Recipe:
    from redundancy.zoo import Recipe

    found = there.get(name)
    if isinstance(found, Recipe):
        return found
    recipes = [other for other, value in there.items() if isinstance(value, Recipe)]
    has = f"it has the recipes {', '.join(recipes)}" if recipes else "there is no recipe in it"
    problem = "that is no Recipe" if name in there else f"there is no such name{suggested(name, recipes)}"
    raise OptionError(f"{what}: {problem}; {cut(has, COLUMNS)}")
