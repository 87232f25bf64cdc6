"""The command line: arguments in, functions of the other rooms called, one line where something is wrong."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from redundancy.cli import claims, models
from redundancy.errors import RedundancyError

INTERRUPTED, PIPE_CLOSED = 130, 141
"""Exit codes as shells give them, for SIGINT and SIGPIPE."""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        argv: The arguments; those of the process if not given.

    Returns:
        The exit code: 2 where the arguments or what they name cannot be used.
    """
    arguments = _parser().parse_args(argv)
    try:
        code = int(arguments.run(arguments))
        sys.stdout.flush()
    except RedundancyError as error:
        print(f"redundancy: error: {error}", file=sys.stderr)
        return 2
    except MemoryError:
        print("redundancy: error: the memory is used up; use a machine with more, or less data", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("redundancy: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # Python would complain again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    return code


class _Parser(argparse.ArgumentParser):
    """Says in one line what is wrong, as everything else here does."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"redundancy: error: {' '.join(message.split())}; see {self.prog} --help\n")


class _Version(argparse.Action):
    """Looks the version up only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from redundancy import __version__

        print(f"redundancy {__version__}")
        parser.exit()


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="redundancy", description="Claims about redundancy in neural networks.")
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and stop")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    claims.add_commands(commands)
    models.add_commands(commands)
    return parser
