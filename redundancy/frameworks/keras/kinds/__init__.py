"""What Keras's layers mean in the house's words, and back: one file a family, one small function a class or a kind.

Only a class of Keras's own is known, never a subclass: what a subclass does is its own affair.
"""

from redundancy.frameworks.keras.kinds import (
    activation,
    attention,
    joining,
    linear,
    normalization,
    operations,
    pointwise,
    pooling,
    recurrent,
    reducing,
    reshaping,
    wrapping,
)
from redundancy.frameworks.keras.kinds.activation import default_activation
from redundancy.frameworks.keras.kinds.kind import (
    JOINS,
    NAMED,
    WITH_ACTIVATION,
    Meaning,
    Part,
    attribute,
    is_known,
    made,
    meaning_of,
    operation_name,
    operation_of,
    paths_of,
    present,
    resized,
)
from redundancy.frameworks.keras.kinds.linear import is_misplaced
from redundancy.frameworks.keras.kinds.operations import arguments_of, operation_called, taking
from redundancy.frameworks.keras.kinds.pointwise import AUGMENTATIONS

__all__ = [
    "AUGMENTATIONS",
    "JOINS",
    "NAMED",
    "WITH_ACTIVATION",
    "Meaning",
    "Part",
    "arguments_of",
    "attribute",
    "default_activation",
    "is_known",
    "is_misplaced",
    "made",
    "meaning_of",
    "operation_called",
    "operation_name",
    "operation_of",
    "paths_of",
    "present",
    "resized",
    "taking",
]

_FAMILIES = (
    activation,
    attention,
    joining,
    linear,
    normalization,
    operations,
    pointwise,
    pooling,
    recurrent,
    reducing,
    reshaping,
    wrapping,
)
