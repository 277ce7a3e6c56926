"""Foreign errors of the computation become the engine's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from duostyle.errors import EngineError, OutOfMemory

# As torch, oneDNN, cuDNN and cuBLAS say it; "an illegal memory access" is something else.
_NO_MEMORY = (
    "out of memory",
    "not enough memory",
    "t allocate memory",
    "ALLOC_FAILED",
    "bad_alloc",
    "could not create a memory",
)


@contextmanager
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
