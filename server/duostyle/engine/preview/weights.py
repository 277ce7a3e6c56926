"""Read the shipped weights of the feed-forward networks; scripts/convert_preview.py made them from their originals."""

from __future__ import annotations

import hashlib
from importlib import resources

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors
from torch import Tensor

from duostyle.errors import WeightsError

SHA256 = {
    "instant-fp16.safetensors": "e8fe5dcbbc22e5edfa7326ebeb54cd39edf00bf7caeabf925f0d89bb825df255",
    "person-fp16.safetensors": "77d136af02489ca3d1235667f57eb6b9ce93e01f5b3b56378270c985eb8681e8",
}


def instant_weights() -> dict[str, Tensor]:
    """Of both networks of Ghiasi et al. 2017, float32 by name. Raises WeightsError when missing or damaged."""
    return _shipped("instant-fp16.safetensors")


def person_weights() -> dict[str, Tensor]:
    """Of the network that finds people, float32 by name. Raises WeightsError when missing or damaged."""
    return _shipped("person-fp16.safetensors")


def _shipped(name: str) -> dict[str, Tensor]:
    try:
        data = resources.files("duostyle.data").joinpath("weights", name).read_bytes()
    except OSError as error:
        raise WeightsError(f"the weights {name} are missing; install duostyle again") from error
    return parse(name, data)


def parse(name: str, data: bytes) -> dict[str, Tensor]:
    """The tensors in the bytes of one of the files of `SHA256`. Raises WeightsError when they are damaged."""
    digest = hashlib.sha256(data).hexdigest()
    if digest != SHA256[name]:
        raise WeightsError(f"the weights {name} are damaged; install duostyle again", limit=SHA256[name], got=digest)
    try:
        tensors = load_safetensors(data)
    except SafetensorError as error:
        raise WeightsError(f"the weights {name} cannot be read: {error}") from error
    return {key: tensor.float() for key, tensor in tensors.items()}


def convolution(
    weights: dict[str, Tensor], name: str, device: torch.device, dtype: torch.dtype = torch.float32
) -> tuple[Tensor, Tensor | None]:
    """Weight [out, in, h, w], channels last, and bias [out] or None of the layer `name`."""
    weight, bias = weights[f"{name}.weight"], weights.get(f"{name}.bias")
    moved = weight.to(device, dtype).contiguous(memory_format=torch.channels_last)
    return moved, None if bias is None else bias.to(device, dtype)
