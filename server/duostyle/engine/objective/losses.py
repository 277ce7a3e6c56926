"""The costs and their gradients at one layer: content, style (covariance or Gram), total variation. Pure functions.

All costs are relative to the target's own size, so that weights mean the same at every layer, size and network. That is
a departure from Gatys et al. 2016 (equations 1, 4 and 5), whose sums grow with the layer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from duostyle.engine.objective.moments import Moments, flat, square_norm

# picture [1, 3, h, w] in 0..1 -> cost (0-dim, >= 0) and its gradient [1, 3, h, w]
PictureCost = Callable[[Tensor], tuple[Tensor, Tensor]]

# keeps a target of all zeros (a black picture) from dividing by zero
TINY = 1e-8


@dataclass(frozen=True)
class StyleCost:
    """Style cost of one layer and its gradient, which is linear in the features: `matrix @ F + bias` per position.

    `value` is a 0-dim tensor >= 0; `matrix` [c, c] symmetric; `bias` [c]. The gradient is that of the value with
    respect to the features, for moments taken over n positions.
    """

    value: Tensor
    matrix: Tensor
    bias: Tensor


def style_cost(loss: str, current: Moments, target: Moments, positions: float) -> StyleCost:
    """`loss` is `covariance` or `gram`; `positions` is the number of positions n that `current` was taken over, a sum
    of weights where there are guides."""
    return (covariance_cost if loss == "covariance" else gram_cost)(current, target, positions)


def style_distance(loss: str, current: Moments, target: Moments) -> Tensor:
    """The value of `style_cost` alone, for less work; 0-dim."""
    if loss == "gram":
        return _relative(current.second - target.second, target.second_square)
    return 0.5 * (
        _relative(current.covariance - target.covariance, target.covariance_square)
        + _relative(current.mean - target.mean, target.mean_square)
    )


def gram_cost(current: Moments, target: Moments, positions: float) -> StyleCost:
    """|G - G_s|^2 / |G_s|^2 (Gatys et al. 2016, equation 4, made relative)."""
    difference = current.second - target.second  # [c, c]
    norm = target.second_square + TINY  # 0-dim
    value = _relative(difference, target.second_square)
    return StyleCost(value, difference.mul_(4 / (positions * norm)), torch.zeros_like(current.mean))


def covariance_cost(current: Moments, target: Moments, positions: float) -> StyleCost:
    """1/2 |C - C_s|^2 / |C_s|^2 + 1/2 |mu - mu_s|^2 / |mu_s|^2.

    Departure from Gatys et al. 2016: the Gram matrix is dominated by the means; matching covariance and mean apart lets
    both be matched, and gave nearer pictures at the same cost (docs/tuning-log.md).
    """
    difference = current.covariance - target.covariance  # [c, c]
    offset = current.mean - target.mean  # [c]
    value = 0.5 * (_relative(difference, target.covariance_square) + _relative(offset, target.mean_square))
    matrix = difference.mul_(2 / (positions * (target.covariance_square + TINY)))
    return StyleCost(value, matrix, offset / (positions * (target.mean_square + TINY)) - matrix @ current.mean)


def _relative(difference: Tensor, square: Tensor) -> Tensor:
    return square_norm(difference) / (square + TINY)


def content_cost(features: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """|F - F_c|^2 / |F_c|^2 and its gradient, both for features [1, c, h, w] (Gatys et al. 2016, equation 1)."""
    difference = features - target
    norm = square_sum(target) + TINY
    return square_sum(difference) / norm, difference.mul_(2 / norm)


def square_sum(features: Tensor) -> Tensor:
    """The sum of all squares of features [1, c, h, w], 0-dim, float32."""
    if features.dtype == torch.bfloat16:
        # each is rounded to 8 bits, which does not show in the sum of many
        norms: Tensor = torch.linalg.vector_norm(flat(features), dim=0).float()  # [h*w]
        return square_norm(norms)
    return square_norm(features)


def tv_cost(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean squared difference of neighbouring pixels and its gradient, for a picture [1, 3, h, w] in 0..1.

    The squared form of Mahendran and Vedaldi 2015 (section 3.1, beta = 2): smooth, so L-BFGS can work with it.
    """
    down = x[:, :, 1:, :] - x[:, :, :-1, :]  # [1, 3, h-1, w]
    right = x[:, :, :, 1:] - x[:, :, :, :-1]  # [1, 3, h, w-1]
    count = x.numel()
    gradient = torch.zeros_like(x)
    gradient[:, :, 1:, :] += down
    gradient[:, :, :-1, :] -= down
    gradient[:, :, :, 1:] += right
    gradient[:, :, :, :-1] -= right
    return (square_norm(down) + square_norm(right)) / count, gradient.mul_(2 / count)
