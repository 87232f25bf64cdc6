"""Layers that tie their units together, so that none can go: to remove one would change all the others."""

from __future__ import annotations

from collections.abc import Mapping

_NORMALISES = (
    "it normalises over its units, so that to remove one would change all the others; what lies between other layers"
    " can still change"
)
_RECORDS = "it hands on its state, which other layers may read"

REASONS: Mapping[str, str] = {
    "LayerNormalization": _NORMALISES,
    "GroupNormalization": _NORMALISES,
    "RMSNormalization": _NORMALISES,
    "UnitNormalization": _NORMALISES,
    "SpectralNormalization": "it divides its weights by their largest singular value, which any unit can change",
    "Dot": "it multiplies its units with each other and adds the products up",
    "GlobalResponseNormalization": _NORMALISES,
}
"""Why the units of a layer stay as they are, by its class."""
