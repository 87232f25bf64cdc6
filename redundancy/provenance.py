"""What code a verdict rests on: another predicate is another claim, whatever it is called."""

from __future__ import annotations

import sys
import sysconfig
from functools import cache
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Any

from redundancy.errors import DataError

HERE = Path(__file__).resolve().parent

INSTALLED = tuple({str(Path(sysconfig.get_path(name)).resolve()) for name in ("stdlib", "purelib", "platlib")})
"""Where what is not the user's own lies; versions tell that apart."""


def code_digest(test: Path, root: Path) -> str:
    """Digest of a test's file, of all of the user's own that it rests on, and of this package.

    A test rests on the `conftest.py` files above it, and on every module that its file imports, or whose names it
    imports, at any depth.

    Args:
        test: The file; it has been imported.
        root: The directory above which no `conftest.py` counts.

    Returns:
        64 hexadecimal digits.

    Raises:
        DataError: A file cannot be read.
    """
    above = (folder / "conftest.py" for folder in test.parents if folder == root or root in folder.parents)
    own = _rested_on([test, *(path for path in above if path.exists())])
    return _digest(" ".join([*sorted(map(_digest_of, own)), _package()]))


def _rested_on(begin: list[Path]) -> set[Path]:
    modules = {path: module for module in list(sys.modules.values()) if (path := _file(module))}
    waiting, found = [path.resolve() for path in begin], set[Path]()
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            named = vars(modules[path]).values() if path in modules else ()
            waiting += [other for value in list(named) if (other := _file(_home(value)))]
    return found


def _home(value: Any) -> ModuleType | None:
    """The module that a value is, or comes from."""
    if isinstance(value, ModuleType):
        return value
    name = getattr(value, "__module__", None)
    return sys.modules.get(name) if isinstance(name, str) else None


def _file(module: ModuleType | None) -> Path | None:
    """The file of a module of the user's own."""
    said = getattr(module, "__file__", None)
    if not isinstance(said, str) or not said.endswith(".py"):
        return None
    path = Path(said).resolve()
    return None if HERE in path.parents or str(path).startswith(INSTALLED) else path


@cache
def _package() -> str:
    return _digest(" ".join(_digest_of(path) for path in sorted(HERE.rglob("*.py"))))


def _digest_of(path: Path) -> str:
    try:
        return sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise DataError(f"cannot read {str(path)!r}: {error.strerror or error}; check its permissions") from error


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()
