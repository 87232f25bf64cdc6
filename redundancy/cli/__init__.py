"""The command line: arguments in, functions of the other rooms called, one line where something is wrong."""

from __future__ import annotations

import argparse
import io
import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import suppress

from redundancy.cli import check, claims, ledger, models, pruning, zoo
from redundancy.cli.codes import INTERRUPTED, MISTAKE, PIPE_CLOSED, UNUSABLE
from redundancy.cli.interrupting import interruptible
from redundancy.cli.naming import in_shell
from redundancy.cli.parsing import Parser, parsed
from redundancy.errors import RedundancyError
from redundancy.output import reason


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        argv: The arguments; those of the process if not given.

    Returns:
        The exit code: 2 where the arguments or what they name cannot be used.
    """
    arguments = parsed(_parser(), argv)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a name that a terminal cannot show is no reason to fail
    try:
        with interruptible():
            code = int(arguments.run(arguments))
            sys.stdout.flush()
    except RedundancyError as error:
        print(f"redundancy: error: {in_shell(str(error), arguments.parser.keywords)}", file=sys.stderr)
        return UNUSABLE
    except MemoryError:
        print("redundancy: error: the memory is used up; use a machine with more, or less data", file=sys.stderr)
        return UNUSABLE
    except KeyboardInterrupt as error:
        said = f"; {error}" if str(error) else ""
        print(f"redundancy: interrupted{said}", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        _close_stdout()
        return PIPE_CLOSED
    except OSError as error:
        print(f"redundancy: error: {reason(error)}; check the space and the permissions there", file=sys.stderr)
        _close_stdout()
        return UNUSABLE
    except Exception:
        traceback.print_exc()
        print("redundancy: this is a mistake of this package; please report it with the lines above", file=sys.stderr)
        return MISTAKE
    return code


def _close_stdout() -> None:
    """Python would complain again when it flushes at exit."""
    with suppress(OSError, ValueError):  # it is no file, as in a notebook
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class _Version(argparse.Action):
    """Looks the version up only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from redundancy import __version__

        print(f"redundancy {__version__}")
        parser.exit()


def _parser() -> Parser:
    parser = Parser(prog="redundancy", description="Claims about redundancy in neural networks.")
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and stop")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    claims.add_commands(commands)
    check.add_commands(commands)
    models.add_commands(commands)
    pruning.add_commands(commands)
    zoo.add_commands(commands)
    ledger.add_commands(commands)
    parser.commands = commands.choices
    for command in _every(parser):
        command.set_defaults(parser=command)
    return parser


def _every(parser: Parser) -> Iterator[Parser]:
    """All commands below a parser, those of commands included."""
    for command in parser.commands.values():
        yield command
        yield from _every(command)
