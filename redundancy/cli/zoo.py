"""The commands about the store of trained networks: `list`, `show`, `clear` and `train`."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Collection
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from redundancy.cli.outputs import json_file, path_of, show, width
from redundancy.cli.progress import told
from redundancy.cli.recipes import seeds_of
from redundancy.errors import OptionError
from redundancy.output import check_writable

if TYPE_CHECKING:
    from redundancy.zoo import Store
    from redundancy.zoo.catalogue import Catalogue
    from redundancy.zoo.shelves import File

DECLINED = 1
"""The exit code where a person was asked, and did not say yes."""

_CODES = (
    "exit codes: 0 done; 2 the arguments, or what they name, cannot be used; 70 a mistake of this program;"
    " 130 interrupted"
)

_KEY = "the beginning of a recipe's key, as redundancy zoo list prints it"


def add_commands(commands: Any) -> None:
    """Adds `zoo`, and the commands below it, to the commands of a parser."""
    text = "what the store of trained networks holds; train networks into it"
    zoo = commands.add_parser("zoo", help=text, description=text)
    below = zoo.add_subparsers(title="commands", required=True, metavar="COMMAND")

    text = "list the recipes in the store, the one that was used last first"
    listing = _added(below, "list", text)
    _add_json(listing)
    listing.set_defaults(run=_list)

    text = "show a recipe, and its runs"
    showing = _added(below, "show", text)
    showing.add_argument("key", metavar="KEY", help=_KEY)
    _add_json(showing)
    showing.set_defaults(run=_show)

    text = "remove the runs of some recipes, or everything that the store holds"
    clearing = _added(below, "clear", text)
    clearing.add_argument("keys", nargs="*", metavar="KEY", help=f"{_KEY}; everything if none is given")
    clearing.add_argument("--yes", action="store_true", help="do not ask")
    clearing.epilog = _CODES.replace("0 done;", f"0 done; {DECLINED} not done, since you did not say yes;")
    clearing.set_defaults(run=_clear)

    text = "train a recipe from seeds, and keep the runs; what is in the store is not trained again"
    training = _added(below, "train", text)
    _add_training(training)
    training.set_defaults(run=_train)
    zoo.commands = below.choices


def _added(commands: Any, name: str, text: str) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text, epilog=_CODES)
    command.add_argument(
        "--store", metavar="DIR", help="the directory that keeps trained networks; else one in the user's cache"
    )
    return command


def _add_json(command: argparse.ArgumentParser) -> None:
    command.add_argument("--json", metavar="OUT.json", help="write it as JSON; - for the standard output")
    command.add_argument("--force", action="store_true", help="replace a file that exists")


def _add_training(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "recipe",
        metavar="RECIPE",
        help="a JSON file, - for JSON on the standard input, or a Recipe in Python as file.py:NAME or module:NAME",
    )
    command.add_argument(
        "--seeds", type=seeds_of, required=True, metavar="SEEDS", help="0:100 for 0 to 99, 7, or 1,2,5"
    )
    command.add_argument(
        "--seed",
        type=_root,
        metavar="ROOT",
        help="a root seed: SEEDS then count the independent seeds that are made from it; SEEDS themselves if not given",
    )
    command.add_argument(
        "--data", metavar="NAME|PATH", help="mnist-5k, mnist or an .npz file, in place of what the recipe names"
    )
    command.add_argument(
        "--cluster",
        default="",
        metavar="WHO",
        help="who trains: here, processes:N, or a Dask scheduler as tcp://host:8786 (here if not given)",
    )


def store_of(arguments: argparse.Namespace) -> Store:
    """The store that --store names, or the one in the user's cache.

    Raises:
        OptionError: It names none.
        DataError: The cache directory cannot be used.
    """
    from redundancy.zoo import Store

    if arguments.store is None:
        return Store.default()
    if not arguments.store.strip():
        raise OptionError("--store is empty; give a directory, or leave it out")
    try:
        directory = Path(arguments.store).expanduser().absolute()
        if directory.exists() and not directory.is_dir():
            raise OptionError(f"--store {arguments.store!r} is no directory; give one")
    except (OSError, ValueError, RuntimeError) as error:  # too long, not to be looked at, of a home that there is not
        raise OptionError(f"--store {arguments.store!r} cannot be used: {error}; give another directory") from error
    return Store(directory)


def _list(arguments: argparse.Namespace) -> int:
    from redundancy.report.store import store_table

    _check_json(arguments)
    found = _found(store_of(arguments))
    _shown(arguments, found, store_table(found, width(), time.time()))
    return 0


def _show(arguments: argparse.Namespace) -> int:
    from redundancy.report.store import recipe_table

    _check_json(arguments)
    found = _found(store_of(arguments))
    shelf = found.of(arguments.key)
    _shown(arguments, found.only([shelf]), recipe_table(found, shelf, width()))
    return 0


def _found(store: Store) -> Catalogue:
    from redundancy.zoo.catalogue import catalogue

    with told("reading the store"):
        return catalogue(store)


def _check_json(arguments: argparse.Namespace) -> None:
    if path := path_of(arguments.json):
        check_writable(path, force=arguments.force)


def _shown(arguments: argparse.Namespace, found: Catalogue, table: str) -> None:
    with ExitStack() as files:
        json_file(files, arguments)(found)
    show(arguments, table, found)


def _clear(arguments: argparse.Namespace) -> int:
    from redundancy.zoo.catalogue import removed

    store = store_of(arguments)
    found = _found(store)
    if arguments.keys:
        found = found.only({shelf.key: shelf for shelf in map(found.of, arguments.keys)}.values())
    files = [file for shelf in found.shelves for file in shelf.removable]
    if not files:
        print(f"there is nothing to remove in {str(store.directory)!r}")
        return 0
    what = _what(found, files)
    if not arguments.yes and not _agreed(what):
        print("nothing was removed")
        return DECLINED
    left = len(files) - removed(store, files)
    if left:
        raise OptionError(f"{left:,} of {len(files):,} files could not be removed; check the permissions there")
    print(f"removed {what}")
    return 0


def _what(found: Catalogue, files: Collection[File]) -> str:
    from redundancy.report.layout import count, plain, size

    runs = sum(len(shelf.runs) for shelf in found.shelves)
    damaged = len(files) - runs
    parts = [count(runs, "run")] * bool(runs) + [count(damaged, "damaged file")] * bool(damaged)
    recipes = count(len(found.shelves), "recipe")
    taken = size(sum(file.size for file in files))
    return f"{' and '.join(parts)} of {recipes}, {taken}, from {plain(found.store.directory)}"


def _agreed(what: str) -> bool:
    """Whether a person says yes.

    Raises:
        OptionError: There is none to ask.
    """
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise OptionError(f"this would remove {what}; say --yes to do it")
    print(f"This removes {what}. Go on? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _root(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 20):
        raise argparse.ArgumentTypeError(f"{text!r} is no seed; give a whole number from 0 up")
    return int(text)


def _train(arguments: argparse.Namespace) -> int:
    from redundancy.cli.training import trained

    return trained(arguments, store_of(arguments))
