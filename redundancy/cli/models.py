"""The commands about model files: `audit` says what is redundant, `compact` writes the model without it."""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import sys
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from redundancy.errors import OptionError
from redundancy.output import check_writable, written_whole

FOUND = 1
"""The exit code where something was found that --fail-on names."""

WIDTH = 100
"""Columns of a table that is not for a terminal."""

PATIENCE = 3.0
"""Seconds before a person is told what takes so long."""

ANY = "any"
"""The word for all notions."""

STDOUT = "-"
"""The name of the standard output, where a file can be named."""

_CODES = (
    "exit codes: 0 done; 1 something was found that --fail-on names; 2 the arguments, or what they name, cannot be used"
)

_DATA = "inputs in an .npz file, called as the model's inputs are, or x, x2, ..., or x_test or x_train as in a data set"


def add_commands(commands: Any) -> None:
    """Adds `audit` and `compact` to the commands of a parser."""
    audit = _command(
        commands, "audit", "say which units of a model are redundant, and what removing them saves", _audit
    )
    audit.add_argument("--notions", type=_words, metavar="NAME[,NAME...]", help="look for these only")
    audit.add_argument("--picture", type=Path, metavar="OUT.png", help="draw the kernels of a layer in their groups")
    audit.add_argument("--layer", metavar="NAME", help="the layer to draw; the most redundant one if not given")

    compact = _command(commands, "compact", "write a model without what is redundant in it", _compact)
    compact.add_argument("-o", "--output", type=Path, required=True, metavar="OUT", help="a .keras or .h5 file")
    compact.add_argument(
        "--tolerance",
        type=_tolerance,
        default=0.0,
        metavar="T",
        help="how far outputs may differ; not at all if not given",
    )


def _command(commands: Any, name: str, text: str, run: Any) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text, epilog=_CODES)
    command.add_argument("model", type=Path, metavar="MODEL", help="a .keras, .h5 or .hdf5 file")
    command.add_argument("--data", type=Path, metavar="X.npz", help=_DATA)
    command.add_argument("--json", metavar="OUT.json", help="write what was found as JSON; - for the standard output")
    command.add_argument(
        "--fail-on", type=_words, default=(), metavar="NOTION[,NOTION...]|any", help="exit with 1 where that is found"
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


def _tolerance(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no difference of outputs: give a number, 0 or more")
    return value


def _audit(arguments: argparse.Namespace) -> int:
    _check_names(arguments.notions or (), arguments.fail_on)
    if arguments.layer is not None and arguments.picture is None:
        raise OptionError("--layer says what to draw, and nothing is to be drawn; name a file with --picture")
    if arguments.picture is not None and arguments.picture.suffix != ".png":
        raise OptionError(f"--picture {str(arguments.picture)!r} is no name of a picture; end it with .png")
    _check_outputs(arguments, {"--json": _path(arguments.json), "--picture": arguments.picture})
    model, data = _inputs(arguments, tell=False)
    with _told("searching"):
        from redundancy.workbench import audit

        found = audit(model, data=data, notions=arguments.notions)
    with ExitStack() as files:
        if arguments.picture is not None:
            from redundancy.report.picture import draw

            draw(found, files.enter_context(written_whole(arguments.picture, force=arguments.force)), arguments.layer)
        _write_json(files, arguments, found)
    from redundancy.report.table import audit_table

    _print(arguments, audit_table(found, _width()), found)
    return _code(arguments, found)


def _compact(arguments: argparse.Namespace) -> int:
    from redundancy.frameworks.keras import files as keras_files

    _check_names((), arguments.fail_on)
    _check_outputs(arguments, {"--output": arguments.output, "--json": _path(arguments.json)})
    keras_files.writable(arguments.output, force=arguments.force)
    model, data = _inputs(arguments, tell=True)
    with _told("searching, and comparing with the original"):
        from redundancy.workbench import compact

        small = compact(model, tolerance=arguments.tolerance, data=data)
    with ExitStack() as files:
        # Written first and published last: where the model cannot be written, there is no record of it either.
        _write_json(files, arguments, small)
        keras_files.save(small.model, arguments.output, force=arguments.force)
    from redundancy.report.table import compaction_table

    _print(arguments, compaction_table(small, _width()), small)
    return _code(arguments, small)


def _check_names(notions: tuple[str, ...], fail_on: tuple[str, ...]) -> None:
    from redundancy.notions import named

    named(notions)
    named(set(fail_on) - {ANY})


def _path(name: str | None) -> Path | None:
    return None if name is None or name == STDOUT else Path(name)


def _check_outputs(arguments: argparse.Namespace, outputs: Mapping[str, Path | None]) -> None:
    """Refuses, before anything is computed, what could not be written afterwards."""
    taken: dict[str, Path] = {"the model": arguments.model}
    if arguments.data is not None:
        taken["--data"] = arguments.data
    for option, path in outputs.items():
        if path is None:
            continue
        for other, place in taken.items():
            if _same(path, place):
                raise OptionError(f"{option} {str(path)!r} is the same file as {other}; name another one")
        check_writable(path, force=arguments.force)
        taken[option] = path


def _same(one: Path, other: Path) -> bool:
    try:
        return os.path.realpath(one) == os.path.realpath(other) or one.samefile(other)
    except (OSError, ValueError):  # one of them is not there, or is no path at all
        return False


def _inputs(arguments: argparse.Namespace, *, tell: bool) -> tuple[Any, Any]:
    """The model, and the arrays to run it on.

    Args:
        arguments: Of the command line.
        tell: Whether to say what of the file could not be read, and will be missing in another one.
    """
    with _told(f"reading {str(arguments.model)!r}"):
        with _silenced():  # what Keras says while it is loaded is not for this program's users
            from redundancy.frameworks.keras.loaded import keras  # noqa: F401
        from redundancy.frameworks.keras.files import load

        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            model = load(arguments.model, trust=arguments.trust)
    for warning in said if tell else ():
        print(f"redundancy: warning: {' '.join(str(warning.message).split())}", file=sys.stderr)
    if arguments.data is None:
        return model, None
    from redundancy.data.samples import samples

    inputs = [(tensor.name, tuple(tensor.shape[1:])) for tensor in getattr(model, "inputs", None) or ()]
    return model, samples(arguments.data, inputs)


def _write_json(files: ExitStack, arguments: argparse.Namespace, found: Any) -> None:
    """Writes the file that --json names, if it does; it becomes what it is called when `files` end well."""
    if (path := _path(arguments.json)) is not None:
        temporary = files.enter_context(written_whole(path, force=arguments.force))
        temporary.write_text(_json(found), encoding="utf-8")


def _print(arguments: argparse.Namespace, table: str, found: Any) -> None:
    """Prints the table; where the standard output is for a program, that gets JSON, and the table goes elsewhere."""
    if arguments.json == STDOUT:
        print(_json(found), end="")
    print(table, file=sys.stderr if arguments.json == STDOUT else sys.stdout)


def _json(found: Any) -> str:
    return json.dumps(found.to_dict(), indent=2) + "\n"


def _width() -> int:
    return shutil.get_terminal_size((WIDTH, 24)).columns if sys.stdout.isatty() else WIDTH


def _code(arguments: argparse.Namespace, found: Any) -> int:
    notions = {entry["notion"] for key in ("findings", "removals") for entry in found.to_dict().get(key, ())}
    return FOUND if notions & set(arguments.fail_on) or (notions and ANY in arguments.fail_on) else 0


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Says on a terminal what is being done, where that takes long."""
    if not sys.stderr.isatty():
        yield
        return
    timer = threading.Timer(PATIENCE, lambda: print(f"redundancy: {what} ...", file=sys.stderr, flush=True))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


@contextmanager
def _silenced() -> Iterator[None]:
    """Keeps from a terminal what TensorFlow says while it is loaded, which it says past Python."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
