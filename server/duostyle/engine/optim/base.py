"""The interface of optimisers of a picture in 0..1: `x` is evaluated, `tell` gets its cost; can be frozen in between.

Optimisers know nothing of losses. They clamp in every step: clamping only at the end throws away what was won.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor


@dataclass(frozen=True)
class Frozen:
    """All that an optimiser remembers: `numbers` are JSON-serialisable, the `tensors` are never written to."""

    numbers: Mapping[str, Any]
    tensors: Mapping[str, Tensor]


class Optimizer(Protocol):
    """`x` is the picture to evaluate next; `best` and `best_cost` the best evaluated since the last restart.

    Pictures are [1, 3, h, w] in 0..1 and are replaced, never written to.
    """

    x: Tensor
    best: Tensor
    best_cost: float

    def tell(self, cost: float, gradient: Tensor) -> bool:
        """Take cost and gradient [1, 3, h, w] at `x`, move `x` on; True when the step was accepted.

        `gradient` may be kept, so it must not be written to afterwards. Raises FloatingPointError when the very first
        cost or gradient is not finite.
        """
        ...

    def restart(self) -> None:
        """The costs have changed: forget what was learnt about them, stay at the current picture."""
        ...

    def freeze(self) -> Frozen:
        """What is remembered now; copies only what will be written to."""
        ...

    def thaw(self, frozen: Frozen) -> None:
        """Go on as the one that was frozen. Raises KeyError when it was of another kind."""
        ...


def finite(cost: float, gradient: Tensor) -> bool:
    """Whether cost and gradient are numbers throughout."""
    return math.isfinite(cost) and bool(torch.isfinite(gradient.sum()))
