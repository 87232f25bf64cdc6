"""The files of a store: which there are, how much room they take, and which have to go."""

from __future__ import annotations

import math
import os
import re
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from redundancy.errors import DataError

VARIABLE = "REDUNDANCY_STORE_SIZE"
"""The environment variable that says how much room a store may take: bytes, or 500M, 2G, ..."""

DEFAULT = 2 << 30
"""Bytes that a store may take if nothing else is said."""

ENTRY, BAD, TEMPORARY = "entry", "bad", "temporary"
"""A run; what was set aside because it was damaged; and what is being written, or was when its process was killed."""

LIFE = {BAD: 7 * 86400.0, TEMPORARY: 86400.0}
"""Seconds after which what is no run goes. Nobody writes a file for a day."""

_LEFT = 0.9
"""The share of its room that a store keeps when it is too large, so that it is not too large again at once."""

_NAMES = {
    ENTRY: re.compile(r"[0-9a-f]{64}\.npz"),
    BAD: re.compile(r"[0-9a-f]{64}\.npz\.bad"),
    TEMPORARY: re.compile(r"\.[0-9a-f]{64}\.npz\.\d+-[0-9a-f]{8}"),
}
_SHELF = re.compile(r"[0-9a-f]{16}")
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


@dataclass(frozen=True, slots=True)
class File:
    """One file of a store.

    Attributes:
        path: Where it is.
        kind: ENTRY, BAD or TEMPORARY.
        size: In bytes.
        used: When it was last written or loaded, in seconds since 1970.
    """

    path: Path
    kind: str
    size: int
    used: float


def limit() -> int:
    """Bytes that a store may take: what REDUNDANCY_STORE_SIZE says, else DEFAULT.

    Raises:
        DataError: It says no size.
    """
    said = os.environ.get(VARIABLE, "").strip()
    return size(said, VARIABLE) if said else DEFAULT


def size(text: str, what: str) -> int:
    """Bytes, from text such as 500M, 2G or 1.5 GB.

    Args:
        text: The size.
        what: What it was given as, for the error.

    Raises:
        DataError: It is no size.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", text.strip(), re.IGNORECASE | re.ASCII)
    if match is None:
        raise DataError(f"{what}={text!r} is no size: give bytes, or a number with K, M, G or T, such as 2G")
    return int(float(match[1]) * _UNITS[match[2].upper()])


def files(directory: Path) -> Iterator[File]:
    """The store's own files in a directory, in no order; everything else that may lie there is passed over."""
    for shelf in _listed(directory):
        if _SHELF.fullmatch(shelf.name) and shelf.is_dir(follow_symlinks=False):
            for found in _listed(Path(shelf.path)):
                kind = next((kind for kind, name in _NAMES.items() if name.fullmatch(found.name)), None)
                # Another process may remove it meanwhile.
                with suppress(FileNotFoundError):
                    if kind and found.is_file(follow_symlinks=False):
                        about = found.stat(follow_symlinks=False)
                        yield File(Path(found.path), kind, about.st_size, about.st_mtime)


def trim(directory: Path, most: int, kept: Callable[[], Collection[str]]) -> None:
    """Removes what was left behind long ago, and the runs that were not used for longest, if there are too many.

    Processes may trim one store at once. Nothing that is being written goes, and a run that goes while another
    process reads it is read to its end.

    Args:
        directory: Of the store.
        most: Bytes that it may take.
        kept: Gives the keys that have to stay, whatever there is room for.
    """
    now = time.time()
    there = sorted(files(directory), key=lambda file: file.used)
    old = {file for file in there if now - file.used > LIFE.get(file.kind, math.inf)}
    remove(old)
    there = [file for file in there if file not in old]
    taken = sum(file.size for file in there)
    if taken <= most:
        return
    stay = kept()
    for file in sorted(there, key=lambda file: file.kind != BAD):
        if file.kind != TEMPORARY and file.path.stem not in stay:
            remove([file])
            taken -= file.size
        if taken <= most * _LEFT:
            return


def remove(gone: Collection[File]) -> int:
    """Removes files, and the shelves that are empty then; how many went."""
    removed = 0
    for file in gone:
        with suppress(OSError):  # gone already, or being read where that keeps a file
            file.path.unlink()
            removed += 1
        with suppress(OSError):  # not empty
            file.path.parent.rmdir()
    return removed


def _listed(path: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(path) as found:
            return list(found)
    except (FileNotFoundError, NotADirectoryError):
        return []
