"""The directory in which slow results are kept, and how files get there whole."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from redundancy.errors import DataError

VARIABLE = "REDUNDANCY_CACHE"
"""The environment variable that names another directory."""


def directory() -> Path:
    """The cache directory: `REDUNDANCY_CACHE` where it is set, else the user's own; created when missing.

    Raises:
        DataError: It is not a directory, cannot be made, or cannot be written to.
    """
    path = _chosen()
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        raise _unusable(path, "it is not a directory" if path.is_file() else _reason(error)) from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise _unusable(path, "it is not writable")
    return path


def write_atomically(path: Path, writer: Callable[[BinaryIO], object]) -> None:
    """Write a file so that readers see the old one or the new one, never a part.

    Args:
        path: Replaced if it exists; its directory must exist.
        writer: Is given the open binary file. If it raises, `path` stays what it was.

    Raises:
        DataError: The file system refuses (full, not writable).
    """
    # A name from the system's randomness: Hypothesis resets Python's own generator before every example, so
    # two workers would agree on it. A plain open, unlike tempfile, gives the permissions of the user's umask.
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}")
    try:
        with temporary.open("xb") as file:
            writer(file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        problem = f"cannot write {str(path)!r}: {_reason(error)}"
        raise DataError(f"{problem}; check the space and the permissions there") from error
    finally:
        # Gone already after success; where it cannot be removed, the first error is the one worth telling.
        with suppress(OSError):
            temporary.unlink()


@contextmanager
def locked(path: Path, seconds: float) -> Iterator[None]:
    """Keep other processes from making the same file: they wait, and then find it made.

    The lock lies beside the file and ends with the process that holds it, whatever becomes of that.

    Args:
        path: The file to be made; it need not exist.
        seconds: How long to wait for another process.

    Raises:
        DataError: Another process held it for all that time, or the file system has no locks.
    """
    from filelock import FileLock, Timeout  # 50 ms that `import redundancy` need not pay

    lock = FileLock(path.with_name(f"{path.name}.lock"))
    try:
        lock.acquire(timeout=seconds)
    except Timeout:
        waited = f"another process has been making {str(path)!r} for more than {seconds:g} s"
        raise DataError(f"{waited}; wait for it, or end it") from None
    except (OSError, NotImplementedError) as error:
        problem = f"cannot lock {str(path)!r}: {_reason(error)}"
        raise DataError(f"{problem}; set {VARIABLE} to a directory on a local disk") from error
    try:
        yield
    finally:
        lock.release()


def _chosen() -> Path:
    given = os.environ.get(VARIABLE)
    if not given:
        from platformdirs import user_cache_path  # 25 ms that `import redundancy` need not pay

        return user_cache_path("redundancy")
    try:
        # Absolute, so that a change of the working directory does not start a second cache.
        return Path(given).expanduser().absolute()
    except RuntimeError as error:
        raise _unusable(Path(given), "there is no such home directory") from error


def _unusable(path: Path, why: str) -> DataError:
    problem = f"cannot use {str(path)!r} as the cache directory: {why}"
    return DataError(f"{problem}; set {VARIABLE} to a directory you can write to")


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or " ".join(str(error).split()) or type(error).__name__
