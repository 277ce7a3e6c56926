"""Colour: matching one palette to another, and keeping the content's own colours."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from duostyle.engine.objective.moments import Moments, collage, moments, pixels_and_weights
from duostyle.engine.objective.style import moments_of

# OkLab (Ottosson 2020, "A perceptual color space for image processing"): linear RGB -> cone response -> Lab
_CONES = (
    (0.4122214708, 0.5363325363, 0.0514459929),
    (0.2119034982, 0.6806995451, 0.1073969566),
    (0.0883024619, 0.2817188376, 0.6299787005),
)
_LAB = (
    (0.2104542553, 0.7936177850, -0.0040720468),
    (1.9779984951, -2.4285922050, 0.4505937099),
    (0.0259040371, 0.7827717662, -0.8086757660),
)


# about the variance of one grey level in 250
RIDGE = 1e-6


def palette(pictures: Sequence[Tensor], mix: Sequence[float]) -> Moments:
    """Mean [3] and second moment [3, 3] of the colours of pictures [1, 3 or 4, h, w], mixed by area."""
    return collage([moments_of(*pixels_and_weights(picture)) for picture in pictures], mix)


def match_colors(x: Tensor, target: Moments) -> Tensor:
    """The linear Monge-Kantorovich map of x's colours onto a palette: x [1, 3, h, w] in 0..1 -> same, clamped.

    Pitie and Kokaram 2007, "The linear Monge-Kantorovitch linear colour mapping for example-based colour transfer",
    section 3: of all linear maps with the target's mean and covariance it moves the colours the least.
    """
    return transported(x, moments(x), target).clamp_(0, 1)


def transported(x: Tensor, source: Moments, target: Moments) -> Tensor:
    """The map of `match_colors` for colours of moments `source`, on any picture x [1, 3, h, w]; may leave 0..1."""
    matrix = transport(source.covariance, target.covariance)  # [3, 3]
    flat = x.flatten(2)[0] - source.mean[:, None]  # [3, n]
    matched: Tensor = torch.addmm(target.mean[:, None], matrix, flat)
    return matched.view_as(x)


def transport(source: Tensor, target: Tensor) -> Tensor:
    """The symmetric matrix T with T source T = target, for covariances [c, c].

    The ridge under the source keeps pictures of a single colour invertible, also where rounding has made them
    indefinite.
    """
    source, target = source.double(), target.double()
    root = matrix_root(source, RIDGE)
    inverse = torch.linalg.inv(root)
    result: Tensor = inverse @ matrix_root(root @ target @ root) @ inverse
    return result.float()


def matrix_root(matrix: Tensor, least: float = 0.0) -> Tensor:
    """Square root of a symmetric positive semi-definite matrix [c, c], with eigenvalues raised to `least`."""
    values, vectors = torch.linalg.eigh(matrix)
    root: Tensor = vectors @ torch.diag(values.clamp(min=least).sqrt()) @ vectors.T
    return root


def keep_colors(painting: Tensor, content: Tensor, amount: float) -> Tensor:
    """The painting's lightness with the content's colour, blended by `amount` in 0..1; both [1, 3, h, w] in 0..1.

    In OkLab, where lightness and colour are apart for the eye; a swap of YCbCr planes shifts hues. Gatys et al. 2017
    (section 5.2) do this in luminance only.
    """
    if amount <= 0:
        return painting
    lab, own = to_oklab(painting), to_oklab(content)
    lab[:, 1:] += amount * (own[:, 1:] - lab[:, 1:])
    return from_oklab(lab)


def to_oklab(x: Tensor) -> Tensor:
    """sRGB [1, 3, h, w] in 0..1 -> OkLab [1, 3, h, w], lightness in 0..1."""
    linear = torch.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055).pow(2.4))
    cones = _apply(_CONES, linear).clamp_(min=0).pow_(1 / 3)
    return _apply(_LAB, cones)


def from_oklab(lab: Tensor) -> Tensor:
    """OkLab [1, 3, h, w] -> sRGB [1, 3, h, w] clamped to 0..1."""
    cones = _apply(_inverse(_LAB), lab).pow_(3)
    linear = _apply(_inverse(_CONES), cones).clamp_(0, 1)
    return torch.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear.pow(1 / 2.4) - 0.055).clamp_(0, 1)


Matrix = tuple[tuple[float, float, float], ...]


def _inverse(matrix: Matrix) -> Matrix:
    rows = torch.linalg.inv(torch.tensor(matrix, dtype=torch.float64)).tolist()
    return tuple((row[0], row[1], row[2]) for row in rows)


def _apply(matrix: Matrix, x: Tensor) -> Tensor:
    table = torch.tensor(matrix, dtype=x.dtype, device=x.device)
    return (table @ x.flatten(2)[0]).view_as(x)
