"""A frozen 3x3 convolution, forward and input gradient, by the fastest kernel that this device has.

The input gradient of a convolution with frozen weights, stride 1 and padding 1 is again such a convolution: the kernel
is flipped in both directions and its channels are transposed. So one code path serves both, and no autograd is needed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

Kernel = Callable[[Tensor, Tensor, Tensor], Tensor]

# A rival must be this much faster to replace the preferred kernel: noise must not flip the choice between two runs,
# or the same seed would give two pictures.
HYSTERESIS = 0.6


def conv_plain(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """torch's own choice (oneDNN direct on CPUs, cuDNN on GPUs). x [1, in, h, w] -> [1, out, h, w]."""
    return functional.conv2d(x, weight, bias, padding=1)


def conv_nnpack(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """NNPACK's Winograd F(6x6, 3x3): a fifth of the multiplications, error about 1e-4 relative. CPU, float32, NCHW."""
    return torch._nnpack_spatial_convolution(x, weight, bias, padding=[1, 1], stride=[1, 1])


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
        kernel = self.small if x.shape[2] * x.shape[3] < self.area else self.large
        return kernel(x, weight, bias)


class FrozenConv:
    """One convolution layer with frozen weights. `forward` and `backward` take and give [1, channels, h, w] float32."""

    def __init__(self, weight: Tensor, bias: Tensor, device: torch.device) -> None:
        self.weight = weight.detach().to(device).contiguous()
        self.bias = bias.detach().to(device).contiguous()
        # [in, out, 3, 3]
        self.weight_back = self.weight.flip(2, 3).transpose(0, 1).contiguous()
        self.no_bias = torch.zeros(self.weight.shape[1], device=device)
        if device.type == "cuda":
            self.weight = self.weight.contiguous(memory_format=torch.channels_last)
            self.weight_back = self.weight_back.contiguous(memory_format=torch.channels_last)
        self.choice = Choice()
        self.choice_back = Choice()

    def forward(self, x: Tensor) -> Tensor:
        return self.choice(x, self.weight, self.bias)

    def backward(self, gradient: Tensor, bias: Tensor | None = None) -> Tensor:
        """Gradient with respect to the input, plus `bias` [in] at every position.

        The bias carries the constant part of a style gradient at the input's layer, which so costs nothing.
        """
        return self.choice_back(gradient, self.weight_back, self.no_bias if bias is None else bias)


class Chooser:
    """Measures every shape of convolution once; layers of the same shape share the answer.

    `remembered` are names as `names` gave them earlier: what is among them is not measured again.
    """

    def __init__(
        self, small_px: int = 16, large_px: int = 48, remembered: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        self.small_px = small_px
        self.large_px = large_px
        self.remembered = remembered or {}
        self._known: dict[tuple[int, int], Choice] = {}

    @property
    def names(self) -> dict[str, list[str]]:
        """What was chosen so far: "64 to 128" to the names of the kernels for small and large maps."""
        return {
            _shape_name(*shape): [choice.small.__name__, choice.large.__name__] for shape, choice in self._known.items()
        }

    def choose(self, ins: int, outs: int) -> Choice:
        """The fastest kernels for `ins` to `outs` channels on this CPU."""
        key = (ins, outs)
        if key not in self._known:
            kernels = candidates(ins, outs)
            by_name = {kernel.__name__: kernel for kernel in kernels}
            names = self.remembered.get(_shape_name(ins, outs), ())
            if len(names) == 2 and by_name.keys() >= set(names):
                self._known[key] = Choice(by_name[names[0]], by_name[names[1]], 2 * self.small_px * self.small_px)
                return self._known[key]
            weight, bias = torch.rand(outs, ins, 3, 3), torch.rand(outs)
            # Winograd transforms the kernel in every call: on small maps of many channels that is the main cost, so
            # there the plain kernel is the one to beat.
            small = fastest(kernels[::-1] if ins * outs >= 128 * 128 else kernels, weight, bias, self.small_px)
            large = fastest(kernels, weight, bias, self.large_px)
            self._known[key] = Choice(small, large, 2 * self.small_px * self.small_px)
        return self._known[key]


def _shape_name(ins: int, outs: int) -> str:
    return f"{ins} to {outs}"


def candidates(ins: int, outs: int) -> list[Kernel]:
    """Kernels worth measuring on the CPU for this many channels, the preferred first."""
    if ins <= 4:
        return [conv_plain]
    if outs <= 4:
        return [conv_narrow_out, conv_plain]
    return [conv_nnpack, conv_plain] if nnpack_works() else [conv_plain]


def nnpack_works() -> bool:
    """Whether this torch has NNPACK and this CPU can run it (asking also initialises it)."""
    try:
        if not torch.backends.nnpack.is_available():  # type: ignore[no-untyped-call]
            return False
        x = torch.ones(1, 8, 16, 16)
        weight = torch.ones(8, 8, 3, 3)
        return bool(torch.allclose(conv_nnpack(x, weight, torch.zeros(8)), conv_plain(x, weight, torch.zeros(8))))
    except (RuntimeError, AttributeError):
        return False


def fastest(kernels: list[Kernel], weight: Tensor, bias: Tensor, side_px: int, repeats: int = 3) -> Kernel:
    """The fastest of `kernels` on a square map; the first one unless another is clearly faster."""
    if len(kernels) == 1:
        return kernels[0]
    x = torch.rand(1, weight.shape[1], side_px, side_px)
    best = [float("inf")] * len(kernels)
    # interleaved, so that a passing load meets all of them
    for _ in range(repeats):
        for index, kernel in enumerate(kernels):
            start = time.perf_counter()
            kernel(x, weight, bias)
            best[index] = min(best[index], time.perf_counter() - start)
    rival = min(range(1, len(kernels)), key=best.__getitem__)
    return kernels[rival] if best[rival] < HYSTERESIS * best[0] else kernels[0]
