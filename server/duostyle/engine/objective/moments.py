"""First and second moments of feature maps: what a style is, here.

Gatys, Ecker and Bethge 2016 (equation 3) describe a style by the Gram matrix, the uncentred second moment of the
channels. Here the mean is kept beside it, so that mean and covariance can also be matched apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

# columns of one product: long thin products are slow on CPUs, so they are cut into blocks that fit the cache
BLOCK = 4096
# A bfloat16 product is summed in float32 but comes out rounded to 8 bits. Of so many parts, added in float32, the
# roundings cancel to 1e-4 of the sum. Where that would leave less than PART positions each, float32 costs little.
PARTS = 64
PART = 128


@dataclass(frozen=True)
class Moments:
    """Of one layer: `mean` [c] and `second` [c, c] (the Gram matrix divided by the number of positions), float32."""

    mean: Tensor
    second: Tensor

    @cached_property
    def covariance(self) -> Tensor:
        """[c, c]: second moment minus the outer product of the mean."""
        return torch.addr(self.second, self.mean, self.mean, alpha=-1)

    # what costs are relative to: targets are asked for these in every evaluation
    @cached_property
    def mean_square(self) -> Tensor:
        """|mean|^2, 0-dim."""
        return square_norm(self.mean)

    @cached_property
    def second_square(self) -> Tensor:
        """|second|^2, 0-dim."""
        return square_norm(self.second)

    @cached_property
    def covariance_square(self) -> Tensor:
        """|covariance|^2, 0-dim."""
        return square_norm(self.covariance)


def square_norm(x: Tensor) -> Tensor:
    """The sum of all squares, 0-dim; makes no copy, as squares would."""
    norm: Tensor = torch.linalg.vector_norm(x)
    return norm.square()


def flat(features: Tensor) -> Tensor:
    """Features [1, c, h, w] -> [c, h*w] in the same memory order, a view of whole maps."""
    channels = features.shape[1]
    if features.stride(1) == 1:
        # channels last
        return features[0].permute(1, 2, 0).reshape(-1, channels).T
    return features.reshape(channels, -1)


def total(features: Tensor) -> Tensor:
    """Sums over the positions of features [c, n] -> [c], float32."""
    if features.dtype != torch.bfloat16:
        return features.sum(1)
    if features.shape[1] < PARTS * PART:
        return features.float().sum(1)
    parts, rest = _parts(features)
    return parts.sum(1).float().sum(0) + rest.float().sum(0)


def gram(features: Tensor) -> Tensor:
    """F F^T for features [c, n] -> [c, c], float32 (Gatys et al. 2016, equation 3, not yet divided by anything)."""
    channels, positions = features.shape
    if features.dtype == torch.bfloat16 and positions >= PARTS * PART:
        parts, rest = _parts(features)
        few = rest.float()
        return torch.bmm(parts.transpose(1, 2), parts).sum(0, dtype=torch.float32).addmm_(few.T, few)
    features = features.float()
    blocks = positions // BLOCK
    if features.device.type != "cpu" or blocks < 4:
        return features @ features.T
    whole = features[:, : blocks * BLOCK].view(channels, blocks, BLOCK).transpose(0, 1)  # [blocks, c, BLOCK]
    second = torch.bmm(whole, whole.transpose(1, 2)).sum(0)  # [c, c]
    if blocks * BLOCK < positions:
        rest = features[:, blocks * BLOCK :]
        second.addmm_(rest, rest.T)
    return second


def moments(features: Tensor) -> Moments:
    """Moments over all positions of features [1, c, h, w]."""
    maps = flat(features)  # [c, n]
    positions = maps.shape[1]
    return Moments(total(maps) / positions, gram(maps) / positions)


def collage(parts: Sequence[Moments], mix: Sequence[float]) -> Moments:
    """Moments of a picture that has `mix[k]` of its area from style k (`mix` sums to 1).

    Departure from Gatys et al. 2016, who have one style, and from sums of one cost per style: moments of a union of
    regions are the area-weighted means of the regions' moments, so any number of styles costs what one costs, and the
    mix is the area share that each style gets.
    """
    mean = sum((share * part.mean for part, share in zip(parts, mix, strict=True)), torch.zeros(()))
    second = sum((share * part.second for part, share in zip(parts, mix, strict=True)), torch.zeros(()))
    return Moments(mean, second)


def pixels_and_weights(style: Tensor) -> tuple[Tensor, Tensor | None]:
    """The pixels [1, 3, h, w] of a style picture, and how much each of them counts, [1, 1, h, w] in 0..1: its
    alpha, the fourth channel. None where it has none."""
    return style[:, :3], style[:, 3:] if style.shape[1] > 3 else None


def even_collage(parts: Sequence[Moments]) -> Moments:
    """Moments of a picture that has the same area from each part; those of a single part as they are."""
    return parts[0] if len(parts) == 1 else collage(parts, [1 / len(parts)] * len(parts))


def _parts(features: Tensor) -> tuple[Tensor, Tensor]:
    """Features [c, n] in PARTS equal parts of positions [PARTS, n // PARTS, c], and the rest [n % PARTS, c]."""
    rows = features.T  # [n, c]
    length = rows.shape[0] // PARTS
    return rows[: PARTS * length].view(PARTS, length, -1), rows[PARTS * length :]
