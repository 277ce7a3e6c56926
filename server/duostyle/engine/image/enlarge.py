"""Enlarging a content or a style to the size that it is painted at, without a grid of its old pixels.

Bicubic enlargement by a whole factor treats the new pixels differently for their place among the old ones: a 512 px
photo at 1024 px has a `grid2` of 0.22 (bench.quality.measures), and what is painted from it shows that as a weave.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from duostyle.engine.pyramid import resize

# taps to each side of a new pixel
LOBES = 4
# of the frequencies that the old pixels could hold: the highest ones are what makes the grid
CUTOFF = 0.9


def fitted(x: Tensor, width: int, height: int) -> Tensor:
    """x [1, c, h, w] -> [1, c, height, width] in 0..1: enlarged by a windowed sinc, or reduced as by `resize`."""
    if x.shape[-1] < width:
        x = _stretched(x, 3, width)
    if x.shape[-2] < height:
        x = _stretched(x, 2, height)
    return resize(x, width, height).clamp(0, 1)


def _stretched(x: Tensor, dim: int, length: int) -> Tensor:
    """x [1, c, h, w] with this dimension made `length` long.

    sin(pi c d) / (pi c d) times cos^2(pi d / 2 L) at a distance of d old pixels, with c the cutoff and L the lobes;
    beyond its ends x is mirrored.
    """
    before = x.shape[dim]
    centre = (torch.arange(length, dtype=torch.float64) + 0.5) * before / length - 0.5
    taps = centre.floor().long()[None] + torch.arange(1 - LOBES, LOBES + 1)[:, None]  # [2 * LOBES, length]
    distance = (centre - taps).clamp(-LOBES, LOBES)
    weights = torch.sinc(CUTOFF * distance) * torch.cos(distance * (math.pi / 2 / LOBES)).square()
    weights = (weights / weights.sum(0)).to(device=x.device, dtype=x.dtype)
    around = taps.remainder(2 * before)
    places = torch.minimum(around, 2 * before - 1 - around).to(x.device)
    shape = [-1 if at == dim else 1 for at in range(4)]
    parts = (x.index_select(dim, place).mul_(weight.view(shape)) for place, weight in zip(places, weights, strict=True))
    total = next(parts)
    for part in parts:
        total += part
    return total
