"""Files that are written whole or not at all, and never over another one unless that was asked for."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from redundancy.errors import OutputError


def check_writable(path: Path, *, force: bool = False) -> None:
    """Refuses a place where `written_whole` would fail; to be called before the work whose result goes there.

    Args:
        path: The file to be written.
        force: Whether a file that is there may be replaced.

    Raises:
        OutputError: Something is there already, or nothing can be written there.
    """
    try:
        _check_free(path, force)
        # Permissions say little about quotas, read-only disks or the rights of root: only trying does.
        trial = _temporary(path)
        with trial.open("xb"):
            pass
        trial.unlink()
    except (OSError, ValueError) as error:
        raise _refused(path, reason(error), "name a file in a directory that you can write to") from error


@contextmanager
def written_whole(path: Path, *, force: bool = False) -> Iterator[Path]:
    """Gives the path of a new file to write, of the same suffix, that becomes `path` when all went well.

    Until then, and if anything goes wrong, `path` stays what it was, and what was written is removed.

    Args:
        path: The file to be made.
        force: Whether a file that is there may be replaced.

    Raises:
        OutputError: A file is there, or the file system refuses.
    """
    temporary = _temporary(path)
    try:
        yield temporary
        _sync(temporary)
        _publish(temporary, path, force)
    except OSError as error:
        raise unwritable(path, error) from error
    finally:
        # Gone already after success; where it cannot be removed, the first error is the one worth telling.
        with suppress(OSError):
            temporary.unlink()


def unwritable(path: Path, error: OSError) -> OutputError:
    """The one-line error about a file that the file system refused while it was written."""
    return _refused(path, reason(error), "check the space and the permissions there")


def reason(error: BaseException) -> str:
    """What an exception says, in one line."""
    return getattr(error, "strerror", None) or " ".join(str(error).split()) or type(error).__name__


def _refused(path: Path, why: str, remedy: str) -> OutputError:
    return OutputError(f"cannot write {str(path)!r}: {why}; {remedy}")


def _check_free(path: Path, force: bool) -> None:
    parent = path.parent.stat()
    if not stat.S_ISDIR(parent.st_mode):
        raise _refused(path, f"{str(path.parent)!r} is not a directory", "name a file in one")
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if stat.S_ISLNK(found.st_mode):
        # Replacing it would leave what it points to as it is, which is not what was asked for.
        raise _refused(path, "it is a symbolic link", "name the file itself, or a new one")
    if not stat.S_ISREG(found.st_mode):
        what = "a directory" if stat.S_ISDIR(found.st_mode) else "not a regular file"
        raise _refused(path, f"it is {what}", "name a file")
    if not force:
        raise _exists(path)
    if not os.access(path, os.W_OK):
        raise _refused(path, "it exists and is read-only", "name another one, or make it writable")


def _exists(path: Path) -> OutputError:
    return _refused(path, "it exists already", "name another one, or replace it with --force (force=True)")


def _temporary(path: Path) -> Path:
    # A name from the system's randomness, so that two processes never agree on it; short, however long `path` is.
    return path.with_name(f".redundancy-{os.getpid()}-{secrets.token_hex(4)}{path.suffix[:16]}")


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _publish(temporary: Path, path: Path, force: bool) -> None:
    if force:
        temporary.replace(path)
        return
    try:
        # Unlike a rename, this never replaces a file that has appeared in the meantime.
        path.hardlink_to(temporary)
    except FileExistsError:
        raise _exists(path) from None
    except OSError:  # a file system without links
        if os.path.lexists(path):
            raise _exists(path) from None
        temporary.rename(path)
