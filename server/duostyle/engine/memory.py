"""Memory of the machine: how much there is, and giving back what is free."""

from __future__ import annotations

import contextlib
import ctypes
import os
from pathlib import Path

import torch


def machine_bytes() -> int:
    """Memory of this machine, or of the container that it runs in, in bytes."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")] if hasattr(os, "sysconf") else [4 << 30]
    with contextlib.suppress(OSError, ValueError):
        # a number, or "max"
        limits.append(int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return min(limits)


def give_back(device: torch.device) -> None:
    """Return memory that nothing uses to the system, as far as it can be."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
    # freed blocks below the heap's top stay with the process otherwise; only glibc has this
    with contextlib.suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
