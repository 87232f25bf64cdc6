"""Where results go: files that are checked before the work and written whole after it, and the terminal."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from redundancy.errors import OptionError
from redundancy.output import check_writable, unwritable, written_whole
from redundancy.report.document import document

WIDTH = 100
"""Columns of a table that is not for a terminal."""

STDOUT = "-"
"""The name of the standard output, where a file can be named."""


def path_of(name: str | None) -> Path | None:
    """The file that an option names; None for none, or for the standard output."""
    return None if name is None or name == STDOUT else Path(name)


def check_outputs(arguments: argparse.Namespace, outputs: Mapping[str, Path | None], data: Path | None) -> None:
    """Refuses, before anything is computed, what could not be written afterwards.

    Args:
        arguments: Of the command line; what it reads is never written to.
        outputs: Files to be written, by the option that names them.
        data: The file that --data names; None for none.

    Raises:
        OptionError: Two names are of the same file.
        OutputError: Nothing can be written there.
    """
    taken: dict[str, Path] = {"the model": arguments.model}
    if data is not None:
        taken["--data"] = data
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


def json_file(files: ExitStack, arguments: argparse.Namespace) -> Callable[[Any], None]:
    """What writes the file that --json names, if it does; it becomes what it is called when `files` end well."""
    path = path_of(arguments.json)
    if path is None:
        return lambda found: None
    temporary = files.enter_context(written_whole(path, force=arguments.force))

    def write(found: Any) -> None:
        try:
            temporary.write_text(document(found), encoding="utf-8")
        except OSError as error:
            raise unwritable(path, error) from error

    return write


def show(arguments: argparse.Namespace, table: str, found: Any) -> None:
    """Prints the table; where the standard output is for a program, that gets JSON, and the table goes elsewhere."""
    if arguments.json == STDOUT:
        print(document(found), end="")
    print(table, file=sys.stderr if arguments.json == STDOUT else sys.stdout)


def width() -> int:
    """Columns that a table may have."""
    return shutil.get_terminal_size((WIDTH, 24)).columns if sys.stdout.isatty() else WIDTH
