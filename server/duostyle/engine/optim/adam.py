"""Adam for a picture in 0..1: the alternative to L-BFGS."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from duostyle.engine.optim.base import Frozen, finite


class Adam:
    """Adam (Kingma and Ba 2015, algorithm 1) from x [1, 3, h, w]; `rate` is the step size in units of 0..1.

    Departures: the squares decay by 0.99, not 0.999, so that they follow sooner; every step clamps to 0..1;
    a cost that is not finite takes the picture back to the best one and halves the rate.
    """

    def __init__(self, x: Tensor, *, rate: float = 0.02, decay: tuple[float, float] = (0.9, 0.99)) -> None:
        self.x = x.clamp(0, 1)
        self.best = self.x
        self.best_cost = math.inf
        self.rate = rate
        self.decay = decay
        self._count = 0
        self._mean = torch.zeros_like(self.x)
        self._square = torch.zeros_like(self.x)

    def tell(self, cost: float, gradient: Tensor) -> bool:
        """See `Optimizer.tell`."""
        if not finite(cost, gradient):
            if self.best_cost == math.inf:
                raise FloatingPointError("the cost of the starting picture is not finite")
            self.x, self.rate = self.best, self.rate / 2
            self._reset()
            return False
        if cost < self.best_cost:
            self.best, self.best_cost = self.x, cost
        self._count += 1
        first, second = self.decay
        self._mean.lerp_(gradient, 1 - first)
        self._square.lerp_(gradient.square(), 1 - second)
        mean = self._mean / (1 - first**self._count)
        scale = (self._square / (1 - second**self._count)).sqrt_().add_(1e-12)
        self.x = (self.x - mean.div_(scale).mul_(self.rate)).clamp_(0, 1)
        return True

    def restart(self) -> None:
        """See `Optimizer.restart`."""
        self._reset()
        self.best, self.best_cost = self.x, math.inf

    def freeze(self) -> Frozen:
        """See `Optimizer.freeze`."""
        # these two are updated in place
        tensors = {"x": self.x, "best": self.best, "mean": self._mean.clone(), "square": self._square.clone()}
        return Frozen({"best_cost": self.best_cost, "rate": self.rate, "count": self._count}, tensors)

    def thaw(self, frozen: Frozen) -> None:
        """See `Optimizer.thaw`."""
        numbers, tensors = frozen.numbers, frozen.tensors
        self.x, self.best, self.best_cost = tensors["x"], tensors["best"], numbers["best_cost"]
        self.rate, self._count = numbers["rate"], numbers["count"]
        self._mean, self._square = tensors["mean"], tensors["square"]

    def _reset(self) -> None:
        self._count = 0
        self._mean.zero_()
        self._square.zero_()
