"""Exact evaluation of a picture that does not fit into memory whole, tile by tile.

Pass 1 sums the moments over the tiles, keeping nothing; pass 2 back-propagates the then known gradient of the moments
through one tile after another. Every tile carries a halo wider than the deepest layer's field of view, so cutting
changes nothing but the order of sums.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor

# relu5_1 sees 66 px to each side; halos and tiles are multiples of 16 so that every pooling falls on the same grid
HALO_PX = 80
GRID_PX = 16
# what an evaluation keeps per pixel: activations of all layers, the largest gradients and what the kernels work in
BYTES_PER_PX = 1700


@dataclass(frozen=True)
class Span:
    """One dimension of a tile in px: the padded part [begin, end) and in it the tile's own part [inner, outer)."""

    begin: int
    end: int
    inner: int
    outer: int
    length: int

    def own(self, stride: int) -> slice:
        """The own part in a layer of this stride, within the padded part."""
        return slice((self.inner - self.begin) // stride, self.stop(stride) - self.begin // stride)

    def whole(self, stride: int) -> slice:
        """The own part in a layer of this stride, within the whole picture."""
        return slice(self.inner // stride, self.stop(stride))

    def stop(self, stride: int) -> int:
        # pooling drops the last odd row, so the last tile ends where the whole picture's layer ends
        return self.length // stride if self.outer == self.length else self.outer // stride


@dataclass(frozen=True)
class Tile:
    """A rectangle of a picture with its halo."""

    rows: Span
    columns: Span

    def cut(self, x: Tensor) -> Tensor:
        """The padded part of a picture [1, c, h, w]."""
        return x[:, :, self.rows.begin : self.rows.end, self.columns.begin : self.columns.end].contiguous()

    def own(self, features: Tensor, stride: int) -> Tensor:
        """The own part of features computed on the padded part, a view [1, c, h', w']."""
        return features[:, :, self.rows.own(stride), self.columns.own(stride)]

    def whole(self, features: Tensor, stride: int) -> Tensor:
        """The own part of features of the whole picture, a view [1, c, h', w']."""
        return features[:, :, self.rows.whole(stride), self.columns.whole(stride)]

    def add(self, total: Tensor, gradient: Tensor) -> None:
        """Add the gradient of the padded part to that of the whole picture."""
        total[:, :, self.rows.begin : self.rows.end, self.columns.begin : self.columns.end] += gradient


def spans(length: int, side_px: int) -> list[Span]:
    """Cut a length into parts of at most `side_px`, about equal, on the grid."""
    count = -(-length // side_px)
    step = -(-length // count)
    step = -(-step // GRID_PX) * GRID_PX
    cuts = [*range(0, length, step), length]
    # a last sliver shorter than the grid would vanish in the deep layers
    if len(cuts) > 2 and cuts[-1] - cuts[-2] < GRID_PX:
        del cuts[-2]
    return [
        Span(max(0, inner - HALO_PX), min(length, outer + HALO_PX), inner, outer, length)
        for inner, outer in pairwise(cuts)
    ]


def tiles(height: int, width: int, side_px: int) -> Iterator[Tile]:
    """All tiles of a picture, row by row."""
    for rows in spans(height, side_px):
        for columns in spans(width, side_px):
            yield Tile(rows, columns)


def tile_side(height: int, width: int, budget_bytes: int) -> int | None:
    """The largest tile that an evaluation within `budget_bytes` can afford; None when no tiles are needed."""
    if height * width * BYTES_PER_PX <= budget_bytes:
        return None
    side = int((budget_bytes / BYTES_PER_PX) ** 0.5) - 2 * HALO_PX
    return max(256, side // GRID_PX * GRID_PX)
