"""The data sets, one a file, and how one is chosen. Another one is another file, and a line in `LOADERS`."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from redundancy.data import mnist, mnist_5k, npz
from redundancy.data.dataset import Dataset
from redundancy.errors import DataError

__all__ = ["DEFAULT", "LOADERS", "VARIABLE", "Dataset", "choose", "load"]

VARIABLE = "REDUNDANCY_DATA"
"""The environment variable that names a data set, or the path of a file."""

DEFAULT = mnist_5k.NAME
"""The data set where none is chosen."""

LOADERS: Mapping[str, Callable[[], Dataset]] = MappingProxyType({mnist_5k.NAME: mnist_5k.load, mnist.NAME: mnist.load})
"""The data sets that have a name."""


def choose(option: str | None, environ: Mapping[str, str]) -> str:
    """The name or path to load: the option, then `REDUNDANCY_DATA`, then the default. Empty is not given.

    Args:
        option: What the command line says.
        environ: The environment.
    """
    return option or environ.get(VARIABLE) or DEFAULT


def load(name_or_path: str | None = None) -> Dataset:
    """The data set of that name, or in that .npz file. Never another one in its place.

    Args:
        name_or_path: A name in `LOADERS`, or else the path of a file; None for what the environment says.

    Raises:
        DataError: It is neither, or it cannot be used as it is.
    """
    chosen = choose(name_or_path, os.environ)
    if loader := LOADERS.get(chosen):
        return loader()
    if not _exists(chosen):
        names = ", ".join(sorted(LOADERS))
        raise DataError(f"no data set {chosen!r}: it is neither one of {names} nor a file that exists; give either")
    return npz.load(Path(chosen))


def _exists(path: str) -> bool:
    try:
        return Path(path).exists()
    except (OSError, ValueError):  # too long for a path, not permitted to look, ...
        return False
