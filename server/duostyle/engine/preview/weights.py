"""Read the shipped weights of the feed-forward networks; scripts/convert_preview.py made them from their originals."""

from __future__ import annotations

import torch
from torch import Tensor

from duostyle.engine.network.weights import read_tensors
from duostyle.engine.network.weights_file import INSTANT_FILE, PERSON_FILE, checked_sha256, shipped_bytes


def instant_weights() -> dict[str, Tensor]:
    """Of both networks of Ghiasi et al. 2017, float32 by name. Raises WeightsError when missing or damaged."""
    return parse(INSTANT_FILE, shipped_bytes(INSTANT_FILE))


def person_weights() -> dict[str, Tensor]:
    """Of the network that finds people, float32 by name. Raises WeightsError when missing or damaged."""
    return parse(PERSON_FILE, shipped_bytes(PERSON_FILE))


def parse(name: str, data: bytes) -> dict[str, Tensor]:
    """The tensors in the bytes of the shipped file `name`. Raises WeightsError when they are damaged."""
    checked_sha256(name, data)
    return read_tensors(name, data)


def convolution(
    weights: dict[str, Tensor], name: str, device: torch.device, dtype: torch.dtype = torch.float32
) -> tuple[Tensor, Tensor | None]:
    """Weight [out, in, h, w], channels last, and bias [out] or None of the layer `name`."""
    weight, bias = weights[f"{name}.weight"], weights.get(f"{name}.bias")
    moved = weight.to(device, dtype).contiguous(memory_format=torch.channels_last)
    return moved, None if bias is None else bias.to(device, dtype)
