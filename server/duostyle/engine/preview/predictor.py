"""What a style is, as 100 numbers: the style prediction network of Ghiasi et al. 2017 with MobileNetV2 inside.

G. Ghiasi, H. Lee, M. Kudlur, V. Dumoulin, J. Shlens, "Exploring the structure of a real-time, arbitrary neural artistic
stylization network", 2017, section 3; M. Sandler et al., "MobileNetV2", 2018, table 2.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from duostyle.engine.preview.weights import convolution

VECTOR = 100
# the network was trained on squares of this side, px; its answer depends on the size of strokes in px
STYLE_PX = 256
SMALLEST_PX = 32
BLOCKS = 17
# blocks that halve the size
STRIDED = {1, 3, 6, 13}
# blocks that add to what they get: same size, same channels
RESIDUAL = {2, 4, 5, 7, 8, 9, 11, 12, 14, 15}


class Predictor:
    """The network on one device. Keeps no state between calls."""

    def __init__(self, weights: dict[str, Tensor], device: torch.device) -> None:
        names = {name.removeprefix("predict.").rpartition(".")[0] for name in weights if name.startswith("predict.")}
        self.device = device
        self.layers = {name: convolution(weights, f"predict.{name}", device) for name in names}

    def vector(self, style: Tensor) -> Tensor:
        """style [1, 3, h, w] in 0..1, any size -> [1, 100]."""
        x = style.to(self.device).contiguous(memory_format=torch.channels_last)
        x = self._conv(x, "stem", 2).clamp_(0, 6)
        for block in range(BLOCKS):
            x = self._block(x, block)
        pooled = self._conv(x, "head").clamp_(0, 6).mean((2, 3), keepdim=True)  # [1, 1280, 1, 1]
        return self._conv(pooled, "vector").flatten(1)

    def _block(self, x: Tensor, block: int) -> Tensor:
        h = x if block == 0 else self._conv(x, f"block{block}.expand").clamp_(0, 6)
        h = self._conv(h, f"block{block}.depthwise", 2 if block in STRIDED else 1).clamp_(0, 6)
        h = self._conv(h, f"block{block}.project")
        return h + x if block in RESIDUAL else h

    def _conv(self, x: Tensor, name: str, stride: int = 1) -> Tensor:
        weight, bias = self.layers[name]
        groups = x.shape[1] if weight.shape[1] == 1 else 1
        return functional.conv2d(pad_same(x, weight.shape[2], stride), weight, bias, stride=stride, groups=groups)


def pad_same(x: Tensor, kernel: int, stride: int) -> Tensor:
    """x [1, c, h, w] with the zeros around it that TensorFlow's padding `SAME` adds: the odd one right and below."""
    if kernel == 1:
        return x
    height, width = x.shape[2:]
    down, across = (max(0, (-(-side // stride) - 1) * stride + kernel - side) for side in (height, width))
    return functional.pad(x, (across // 2, across - across // 2, down // 2, down - down // 2))
