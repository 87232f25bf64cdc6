"""Python of a user's own that a command line or a configuration names: modules, and files."""

from __future__ import annotations

import runpy
import sys
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

from redundancy.errors import OptionError
from redundancy.output import reason

T = TypeVar("T")


def check_module(what: str, name: str, where: Path | None = None) -> None:
    """Refuses a module that there is not, without importing any; from now on they are looked for there as well.

    Args:
        what: What named it, for the error.
        name: As Python's import has it.
        where: A directory; the current one if not given.

    Raises:
        OptionError: There is none.
    """
    here = str(where or Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    if not all(part.isidentifier() for part in name.split(".")):
        raise OptionError(f"{what}: {name!r} is no name of a module; name the file nets/layers.py as nets.layers")
    whole = name.split(".")[0]
    if whole not in sys.modules and find_spec(whole) is None:
        raise _missing(what, whole, where)


def imported(what: str, name: str) -> Mapping[str, Any]:
    """What a module holds, by name.

    Args:
        what: What named it, for the error.
        name: As Python's import has it.

    Raises:
        OptionError: There is none, or it cannot be imported.
    """
    try:
        return vars(_quietly(lambda: import_module(name)))
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(f"{error.name}.")):
            raise _missing(what, error.name) from error
        raise _failed(what, f"import {name}", error) from error
    # There is no telling what a module does when it is imported: it may end the program.
    except (Exception, SystemExit) as error:
        raise _failed(what, f"import {name}", error) from error


def executed(what: str, path: Path) -> Mapping[str, Any]:
    """What a Python file holds when it has run, by name; modules beside it are found.

    Args:
        what: What named it, for the error.
        path: Of the file.

    Raises:
        OptionError: It cannot be read, or does not run.
    """
    beside = str(path.resolve().parent)
    if beside not in sys.path:
        sys.path.insert(0, beside)
    try:
        return _quietly(lambda: runpy.run_path(str(path)))
    except (Exception, SystemExit) as error:
        raise _failed(what, f"import runpy; runpy.run_path({str(path)!r})", error) from error


def _quietly(run: Callable[[], T]) -> T:
    with redirect_stdout(sys.stderr):  # the standard output may be for a program
        return run()


def _missing(what: str, part: str, where: Path | None = None) -> OptionError:
    looked = f"neither in {repr(str(where)) if where else 'the current directory'} nor on PYTHONPATH"
    return OptionError(f"{what}: there is no module '{part}', {looked}; name it as Python's import does")


def _failed(what: str, code: str, error: BaseException) -> OptionError:
    why = f"it raises {type(error).__name__} ({reason(error)})"
    return OptionError(f'{what}: {why}; try it with python -c "{code}"')
