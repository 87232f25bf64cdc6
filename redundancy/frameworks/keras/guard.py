"""Keras kept quiet, and kept from taking more memory than there is reason for."""

from __future__ import annotations

import logging
import math
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Count:
    """Of the numbers in variables.

    Attributes:
        most: That are allowed.
        made: So far.
        excess: What was asked for beyond that; "" for nothing.
    """

    most: float
    made: int = 0
    excess: str = ""

    def add(self, shape: Any) -> None:
        """Counts one more variable.

        Raises:
            MemoryError: There are too many now.
        """
        self.made += math.prod(int(n) for n in shape)
        if self.made > self.most:
            self.excess = f"{self.made:,} numbers, where {self.most:,} would be many"
            raise MemoryError(self.excess)


_alone = threading.Lock()
"""Held while variables are counted: they are for the whole process."""


@contextmanager
def bounded(most: float) -> Iterator[Count]:
    """Keeps Keras from making variables of more than so many numbers in all.

    A configuration of a few bytes can ask for any size, and Keras takes that memory before it looks at the weights.

    Args:
        most: How many are allowed.

    Yields:
        The count, which says afterwards whether it was exceeded: Keras may have caught the error on its way.
    """
    import keras

    count, own, create = Count(most), vars(keras.Variable).get("__init__"), keras.Variable.__init__

    def counted(self: Any, initializer: Any, shape: Any = None, *args: Any, **kwargs: Any) -> None:
        count.add(shape if shape is not None else ())
        create(self, initializer, shape, *args, **kwargs)

    with _alone:
        keras.Variable.__init__ = counted
        try:
            yield count
        finally:
            if own is None:
                del keras.Variable.__init__
            else:
                keras.Variable.__init__ = own


@contextmanager
def quiet() -> Iterator[list[str]]:
    """Keeps to itself what Keras says besides.

    Yields:
        Its warnings; the list is filled when this ends.
    """
    logger, said = logging.getLogger("absl"), list[str]()
    level = logger.level
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        logger.setLevel(logging.ERROR)
        try:
            yield said
        finally:
            logger.setLevel(level)
            said += [str(warning.message) for warning in caught]
