"""The arguments of the commands about model files, and what is wrong with them by themselves."""

from __future__ import annotations

import argparse
import math
from collections.abc import Collection
from pathlib import Path

from redundancy.errors import OptionError
from redundancy.suggesting import suggested

ANY, NEAR = "any", "near-duplicate"
"""The word for all that can be removed; and for what is only alike, which no notion finds that is looked for."""

MERGING = frozenset({"duplicate", "scaled", "flipped"})
"""The notions under which those are merged that a tolerance lets be made equal."""

_CODES = (
    "exit codes: 0 done; 1 something was found that --fail-on names; 2 the arguments, or what they name, cannot be"
    " used; 70 a mistake of this program; 130 interrupted"
)

_DATA = "inputs in an .npz file, called as the model's inputs are, or x, x2, ..., or x_test or x_train as in a data set"

_NOTIONS = "unused, dead, constant, duplicate, flipped, scaled, dependent"
"""Written out: to ask for the names would load what they are made of, for a line of help."""


def add_shared(command: argparse.ArgumentParser) -> None:
    """Adds what every command about a model file takes."""
    command.epilog = _CODES
    command.add_argument("model", type=Path, metavar="MODEL", help="a .keras, .h5 or .hdf5 file")
    command.add_argument("--data", type=Path, metavar="X.npz", help=_DATA)
    command.add_argument(
        "--box",
        type=_box,
        metavar="LOW,HIGH",
        help="how small and how large the numbers in an input can be, as 0,1; where they are negative, --box=-1,1",
    )
    command.add_argument("--notions", type=words, metavar="NAME[,NAME...]", help=f"look for these only: {_NOTIONS}")
    command.add_argument("--json", metavar="OUT.json", help="write what was found as JSON; - for the standard output")
    command.add_argument(
        "--fail-on",
        type=words,
        default=(),
        metavar="NOTION[,NOTION...]|any",
        help="exit with 1 where that is found, near-duplicate included; any is all that can be removed; files are"
        " written all the same",
    )
    add_files(command)


def add_files(command: argparse.ArgumentParser) -> None:
    """Adds what is said of files: what the model may do, and what may be replaced."""
    command.add_argument(
        "--import",
        dest="imports",
        action="append",
        default=[],
        metavar="MODULE",
        help="import that module first, from here or PYTHONPATH: one that registers own layers; may be given again",
    )
    command.add_argument("--trust", action="store_true", help="let the model file run code and read other files")
    command.add_argument("--force", action="store_true", help="replace files that exist")


def add_tolerance(command: argparse.ArgumentParser) -> None:
    """Adds --tolerance."""
    command.add_argument(
        "--tolerance",
        type=_tolerance,
        default=0.0,
        metavar="T",
        help="how far outputs may differ, on inputs in the box: that of --box, else that of the data, else 0,1 is"
        " assumed; 0 if not given",
    )


def check_names(arguments: argparse.Namespace) -> None:
    """Refuses notions that there are not, and a --fail-on that nothing could ever meet.

    Args:
        arguments: Of the command line.

    Raises:
        OptionError: That is so.
    """
    from redundancy.notions import NOTIONS, named

    notions: tuple[str, ...] = arguments.notions or ()
    if NEAR in notions:
        where = "audit reports it where there is no --notions, and compact merges it within a --tolerance"
        raise OptionError(f"--notions cannot name {NEAR}: {where}")
    named(notions)
    choices = (*NOTIONS, NEAR, ANY)
    never = _never_near(notions, getattr(arguments, "tolerance", None))
    for name in arguments.fail_on:
        if name not in choices:
            said = f"no notion is called '{name}'{suggested(name, choices)}: choose from {', '.join(choices)}"
            raise OptionError(f"--fail-on: {said}")
        if name == NEAR and never:
            raise OptionError(f"--fail-on {name} could never fail: {never}")
        if notions and name not in (*notions, NEAR, ANY):
            said = f"only {', '.join(notions)} is looked for; add {name} to --notions"
            raise OptionError(f"--fail-on {name} could never fail: {said}")


def _never_near(notions: Collection[str], tolerance: float | None) -> str:
    """Why nothing is ever called near-duplicate; "" where something can be.

    Args:
        notions: Those that are looked for; none for all.
        tolerance: Of a compaction; None for an audit.
    """
    if tolerance is None:
        return "what is only alike is reported where there is no --notions; leave that out" if notions else ""
    if not tolerance:
        return "what is only alike is merged within a --tolerance, and there is none; give one, or use audit"
    if notions and not MERGING.intersection(notions):
        return f"none of {', '.join(sorted(MERGING))} is looked for, so that nothing is merged; add one to --notions"
    return ""


def words(text: str) -> tuple[str, ...]:
    """Names with commas between them."""
    words = tuple(word.strip() for word in text.split(","))
    if not all(words):
        raise argparse.ArgumentTypeError(f"{text!r} is no list of names with commas between them")
    return words


def number(text: str) -> float:
    """A number; NaN for what is none, which every comparison refuses."""
    try:
        return float(text)
    except ValueError:
        return math.nan


def _tolerance(text: str) -> float:
    value = number(text)
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no difference of outputs: give a number, 0 or more")
    return value


def _box(text: str) -> tuple[float, float]:
    numbers = tuple(map(number, text.split(",")))
    if len(numbers) != 2 or not -math.inf < numbers[0] <= numbers[1] < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no pair of bounds: give two numbers as 0,1, the lower one first")
    return numbers[0], numbers[1]
