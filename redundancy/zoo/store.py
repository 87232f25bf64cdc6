"""Keeps runs on disk, by what decides them, so that nothing is trained twice."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from redundancy.cache import VARIABLE, directory, locked, write_atomically
from redundancy.errors import DataError, NetworkError
from redundancy.network import Array
from redundancy.zoo.recipe import Recipe
from redundancy.zoo.run import Run
from redundancy.zoo.structure import numpy_dtype, structure

FORMAT = 2
"""Another number where the way that runs are trained or written changes what they are."""

PATIENCE = 3600.0
"""Seconds to wait for another process that trains the same recipe."""

_META = "meta"
_DECIDING = ("TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS", "TF_ENABLE_ONEDNN_OPTS")
_DAMAGE = (ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error, NetworkError)


@dataclass(frozen=True, slots=True)
class Store:
    """Runs on disk: one .npz without pickle a run, under a name made of everything that decides its weights.

    That is the recipe, the seed, the data, and the machine as far as it decides bits (see `machine`). A file is
    believed only if its own digest fits. One that is damaged is renamed to *.bad, and counts as missing.

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
            "dtypes": {name: array.dtype.name for name, array in arrays.items()},
        }
        text = json.dumps({**meta, "digest": _digest(meta, arrays)}, sort_keys=True)
        plain = {name: _plain(array) for name, array in arrays.items()}
        content = {**plain, _META: np.frombuffer(text.encode(), np.uint8)}
        write_atomically(path, lambda file: np.savez(file, **content))  # type: ignore[arg-type]

    @contextmanager
    def held(self, recipe: Recipe, data_digest: str) -> Iterator[None]:
        """Keep other processes from training the same recipe on the same data: they wait, and then find it here.

        Raises:
            DataError: The directory cannot be used, or another process held it for an hour.
        """
        self._make(self.directory)
        with locked(self._group(recipe, data_digest), PATIENCE):
            yield

    def path(self, recipe: Recipe, seed: int, data_digest: str) -> Path:
        """Where a run is, or would be."""
        key = _hash([FORMAT, recipe.digest, seed, data_digest, machine()])
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


@cache
def machine() -> str:
    """What decides the bits of a trained network besides recipe, seed and data, as one line.

    The versions of the libraries that compute, the processor, and how many threads share a sum: TensorFlow cuts
    its work into as many pieces as it has threads, and adds in another order where there are more or fewer.
    """
    versions = [f"{name} {_version(name)}" for name in ("keras", "tensorflow", "numpy")]
    threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    deciding = [f"{name}={os.environ[name]}" for name in _DECIDING if name in os.environ]
    return ", ".join([*versions, platform.system(), platform.machine(), _processor(), f"{threads} threads", *deciding])


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "unknown"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


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
