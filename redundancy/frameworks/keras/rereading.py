"""A model file that was written is read again before anybody relies on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from redundancy.distance import distances
from redundancy.errors import ModelFileError, OutputError
from redundancy.frameworks.keras.contents import shown
from redundancy.frameworks.keras.files import read_back
from redundancy.frameworks.keras.probes import outputs_of, runs
from redundancy.frameworks.keras.recording import stored
from redundancy.network import Network

EQUAL = 2.0**-17
"""What the same weights on the same machine may be apart, relative to the largest value of an output."""


def check_written(model: Any, network: Network, path: Path, *, called: Path, trust: bool) -> None:
    """Refuses a file out of which another model comes than was written into it, or none.

    Settings of compilation are not looked at. Outputs are compared on a few inputs that are made for the model.

    Args:
        model: That was written.
        network: The same.
        path: Of the file.
        called: What the file is going to be called.
        trust: Whether it may run code that it brings along, as the file that the model came from.

    Raises:
        OutputError: It cannot be loaded, or has other weights or other outputs.
    """
    try:
        loaded = read_back(path, trust=trust)
    except ModelFileError as error:
        raise _useless(called, f"what was written cannot be loaded: {_told(error, path)}") from error
    if not _same_weights(model, loaded):
        raise _useless(called, "what was written has other weights when it is loaded again")
    batch = runs(model, network, most=2)
    if not all(d.within(0.0, EQUAL) for d in distances(outputs_of(model, batch), outputs_of(loaded, batch))):
        raise _useless(called, "what was written computes something else when it is loaded again")


def _same_weights(first: Any, second: Any) -> bool:
    pairs = [(stored(a), stored(b)) for a, b in zip(first.weights, second.weights, strict=False)]
    same = all(a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes() for a, b in pairs)
    return same and len(first.weights) == len(second.weights)


def _told(error: ModelFileError, path: Path) -> str:
    """What was wrong, without the name of a file that is gone by then, and what to do about others."""
    return shown(str(error).split(f"{str(path)!r}: ", 1)[-1].rsplit("; ", 1)[0], 300)


def _useless(path: Path, why: str) -> OutputError:
    remedy = "give its layers a get_config() of all their arguments, or compact it in Python"
    return OutputError(f"cannot write {str(path)!r}: {why}; {remedy}")
