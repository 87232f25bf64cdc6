"""What libraries warn those of who write programs with them is not for those who test a model."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from redundancy.errors import LossWarning

UNASKED = (DeprecationWarning, FutureWarning, LossWarning)
"""Also what of a model's compilation cannot be made again: no claim is about that."""


@contextmanager
def quietly() -> Iterator[None]:
    """Leaves such warnings out, which would fail tests where warnings are errors."""
    with warnings.catch_warnings():
        for kind in UNASKED:
            warnings.simplefilter("ignore", kind)
        yield
