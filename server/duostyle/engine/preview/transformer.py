"""Paint a picture in one pass: the style transfer network of Ghiasi et al. 2017.

Three convolutions down to a quarter of the size, five residual blocks, three convolutions back up. Each of the last
thirteen is followed by conditional instance normalisation (Dumoulin, Shlens and Kudlur, "A learned representation for
artistic style", 2016, section 2.2): every channel gets mean 0 and variance 1, then the scale and shift of the style,
which are linear in its vector. Where styles have places of their own, scale and shift are maps.

Departure: on the way back up maps are enlarged bilinearly. The original repeats pixels, which stays in the picture as a
weave; without training anew this takes most of it away. Measured in docs/tuning-log.md.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from duostyle.engine.network.vgg import Check, no_check
from duostyle.engine.preview.weights import convolution

# added to the variance, as in the original
EPSILON = 1e-5
# the network halves the size twice
MULTIPLE_PX = 4
# what mirrored borders of the smallest maps need
SMALLEST_CONTENT_PX = 16
RESIDUALS = tuple(f"residual{block}.conv{conv}" for block in range(1, 6) for conv in (1, 2))
EXPANDS = ("expand.conv1", "expand.conv2", "expand.conv3")


class Transformer:
    """The network on one device, without state. `enlarge` is "bilinear", or "nearest" as in the original; maps are of
    `dtype`, float32 or bfloat16."""

    def __init__(
        self,
        weights: dict[str, Tensor],
        device: torch.device,
        enlarge: str = "bilinear",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.enlarge, self.dtype = enlarge, dtype
        names = [name.removesuffix(".weight") for name in weights if name.startswith("transform.")]
        convs = [name for name in names if "conv" in name and not name.endswith(".bias")]
        self.device = device
        self.layers = {name.removeprefix("transform."): convolution(weights, name, device, dtype) for name in convs}
        kinds = ("scale", "shift")
        self.matrix = torch.cat([weights[f"transform.{kind}.weight"] for kind in kinds]).to(device)  # [694, 100]
        self.constant = torch.cat([weights[f"transform.{kind}.bias"] for kind in kinds]).to(device)  # [694]

    def paint(self, content: Tensor, vectors: Tensor, guides: Sequence[Tensor] = (), check: Check = no_check) -> Tensor:
        """content [1, 3, h, w] in 0..1 (sides multiples of 4, at least 16) -> painted, the same shape, in 0..1.

        vectors [n, 100]; with n > 1 each has a guide [1, 1, a, b] in 0..1 of any size, and the guides sum to 1.
        `check` is called before every convolution and may raise to stop in the middle.
        """
        norms = self._norms(vectors, guides)
        x = content.to(self.device, self.dtype).contiguous(memory_format=torch.channels_last)
        for name, stride in (("contract.conv1", 1), ("contract.conv2", 2), ("contract.conv3", 2)):
            check()
            x = self._conv(x, name, stride).relu_()
        for first, second in zip(RESIDUALS[::2], RESIDUALS[1::2], strict=True):
            check()
            h = norms(self._conv(x, first), first).relu_()
            check()
            x = x + norms(self._conv(h, second), second)
        for name in EXPANDS:
            check()
            if name != "expand.conv3":
                x = functional.interpolate(x, scale_factor=2.0, mode=self.enlarge)
            x = norms(self._conv(x, name), name)
            x = x.sigmoid_() if name == "expand.conv3" else x.relu_()
        return x.float().contiguous()

    def _norms(self, vectors: Tensor, guides: Sequence[Tensor]) -> Norms:
        numbers = torch.addmm(self.constant, vectors.to(self.device), self.matrix.T)  # [n, 694]
        widths = [self.layers[name][0].shape[0] for name in (*RESIDUALS, *EXPANDS)]
        scales, shifts = numbers.chunk(2, dim=1)
        places = zip(
            (*RESIDUALS, *EXPANDS), scales.split_with_sizes(widths, 1), shifts.split_with_sizes(widths, 1), strict=True
        )
        return Norms({name: (scale, shift) for name, scale, shift in places}, [g.to(self.device) for g in guides])

    def _conv(self, x: Tensor, name: str, stride: int = 1) -> Tensor:
        weight, bias = self.layers[name]
        margin = weight.shape[2] // 2
        return functional.conv2d(functional.pad(x, (margin,) * 4, mode="reflect"), weight, bias, stride=stride)


class Norms:
    """The conditional instance normalisations of one pass: `of` maps a layer to scales and shifts, [n, channels]."""

    def __init__(self, of: dict[str, tuple[Tensor, Tensor]], guides: Sequence[Tensor]) -> None:
        self._of = of
        self._guides = guides
        self._sized: dict[tuple[int, ...], Tensor] = {}

    def __call__(self, x: Tensor, name: str) -> Tensor:
        """x [1, c, h, w] -> the same shape, with the mean and deviation of the styles."""
        scale, shift = self._of[name]
        # several times as fast as torch's own normalisation, which goes channel by channel
        flat = x.permute(0, 2, 3, 1).reshape(-1, x.shape[1])  # [h*w, c], a view
        mean = flat.mean(0, dtype=torch.float32)
        variance = (flat - mean.to(x.dtype)).square_().mean(0, dtype=torch.float32)
        deviation = variance.add(EPSILON).sqrt()
        slope = scale / deviation  # [n, c]
        offset = shift - slope * mean
        if len(scale) == 1:
            one = [part[0].to(x.dtype).view(1, -1, 1, 1) for part in (offset, slope)]
            return torch.addcmul(one[0], x, one[1])
        guides = self._at(x.shape[2], x.shape[3]).to(x.dtype)  # [1, n, h, w]
        weights = [part.to(x.dtype).T[:, :, None, None] for part in (slope, offset)]
        slopes, offsets = (functional.conv2d(guides, weight) for weight in weights)
        return torch.addcmul(offsets, x, slopes)

    def _at(self, height: int, width: int) -> Tensor:
        if (height, width) not in self._sized:
            sized = [functional.interpolate(guide, (height, width), mode="area") for guide in self._guides]
            stacked = torch.cat(sized, 1).contiguous(memory_format=torch.channels_last)
            self._sized[height, width] = stacked
        return self._sized[height, width]
