"""Cuts images into overlapping tiles, once for all runs, so that a first convolution is one product of matrices.

A convolution of one channel to a few has so few products for each number it reads that TensorFlow's own runs at a
fraction of the processor's speed. A tile holds what the window sees from two by two positions; one matrix, made of the
kernel and zeros, maps it to all that the filters say there. That is up to four times as many products, each several
times as fast, and no copying of windows in a step.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from redundancy.network import Array

SIDE = 2
"""Positions along each side of a tile: at 1 windows are copied once a position, at 3 most products are with zeros."""

FILTERS = 8
"""Beyond them TensorFlow's convolution is as fast (measured with 1 and 3 channels, windows of 3x1 to 7x7)."""

NUMBERS = 1 << 26
"""In a data set's tiles at most: 256 MiB of float32. A larger one is convolved."""


@dataclass(frozen=True, slots=True)
class Tiling:
    """How images are cut for a convolution of stride 1.

    Attributes:
        images: Their shape, (height, width, 1).
        window: Of the kernel, (height, width).
        padding: "valid" or "same".
    """

    images: tuple[int, ...]
    window: tuple[int, ...]
    padding: str

    @property
    def map(self) -> tuple[int, int]:
        """Positions of the window: (height, width)."""
        if self.padding == "same":
            return self.images[0], self.images[1]
        return self.images[0] - self.window[0] + 1, self.images[1] - self.window[1] + 1

    @property
    def shape(self) -> tuple[int, int]:
        """Of an image cut into tiles: (tiles, numbers in one)."""
        return self.map[0] * self.map[1] // SIDE**2, self._tile[0] * self._tile[1]

    @property
    def _tile(self) -> tuple[int, int]:
        return self.window[0] + SIDE - 1, self.window[1] + SIDE - 1

    def pays(self, filters: int, images: int) -> bool:
        """Whether the map can be cut, and a product of tiles is worth their memory.

        Args:
            filters: Of the convolution.
            images: In the data set.
        """
        fits = self.images[-1] == 1 and not any(size % SIDE for size in self.map)
        return fits and filters <= FILTERS and images * self.shape[0] * self.shape[1] <= NUMBERS

    def cut(self, images: Array) -> Array:
        """(n, height, width, 1) -> (n, tiles, numbers), tiles and their numbers by rows."""
        padded = images[..., 0]
        if self.padding == "same":
            padded = np.pad(padded, [(0, 0), *(((size - 1) // 2, size // 2) for size in self.window)])
        tiles = np.lib.stride_tricks.sliding_window_view(padded, self._tile, axis=(1, 2))
        return np.ascontiguousarray(tiles[:, ::SIDE, ::SIDE]).reshape(len(images), *self.shape)

    def spread(self) -> Array:
        """Where each weight of a window meets a tile: (numbers, positions, weights of the window), zeros and ones."""
        places = np.zeros((*self._tile, SIDE, SIDE, *self.window))
        rows, columns, down, right = np.indices((SIDE, SIDE, *self.window))
        places[rows + down, columns + right, rows, columns, down, right] = 1.0
        return places.reshape(self.shape[1], SIDE**2, -1)
