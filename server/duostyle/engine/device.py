"""Where the engine computes: on a GPU that this PyTorch can really use, else on the processor."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path

import torch
from torch.nn import functional

from duostyle.errors import DeviceUnavailable

_log = logging.getLogger(__name__)
_NO_GPU = "torch finds no CUDA device"
# Linux lists NVIDIA's GPUs there, whichever PyTorch is installed.
_DRIVER = Path("/proc/driver/nvidia/gpus")


def choose_device(name: str) -> torch.device:
    """`auto` uses CUDA where it works; where there is a GPU that cannot be used, it says why in the log.

    Raises DeviceUnavailable when `cuda` is asked for and cannot be used.
    """
    if name == "cpu":
        return torch.device("cpu")
    reason = why_no_cuda()
    if reason is None:
        return torch.device("cuda")
    if name == "cuda":
        raise DeviceUnavailable(f"the device cuda cannot be used: {reason}; use --device cpu or auto")
    if reason != _NO_GPU or _DRIVER.is_dir():
        _log.warning("the GPU cannot be used, so the engine computes on the processor", extra={"reason": reason})
    return torch.device("cpu")


def why_no_cuda() -> str | None:
    """Why CUDA cannot be used, in a few words; None when it can: something has been computed on it."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        there = torch.cuda.is_available()
    if not there:
        if said:
            # a driver that is too old, say
            return _first_line(said[0].message)
        if torch.version.cuda is None and torch.version.hip is None and _DRIVER.is_dir():
            return f"{_NO_GPU}, because PyTorch {torch.__version__} was built without CUDA"
        return _NO_GPU
    try:
        with warnings.catch_warnings():
            # what it warns of is an error a moment later
            warnings.simplefilter("ignore")
            try_out(torch.device("cuda"))
    except RuntimeError as error:
        return f"{_name()} does not work with PyTorch {torch.__version__} ({_first_line(error)})"
    return None


def try_out(device: torch.device) -> None:
    """Compute the convolution of a small picture. Raises RuntimeError where the device cannot do it."""
    with torch.inference_mode():
        picture, kernel = torch.ones(1, 3, 16, 16).to(device), torch.ones(4, 3, 3, 3).to(device)
        functional.conv2d(picture, kernel).sum().item()


def _name() -> str:
    try:
        return torch.cuda.get_device_name(0)
    except RuntimeError:
        return "the GPU"


def _first_line(error: object) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(". ")
