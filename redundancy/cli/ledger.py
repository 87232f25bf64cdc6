"""The commands about verdicts that are kept."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from typing import Any

from redundancy.errors import OptionError


def add_commands(commands: Any) -> None:
    """Adds `ledger` to the commands of a parser."""
    text = "what was found about claims with a rate, and when"
    parser = commands.add_parser("ledger", help=text, description=text)
    inner = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    parser.commands = inner.choices
    text = "show every judgement of the claims whose sentence or test has that text in it, or of all"
    show = inner.add_parser("show", help=text, description=text)
    show.add_argument("text", nargs="?", default="", metavar="TEXT", help="a part of a sentence, or of a test's name")
    show.add_argument("--ledger", metavar="DIR", help="the directory of the ledger; else one in the user's cache")
    show.set_defaults(run=_show)


def _show(arguments: argparse.Namespace) -> int:
    from redundancy.ledger import Ledger
    from redundancy.report.ledger import ledger_table

    chosen = arguments.ledger
    if chosen and not Path(chosen).expanduser().is_dir():
        raise OptionError(f"there is no ledger at {chosen!r}: name the directory that --redundancy-ledger named")
    ledger = Ledger(Path(chosen).expanduser()) if chosen else Ledger.default()
    text = arguments.text.casefold()
    books = [book for book in ledger.books() if (said := book.identity) and _speaks(text, said.sentence, said.test)]
    if not books:
        what = f"no claim with {arguments.text!r} in it" if text else "no claim"
        where = f"{what} is in the ledger at {str(ledger.place)!r}"
        raise OptionError(f"{where}: run pytest on a claim with at_least first")
    print(ledger_table(books, shutil.get_terminal_size().columns))
    return 0


def _speaks(text: str, *said: str) -> bool:
    return any(text in one.casefold() for one in said)
