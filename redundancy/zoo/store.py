"""Keeps runs on disk, by what decides them, so that nothing is trained twice."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from redundancy.cache import VARIABLE, directory, write_atomically
from redundancy.errors import DataError
from redundancy.zoo import shelves
from redundancy.zoo.entry import FORMAT, DamagedError, Expected, packed, unpacked
from redundancy.zoo.notices import Notices
from redundancy.zoo.recipe import Recipe
from redundancy.zoo.run import Run
from redundancy.zoo.structure import structure
from redundancy.zoo.versions import versions

Pair = tuple[Recipe, int]

_TRIES = 3


@dataclass(frozen=True, slots=True)
class Turn:
    """What a process does next.

    Attributes:
        mine: Runs that it trains now, and that others leave to it; none where others are training all that is missing.
        came: Runs that are kept by now, of those that were looked at.
    """

    mine: list[Pair]
    came: list[Pair]


@dataclass(frozen=True, slots=True, init=False)
class Store:
    """Runs on disk: one file a run, as `docs/store.md` says, under a name made of everything that decides its weights.

    That is the recipe, the seed, the data, and the versions of what computes (see `versions`). The machine is not
    among it: it decides rounding only, so that machines may share a directory. A file is believed only if its own
    digest fits, and it says what it is expected to. Any other is renamed to *.bad, and counts as missing.

    Attributes:
        directory: Created when first written to.
        limit: Bytes that it may take; beyond, the runs go that were not used for longest. If not given, what
            `REDUNDANCY_STORE_SIZE` says (bytes, or 500M, 2G, ...), else 2 GiB.

    Raises:
        DataError: The variable says no size.
    """

    directory: Path
    limit: int

    def __init__(self, directory: str | Path, limit: int | None = None) -> None:
        object.__setattr__(self, "directory", Path(directory))
        object.__setattr__(self, "limit", shelves.limit() if limit is None else limit)

    @classmethod
    def default(cls) -> Store:
        """The one in the cache directory.

        Raises:
            DataError: The cache directory cannot be used.
        """
        return cls(directory() / "runs")

    def load(self, recipe: Recipe, seed: int, data_digest: str, input_shape: Iterable[int]) -> Run | None:
        """The run, if it is here and whole.

        Args:
            recipe: Of the run.
            seed: Of the run.
            data_digest: Of the data set it was trained on.
            input_shape: Of that data set's images.

        Raises:
            DataError: There is a file that the system does not let us read, or set aside.
        """
        path = self.path(recipe, seed, data_digest)
        try:
            source = path.open("rb")
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise _refused(path, "read", error) from error
        expected = Expected(path.stem, recipe, seed, data_digest, structure(recipe, input_shape))
        with source:
            try:
                run = unpacked(source.read(expected.most + 1), expected)
            except DamagedError:
                self._set_aside(path)
                return None
            except OSError as error:
                raise _refused(path, "read", error) from error
        with suppress(OSError):  # read-only, or gone since
            os.utime(path)
        return run

    def save(self, run: Run) -> int:
        """Keep a run; readers see the whole file or none. How many bytes it takes.

        Raises:
            DataError: The directory cannot be made or written to.
        """
        path = self.path(run.recipe, run.seed, run.data_digest)
        content = packed(run, path.stem)
        for left in reversed(range(_TRIES)):
            self._make(path.parent)
            try:
                write_atomically(path, lambda file: file.write(content))
            except DataError as error:
                # Another process may have removed the directory while it was empty.
                if not (left and isinstance(error.__cause__, FileNotFoundError)):
                    raise
            else:
                break
        return len(content)

    def trim(self, needed: Iterable[Pair] = (), data_digest: str = "") -> None:
        """Makes room where there is too little, and removes what was left behind: see `shelves.trim`.

        Args:
            needed: (recipe, seed) of runs that have to stay.
            data_digest: Of the data set they are trained on.

        Raises:
            DataError: The directory cannot be read.
        """
        try:
            shelves.trim(self.directory, self.limit, lambda: {self.path(*pair, data_digest).stem for pair in needed})
        except OSError as error:
            raise _refused(self.directory, "read", error) from error

    @contextmanager
    def turn(
        self,
        pairs: Iterable[Pair],
        data_digest: str,
        group: Callable[[Iterable[Pair]], Iterable[Pair]],
        *,
        waits: bool = True,
    ) -> Iterator[Turn]:
        """What to train now: runs that are not here, and that no other process or machine is training.

        As long as this lasts, others leave them to this process, and train something else or wait. If it is killed,
        they notice at once. Nothing but the saving of work rests on this: runs that were trained twice, because the
        file system has no locks, say, are the same but for rounding, and each is written whole.

        Args:
            pairs: (recipe, seed) of the runs wanted.
            data_digest: Of the data set they are trained on.
            group: Picks, of those that are free, which to train at once; the rest is for the next turn, or for others.
            waits: Whether to leave to others what they say they are training.

        Raises:
            DataError: The directory cannot be made or written to.
        """
        turn = Turn([], [])

        def free(others: Collection[str]) -> Iterator[Pair]:
            for pair in pairs:
                path = self.path(*pair, data_digest)
                if path.exists():
                    turn.came.append(pair)
                elif path.stem not in others or not waits:
                    yield pair

        def choose(others: Collection[str]) -> list[str]:
            turn.mine.extend(group(free(others)))
            return [self.path(*pair, data_digest).stem for pair in turn.mine]

        notices = Notices(self.directory / "notices")
        self._make(notices.directory)
        with ExitStack() as stack:
            try:
                stack.enter_context(notices.left(choose))
            except OSError as error:
                raise _refused(notices.directory, "write to", error) from error
            yield turn

    @contextmanager
    def still(self) -> Iterator[None]:
        """As long as this lasts, no process decides what it trains next, where the file system has locks.

        Raises:
            DataError: The directory cannot be made or written to.
        """
        notices = Notices(self.directory / "notices")
        self._make(notices.directory)
        with ExitStack() as stack:
            try:
                stack.enter_context(notices.unread())
            except OSError as error:
                raise _refused(notices.directory, "write to", error) from error
            yield

    def path(self, recipe: Recipe, seed: int, data_digest: str) -> Path:
        """Where a run is, or would be."""
        key = _hash([FORMAT, recipe.digest, seed, data_digest, versions()])
        return self.directory / recipe.digest[:16] / f"{key}.npz"

    def _make(self, path: Path) -> None:
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _refused(path, "make the directory", error) from error

    def _set_aside(self, path: Path) -> None:
        try:
            path.replace(path.with_name(f"{path.name}.bad"))
        except FileNotFoundError:  # another process was quicker
            return
        except OSError as error:
            raise _refused(path, "set aside the damaged file", error) from error


def _hash(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _refused(path: Path, what: str, error: OSError) -> DataError:
    why = error.strerror or type(error).__name__
    return DataError(
        f"cannot {what} {str(path)!r}: {why}; choose a store, or set {VARIABLE} to a directory, that you can write to"
    )
