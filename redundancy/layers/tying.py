"""Layers that tie their units together, so that none can go: to remove one would change all the others."""

from __future__ import annotations

from collections.abc import Mapping

_NORMALISES = (
    "it normalises over its units, so that to remove one would change all the others; what lies between other layers"
    " can still change"
)
_WRAPPED = "what the layer that it wraps does at every step is not known"
_CALLED = "it is given a gate, a mask that is no tensor, or returns its scores, or is called in training mode"
_STEPS = "what its cells do at a step is not known"
_SCORES = "it multiplies its units with each other"

REASONS: Mapping[str, str] = {
    "LayerNormalization": _NORMALISES,
    "GroupNormalization": _NORMALISES,
    "RMSNormalization": _NORMALISES,
    "UnitNormalization": _NORMALISES,
    "SpectralNormalization": "it divides its weights by their largest singular value, which any unit can change",
    "Dot": "it multiplies its units with each other and adds the products up",
    "Bidirectional": "it wraps other layers than Keras's own recurrent ones, or is called in training mode",
    "TimeDistributed": _WRAPPED,
    "RNN": _STEPS,
    "ConvLSTM1D": _STEPS,
    "ConvLSTM2D": _STEPS,
    "ConvLSTM3D": _STEPS,
    "SimpleRNN": "it is given a function that is not Keras's own, or is called in training mode",
    "GRU": "it is given a function that is not Keras's own, or is called in training mode",
    "LSTM": "it is given a function that is not Keras's own, or is called in training mode",
    "MultiHeadAttention": _CALLED,
    "Attention": _SCORES,
    "AdditiveAttention": "it scales its units and compares the sums of queries and keys",
    "GroupedQueryAttention": "its queries share keys and values in groups",
    "GlobalResponseNormalization": _NORMALISES,
}
"""Why the units of a layer stay as they are, by its class."""
