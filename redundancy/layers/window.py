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


def unslid(config: Mapping[str, Any], window: Sequence[int], shape: Shape, channels: int | None) -> Shape:
    """Shape of a map after a transposed convolution, as Keras computes it.

    Args:
        config: "strides", "padding", "dilation", "output_padding" and "data_format".
        window: Extent of the kernel, along each spatial axis.
        shape: Of the map before.
        channels: How many the map has after.

    Raises:
        NetworkError: The map has more axes than the window, or fewer.
    """
    first = config["data_format"] == "channels_first"
    spatial = shape[1:] if first else shape[:-1]
    if len(spatial) != len(window):
        raise NetworkError(f"a window of {len(window)} axes does not slide over a map of shape {shape}: reshape it")
    extra = config["output_padding"] or (None,) * len(window)
    sizes = tuple(
        _grown(extent, d * (k - 1) + 1, s, config["padding"], more)
        for extent, k, d, s, more in zip(spatial, window, config["dilation"], config["strides"], extra, strict=True)
    )
    return (channels, *sizes) if first else (*sizes, channels)


def _grown(extent: int | None, reach: int, stride: int, padding: str, extra: int | None) -> int | None:
    if extent is None:
        return None
    if extra is None:
        return extent * stride + (max(reach - stride, 0) if padding == "valid" else 0)
    cut = 2 * (reach // 2) if padding == "same" else 0
    return (extent - 1) * stride + reach - cut + extra


def _steps(extent: int | None, reach: int, stride: int, padding: str) -> int | None:
    if extent is None:
        return None
    return (extent - reach) // stride + 1 if padding == "valid" else -(-extent // stride)
