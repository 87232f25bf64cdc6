"""Model files by their names, or by patterns of names."""

from __future__ import annotations

import glob
import os
from pathlib import Path

from redundancy.errors import OptionError

READ = (".keras", ".h5", ".hdf5")
"""The suffixes of model files."""


def matched(pattern: str, directory: Path) -> tuple[Path, ...]:
    """The model files that a pattern names.

    Args:
        pattern: A path; or one with *, ?, [...], or ** for any directories, and then those that begin with a dot are
            left out. It is looked for below `directory`, if it is not absolute.
        directory: Where it counts from.

    Returns:
        Absolute paths, sorted.

    Raises:
        OptionError: It names no file, or one that by its name is no model.
    """
    try:
        path = directory / pattern
        found = [path] if os.path.lexists(path) else _globbed(pattern, directory)
        files = sorted({Path(os.path.normpath(each)) for each in found if each.is_file()})
    except (OSError, ValueError) as error:
        raise OptionError(f"{pattern!r} can be no path ({error}); name a file") from None
    if not files:
        raise OptionError(f"{_nothing(pattern, found)}, looked for in {str(directory)!r}; name model files that exist")
    for file in files:
        if file.suffix not in READ:
            which = f"{pattern!r} names {file.name!r}, which" if pattern != str(file) else f"{pattern!r}"
            raise OptionError(f"{which} is no model file by its suffix; end the name with {' or '.join(READ)}")
    return tuple(files)


def called(path: Path, directory: Path) -> str:
    """What a model file is called: its path as seen from a directory, with slashes; absolute where it is elsewhere."""
    return (path.relative_to(directory) if path.is_relative_to(directory) else path).as_posix()


def _globbed(pattern: str, directory: Path) -> list[Path]:
    # Unlike Path's own, this takes absolute patterns, and leaves out what is hidden.
    return [directory / name for name in glob.glob(pattern, root_dir=directory, recursive=True)]  # noqa: PTH207


def _nothing(pattern: str, found: list[Path]) -> str:
    if found:
        return f"{pattern!r} names directories and no file"
    return f"{pattern!r} matches no file" if glob.has_magic(pattern) else f"there is no file {pattern!r}"
