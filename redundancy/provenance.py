"""What code a verdict rests on: another predicate is another claim, whatever it is called."""

from __future__ import annotations

import ast
import sys
import sysconfig
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from importlib.machinery import ModuleSpec, PathFinder
from itertools import accumulate
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
    imports, at any depth: what it holds, and what its text imports, also inside of functions.

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
            # A number that was imported does not say where it is from; and a function may import when it is called.
            waiting += _imported(path)
    return found


def _imported(path: Path) -> Iterator[Path]:
    """The files of the user's own that the text of one imports, wherever it does so."""
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return  # what cannot be read is refused by who digests it
    for node in ast.walk(tree):
        level = node.level if isinstance(node, ast.ImportFrom) else 0
        for name in _names(node):
            if not level:
                found = _located(name)
                yield from [found] if found else ()
            elif level <= len(path.parents):
                place = path.parents[level - 1].joinpath(*name.split("."))
                yield from filter(Path.is_file, (place.with_name(f"{place.name}.py"), place / "__init__.py"))


def _names(node: ast.AST) -> set[str]:
    """The modules that a statement imports, or may import, and the packages around them; from where it counts."""
    if isinstance(node, ast.ImportFrom):
        base = node.module or ""
        said = [base, *(f"{base}.{alias.name}".lstrip(".") for alias in node.names)]
    else:
        said = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
    return {part for name in said for part in accumulate(name.split("."), "{}.{}".format)}


def _located(name: str) -> Path | None:
    """The file of a module of the user's own, whether or not it was imported; nothing is, to find it."""
    if name in sys.modules:
        return _file(sys.modules[name])
    found = _spec(name)
    return _own(found.origin) if found else None


def _spec(name: str) -> ModuleSpec | None:
    above, _, _ = name.rpartition(".")
    around = _spec(above) if above else None
    if above and (around is None or around.submodule_search_locations is None):
        return None
    try:
        return PathFinder.find_spec(name, around.submodule_search_locations if around else None)
    except (ImportError, ValueError):
        return None


def _home(value: Any) -> ModuleType | None:
    """The module that a value is, or comes from."""
    if isinstance(value, ModuleType):
        return value
    name = getattr(value, "__module__", None)
    return sys.modules.get(name) if isinstance(name, str) else None


def _file(module: ModuleType | None) -> Path | None:
    """The file of a module of the user's own."""
    return _own(getattr(module, "__file__", None))


def _own(said: Any) -> Path | None:
    """A file of the user's own."""
    return _placed(said) if isinstance(said, str) and said.endswith(".py") else None


@cache  # it is asked about thousands of modules, for each claim again
def _placed(said: str) -> Path | None:
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
