"""Inputs, and layers that do nothing in inference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from redundancy.frameworks.keras.kinds.kind import Made, Meaning, Shape, makes, reads
from redundancy.network import Node

# RandomCrop is none of them: it changes the size of its input. Nor are those that need the three colours.
AUGMENTATIONS = (
    "CutMix",
    "Equalization",
    "MaxNumBoundingBoxes",
    "MixUp",
    "RandomBrightness",
    "RandomContrast",
    "RandomElasticTransform",
    "RandomErasing",
    "RandomFlip",
    "RandomGaussianBlur",
    "RandomInvert",
    "RandomPerspective",
    "RandomPosterization",
    "RandomRotation",
    "RandomSharpness",
    "RandomShear",
    "RandomTranslation",
    "RandomZoom",
    "Solarization",
)
"""Layers for images that hand them on as they are, but in training."""

NOTHING = (
    "ActivityRegularization",
    "AlphaDropout",
    "GaussianDropout",
    "GaussianNoise",
    "Identity",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
)
"""Other layers that hand on what they read, but in training."""


@makes("input")
def _input(node: Node, config: Mapping[str, Any], came_from: str) -> Made:
    return "InputLayer", {"batch_shape": (None, *node.shape), "dtype": config["dtype"]}


@reads("Dropout")
def _dropout(layer: Any, shapes: tuple[Shape, ...]) -> Meaning | None:
    return Meaning("dropout", {"rate": float(layer.rate)}) if _is_free(layer) else None


def _is_free(layer: Any) -> bool:
    """Whether it does not say how many units it reads: noise that does would no longer fit in training."""
    return all(extent in (None, 1) for extent in getattr(layer, "noise_shape", None) or ())


@makes("dropout")
def _made_dropout(node: Node, config: Mapping[str, Any], came_from: str) -> Made:
    return "Dropout", {"rate": config["rate"]}


@reads(*AUGMENTATIONS, *NOTHING)
def _identity(layer: Any, shapes: tuple[Shape, ...]) -> Meaning | None:
    return Meaning("identity") if len(shapes) == 1 and _is_free(layer) else None


@makes("identity")
def _made_identity(node: Node, config: Mapping[str, Any], came_from: str) -> Made:
    return came_from or "Identity", {}
