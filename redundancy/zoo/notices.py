"""Who is training what: notices that processes and machines leave for each other in a directory that they share.

A notice lists runs, and its process holds it locked. The operating system lets go of a lock when a process ends,
however it ends, so that what a killed process left is known for what it is. Notices save work and nothing else: where
the file system has no locks there are none, and a run may be trained twice, never wrongly.
"""

from __future__ import annotations

import errno
import json
import os
import secrets
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from redundancy.cache import write_atomically

if TYPE_CHECKING:
    from filelock import BaseFileLock

BOARD = "board"
"""The lock that is held, for milliseconds, by who reads the notices and leaves one."""

PATIENCE = 10.0
"""Seconds to wait for the board: whoever holds it for longer has been stopped."""

_NO_LOCKS = frozenset({errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP})


@dataclass(frozen=True, slots=True)
class Notices:
    """The notices in a directory.

    Attributes:
        directory: Of the notices and their locks; it must exist.
    """

    directory: Path

    @contextmanager
    def left(self, choose: Callable[[Collection[str]], Collection[str]]) -> Iterator[None]:
        """Leaves a notice, and takes it away in the end.

        Args:
            choose: Given the keys that others are training, the keys to put on this notice; none for no notice.

        Raises:
            OSError: The file system refuses.
        """
        path = self.directory / f"{os.getpid()}-{secrets.token_hex(8)}.json"
        lock = self._leave(path, choose)
        try:
            yield
        finally:
            if lock is not None:
                _remove(path)
                lock.release()
                _remove(_lock_of(path))

    @contextmanager
    def unread(self) -> Iterator[None]:
        """As long as this lasts, and for PATIENCE seconds at most, nobody reads the notices or leaves one.

        Raises:
            OSError: The file system refuses.
        """
        try:
            board = _acquired(self.directory / f"{BOARD}.lock", PATIENCE)
        except NotImplementedError:
            board = None
        try:
            yield
        finally:
            if board is not None:
                board.release()

    def _leave(self, path: Path, choose: Callable[[Collection[str]], Collection[str]]) -> BaseFileLock | None:
        try:
            board = _acquired(self.directory / f"{BOARD}.lock", PATIENCE)
        except NotImplementedError:
            choose(())
            return None
        try:
            if not (keys := choose(self._others())):
                return None
            lock = _acquired(_lock_of(path), PATIENCE)
            write_atomically(path, lambda file: file.write(json.dumps(sorted(keys)).encode()))
            return lock
        finally:
            if board is not None:
                board.release()

    def _others(self) -> set[str]:
        """The keys on the notices of processes that live; what others left is removed."""
        keys: set[str] = set()
        for place in self.directory.glob("*.lock"):
            if place.stem == BOARD:
                continue
            lock = _acquired(place, 0.0)
            if lock is None:
                keys.update(_read(place.with_suffix(".json")))
                continue
            # Whoever was killed may have got no further than to begin with writing it.
            for path in (place.with_suffix(".json"), *self.directory.glob(f".{place.stem}.json.*")):
                _remove(path)
            lock.release()
            _remove(place)
        return keys


def _acquired(path: Path, seconds: float) -> BaseFileLock | None:
    """The lock, or None where another process holds it.

    Raises:
        NotImplementedError: The file system has no locks that end with their process.
    """
    from filelock import FileLock, Timeout  # 50 ms that `import redundancy` need not pay

    try:
        # A lock that is nothing but a file would outlive its process.
        lock: BaseFileLock = FileLock(path, fallback_to_soft=False)
    except TypeError:  # an older filelock, which never falls back
        lock = FileLock(path)
    try:
        lock.acquire(timeout=seconds)
    except Timeout:
        return None
    except OSError as error:
        if error.errno in _NO_LOCKS:
            raise NotImplementedError from error
        raise
    return lock


def _lock_of(path: Path) -> Path:
    return path.with_suffix(".lock")


def _read(path: Path) -> list[str]:
    try:
        return [str(key) for key in json.loads(path.read_bytes())]
    except (OSError, ValueError, TypeError):  # taken away meanwhile, or no notice at all
        return []


def _remove(path: Path) -> None:
    # Another process may have been quicker.
    with suppress(OSError):
        path.unlink()
