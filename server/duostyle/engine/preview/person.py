"""Where people are in a picture: the network of MediaPipe Selfie Segmentation (the general model), and its edges.

An encoder as in A. Howard et al., "Searching for MobileNetV3", 2019, with squeeze-and-excitation, and a decoder that
goes back up with the encoder's maps weighed by channel. Layers have the names and numbers of the original file.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from duostyle.engine.preview.guided import refined
from duostyle.engine.preview.predictor import pad_same
from duostyle.engine.preview.weights import convolution
from duostyle.engine.pyramid import resize

# the side of the square that the network looks at, px
LOOK_PX = 256
# a place counts as a person from here on; with less than this share of such places there is nobody
SURE = 0.5
LEAST_SHARE = 0.002


@dataclass(frozen=True)
class _Block:
    """An inverted residual: numbers of its expanding, squeezing (or None) and projecting convolutions."""

    expand: int
    depthwise: int
    project: int
    stride: int = 1
    squeeze: int | None = None
    swish: bool = True
    residual: bool = True


# after the stem (conv2d) and its block (conv2d_1 to conv2d_4)
_BLOCKS = (
    _Block(5, 1, 6, stride=2, swish=False, residual=False),
    _Block(7, 2, 8, swish=False),
    _Block(9, 3, 12, stride=2, squeeze=10, residual=False),
    _Block(13, 4, 16, squeeze=14),
    _Block(17, 5, 20, squeeze=18),
    _Block(21, 6, 24, squeeze=22),
    _Block(25, 7, 28, squeeze=26),
)


class PersonFinder:
    """The network on one device. Keeps no state between calls."""

    def __init__(self, weights: dict[str, Tensor], device: torch.device) -> None:
        names = [name.removesuffix(".weight") for name in weights if name.endswith(".weight")]
        self.device = device
        self.layers = {name: convolution(weights, name, device) for name in names}

    def find(self, content: Tensor) -> Tensor | None:
        """content [1, 3, h, w] in 0..1 -> about where people are, [1, 1, 256, 256] in 0..1; None when there are none.

        Several people are one region.
        """
        found = self.look(resize(content, LOOK_PX, LOOK_PX).clamp(0, 1))
        if float((found > SURE).float().mean()) < LEAST_SHARE:
            return None
        return found

    def outline(self, found: Tensor, content: Tensor) -> Tensor:
        """What `find` has found, at the size of `content` [1, 3, h, w] and with its edges, [1, 1, h, w] in 0..1."""
        return sharpened(refined(found, content.to(self.device)))

    def look(self, square: Tensor) -> Tensor:
        """square [1, 3, 256, 256] in 0..1 -> how sure the network is of a person, [1, 1, 256, 256] in 0..1."""
        x = square.to(self.device).contiguous(memory_format=torch.channels_last)
        first = functional.hardswish(self._conv(x, "conv2d", 2))  # [1, 16, 128, 128]
        h = self._conv(self._conv(first, "conv2d_1").relu_(), "depthwise_conv2d", 2).relu_()
        second = self._conv(self._excite(h, h, 2), "conv2d_4")  # [1, 16, 64, 64]
        h = third = self._block(self._block(second, _BLOCKS[0]), _BLOCKS[1])  # [1, 24, 32, 32]
        for block in _BLOCKS[2:]:
            h = self._block(h, block)  # [1, 32, 16, 16]
        pooled = h.mean((2, 3), keepdim=True)
        h = self._conv(h, "conv2d_29").relu_() * self._conv(pooled, "conv2d_30").sigmoid()
        for skip, number, depthwise in ((third, 31, 8), (second, 35, 9), (first, 39, 10)):
            h = self._up(h, skip, number, depthwise)
        weight, bias = self.layers["segment"]
        # the original keeps the filter as out x in, torch wants in x out
        return functional.conv_transpose2d(h, weight.transpose(0, 1), bias, stride=2).sigmoid_()

    def _block(self, x: Tensor, block: _Block) -> Tensor:
        activate = functional.hardswish if block.swish else functional.relu
        h = activate(self._conv(x, f"conv2d_{block.expand}"))
        h = activate(self._conv(h, f"depthwise_conv2d_{block.depthwise}", block.stride))
        if block.squeeze is not None:
            h = self._excite(h, h, block.squeeze)
        h = self._conv(h, f"conv2d_{block.project}")
        return h + x if block.residual else h

    def _excite(self, x: Tensor, seen: Tensor, number: int) -> Tensor:
        """x weighed by channel, by what two convolutions make of the means of `seen`."""
        h = self._conv(seen.mean((2, 3), keepdim=True), f"conv2d_{number}").relu_()
        return x * self._conv(h, f"conv2d_{number + 1}").sigmoid_()

    def _up(self, x: Tensor, skip: Tensor, number: int, depthwise: int) -> Tensor:
        larger = functional.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
        h = self._conv(larger, f"conv2d_{number}")
        h = self._excite(skip, skip + h, number + 1) + h
        h = self._conv(h, f"conv2d_{number + 3}").relu_()
        return h + self._conv(h, f"depthwise_conv2d_{depthwise}").relu_()

    def _conv(self, x: Tensor, name: str, stride: int = 1) -> Tensor:
        weight, bias = self.layers[name]
        groups = x.shape[1] if name.startswith("depthwise") else 1
        return functional.conv2d(pad_same(x, weight.shape[2], stride), weight, bias, stride=stride, groups=groups)


def sharpened(mask: Tensor) -> Tensor:
    """A mask in 0..1 with the slopes of its edges twice as steep: filtering has widened them."""
    return ((mask - 0.5) * 2 + 0.5).clamp(0, 1)
