"""The commands about model files: `audit` says what is redundant, `compact` writes the model without it."""

from __future__ import annotations

import argparse
import math
import sys
import warnings
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from redundancy.cli.outputs import check_outputs, path_of, show, width, write_json
from redundancy.cli.progress import silenced, told
from redundancy.errors import LossWarning, OptionError
from redundancy.output import written_whole

if TYPE_CHECKING:
    from redundancy.frameworks.keras.inputs import Input

FOUND = 1
"""The exit code where something was found that --fail-on names."""

ANY, NEAR = "any", "near-duplicate"
"""The word for all that can be removed; and for what is only alike, which no notion finds that is looked for."""

_CODES = (
    "exit codes: 0 done; 1 something was found that --fail-on names; 2 the arguments, or what they name, cannot be"
    " used; 70 a mistake of this program; 130 interrupted"
)

_DATA = "inputs in an .npz file, called as the model's inputs are, or x, x2, ..., or x_test or x_train as in a data set"


_NOTIONS = "unused, dead, constant, duplicate, flipped, scaled, dependent"
"""Written out: to ask for the names would load what they are made of, for a line of help."""


def add_commands(commands: Any) -> None:
    """Adds `audit` and `compact` to the commands of a parser."""
    audit = _command(
        commands, "audit", "say which units of a model are redundant, and what removing them saves", _audit
    )
    audit.add_argument("--picture", type=Path, metavar="OUT.png", help="draw the kernels of a layer in their groups")
    audit.add_argument("--layer", metavar="NAME", help="the layer to draw; the most redundant one if not given")

    compact = _command(commands, "compact", "write a model without what is redundant in it", _compact)
    compact.add_argument("-o", "--output", type=Path, required=True, metavar="OUT", help="a .keras or .h5 file")
    compact.add_argument(
        "--tolerance",
        type=_tolerance,
        default=0.0,
        metavar="T",
        help="how far outputs may differ, on inputs in the box (of --box, else of the data, else 0,1); 0 if not given",
    )


def _command(commands: Any, name: str, text: str, run: Any) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text, epilog=_CODES)
    command.add_argument("model", type=Path, metavar="MODEL", help="a .keras, .h5 or .hdf5 file")
    command.add_argument("--data", type=Path, metavar="X.npz", help=_DATA)
    command.add_argument(
        "--box",
        type=_box,
        metavar="LOW,HIGH",
        help="bounds of all inputs of floating numbers, as 0,1; where they are negative, --box=-1,1",
    )
    command.add_argument("--notions", type=_words, metavar="NAME[,NAME...]", help=f"look for these only: {_NOTIONS}")
    command.add_argument("--json", metavar="OUT.json", help="write what was found as JSON; - for the standard output")
    command.add_argument(
        "--fail-on",
        type=_words,
        default=(),
        metavar="NOTION[,NOTION...]|any",
        help="exit with 1 where that is found, near-duplicate included; any is all that can be removed",
    )
    command.add_argument("--trust", action="store_true", help="let the model file run code and read other files")
    command.add_argument("--force", action="store_true", help="replace files that exist")
    command.set_defaults(run=run)
    return command


def _words(text: str) -> tuple[str, ...]:
    words = tuple(word.strip() for word in text.split(","))
    if not all(words):
        raise argparse.ArgumentTypeError(f"{text!r} is no list of names with commas between them")
    return words


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _tolerance(text: str) -> float:
    value = _number(text)
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no difference of outputs: give a number, 0 or more")
    return value


def _box(text: str) -> tuple[float, float]:
    numbers = tuple(map(_number, text.split(",")))
    if len(numbers) != 2 or not -math.inf < numbers[0] <= numbers[1] < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no pair of bounds: give two numbers as 0,1, the lower one first")
    return numbers[0], numbers[1]


def _audit(arguments: argparse.Namespace) -> int:
    _check_names(arguments)
    if arguments.layer is not None and arguments.picture is None:
        raise OptionError("--layer says what to draw, and nothing is to be drawn; name a file with --picture")
    if arguments.picture is not None and arguments.picture.suffix != ".png":
        raise OptionError(f"--picture {str(arguments.picture)!r} is no name of a picture; end it with .png")
    check_outputs(arguments, {"--json": path_of(arguments.json), "--picture": arguments.picture})
    model, options = _inputs(arguments, tell=False)
    with told("searching"):
        from redundancy.workbench import audit

        found = audit(model, **options)
    with ExitStack() as files:
        if arguments.picture is not None:
            from redundancy.report.picture import draw

            with told("drawing"):
                temporary = files.enter_context(written_whole(arguments.picture, force=arguments.force))
                draw(found, temporary, arguments.layer)
        write_json(files, arguments, found)
    from redundancy.report.table import audit_table

    show(arguments, audit_table(found, width()), found)
    wanted = arguments.fail_on
    return _code(
        wanted, (finding.notion for finding in found.findings if finding.removable or finding.notion in wanted)
    )


def _compact(arguments: argparse.Namespace) -> int:
    from redundancy.frameworks.keras import files as keras_files

    _check_names(arguments)
    check_outputs(arguments, {"--output": arguments.output, "--json": path_of(arguments.json)})
    keras_files.writable(arguments.output, force=arguments.force)
    model, options = _inputs(arguments, tell=True)
    with told("searching, and comparing with the original"):
        from redundancy.workbench import compact

        small = compact(model, tolerance=arguments.tolerance, **options)
    before = arguments.model.stat().st_size
    with ExitStack() as files, told(f"writing {str(arguments.output)!r}"):
        # Written first and published last: where the model cannot be written, there is no record of it either.
        write_json(files, arguments, small)
        keras_files.save(small.model, arguments.output, force=arguments.force)
    from redundancy.report.table import compaction_table

    sizes = before, arguments.output.stat().st_size
    show(arguments, compaction_table(small, width(), sizes), small)
    return _code(arguments.fail_on, (removal.why for removal in small.removals))


def _check_names(arguments: argparse.Namespace) -> None:
    from redundancy.notions import named

    named(arguments.notions or ())
    named(set(arguments.fail_on) - {ANY, NEAR})


def _inputs(arguments: argparse.Namespace, *, tell: bool) -> tuple[Any, dict[str, Any]]:
    """The model, and the options of what is done with it.

    Args:
        arguments: Of the command line.
        tell: Whether to say what of the file could not be read, and will be missing in another one.
    """
    from redundancy.frameworks.keras.files import load, readable
    from redundancy.frameworks.keras.inputs import inputs_of

    readable(arguments.model)
    with told(f"reading {str(arguments.model)!r}"):
        with silenced():  # what Keras says while it is loaded is not for this program's users
            from redundancy.frameworks.keras.loaded import keras  # noqa: F401
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            model = load(arguments.model, trust=arguments.trust)
    for warning in said if tell else ():
        if not issubclass(warning.category, LossWarning):
            continue  # what libraries tell those who write programs with them
        print(f"redundancy: warning: {' '.join(str(warning.message).split())}", file=sys.stderr)
    inputs = inputs_of(model)
    if not inputs and (arguments.data is not None or arguments.box is not None):
        raise OptionError("the model has no inputs by name, so that --data and --box have nothing to speak of")
    data = _samples(arguments.data, inputs)
    return model, {"data": data, "box": arguments.box, "notions": arguments.notions}


def _samples(path: Path | None, inputs: Iterable[Input]) -> Any:
    if path is None:
        return None
    from redundancy.data.samples import samples

    return samples(path, [(each.name, each.shape) for each in inputs])


def _code(wanted: tuple[str, ...], found: Iterable[str]) -> int:
    notions = set(found)
    return FOUND if notions & set(wanted) or (notions and ANY in wanted) else 0
