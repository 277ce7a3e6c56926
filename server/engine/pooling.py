"""Average pooling of 2x2 and its gradient, several times as fast on CPUs as torch's own, which goes value by value."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional


def pool(x: Tensor) -> Tensor:
    """Means of 2x2 values: x [1, c, h, w] -> [1, c, h//2, w//2]. An odd last row or column is left out."""
    if x.device.type != "cpu":
        return functional.avg_pool2d(x, 2)
    height, width = x.shape[2] // 2 * 2, x.shape[3] // 2 * 2
    rows = x[:, :, 0:height:2, :width] + x[:, :, 1:height:2, :width]  # [1, c, h//2, w]
    return rows[..., 0::2].add(rows[..., 1::2]).mul_(0.25)


def unpool(gradient: Tensor, height: int, width: int) -> Tensor:
    """Gradient of `pool` for an input of height x width: gradient [1, c, h//2, w//2] -> [1, c, h, w]."""
    spread = functional.interpolate(gradient * 0.25, scale_factor=2.0, mode="nearest")
    odd = (0, width - spread.shape[3], 0, height - spread.shape[2])
    return functional.pad(spread, odd) if any(odd) else spread
