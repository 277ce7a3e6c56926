"""Exact evaluation of a picture that does not fit into memory whole, tile by tile.

Pass 1 sums the moments over the tiles, keeping nothing; pass 2 back-propagates the then known gradient of the moments
through one tile after another. Every tile carries a halo wider than the deepest layer's field of view, so cutting
changes nothing but the order of sums.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from duostyle.engine.network.layers import channels_last
from duostyle.engine.network.vgg import Check, Network, TapGradient
from duostyle.engine.objective.losses import TINY, square_sum
from duostyle.engine.objective.moments import flat
from duostyle.engine.objective.style import Pull, Sums, measure, pull
from duostyle.engine.runtime import give_back

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
        """Where the own part ends in a layer of this stride, within the whole picture."""
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
    """Cut a length in px into parts of at most `side_px` (a multiple of the grid), about equal, on the grid.

    The last part may be longer by less than the grid.
    """
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
    """All tiles of a picture of height x width px, row by row."""
    for rows in spans(height, side_px):
        for columns in spans(width, side_px):
            yield Tile(rows, columns)


def tile_side(height: int, width: int, budget_bytes: int) -> int | None:
    """Side in px of the largest tile that an evaluation within `budget_bytes` can afford, at least 256.

    None when the whole picture fits.
    """
    if height * width * BYTES_PER_PX <= budget_bytes:
        return None
    side = int((budget_bytes / BYTES_PER_PX) ** 0.5) - 2 * HALO_PX
    return max(256, side // GRID_PX * GRID_PX)


def stride(layer: str) -> int:
    """Pixels per position of a layer: 1 for relu1_1, 16 for relu5_1."""
    return 1 << (int(layer[4]) - 1)


def features(network: Network, x: Tensor, layer: str, side_px: int, check: Check) -> Tensor:
    """One layer's features [1, c, h', w'] of the whole picture x [1, 3, h, w]."""
    whole: Tensor | None = None
    for tile in tiles(x.shape[2], x.shape[3], side_px):
        part = network.features(tile.cut(x), [layer], check)[layer]
        if whole is None:
            step = stride(layer)
            order = torch.channels_last if channels_last(part.device, part.dtype) else torch.contiguous_format
            size = (1, part.shape[1], x.shape[2] // step, x.shape[3] // step)
            whole = torch.empty(size, device=part.device, dtype=part.dtype, memory_format=order)
        tile.whole(whole, stride(layer)).copy_(tile.own(part, stride(layer)))
    assert whole is not None  # noqa: S101 - a picture has at least one tile
    return whole


def sums(
    network: Network,
    x: Tensor,
    layers: Sequence[str],
    guides: Callable[[str], Sequence[Tensor]],
    side_px: int,
    check: Check,
) -> dict[str, list[Sums]]:
    """Summed moments of x at `layers`, one per guide of the layer ([1, 1, h', w'] each) or one for the whole."""
    total: dict[str, list[Sums]] = {}
    for tile in tiles(x.shape[2], x.shape[3], side_px):
        found = network.features(tile.cut(x), layers, check)
        for layer in layers:
            own = flat(tile.own(found.pop(layer), stride(layer)))
            parts = measure(own, [flat(tile.whole(guide, stride(layer)))[0] for guide in guides(layer)])
            total[layer] = [a + b for a, b in zip(total[layer], parts, strict=True)] if layer in total else parts
        found.clear()
        give_back(x.device)
    return total


class TiledGradient:
    """The second pass: the gradient of costs that are known as pulls per layer, tile by tile.

    `content_cost` (0-dim, unweighted) sums up on the way. `guides(layer)` are the layer's guides, [1, 1, h', w'] each.
    """

    def __init__(
        self, network: Network, pulls: dict[str, list[Pull]], guides: Callable[[str], Sequence[Tensor]]
    ) -> None:
        self.network = network
        self.pulls = pulls
        self.guides = guides
        self.content: Tensor | None = None
        self.content_layer = ""
        self.content_weight = 0.0
        self.content_norm: Tensor | None = None
        self.content_cost = torch.zeros((), device=network.device)

    def hold(self, layer: str, target: Tensor, weight: float) -> None:
        """Add the content cost at `layer` towards `target` [1, c, h', w']."""
        self.content, self.content_layer, self.content_weight = target, layer, weight
        self.content_norm = square_sum(target) + TINY

    def run(self, x: Tensor, side_px: int, check: Check) -> Tensor:
        """Gradient [1, 3, h, w] at x."""
        gradient = torch.zeros_like(x)
        layers = [*self.pulls, *([self.content_layer] if self.content_layer else [])]
        for tile in tiles(x.shape[2], x.shape[3], side_px):
            outputs = self.network.forward(tile.cut(x), layers, check)
            taps = {layer: self._tap(layer, tile) for layer in layers}
            tile.add(gradient, self.network.backward(outputs, taps, check))
            # tiles differ in size, so what one has freed does not fit the next one
            give_back(x.device)
        return gradient

    def _tap(self, layer: str, tile: Tile) -> TapGradient:
        def add(h: Tensor, gradient: Tensor | None) -> Tensor:
            # the halo's own gradient belongs to the tiles next door
            gradient = torch.zeros_like(h) if gradient is None else gradient
            own, there = tile.own(h, stride(layer)), tile.own(gradient, stride(layer))
            pulls = self.pulls.get(layer, [])
            if pulls:
                guides = [flat(tile.whole(guide, stride(layer)))[0] for guide in self.guides(layer)]
                change = pull(pulls, flat(own), None, guides)
                for part in pulls:
                    if part.region is None:
                        change += part.bias[:, None].to(change.dtype)
                there += change.view(there.shape)
            if layer == self.content_layer and self.content is not None and self.content_norm is not None:
                difference = own - tile.whole(self.content, stride(layer))
                self.content_cost = self.content_cost + square_sum(difference) / self.content_norm
                there += difference * (2 * self.content_weight / self.content_norm)
            return gradient

        return TapGradient(add)
