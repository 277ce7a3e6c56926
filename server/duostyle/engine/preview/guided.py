"""Refine the edges of a mask to those of a picture: K. He, J. Sun, X. Tang, "Guided image filtering", 2010."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from duostyle.engine.pyramid import fit, resize

# the longest side at which the filter is worked out
WORKED_PX = 320
# px at that size: how far an edge may move
RADIUS = 4
# variance of colours below which a place counts as flat
EPSILON = 1e-4
_PAIRS = ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))


def refined(mask: Tensor, guide: Tensor) -> Tensor:
    """A coarse mask [1, 1, a, b] at the size of guide [1, 3, h, w], with its edges; both in 0..1.

    The filter is worked out at a small size and applied at the guide's own: K. He, J. Sun, "Fast guided filter", 2015.
    """
    height, width = guide.shape[2:]
    small = (width, height) if max(width, height) <= WORKED_PX else fit(width, height, WORKED_PX)
    lines = coefficients(resize(guide, *small).clamp(0, 1), resize(mask, *small).clamp(0, 1))
    lines = functional.interpolate(lines, (height, width), mode="bilinear", align_corners=False)
    slope, offset = lines.split_with_sizes((3, 1), 1)
    fine: Tensor = (slope * guide).sum(1, keepdim=True).add_(offset).clamp_(0, 1)
    return fine


def coefficients(guide: Tensor, mask: Tensor, radius: int = RADIUS, epsilon: float = EPSILON) -> Tensor:
    """The lines from colours of guide [1, 3, h, w] to mask [1, 1, h, w] that fit best around each place, [1, 4, h, w].

    Equations 14 and 15 of He et al. 2010 (colour guides), then their means as in equation 16. The first three channels
    are multiplied by the colour, the fourth is added.
    """
    products = torch.cat([guide[:, i : i + 1] * guide[:, j : j + 1] for i, j in _PAIRS], 1)
    means = window_means(torch.cat([guide, mask, guide * mask, products], 1), radius)  # [1, 13, h, w]
    color, share, shared, squares = (part[0].permute(1, 2, 0) for part in means.split_with_sizes((3, 1, 3, 6), 1))
    matrix = torch.empty(*color.shape, 3, dtype=guide.dtype, device=guide.device)  # [h, w, 3, 3]
    for index, (i, j) in enumerate(_PAIRS):
        covariance = squares[..., index] - color[..., i] * color[..., j]
        matrix[..., i, j] = matrix[..., j, i] = covariance + (epsilon if i == j else 0.0)
    slope = solved(matrix, shared - color * share)  # [h, w, 3]
    offset = share - (slope * color).sum(-1, keepdim=True)
    return window_means(torch.cat([slope, offset], -1).permute(2, 0, 1)[None], radius)


def solved(matrix: Tensor, vector: Tensor) -> Tensor:
    """matrix^-1 vector by Cramer's rule, for symmetric matrix [..., 3, 3] and vector [..., 3].

    For many tiny matrices it is a hundred times as fast as `torch.linalg.solve`, which goes one by one.
    """
    rows = matrix.unbind(-2)
    crosses = [torch.linalg.cross(rows[(i + 1) % 3], rows[(i + 2) % 3]) for i in range(3)]
    numerators = torch.stack([(vector * cross).sum(-1) for cross in crosses], -1)
    determinant = (rows[0] * crosses[0]).sum(-1, keepdim=True)
    result: Tensor = numerators / determinant
    return result


def window_means(x: Tensor, radius: int) -> Tensor:
    """Means over the windows of 2 `radius` + 1 px, as far as they lie in the picture: [1, c, h, w] -> same size."""
    return functional.avg_pool2d(x, 2 * radius + 1, stride=1, padding=radius, count_include_pad=False)
