"""The engine's border: pictures and checkpoints to tensors and back, foreign errors, and the machine's memory."""

from __future__ import annotations

import contextlib
import ctypes
import math
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from duostyle.engine.api import Array
from duostyle.engine.pyramid import resize
from duostyle.errors import EngineError, OutOfMemory
from duostyle.picture import Picture

# The wording of torch, oneDNN, cuDNN and cuBLAS; "an illegal memory access" is something else.
_NO_MEMORY = (
    "out of memory",
    "not enough memory",
    "t allocate memory",
    "ALLOC_FAILED",
    "bad_alloc",
    "could not create a memory",
)


def to_tensor(picture: Picture, device: torch.device | None = None) -> Tensor:
    """8-bit picture -> [1, 3, height, width] float32 in 0..1."""
    # frombuffer wants writable memory; the copy is the conversion's own anyway
    flat = torch.frombuffer(bytearray(picture.rgb), dtype=torch.uint8)
    pixels = flat.view(1, picture.height, picture.width, 3).permute(0, 3, 1, 2)
    return pixels.to(device=device, dtype=torch.float32).div_(255).contiguous()


def to_style(picture: Picture) -> Tensor:
    """As `to_tensor`, with the alpha as a fourth channel where the picture has one."""
    pixels, alpha = to_tensor(picture), to_alpha(picture)
    return pixels if alpha is None else torch.cat([pixels, alpha], 1)


def to_alpha(picture: Picture) -> Tensor | None:
    """The alpha of a picture, [1, 1, height, width] float32 in 0..1, on the CPU; None where it is opaque."""
    if picture.alpha is None:
        return None
    flat = torch.frombuffer(bytearray(picture.alpha), dtype=torch.uint8)
    return flat.view(1, 1, picture.height, picture.width).to(torch.float32).div_(255)


def with_alpha(picture: Picture, alpha: Tensor | None) -> Picture:
    """A picture that is finished, as transparent as alpha [1, 1, h, w] in 0..1, which may have another size, says."""
    if alpha is None:
        return picture
    fitted = resize(alpha, picture.width, picture.height).clamp(0, 1).mul(255).round_().to(torch.uint8)
    return replace(picture, alpha=fitted.cpu().numpy().tobytes())


def to_mask(picture: Picture) -> Tensor:
    """8-bit picture -> its mean over the colours, [1, 1, height, width] float32 in 0..1, on the CPU."""
    return to_tensor(picture).mean(1, keepdim=True)


def to_picture(x: Tensor, *, deep: bool = False) -> Picture:
    """[1, 3, height, width] in 0..1 -> 8-bit picture, rounded, with `deep` also in 16 bits; NaN becomes 0."""
    flat = x.nan_to_num(0.0).clamp(0, 1)[0].permute(1, 2, 0)  # [height, width, 3]
    pixels = flat.mul(255).round_().to(torch.uint8).contiguous().cpu()
    samples = flat.mul(65535).round_().contiguous().cpu().numpy().astype("<u2").tobytes() if deep else None
    return Picture(pixels.shape[1], pixels.shape[0], pixels.numpy().tobytes(), deep=samples)


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


@contextlib.contextmanager
def engine_errors() -> Iterator[None]:
    """Foreign errors of the computation -> OutOfMemory or EngineError."""
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise OutOfMemory() from error
    except FloatingPointError as error:
        raise EngineError(str(error)) from error
    except RuntimeError as error:
        if any(word in str(error) for word in _NO_MEMORY):
            raise OutOfMemory() from error
        raise


def machine_bytes() -> int:
    """Memory of this machine, or of the container that it runs in, in bytes."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")] if hasattr(os, "sysconf") else [4 << 30]
    with contextlib.suppress(OSError, ValueError):
        # a number, or "max"
        limits.append(int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return min(limits)


def give_back(device: torch.device) -> None:
    """Return unused memory to the system as far as possible."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
    # freed blocks below the heap's top stay with the process otherwise; only glibc has this
    with contextlib.suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
