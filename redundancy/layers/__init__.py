"""What each kind of layer does with units: one small function a kind, one file a family, one registry."""

from redundancy.layers import (
    attention,
    depthwise,
    flatten,
    gathering,
    joining,
    linear,
    normalization,
    pointwise,
    pooling,
    prelu,
    recurrent,
    reducing,
    rescaling,
    reshaping,
)
from redundancy.layers.rule import RULES, Rule, register, shape_of
from redundancy.layers.tracer import INPUT, OUTPUT, Block, Following, Pin, Tracer, precision

__all__ = [
    "INPUT",
    "OUTPUT",
    "RULES",
    "Block",
    "Following",
    "Pin",
    "Rule",
    "Tracer",
    "precision",
    "register",
    "shape_of",
]

_FAMILIES = (
    attention,
    depthwise,
    flatten,
    gathering,
    joining,
    linear,
    normalization,
    pointwise,
    pooling,
    prelu,
    recurrent,
    reducing,
    rescaling,
    reshaping,
)
