"""The layers of a frozen network, forward and backward: 3x3 convolutions by one of several kernels, and 2x2 pooling.

The input gradient of a convolution with frozen weights, stride 1 and padding 1 is again such a convolution: the kernel
is flipped in both directions and its channels are transposed. So one code path serves both, and no autograd is needed.
Pooling and its gradient are several times as fast on CPUs as torch's own, which go value by value in float32.

Features are float32, or bfloat16 in the memory order of channels last: on processors with instructions for it a
convolution then runs at more than twice the rate. All functions here take and give either.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

Kernel = Callable[[Tensor, Tensor, Tensor], Tensor]


def conv_plain(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """torch's own choice (oneDNN direct on CPUs, cuDNN on GPUs).

    x [1, in, h, w], weight [out, in, 3, 3], bias [out] -> [1, out, h, w], padded with zeros; all kernels do the same.
    """
    return functional.conv2d(x, weight, bias, padding=1)


def conv_nnpack(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """NNPACK's Winograd F(6x6, 3x3) (Lavin and Gray 2016): a fifth of the multiplications.

    Only on the CPU, float32, NCHW. The error is about 1e-4 relative.
    """
    return torch._nnpack_spatial_convolution(x, weight, bias, padding=[1, 1], stride=[1, 1])


def conv_relu(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """`conv_plain` and its ReLU in one pass by oneDNN: a quarter less than both in bfloat16, and the same numbers."""
    fused: Tensor = torch.ops.mkldnn._convolution_pointwise(x, weight, bias, [1, 1], [1, 1], [1, 1], 1, "relu", [], "")
    return fused


def conv_relu_works() -> bool:
    """Whether this torch can do `conv_relu` in bfloat16, and rightly."""
    x, weight = (torch.ones(1, 8, 4, 4), torch.ones(8, 8, 3, 3))
    x, weight = (made.to(torch.bfloat16).contiguous(memory_format=torch.channels_last) for made in (x, weight))
    bias = torch.full((8,), -40.0, dtype=torch.bfloat16)
    try:
        return torch.equal(conv_relu(x, weight, bias), conv_plain(x, weight, bias).relu_())
    except (RuntimeError, AttributeError, NotImplementedError):
        return False


def conv_narrow_out(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """One matrix product, then nine shifted sums: good when `out` is tiny (the gradient of the picture)."""
    _, channels, height, width = x.shape
    taps = weight.permute(2, 3, 0, 1).reshape(-1, channels)  # [9*out, in]
    spread = (taps @ x.view(channels, height * width)).view(3, 3, -1, height, width)
    # a value goes to each place whose window it is in, also to those just outside, which are cut off
    sums = bias[:, None, None].repeat(1, height + 2, width + 2)  # [out, h+2, w+2]
    for row in range(3):
        for column in range(3):
            sums[:, 2 - row : 2 - row + height, 2 - column : 2 - column + width] += spread[row, column]
    return sums[None, :, 1:-1, 1:-1]


@dataclass(frozen=True)
class Choice:
    """Which kernel to take: `small` below `area` positions, `large` from there on."""

    small: Kernel = conv_plain
    large: Kernel = conv_plain
    area: int = 0

    def __call__(self, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """See `conv_plain`."""
        kernel = self.small if x.shape[2] * x.shape[3] < self.area else self.large
        return kernel(x, weight, bias)


class FrozenConv:
    """One convolution layer with frozen weights [out, in, 3, 3] and bias [out]; features are of `dtype`."""

    def __init__(self, weight: Tensor, bias: Tensor, device: torch.device, dtype: torch.dtype = torch.float32) -> None:
        self.weight = weight.detach().to(device, dtype).contiguous()
        self.bias = bias.detach().to(device, dtype).contiguous()
        # [in, out, 3, 3]
        self.weight_back = self.weight.flip(2, 3).transpose(0, 1).contiguous()
        self.no_bias = torch.zeros(self.weight.shape[1], device=device, dtype=dtype)
        if channels_last(device, dtype):
            self.weight = self.weight.contiguous(memory_format=torch.channels_last)
            self.weight_back = self.weight_back.contiguous(memory_format=torch.channels_last)
        self.choice = Choice()
        self.choice_back = Choice()

    def forward(self, x: Tensor) -> Tensor:
        """x [1, in, h, w] -> [1, out, h, w]."""
        return self.choice(x, self.weight, self.bias)

    def backward(self, gradient: Tensor, bias: Tensor | None = None) -> Tensor:
        """Gradient [1, out, h, w] -> gradient with respect to the input, [1, in, h, w], plus `bias` [in] everywhere.

        The bias carries the constant part of a style gradient at the input's layer, which so costs nothing.
        """
        return self.choice_back(gradient, self.weight_back, self.no_bias if bias is None else bias.to(gradient.dtype))


def channels_last(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether features of this kind are kept in the memory order of channels last, and torch's own kernels taken."""
    return device.type == "cuda" or dtype == torch.bfloat16


def pool(x: Tensor) -> Tensor:
    """Means of 2x2 values: x [1, c, h, w] -> [1, c, h//2, w//2]. An odd last row or column is left out."""
    if channels_last(x.device, x.dtype):
        return functional.avg_pool2d(x, 2)
    height, width = x.shape[2] // 2 * 2, x.shape[3] // 2 * 2
    rows = x[:, :, 0:height:2, :width] + x[:, :, 1:height:2, :width]  # [1, c, h//2, w]
    return rows[..., 0::2].add(rows[..., 1::2]).mul_(0.25)


def unpool(gradient: Tensor, height: int, width: int) -> Tensor:
    """Gradient of `pool` for an input of height x width: gradient [1, c, h//2, w//2] -> [1, c, h, w]."""
    spread = functional.interpolate(gradient * 0.25, scale_factor=2.0, mode="nearest")
    odd = (0, width - spread.shape[3], 0, height - spread.shape[2])
    return functional.pad(spread, odd) if any(odd) else spread


def unpool_relu(gradient: Tensor, h: Tensor) -> Tensor:
    """`unpool` where h [1, c, h, w], a ReLU's output, is positive, 0 elsewhere. On CPUs it takes h's own memory."""
    height, width = gradient.shape[2] * 2, gradient.shape[3] * 2
    if h.device.type != "cpu":
        masked: Tensor = torch.ops.aten.threshold_backward(unpool(gradient, *h.shape[2:]), h, 0)
        return masked
    # memory that was touched before is several times as fast as fresh memory
    if h.dtype == torch.bfloat16:
        h[:, :, height:] = 0
        h[:, :, :, width:] = 0
        blocks = h[:, :, :height, :width].view(1, h.shape[1], height // 2, 2, width // 2, 2)
        spread = (gradient * 0.25)[:, :, :, None, :, None].expand(blocks.shape)
        torch.ops.aten.threshold_backward.grad_input(spread, blocks, 0, grad_input=blocks)
        return h
    mask = h.sign_()
    row = (gradient * 0.25).repeat_interleave(2, dim=3)
    mask[:, :, 0:height:2, :width] *= row
    mask[:, :, 1:height:2, :width] *= row
    mask[:, :, height:] = 0
    mask[:, :, :, width:] = 0
    return mask
