"""Windows that slide over maps: where their channels lie, and how large the result is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from redundancy.errors import NetworkError
from redundancy.network import Node

CHANNELS_LAST = {"data_format": "channels_last"}

Shape = tuple[int | None, ...]


def channel_axis(node: Node, rank: int) -> int:
    """The axis of a map's channels, not counting the batch."""
    return 0 if node.config["data_format"] == "channels_first" else rank - 1


def slid(
    config: Mapping[str, Any], window: Sequence[int], dilation: Sequence[int], shape: Shape, channels: int | None
) -> Shape:
    """Shape of a map after a window slid over it.

    Args:
        config: "strides", "padding" and "data_format".
        window: Extent of the window, along each spatial axis.
        dilation: Steps between what the window sees, along each spatial axis.
        shape: Of the map before.
        channels: How many the map has after.

    Raises:
        NetworkError: The map has more axes than the window, or fewer.
    """
    first = config["data_format"] == "channels_first"
    spatial = shape[1:] if first else shape[:-1]
    if len(spatial) != len(window):
        raise NetworkError(f"a window of {len(window)} axes does not slide over a map of shape {shape}: reshape it")
    sizes = tuple(
        _steps(extent, d * (k - 1) + 1, s, config["padding"])
        for extent, k, d, s in zip(spatial, window, dilation, config["strides"], strict=True)
    )
    return (channels, *sizes) if first else (*sizes, channels)


def _steps(extent: int | None, reach: int, stride: int, padding: str) -> int | None:
    if extent is None:
        return None
    return -(-extent // stride) if padding == "same" else (extent - reach) // stride + 1
