"""What a store holds, by what its files say of themselves: for people to look at, not for claims to rest on.

A file is read as far as its meta data, and its digest is not looked at: `Store.load` does that, when a run is used.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from redundancy.errors import DataError, OptionError, RecipeError
from redundancy.zoo.entry import DamagedError, meta_of
from redundancy.zoo.recipe import Recipe
from redundancy.zoo.shelves import ENTRY, LIFE, TEMPORARY, File, files, remove
from redundancy.zoo.store import Store

KEY = 16
"""Characters of a recipe's digest that name the directory of its runs."""

SHOWN = 8
"""Characters of them that are shown, where that many tell recipes apart."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What a file of a store says of the run in it.

    Attributes:
        file: Where it is, how large, and when it was last used.
        seed: Of the run.
        loss: As in `Run`.
        accuracy: As in `Run`.
        diverged: As in `Run`.
        data: The digest of the data it was trained on.
        versions: By name, those that decided it.
        machine: Where it was kept.
        saved: When it was, as ISO 8601.
        current: Whether a call on this installation would find it, and not train it anew.
    """

    file: File
    seed: int
    loss: float
    accuracy: float
    diverged: int | None
    data: str
    versions: tuple[tuple[str, str], ...]
    machine: str
    saved: str
    current: bool

    def to_dict(self) -> dict[str, Any]:
        """In plain types, as JSON has them."""
        return {
            "seed": self.seed,
            "accuracy": self.accuracy,
            "loss": self.loss,
            "diverged": self.diverged,
            "data": self.data,
            "versions": dict(self.versions),
            "machine": self.machine,
            "saved": self.saved,
            "used": moment(self.file.used),
            "current": self.current,
            "bytes": self.file.size,
            "path": str(self.file.path),
        }


@dataclass(frozen=True, slots=True)
class Shelf:
    """The runs of one recipe.

    Attributes:
        key: The first characters of the recipe's digest; the name of its directory.
        recipe: What was trained; None where no file here can be read.
        runs: By seed.
        others: Files that hold no run that can be read: damaged, of another program, or being written.
    """

    key: str
    recipe: Recipe | None
    runs: tuple[Kept, ...]
    others: tuple[File, ...]

    @property
    def digest(self) -> str:
        """The recipe's digest, or as much of it as is known."""
        return self.key if self.recipe is None else self.recipe.digest

    @property
    def files(self) -> tuple[File, ...]:
        """All of them."""
        return (*(run.file for run in self.runs), *self.others)

    @property
    def size(self) -> int:
        """Bytes of all its files."""
        return sum(file.size for file in self.files)

    @property
    def used(self) -> float:
        """When one of them was last used, in seconds since 1970."""
        return max(file.used for file in self.files)

    @property
    def damaged(self) -> tuple[File, ...]:
        """Those of the others that nobody can be writing."""
        old = time.time() - LIFE[TEMPORARY]
        return tuple(file for file in self.others if file.kind != TEMPORARY or file.used < old)

    @property
    def removable(self) -> tuple[File, ...]:
        """All files but those that somebody may be writing."""
        return (*(run.file for run in self.runs), *self.damaged)

    def to_dict(self) -> dict[str, Any]:
        """In plain types, as JSON has them."""
        return {
            "key": self.key,
            "outline": "" if self.recipe is None else self.recipe.outline,
            "recipe": None if self.recipe is None else json.loads(self.recipe.to_json()),
            "bytes": self.size,
            "used": moment(self.used),
            "damaged": len(self.damaged),
            "runs": [run.to_dict() for run in self.runs],
        }


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What a store holds.

    Attributes:
        store: Which one.
        shelves: Recipe by recipe, the one that was used last first.
    """

    store: Store
    shelves: tuple[Shelf, ...]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(shelf.size for shelf in self.shelves)

    @property
    def shown(self) -> int:
        """How many characters of a key tell all recipes apart; at least SHOWN."""
        keys = [shelf.key for shelf in self.shelves]
        return next((n for n in range(SHOWN, KEY) if len({key[:n] for key in keys}) == len(keys)), KEY)

    def of(self, prefix: str) -> Shelf:
        """The one recipe whose key begins like that.

        Raises:
            OptionError: There is none, or several.
        """
        word = prefix.strip().lower()
        found = [shelf for shelf in self.shelves if word and shelf.digest.startswith(word)]
        if not found:
            why = "the store holds nothing" if not self.shelves else "see redundancy zoo list"
            raise OptionError(f"no recipe has a key that begins with {prefix!r}; {why}")
        if len(found) > 1:
            some = ", ".join(shelf.key[: self.shown] for shelf in found[:4])
            more = ", ..." if len(found) > 4 else ""
            raise OptionError(f"{prefix!r} begins the keys of {len(found)} recipes: {some}{more}; give more of it")
        return found[0]

    def only(self, shelves: Iterable[Shelf]) -> Catalogue:
        """The same store, as if it held those only."""
        return Catalogue(self.store, tuple(shelves))

    def to_dict(self) -> dict[str, Any]:
        """In plain types, as JSON has them."""
        return {
            "schema": "redundancy/store",
            "version": "1",
            "directory": str(self.store.directory),
            "bytes": self.size,
            "limit": self.store.limit,
            "recipes": [shelf.to_dict() for shelf in self.shelves],
        }


def catalogue(store: Store) -> Catalogue:
    """What a store holds, now: other processes may be adding to it.

    Raises:
        DataError: A directory of it cannot be read.
    """
    found: dict[str, list[File]] = {}
    try:
        for file in files(store.directory):
            found.setdefault(file.path.parent.name, []).append(file)
    except OSError as error:
        where = str(error.filename or store.directory)
        raise DataError(f"cannot read {where!r}: {error.strerror}; name a store that you can read") from error
    shelves = [_shelf(store, key, there) for key, there in found.items()]
    return Catalogue(store, tuple(sorted(shelves, key=lambda shelf: (-shelf.used, shelf.key))))


def removed(store: Store, gone: Collection[File]) -> int:
    """Removes files of a store, while nobody takes stock of what is missing in it; how many are gone then.

    Processes that are training go on, and keep what they train: they are writing other files than these.

    Raises:
        DataError: The directory cannot be written to.
    """
    with store.still():
        remove(gone)
    return sum(not file.path.exists() for file in gone)


def moment(seconds: float) -> str:
    """Seconds since 1970 as ISO 8601, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _shelf(store: Store, key: str, there: Iterable[File]) -> Shelf:
    recipes: dict[str, Recipe] = {}
    runs, others = [], []
    for file in there:
        try:
            runs.append(_kept(store, file, recipes))
        except FileNotFoundError:  # another process has removed it meanwhile
            continue
        except (DamagedError, RecipeError, OSError, KeyError, TypeError, ValueError):
            others.append(file)
    runs.sort(key=lambda run: (run.seed, run.file.path.name))
    return Shelf(key, next(iter(recipes.values()), None), tuple(runs), tuple(others))


def _kept(store: Store, file: File, recipes: dict[str, Recipe]) -> Kept:
    """What a file says; anything that a run would not say of itself is an error."""
    if file.kind != ENTRY:
        raise ValueError("no run")
    with file.path.open("rb") as content:
        said = meta_of(content)
    recipe = _recipe(str(said["recipe"]), file.path.parent.name, recipes)
    seed, diverged, accuracy = said["seed"], said["diverged"], float(said["accuracy"])
    if type(seed) is not int or type(diverged) not in (int, type(None)) or not 0.0 <= accuracy <= 1.0:
        raise ValueError("a value is none that a run has")
    if said["key"] != file.path.stem or not re.fullmatch("[0-9a-f]{64}", said["data"]):
        raise ValueError("the name is another")
    versions = tuple(sorted((str(name), str(value)) for name, value in said["versions"].items()))
    current = store.path(recipe, seed, said["data"]).name == file.path.name
    about = str(said["machine"]), str(said["saved"]), current
    return Kept(file, seed, float(said["loss"]), accuracy, diverged, said["data"], versions, *about)


def _recipe(source: str, key: str, recipes: dict[str, Recipe]) -> Recipe:
    """Read once for all the runs of it."""
    if source not in recipes:
        if hashlib.sha256(source.encode()).hexdigest()[:KEY] != key:
            raise ValueError("the recipe is another")
        recipes[source] = Recipe.from_json(source)
    return recipes[source]
