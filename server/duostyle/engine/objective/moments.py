"""First and second moments of feature maps: what a style is, here.

Gatys, Ecker and Bethge 2016 (equation 3) describe a style by the Gram matrix, the uncentred second moment of the
channels. Here the mean is kept beside it, so that mean and covariance can also be matched apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

# columns of one product: long thin products are slow on CPUs, so they are cut into blocks that fit the cache
BLOCK = 4096


@dataclass(frozen=True)
class Moments:
    """Of one layer: `mean` [c] and `second` [c, c] (the Gram matrix divided by the number of positions), float32."""

    mean: Tensor
    second: Tensor

    @property
    def covariance(self) -> Tensor:
        """[c, c]: second moment minus the outer product of the mean."""
        return self.second - torch.outer(self.mean, self.mean)


def gram(features: Tensor) -> Tensor:
    """F F^T for features [c, n] -> [c, c], float32 (Gatys et al. 2016, equation 3, not yet divided by anything)."""
    channels, positions = features.shape
    blocks = positions // BLOCK
    if features.device.type != "cpu" or blocks < 4:
        return features @ features.T
    whole = features[:, : blocks * BLOCK].view(channels, blocks, BLOCK).transpose(0, 1)  # [blocks, c, BLOCK]
    total = torch.bmm(whole, whole.transpose(1, 2)).sum(0)  # [c, c]
    if blocks * BLOCK < positions:
        rest = features[:, blocks * BLOCK :]
        total.addmm_(rest, rest.T)
    return total


def moments(features: Tensor) -> Moments:
    """Moments over all positions of features [1, c, h, w]."""
    flat = features.reshape(features.shape[1], -1)  # [c, n]
    return Moments(flat.mean(1), gram(flat) / flat.shape[1])


def collage(parts: Sequence[Moments], mix: Sequence[float]) -> Moments:
    """Moments of a picture that has `mix[k]` of its area from style k (`mix` sums to 1).

    Departure from Gatys et al. 2016, who have one style, and from sums of one cost per style: moments of a union of
    regions are the area-weighted means of the regions' moments, so any number of styles costs what one costs, and the
    mix is the area share that each style gets.
    """
    mean = sum((share * part.mean for part, share in zip(parts, mix, strict=True)), torch.zeros(()))
    second = sum((share * part.second for part, share in zip(parts, mix, strict=True)), torch.zeros(()))
    return Moments(mean, second)


def even_collage(parts: Sequence[Moments]) -> Moments:
    """Moments of a picture that has the same area from each part; those of a single part as they are."""
    return parts[0] if len(parts) == 1 else collage(parts, [1 / len(parts)] * len(parts))
