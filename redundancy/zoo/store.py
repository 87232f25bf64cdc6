"""Keeps runs on disk, by what decides them, so that nothing is trained twice."""

from __future__ import annotations

import hashlib
import json
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from redundancy.cache import VARIABLE, directory, write_atomically
from redundancy.errors import DataError, NetworkError
from redundancy.network import Array
from redundancy.zoo.notices import Notices
from redundancy.zoo.recipe import Recipe
from redundancy.zoo.run import Run
from redundancy.zoo.structure import numpy_dtype, structure
from redundancy.zoo.versions import machine, versions

FORMAT = 3
"""Another number where the way that runs are trained or written changes what they are."""

Pair = tuple[Recipe, int]

_META = "meta"
_DAMAGE = (ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error, NetworkError)


@dataclass(frozen=True, slots=True)
class Turn:
    """What a process does next.

    Attributes:
        mine: Runs that it trains now, and that others leave to it; none where others are training all that is missing.
        came: Runs that are kept by now, of those that were looked at.
    """

    mine: list[Pair]
    came: list[Pair]


@dataclass(frozen=True, slots=True)
class Store:
    """Runs on disk: one .npz without pickle a run, under a name made of everything that decides its weights.

    That is the recipe, the seed, the data, and the versions of what computes (see `versions`). The machine is not
    among it: it decides rounding only, so that machines may share a directory. A file is believed only if its own
    digest fits. One that is damaged is renamed to *.bad, and counts as missing.

    Attributes:
        directory: Created when first written to.
    """

    directory: Path

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
        with source:
            try:
                meta, arrays = _read(source, path.stem)
                network = structure(recipe, input_shape).with_weights(_by_node(arrays))
                loss, accuracy = float(meta["loss"]), float(meta["accuracy"])
                return Run(recipe, seed, network, loss, accuracy, data_digest, meta["diverged"], meta["alone"])
            except _DAMAGE:
                self._set_aside(path)
        return None

    def save(self, run: Run) -> None:
        """Keep a run; readers see the whole file or none.

        Raises:
            DataError: The directory cannot be made or written to.
        """
        path = self.path(run.recipe, run.seed, run.data_digest)
        self._make(path.parent)
        arrays = {f"{node.name}/{name}": array for node in run.network for name, array in node.weights.items()}
        meta = {
            "key": path.stem,
            "recipe": run.recipe.to_json(),
            "seed": run.seed,
            "data": run.data_digest,
            "loss": repr(run.loss),
            "accuracy": repr(run.accuracy),
            "diverged": run.diverged,
            "alone": run.alone,
            "versions": versions(),
            "machine": machine(),
            "saved": datetime.now(UTC).isoformat(timespec="seconds"),
            "dtypes": {name: array.dtype.name for name, array in arrays.items()},
        }
        text = json.dumps({**meta, "digest": _digest(meta, arrays)}, sort_keys=True)
        plain = {name: _plain(array) for name, array in arrays.items()}
        content = {**plain, _META: np.frombuffer(text.encode(), np.uint8)}
        write_atomically(path, lambda file: np.savez(file, **content))  # type: ignore[arg-type]

    @contextmanager
    def turn(
        self,
        pairs: Iterable[Pair],
        data_digest: str,
        group: Callable[[Iterable[Pair]], Sequence[Pair]],
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

    def path(self, recipe: Recipe, seed: int, data_digest: str) -> Path:
        """Where a run is, or would be."""
        key = _hash([FORMAT, recipe.digest, seed, data_digest, versions()])
        return self._group(recipe, data_digest) / f"{key}.npz"

    def _group(self, recipe: Recipe, data_digest: str) -> Path:
        return self.directory / _hash([recipe.digest, data_digest])[:16]

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


def _read(source: BinaryIO, key: str) -> tuple[dict[str, Any], dict[str, Array]]:
    """What a file says: everything but the arrays, and the arrays by name. Raises one of _DAMAGE."""
    with np.load(source, allow_pickle=False) as file:
        content = {name: file[name] for name in file.files}
    meta = json.loads(content.pop(_META).tobytes())
    stated = meta.pop("digest")
    arrays = {name: content[name].view(numpy_dtype(dtype)) for name, dtype in meta["dtypes"].items()}
    if meta["key"] != key or len(arrays) != len(content) or stated != _digest(meta, arrays):
        raise ValueError("the content is not what was written")
    return meta, arrays


def _by_node(arrays: Mapping[str, Array]) -> dict[str, dict[str, Array]]:
    nodes: dict[str, dict[str, Array]] = {}
    for place, array in arrays.items():
        node, _, name = place.partition("/")
        nodes.setdefault(node, {})[name] = array
    return nodes


def _plain(array: Array) -> Array:
    # NumPy's file format knows no bfloat16: its bits are kept as integers.
    return array if array.dtype.kind == "f" else array.view(f"u{array.dtype.itemsize}")


def _digest(meta: Mapping[str, Any], arrays: Mapping[str, Array]) -> str:
    sums = {name: hashlib.sha256(_plain(array).tobytes()).hexdigest() for name, array in arrays.items()}
    shapes = {name: list(array.shape) for name, array in arrays.items()}
    return _hash([dict(meta), sums, shapes])


def _hash(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _refused(path: Path, what: str, error: OSError) -> DataError:
    why = error.strerror or type(error).__name__
    return DataError(f"cannot {what} {str(path)!r}: {why}; set {VARIABLE} to a directory you can write to")
