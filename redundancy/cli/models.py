"""The commands about model files: `audit` says what is redundant, `compact` writes the model without it."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from redundancy.cli.options import ANY, add_shared, add_tolerance, check_names
from redundancy.cli.outputs import check_outputs, json_file, path_of, show, width
from redundancy.cli.progress import only_ours, told
from redundancy.cli.reading import given
from redundancy.errors import OptionError
from redundancy.output import written_whole

if TYPE_CHECKING:
    from redundancy.compaction import Compaction

C = TypeVar("C", bound="Compaction")

FOUND = 1
"""The exit code where something was found that --fail-on names."""


def add_commands(commands: Any) -> None:
    """Adds `audit` and `compact` to the commands of a parser."""
    text = "say which units of a model are redundant, and what removing them saves"
    audit = commands.add_parser("audit", help=text, description=text)
    add_shared(audit)
    audit.add_argument("--picture", type=Path, metavar="OUT.png", help="draw the kernels of a layer in their groups")
    audit.add_argument(
        "--layer", metavar="NAME", help="the layer to draw; the most redundant one if not given, a convolution first"
    )
    audit.set_defaults(run=_audit)

    text = "write a model without what is redundant in it"
    compact = commands.add_parser("compact", help=text, description=text)
    add_shared(compact)
    compact.add_argument("-o", "--output", type=Path, required=True, metavar="OUT", help="a .keras or .h5 file")
    add_tolerance(compact)
    compact.set_defaults(run=_compact)


def _audit(arguments: argparse.Namespace) -> int:
    check_names(arguments)
    if arguments.layer is not None and arguments.picture is None:
        raise OptionError("--layer says what to draw, and nothing is to be drawn; name a file with --picture")
    if arguments.picture is not None and arguments.picture.suffix != ".png":
        raise OptionError(f"--picture {str(arguments.picture)!r} is no name of a picture; end it with .png")
    check_outputs(arguments, {"--json": path_of(arguments.json), "--picture": arguments.picture}, arguments.data)
    model, options = given(arguments, tell=False)
    with told("searching"), only_ours():
        from redundancy.workbench import audit

        found = audit(model, **options)
    with ExitStack() as files:
        drawn = _drawn(files, arguments, found)
        json_file(files, arguments)(found)
    from redundancy.report.table import audit_table

    show(arguments, audit_table(found, width()) + drawn, found)
    wanted = arguments.fail_on
    return _code(
        wanted, (finding.notion for finding in found.findings if finding.removable or finding.notion in wanted)
    )


def _drawn(files: ExitStack, arguments: argparse.Namespace, found: Any) -> str:
    """Draws what --picture asks for, if it does; which layer that is, and which others one could look at."""
    if arguments.picture is None:
        return ""
    from redundancy.report.picture import choice_told, draw

    with told("drawing"):
        temporary = files.enter_context(written_whole(arguments.picture, force=arguments.force))
        draw(found, temporary, arguments.layer)
    return "" if arguments.layer else f"\n\n{choice_told(found, arguments.picture, width())}"


def _compact(arguments: argparse.Namespace) -> int:
    from redundancy.frameworks.keras import files as keras_files

    check_names(arguments)
    check_outputs(arguments, {"--output": arguments.output, "--json": path_of(arguments.json)}, arguments.data)
    keras_files.writable(arguments.output, force=arguments.force)
    model, options = given(arguments, tell=True)
    with told("searching, and comparing with the original"), only_ours():
        from redundancy.workbench import compact

        small = compact(model, tolerance=arguments.tolerance, **options)
    small = kept(arguments, small)
    from redundancy.report.table import compaction_table

    show(arguments, compaction_table(small, width()), small)
    return _code(arguments.fail_on, (removal.why for removal in small.removals))


def kept(arguments: argparse.Namespace, small: C) -> C:
    """Writes the small model, and the JSON if that is asked for: both, or neither.

    Args:
        arguments: Of the command line.
        small: What was done to the model.

    Returns:
        The same, with the sizes of the files.
    """
    from redundancy.frameworks.keras import files as keras_files
    from redundancy.frameworks.keras.rereading import check_written

    before = arguments.model.stat().st_size
    with ExitStack() as files, told(f"writing {str(arguments.output)!r}"):
        # Entered last and so left first: where the model cannot be written, there is no record of it either.
        record = json_file(files, arguments)
        temporary = files.enter_context(keras_files.saving(small.model, arguments.output, force=arguments.force))
        check_written(small.model, small.network, temporary, called=arguments.output, trust=arguments.trust)
        small = replace(small, files=(before, temporary.stat().st_size))
        record(small)
    return small


def _code(wanted: tuple[str, ...], found: Iterable[str]) -> int:
    notions = set(found)
    return FOUND if notions & set(wanted) or (notions and ANY in wanted) else 0
