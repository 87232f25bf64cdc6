"""What the commands about model files are given: a model, data for it, and modules that know its layers."""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from redundancy.cli.progress import silenced, told
from redundancy.errors import LossWarning, OptionError
from redundancy.modules import check_module, imported

if TYPE_CHECKING:
    from redundancy.frameworks.keras.inputs import Input


def given(arguments: argparse.Namespace, *, tell: bool) -> tuple[Any, dict[str, Any]]:
    """The model, and the options of what is done with it.

    Args:
        arguments: Of the command line.
        tell: Whether to say what of the file could not be read, and will be missing in another one.

    Raises:
        RedundancyError: A file or a module cannot be used.
    """
    from redundancy.frameworks.keras.inputs import inputs_of

    model = model_of(arguments, arguments.data, tell=tell)
    inputs = inputs_of(model)
    if not inputs and (arguments.data is not None or arguments.box is not None):
        raise OptionError("the model has no inputs by name, so that --data and --box have nothing to speak of")
    data = _samples(arguments.data, inputs, model)
    return model, {"data": data, "box": arguments.box, "notions": arguments.notions}


def model_of(arguments: argparse.Namespace, data: Path | None, *, tell: bool) -> Any:
    """The model; what is wrong with a file by itself is said before Keras is loaded, which takes seconds.

    Args:
        arguments: Of the command line.
        data: A file of data that will be read; None for none.
        tell: Whether to say what of the model's file could not be read, and will be missing in another one.

    Raises:
        RedundancyError: A file or a module cannot be used.
    """
    from redundancy.data.npz import read
    from redundancy.frameworks.keras.files import examined, load

    with told(f"reading {str(arguments.model)!r}"):
        found = examined(arguments.model)
        if data is not None:
            read(data, lambda _: ())
        modules = [(f"--import {name}", name) for name in arguments.imports]
        for what, name in modules:
            check_module(what, name)
        with silenced():  # what Keras says while it is loaded is not for this program's users
            from redundancy.frameworks.keras.loaded import keras  # noqa: F401
        for what, name in modules:
            imported(what, name)
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            model = load(arguments.model, trust=arguments.trust, found=found)
    for warning in said if tell else ():
        if not issubclass(warning.category, LossWarning):
            continue  # what libraries tell those who write programs with them
        print(f"redundancy: warning: {' '.join(str(warning.message).split())}", file=sys.stderr)
    return model


def _samples(path: Path | None, inputs: Iterable[Input], model: Any) -> Any:
    if path is None:
        return None
    from redundancy.boxing import of_bytes
    from redundancy.data.samples import samples
    from redundancy.frameworks.keras import read
    from redundancy.frameworks.keras.overriding import is_graph

    stored = of_bytes(read(model)) if is_graph(model) else ()
    return samples(path, [(each.name, each.shape) for each in inputs], stored=stored)
