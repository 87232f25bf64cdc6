"""Any data set in an .npz file with x_train, y_train, x_test and y_test."""

from __future__ import annotations

import io
import math
import stat
import warnings
import zipfile
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.lib import format as npy

from redundancy.data.conversion import KEYS, dataset_from
from redundancy.data.dataset import Dataset, refused
from redundancy.errors import DataError
from redundancy.network import Array

LARGEST = 8 * 2**30
"""Bytes that the arrays of one file may take in memory: a small file can declare, and unpack to, any size."""

_LONGEST_HEADER = 12_000
"""Bytes of an array's header that are read; NumPy itself refuses more than 10,000."""

_REMEDY = "write it anew with numpy.savez"


def load(path: Path) -> Dataset:
    """The data set in a file. Nothing in it is ever unpickled.

    Args:
        path: An .npz with arrays called x_train, y_train, x_test, y_test: images of shape (n, h, w) or
            (n, h, w, c), uint8 in 0..255 or floats in [0, 1]; labels of shape (n,) or (n, 1), whole numbers
            from 0.

    Raises:
        DataError: The file is missing, damaged, too large, or not that.
    """
    return dataset_from(str(path), read(path))


def read(path: Path, choose: Callable[[Collection[str]], Sequence[str]] = lambda _: KEYS) -> dict[str, Array]:
    """Some arrays of a file, as they are stored.

    Args:
        path: An .npz with those arrays, none of them of Python objects.
        choose: Which ones, given the names of all that are there; those of a data set if not given.

    Raises:
        DataError: The file is missing, damaged, too large, or not that.
    """
    name = str(path)
    _check_file(name, path)
    try:
        with warnings.catch_warnings(), zipfile.ZipFile(path) as archive:
            # Headers that Python 2 wrote are read all the same: a warning about them asks nothing of anyone.
            warnings.simplefilter("ignore", UserWarning)
            keys = choose({member.removesuffix(".npy") for member in archive.namelist()})
            _check_headers(name, archive, keys)
            return {key: _read(archive, key) for key in keys}
    except DataError:
        raise
    # A damaged file can raise anything: from zipfile, the decompressors, NumPy's header parser.
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise refused(name, f"the file is damaged or is no .npz file ({reason})", _REMEDY) from error


def write(file: BinaryIO, arrays: Mapping[str, Array]) -> None:
    """Write arrays so that `read` gives them back.

    Args:
        file: Open for writing.
        arrays: By the names in `KEYS`.
    """
    x_train, y_train, x_test, y_test = (arrays[key] for key in KEYS)
    np.savez(file, x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)


def _check_file(name: str, path: Path) -> None:
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):  # opening a pipe would wait for ever
            what = "a directory" if stat.S_ISDIR(found.st_mode) else "not a regular file"
            raise refused(name, f"it is {what}", "give the path of an .npz file")
        with path.open("rb") as file:
            start = file.read(len(npy.MAGIC_PREFIX))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise refused(name, f"it cannot be read ({reason})", "check the path and its permissions") from error
    if not start:
        raise refused(name, "the file is empty", _REMEDY)
    if start == npy.MAGIC_PREFIX:
        raise refused(name, "it is a single array (.npy), not an .npz file", _REMEDY)


def _check_headers(name: str, archive: zipfile.ZipFile, keys: Sequence[str]) -> None:
    present = {member.removesuffix(".npy") for member in archive.namelist()}
    if missing := [key for key in keys if key not in present]:
        raise refused(name, f"it has no {', '.join(missing)}", f"{_REMEDY}, from arrays called {', '.join(keys)}")
    total = 0
    for key in keys:
        shape, dtype = _header(archive, key)
        if dtype.hasobject:
            raise refused(name, f"{key} holds pickled Python objects, which are never loaded", "store plain numbers")
        # Everything narrower becomes float32 or wider.
        total += math.prod(shape) * max(dtype.itemsize, 4)
    if total > LARGEST:
        size = f"its arrays take {total / 2**30:,.1f} GiB in memory, more than {LARGEST / 2**30:g}"
        raise refused(name, size, "give fewer or smaller images")


def _header(archive: zipfile.ZipFile, key: str) -> tuple[tuple[int, ...], np.dtype[np.generic]]:
    """Shape and dtype that an array declares, read without what follows them."""
    with archive.open(_member(archive, key)) as member:
        start = io.BytesIO(member.read(_LONGEST_HEADER))
    version = npy.read_magic(start)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, _, dtype = read(start)
    return shape, dtype


def _read(archive: zipfile.ZipFile, key: str) -> Array:
    with archive.open(_member(archive, key)) as member:
        return npy.read_array(member, allow_pickle=False)


def _member(archive: zipfile.ZipFile, key: str) -> zipfile.ZipInfo:
    name = f"{key}.npy"
    return archive.getinfo(name if name in archive.namelist() else key)
