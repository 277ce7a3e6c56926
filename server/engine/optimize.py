"""First-order optimisers of one picture in 0..1, by ask and tell: `x` is to be evaluated, `tell` takes the answer.

They know nothing of losses. Both clamp in every step: clamping only at the end throws away what was won.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

# what the pairs of L-BFGS may hold; beyond a megapixel the memory is worth more than the last pairs
HISTORY_BYTES = 256 << 20


@dataclass(frozen=True)
class Frozen:
    """All that an optimiser remembers: `numbers` are JSON-serialisable, nobody writes to the `tensors` any more."""

    numbers: Mapping[str, Any]
    tensors: Mapping[str, Tensor]


class Optimizer(Protocol):
    """`x` is the picture to evaluate next; `best` and `best_cost` the best evaluated since the last restart."""

    x: Tensor
    best: Tensor
    best_cost: float

    def tell(self, cost: float, gradient: Tensor) -> bool:
        """Take cost and gradient at `x`, move `x` on; True when the step was accepted. `gradient` may be kept."""
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


def _finite(cost: float, gradient: Tensor) -> bool:
    return math.isfinite(cost) and bool(torch.isfinite(gradient.sum()))


class Lbfgs:
    """L-BFGS (Nocedal 1980; two-loop recursion as in Nocedal and Wright, algorithm 7.4) without a line search.

    Departures, because an evaluation is all the cost here: no line search but a safeguard. The first step moves the
    picture by `first_move` on average, no step changes a value by more than `largest_move`, and a step after which
    the cost is not finite or more than `tolerance` higher is taken back, shortened, and the history is forgotten.
    Values that stand at 0 or 1 and want to go on outwards are left out of the direction (projected gradient).
    """

    def __init__(
        self,
        x: Tensor,
        *,
        history: int = 10,
        first_move: float = 0.02,
        largest_move: float = 0.3,
        tolerance: float = 0.05,
    ) -> None:
        self.x = x.clamp(0, 1)
        self.best = self.x
        self.best_cost = math.inf
        self.first_move = first_move
        self.largest_move = largest_move
        self.tolerance = tolerance
        self._pairs: deque[tuple[Tensor, Tensor, float]] = deque(maxlen=history)
        self._base: Tensor | None = None
        self._gradient: Tensor | None = None
        self._cost = math.inf
        self._direction: Tensor | None = None
        self._length = 1.0

    def tell(self, cost: float, gradient: Tensor) -> bool:
        finite = _finite(cost, gradient)
        if self._base is not None and self._gradient is not None:
            if not finite or cost > self._cost * (1 + self.tolerance):
                self._take_back(self._base, self._gradient)
                return False
            self._remember(self.x - self._base, gradient - self._gradient)
        if not finite:
            raise FloatingPointError("the cost of the starting picture is not finite")
        if cost < self.best_cost:
            self.best, self.best_cost = self.x, cost
        self._base, self._gradient, self._cost = self.x, gradient, cost
        self._length = 1.0
        self._move(self.x, self._limit(self._downhill(gradient)))
        return True

    def restart(self) -> None:
        self.x = self.x if self._base is None else self._base
        self._base = self._gradient = self._direction = None
        self._pairs.clear()
        self.best, self.best_cost = self.x, math.inf

    def freeze(self) -> Frozen:
        tensors = {"x": self.x, "best": self.best}
        if self._base is not None and self._gradient is not None:
            tensors |= {"base": self._base, "gradient": self._gradient}
        if self._direction is not None and not self._pairs:
            # with a history the direction is never looked at again
            tensors["direction"] = self._direction
        for index, (step, change, _) in enumerate(self._pairs):
            tensors |= {f"step{index}": step, f"change{index}": change}
        curvatures = [curvature for _, _, curvature in self._pairs]
        numbers = {"best_cost": self.best_cost, "cost": self._cost, "length": self._length, "curvatures": curvatures}
        return Frozen(numbers, tensors)

    def thaw(self, frozen: Frozen) -> None:
        numbers, tensors = frozen.numbers, frozen.tensors
        self.x, self.best, self.best_cost = tensors["x"], tensors["best"], numbers["best_cost"]
        self._cost, self._length = numbers["cost"], numbers["length"]
        self._base, self._gradient = tensors.get("base"), tensors.get("gradient")
        self._direction = tensors.get("direction")
        self._pairs.clear()
        for index, curvature in enumerate(numbers["curvatures"]):
            self._pairs.append((tensors[f"step{index}"], tensors[f"change{index}"], curvature))

    def _move(self, base: Tensor, direction: Tensor) -> None:
        self._direction = direction
        self.x = torch.add(base, direction, alpha=self._length).clamp_(0, 1)

    def _take_back(self, base: Tensor, gradient: Tensor) -> None:
        direction = self._direction
        self.x = base
        if self._pairs or direction is None:
            # a fresh gradient step from the last good picture: the history led astray
            self._pairs.clear()
            direction = self._limit(self._downhill(gradient))
            self._length = 0.5
        else:
            self._length *= 0.25
        self._move(base, direction)

    def _remember(self, step: Tensor, change: Tensor) -> None:
        curvature = float((step * change).sum())
        # only pairs of positive curvature keep the approximation positive definite
        if curvature > 1e-10 * float(change.square().sum()) and curvature > 0:
            self._pairs.append((step, change, curvature))

    def _downhill(self, gradient: Tensor) -> Tensor:
        held = ((self.x <= 0) & (gradient > 0)) | ((self.x >= 1) & (gradient < 0))
        direction = gradient.masked_fill(held, 0).neg_()
        if not self._pairs:
            return direction.mul_(self.first_move / max(float(direction.abs().mean()), 1e-30))
        weights = []
        for step, change, curvature in reversed(self._pairs):
            weight = float((step * direction).sum()) / curvature
            direction.add_(change, alpha=-weight)
            weights.append(weight)
        _, change, curvature = self._pairs[-1]
        direction.mul_(curvature / float(change.square().sum()))
        for (step, change, curvature), weight in zip(self._pairs, reversed(weights), strict=True):
            direction.add_(step, alpha=weight - float((change * direction).sum()) / curvature)
        direction.masked_fill_(held, 0)
        if float((direction * gradient).sum()) >= 0:
            # not downhill any more: rounding has eaten the history
            self._pairs.clear()
            return self._downhill(gradient)
        return direction

    def _limit(self, direction: Tensor) -> Tensor:
        largest = float(direction.abs().max())
        return direction.mul_(self.largest_move / largest) if largest > self.largest_move else direction


class Adam:
    """Adam (Kingma and Ba 2015, algorithm 1) on a picture in 0..1; `rate` is the step size in units of that range."""

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
        if not _finite(cost, gradient):
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
        self._reset()
        self.best, self.best_cost = self.x, math.inf

    def freeze(self) -> Frozen:
        # these two are updated in place
        tensors = {"x": self.x, "best": self.best, "mean": self._mean.clone(), "square": self._square.clone()}
        return Frozen({"best_cost": self.best_cost, "rate": self.rate, "count": self._count}, tensors)

    def thaw(self, frozen: Frozen) -> None:
        numbers, tensors = frozen.numbers, frozen.tensors
        self.x, self.best, self.best_cost = tensors["x"], tensors["best"], numbers["best_cost"]
        self.rate, self._count = numbers["rate"], numbers["count"]
        self._mean, self._square = tensors["mean"], tensors["square"]

    def _reset(self) -> None:
        self._count = 0
        self._mean.zero_()
        self._square.zero_()


def make_optimizer(name: str, x: Tensor, style_weight: float) -> Optimizer:
    """`lbfgs` or `adam` starting at x [1, 3, h, w] in 0..1."""
    if name == "adam":
        # weak styles leave the content's fine balance, which large steps shake
        return Adam(x, rate=0.01 if style_weight <= 3 else 0.02)
    return Lbfgs(x, history=history_for(x))


def history_for(x: Tensor) -> int:
    """Pairs to keep: ten, or for a large picture what fits into HISTORY_BYTES (a pair is two pictures), at least 3."""
    return max(3, min(10, HISTORY_BYTES // (2 * x.numel() * x.element_size())))
