"""What each kind of layer does with units: one small function a kind, one file a family, one registry."""

from redundancy.layers import flatten, joining, linear, normalization, pointwise, pooling
from redundancy.layers.rule import RULES, Rule, register, shape_of
from redundancy.layers.tracer import Pin, Tracer, precision

__all__ = ["RULES", "Pin", "Rule", "Tracer", "precision", "register", "shape_of"]

_FAMILIES = (flatten, joining, linear, normalization, pointwise, pooling)
