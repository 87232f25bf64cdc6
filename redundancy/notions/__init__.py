"""Notions of redundancy, one a file: each finds folds, and none applies them."""

# The order of these imports is the order in which notions are tried: the simplest explanation first.
from redundancy.notions import unused  # isort: skip
from redundancy.notions import dead  # isort: skip
from redundancy.notions import constant  # isort: skip
from redundancy.notions import duplicate  # isort: skip
from redundancy.notions import flipped  # isort: skip
from redundancy.notions import scaled  # isort: skip
from redundancy.notions import dependent  # isort: skip
from redundancy.notions.notion import NOTIONS, Notion, finder, named

__all__ = ["NOTIONS", "Notion", "finder", "named"]

_FILES = (unused, dead, constant, duplicate, flipped, scaled, dependent)
