"""The commands about claims, and the data that they are tested on."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from redundancy.errors import OptionError

PROPERTIES = "properties"
"""Where claims live, if the command line names no other place."""


def add_commands(commands: Any) -> None:
    """Adds `data` and `claims` to the commands of a parser."""
    data = commands.add_parser("data", help="load a data set and describe it")
    data.add_argument(
        "data", nargs="?", metavar="NAME|PATH", help="mnist-5k, mnist or an .npz file; the default if none"
    )
    data.set_defaults(run=_data)

    # No prefix makes an option here: whatever follows is pytest's.
    text = f"test the claims in {PROPERTIES}/, or in the paths given; all other arguments are pytest's"
    claims = commands.add_parser("claims", help=text, description=text, prefix_chars="\0", add_help=False)
    claims.add_argument("arguments", nargs="*", metavar="ARGUMENT")
    claims.set_defaults(run=_claims)


def _data(arguments: argparse.Namespace) -> int:
    import numpy as np

    from redundancy.cache import directory
    from redundancy.data import load

    loaded = load(arguments.data)
    print(loaded)
    for part, labels in (("training", loaded.y_train), ("test", loaded.y_test)):
        counts = np.bincount(labels, minlength=loaded.classes)
        print(f"{part} images a class: {' '.join(map(str, counts))}")
    print(f"digest: {loaded.digest}")
    print(f"cache: {directory()}")
    return 0


def _claims(arguments: argparse.Namespace) -> int:
    given: list[str] = arguments.arguments
    if not _paths(given):
        if not Path(PROPERTIES).is_dir():
            where = f"there is no directory {PROPERTIES!r} in {str(Path.cwd())!r}"
            raise OptionError(f"{where}; run this where your claims are, or name the path of one")
        given = [PROPERTIES, *given]
    # A process of its own: pytest has to see this package before anything imports it.
    return subprocess.call([sys.executable, "-m", "pytest", *given])


def _paths(arguments: Sequence[str]) -> list[str]:
    """The arguments that name a place to look for claims, and not the value of one of this package's options."""
    befores = ["", *arguments]
    values = {
        place for place, before in enumerate(befores[:-1]) if before.startswith("--redundancy-") and "=" not in before
    }
    return [
        argument
        for place, argument in enumerate(arguments)
        if place not in values and not argument.startswith("-") and Path(argument.split("::", 1)[0]).exists()
    ]
