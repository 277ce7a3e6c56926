"""Pictures and checkpoints to tensors and back: the engine's border."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from duostyle.engine.api import Array
from duostyle.picture import Picture


def to_tensor(picture: Picture, device: torch.device | None = None) -> Tensor:
    """8-bit picture -> [1, 3, height, width] float32 in 0..1."""
    # frombuffer wants writable memory; the copy is the conversion's own anyway
    flat = torch.frombuffer(bytearray(picture.rgb), dtype=torch.uint8)
    pixels = flat.view(1, picture.height, picture.width, 3).permute(0, 3, 1, 2)
    return pixels.to(device=device, dtype=torch.float32).div_(255).contiguous()


def to_picture(x: Tensor) -> Picture:
    """[1, 3, height, width] in 0..1 -> 8-bit picture, rounded; what is not a number becomes 0."""
    pixels = x.nan_to_num(0.0).clamp(0, 1).mul(255).round_().to(torch.uint8)[0].permute(1, 2, 0).contiguous().cpu()
    return Picture(pixels.shape[1], pixels.shape[0], pixels.numpy().tobytes())


def to_array(x: Tensor) -> Array:
    """Any float32 tensor as bytes; on the CPU the same memory, so nobody may write to `x` afterwards."""
    return Array(tuple(x.shape), memoryview(x.detach().cpu().contiguous().numpy().data).cast("B"))


def from_array(array: Array, device: torch.device | None = None) -> Tensor:
    """A tensor of its own. Raises ValueError when there are too few or too many bytes."""
    if len(array.data) != 4 * math.prod(array.shape):
        raise ValueError("the bytes do not fit the shape")
    if not array.data:
        return torch.empty(array.shape, device=device)
    # memory of torch's own, aligned as that of every other tensor: some kernels sum in another order otherwise
    return torch.frombuffer(bytearray(array.data), dtype=torch.float32).view(array.shape).to(device=device, copy=True)
