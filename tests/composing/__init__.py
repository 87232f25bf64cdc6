"""Composes random Keras models with redundancy planted in them, and knows what of it must be found.

What is true of the units is worked out here a second time, from how they were planted, and never asked of the package.
"""

from composing import carriers, joins, makers, movers, others
from composing.sketch import Sketch, Step, sketched
from composing.workshop import OPERATIONS, compose

__all__ = ["FAMILIES", "OPERATIONS", "Sketch", "Step", "compose", "sketched"]

FAMILIES = (carriers, joins, makers, movers, others)
