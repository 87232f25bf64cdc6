"""What a verdict about a model file rests on, and where that is asked for."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

from redundancy.data import LOADERS
from redundancy.errors import ModelFileError
from redundancy.gate.configuration import OVERRIDES, SECTION
from redundancy.gate.settings import Asked

ON_ROWS = frozenset({"accuracy-loss", "output-difference"})
"""The claims that are judged on the data; the others need them only where they count what is redundant on data."""

HEADER = re.compile(r"\s*(\[\[?)\s*([^\]]*?)\s*\]")


def digest_of(path: Path) -> str:
    """64 hexadecimal digits: SHA-256 of the bytes of a file.

    Raises:
        ModelFileError: It cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelFileError(f"cannot read {str(path)!r}: {error.strerror or error}") from error


def files_of(model: Path, asked: Asked, key: str | None) -> Iterator[Path]:
    """The files that a verdict on a model rests on.

    Args:
        model: Its file.
        asked: What is asked of it.
        key: The key that asks for the claim; None for a claim of somebody's own.
    """
    yield model
    if key == "output-difference" and asked.reference is not None:
        yield asked.reference
    if (data := data_of(asked, key)) is not None and data not in LOADERS:
        yield Path(data)


def data_of(asked: Asked, key: str | None) -> str | None:
    """The data that a verdict on a model rests on: the name of a data set, or the path of a file; None for none."""
    return asked.data if key in ON_ROWS or asked.on_data else None


def line_of(text: str, key: str, number: int) -> int:
    """The line, from 1, on which a table of a pyproject.toml says a key; 0 where it is written in another way.

    Args:
        text: Of the file.
        key: As `no-duplicates`.
        number: Of the override, from 1; 0 for the table of all models.
    """
    said = re.compile(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=")
    wanted = f"{SECTION}.{OVERRIDES}" if number else SECTION
    seen, inside = 0, False
    for line, row in enumerate(text.splitlines(), 1):
        if header := HEADER.match(row):
            name = "".join(header[2].split())
            seen += name == wanted and header[1] == "[["
            inside = name == wanted and seen == number
        elif inside and said.match(row):
            return line
    return 0
