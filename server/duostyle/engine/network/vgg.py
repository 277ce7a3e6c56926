"""The frozen feature extractor: VGG convolutions with ReLU and average pooling, with its own backward pass.

Layers are named as in Simonyan and Zisserman 2014: relu1_1 ... relu5_1. Departure from the published network: average
instead of max pooling, as Gatys et al. 2016 (section 2) propose; it measured better here too (docs/tuning-log.md).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from duostyle.engine.network.autotune import Chooser
from duostyle.engine.network.layers import (
    FrozenConv,
    channels_last,
    conv_relu,
    conv_relu_works,
    pool,
    unpool,
    unpool_relu,
)
from duostyle.engine.network.weights import Weights, layer_names

# what a tap adds to the gradient of its layer: (activation, gradient so far or None) -> gradient
AddGradient = Callable[[Tensor, Tensor | None], Tensor]
Check = Callable[[], None]


def no_check() -> None:
    """A check that never raises."""


@dataclass
class TapGradient:
    """Gradient of the costs at one layer: `add` returns the sum, `bias` [channels] is added at every position."""

    add: AddGradient
    bias: Tensor | None = None


class Network:
    """Frozen VGG features on one device. Not thread-safe; keeps no state between calls.

    Pictures and their gradients are float32; features and everything between are of `dtype`, float32 or bfloat16.
    `layers` are the names in network order, `1_1` and so on; callers name activations, `relu1_1` and so on.
    """

    def __init__(self, weights: Weights, device: torch.device, dtype: torch.dtype = torch.float32) -> None:
        self.name = weights.name
        self.device = device
        self.dtype = dtype
        self._fused = device.type == "cpu" and dtype == torch.bfloat16 and conv_relu_works()
        self.layers = layer_names(weights.blocks)
        self.convs = [FrozenConv(*weights.convs[f"conv{layer}"], device, dtype) for layer in self.layers]
        self.mean = torch.tensor(weights.mean, device=device).view(1, 3, 1, 1)
        self.scale = torch.tensor(weights.scale, device=device).view(1, 3, 1, 1)

    def choose_kernels(self, chooser: Chooser) -> None:
        """Measure once which convolution kernels are the fastest for each layer (float32 on the CPU only)."""
        if self.device.type != "cpu" or self.dtype != torch.float32:
            return
        for conv in self.convs:
            outs, ins = conv.weight.shape[:2]
            conv.choice = chooser.choose(ins, outs)
            conv.choice_back = chooser.choose(outs, ins)

    def depth(self, layers: Collection[str]) -> int:
        """How many convolutions are needed to reach all of `layers` (names with `relu`)."""
        return 1 + max(self.layers.index(layer.removeprefix("relu")) for layer in layers)

    def forward(self, x: Tensor, layers: Collection[str], check: Check = no_check) -> list[Tensor]:
        """Activations after each ReLU up to the deepest of `layers`, in network order.

        x [1, 3, h, w] in 0..1; entry i is [1, channels, h_i, w_i]. `check` is called before every convolution and
        may raise to stop in the middle.
        """
        return list(self._climb(x, self.depth(layers), check))

    def _climb(self, x: Tensor, depth: int, check: Check) -> Iterator[Tensor]:
        h = x.mul(self.scale).sub_(self.mean)  # [1, 3, h, w]
        if channels_last(self.device, self.dtype):
            h = h.to(self.dtype).contiguous(memory_format=torch.channels_last)
        for index in range(depth):
            check()
            if index and self._starts_block(index):
                h = pool(h)
            conv = self.convs[index]
            h = conv_relu(h, conv.weight, conv.bias) if self._fused else conv.forward(h).relu_()
            yield h

    def features(self, x: Tensor, layers: Collection[str], check: Check = no_check) -> dict[str, Tensor]:
        """Only the named activations: `{"relu3_1": [1, 256, h/4, w/4], ...}`; the others are freed on the way."""
        wanted = {self.index(layer): layer for layer in layers}
        return {wanted[i]: h for i, h in enumerate(self._climb(x, self.depth(layers), check)) if i in wanted}

    def index(self, layer: str) -> int:
        """Position of `relu3_1` and the like in what `forward` returns. Raises ValueError when there is none."""
        return self.layers.index(layer.removeprefix("relu"))

    def backward(self, outputs: list[Tensor], taps: Mapping[str, TapGradient], check: Check = no_check) -> Tensor:
        """Gradient with respect to the picture, [1, 3, h, w]. Raises ValueError when no tap gives one.

        `outputs` is what `forward` returned and is emptied on the way, so that memory falls while gradients grow.
        """
        by_index = {self.index(layer): tap for layer, tap in taps.items()}
        gradient: Tensor | None = None
        # the gradient has yet to go back through the pooling above the layer
        pooled = False
        while outputs:
            check()
            index = len(outputs) - 1
            h = outputs.pop()
            tap = by_index.get(index)
            if pooled and gradient is not None and tap is None:
                gradient, pooled = unpool_relu(gradient, h), False
            else:
                if pooled and gradient is not None:
                    gradient, pooled = unpool(gradient, *h.shape[2:]), False
                if tap is not None:
                    # the constant part already came through the bias of the convolution above, unless there was none
                    constant = tap.bias if gradient is None or self._starts_block(index + 1) else None
                    gradient = tap.add(h, gradient)
                    if constant is not None:
                        gradient += constant.view(1, -1, 1, 1).to(gradient.dtype)
                if gradient is None:
                    continue
                # in place, since fresh memory is slow to touch
                torch.ops.aten.threshold_backward.grad_input(gradient, h, 0, grad_input=gradient)
            del h
            below = by_index.get(index - 1) if not self._starts_block(index) else None
            gradient = self.convs[index].backward(gradient, None if below is None else below.bias)
            pooled = index > 0 and self._starts_block(index)
        if gradient is None:
            raise ValueError("no tap gives a gradient")
        if self.dtype == torch.bfloat16:
            gradient = gradient.to(torch.float32).contiguous()
        return gradient * self.scale

    def _starts_block(self, index: int) -> bool:
        return index < len(self.layers) and self.layers[index].endswith("_1")
