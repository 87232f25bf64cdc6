"""What the commands about model files are given: a model, data for it, and modules that know its layers."""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Iterable
from contextlib import redirect_stdout
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from redundancy.cli.progress import silenced, told
from redundancy.errors import LossWarning, OptionError
from redundancy.output import reason

if TYPE_CHECKING:
    from redundancy.frameworks.keras.inputs import Input


def given(arguments: argparse.Namespace, *, tell: bool) -> tuple[Any, dict[str, Any]]:
    """The model, and the options of what is done with it.

    What is wrong with a file by itself is said before Keras is loaded, which takes seconds.

    Args:
        arguments: Of the command line.
        tell: Whether to say what of the file could not be read, and will be missing in another one.

    Raises:
        RedundancyError: A file or a module cannot be used.
    """
    from redundancy.data.npz import read
    from redundancy.frameworks.keras.files import examined, load
    from redundancy.frameworks.keras.inputs import inputs_of

    with told(f"reading {str(arguments.model)!r}"):
        found = examined(arguments.model)
        if arguments.data is not None:
            read(arguments.data, lambda _: ())
        _check_modules(arguments.imports)
        with silenced():  # what Keras says while it is loaded is not for this program's users
            from redundancy.frameworks.keras.loaded import keras  # noqa: F401
        _import(arguments.imports)
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            model = load(arguments.model, trust=arguments.trust, found=found)
    for warning in said if tell else ():
        if not issubclass(warning.category, LossWarning):
            continue  # what libraries tell those who write programs with them
        print(f"redundancy: warning: {' '.join(str(warning.message).split())}", file=sys.stderr)
    inputs = inputs_of(model)
    if not inputs and (arguments.data is not None or arguments.box is not None):
        raise OptionError("the model has no inputs by name, so that --data and --box have nothing to speak of")
    data = _samples(arguments.data, inputs)
    return model, {"data": data, "box": arguments.box, "notions": arguments.notions}


def _samples(path: Path | None, inputs: Iterable[Input]) -> Any:
    if path is None:
        return None
    from redundancy.data.samples import samples

    return samples(path, [(each.name, each.shape) for each in inputs])


def _check_modules(names: Iterable[str]) -> None:
    """Refuses modules that there are not, without importing any; from now on they are looked for here as well."""
    here = str(Path.cwd())
    for name in names:
        if here not in sys.path:
            sys.path.insert(0, here)
        if not all(part.isidentifier() for part in name.split(".")):
            raise OptionError(f"--import {name!r} is no name of a module; name the file nets/layers.py as nets.layers")
        whole = name.split(".")[0]
        if whole not in sys.modules and find_spec(whole) is None:
            raise _missing(name, whole)


def _missing(name: str, part: str) -> OptionError:
    where = "neither in the current directory nor on PYTHONPATH"
    return OptionError(f"--import {name}: there is no module '{part}', {where}; name it as Python's import does")


def _import(names: Iterable[str]) -> None:
    for name in names:
        try:
            with redirect_stdout(sys.stderr):  # the standard output may be for a program
                import_module(name)
        except ModuleNotFoundError as error:
            if error.name and (name == error.name or name.startswith(f"{error.name}.")):
                raise _missing(name, error.name) from error
            raise _failed(name, error) from error
        # There is no telling what a module does when it is imported: it may end the program.
        except (Exception, SystemExit) as error:
            raise _failed(name, error) from error


def _failed(name: str, error: BaseException) -> OptionError:
    what = f"it raises {type(error).__name__} ({reason(error)})"
    return OptionError(f"--import {name}: {what}; try it with python -c 'import {name}'")
