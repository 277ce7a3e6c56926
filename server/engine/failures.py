"""Foreign errors of the computation become the engine's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from server.errors import EngineError, OutOfMemory

TOO_LARGE = "the picture does not fit into memory; choose a smaller size"


@contextmanager
def engine_errors() -> Iterator[None]:
    """Foreign errors of the computation -> OutOfMemory or EngineError."""
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise OutOfMemory(TOO_LARGE) from error
    except FloatingPointError as error:
        raise EngineError(str(error)) from error
    except RuntimeError as error:
        if "memory" in str(error):
            raise OutOfMemory(TOO_LARGE) from error
        raise
