"""L-BFGS for a picture in 0..1, where every evaluation counts and nothing else does."""

from __future__ import annotations

import math
from collections import deque

import torch
from torch import Tensor

from duostyle.engine.optim.base import Frozen, finite
from duostyle.engine.optim.preconditioner import Spectrum

# Equation 7.20 of Nocedal and Wright gives the shorter of the two usual lengths (Barzilai and Borwein 1988) to what the
# pairs say nothing about; with it a third of the slope was left at the end of a typical step (docs/tuning-log.md).
STRETCH = 1.5
# most memory for the pairs of L-BFGS; beyond a megapixel memory matters more than the oldest pairs
HISTORY_BYTES = 256 << 20


class Lbfgs:
    """L-BFGS (Nocedal 1980; two-loop recursion as in Nocedal and Wright 2006, algorithm 7.4) from x [1, 3, h, w].

    Departures, because an evaluation is all the cost here: no line search but a safeguard. The first step moves the
    picture by `first_move` on average, no step changes a value by more than `largest_move`, and a step after which
    the cost is not finite or more than `tolerance` higher is taken back and shortened; if that does not help, the
    history is forgotten. Values that stand at 0 or 1 and want to go on outwards are left out of the direction
    (projected gradient). The initial inverse Hessian is diagonal in Fourier space, see `preconditioner`; a fifth fewer
    evaluations reach the same cost (docs/tuning-log.md).
    """

    def __init__(
        self,
        x: Tensor,
        *,
        history: int = 20,
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
        self._spectrum = Spectrum(x.shape[-2], x.shape[-1], x.device)

    def tell(self, cost: float, gradient: Tensor) -> bool:
        """See `Optimizer.tell`."""
        sound = finite(cost, gradient)
        if self._base is not None and self._gradient is not None:
            if not sound or cost > self._cost * (1 + self.tolerance):
                self._take_back(cost, self._base, self._gradient)
                return False
            self._remember(self.x - self._base, gradient - self._gradient)
        if not sound:
            raise FloatingPointError("the cost of the starting picture is not finite")
        if cost < self.best_cost:
            self.best, self.best_cost = self.x, cost
        self._base, self._gradient, self._cost = self.x, gradient, cost
        self._length = 1.0
        self._move(self.x, self._limit(self._downhill(gradient)))
        return True

    def restart(self) -> None:
        """See `Optimizer.restart`."""
        self.x = self.x if self._base is None else self._base
        self._base = self._gradient = self._direction = None
        self._pairs.clear()
        self._spectrum.forget()
        self.best, self.best_cost = self.x, math.inf

    def freeze(self) -> Frozen:
        """See `Optimizer.freeze`."""
        tensors = {"x": self.x, "best": self.best}
        if self._base is not None and self._gradient is not None:
            tensors |= {"base": self._base, "gradient": self._gradient}
        if self._direction is not None and not self._pairs:
            # with a history the direction is never used again
            tensors["direction"] = self._direction
        for index, (step, change, _) in enumerate(self._pairs):
            tensors |= {f"step{index}": step, f"change{index}": change}
        curvatures = [curvature for _, _, curvature in self._pairs]
        numbers = {"best_cost": self.best_cost, "cost": self._cost, "length": self._length, "curvatures": curvatures}
        return Frozen(numbers | {"spectrum": self._spectrum.freeze()}, tensors)

    def thaw(self, frozen: Frozen) -> None:
        """See `Optimizer.thaw`."""
        numbers, tensors = frozen.numbers, frozen.tensors
        self.x, self.best, self.best_cost = tensors["x"], tensors["best"], numbers["best_cost"]
        self._cost, self._length = numbers["cost"], numbers["length"]
        self._base, self._gradient = tensors.get("base"), tensors.get("gradient")
        self._direction = tensors.get("direction")
        self._spectrum.thaw(numbers["spectrum"])
        self._pairs.clear()
        for index, curvature in enumerate(numbers["curvatures"]):
            self._pairs.append((tensors[f"step{index}"], tensors[f"change{index}"], curvature))

    def _move(self, base: Tensor, direction: Tensor) -> None:
        self._direction = direction
        self.x = torch.add(base, direction, alpha=self._length).clamp_(0, 1)

    def _take_back(self, cost: float, base: Tensor, gradient: Tensor) -> None:
        if self._pairs and self._length == 1:
            step = self.x - base
            slope = inner(gradient, step)
            # lowest point of the parabola through both costs with the slope at the base
            lowest = -slope / (2 * (cost - self._cost - slope)) if math.isfinite(cost) and slope < 0 else 0.0
            self._length = min(max(0.1, lowest), 0.5)
            self.x = step.mul_(self._length).add_(base)
            return
        direction, failed = self._direction, float((self.x - base).abs().mean())
        self.x = base
        if self._pairs or direction is None:
            # the history led astray: a fresh gradient step from the last good picture, shorter than what has failed
            self._pairs.clear()
            direction = self._limit(self._downhill(gradient))
            self._length = 0.5 * min(1.0, failed / max(float(direction.abs().mean()), 1e-30))
        else:
            self._length *= 0.25
        self._move(base, direction)

    def _remember(self, step: Tensor, change: Tensor) -> None:
        curvature = inner(step, change)
        # only pairs of positive curvature keep the approximation positive definite
        if curvature > 1e-10 * inner(change, change) and curvature > 0:
            self._pairs.append((step, change, curvature))
            self._spectrum.learn(step, change)

    def _downhill(self, gradient: Tensor) -> Tensor:
        held = ((self.x <= 0) & (gradient > 0)) | ((self.x >= 1) & (gradient < 0))
        direction = gradient.masked_fill(held, 0).neg_()
        if not self._pairs:
            if self._spectrum.known:
                direction = self._spectrum.flatten(direction).masked_fill_(held, 0)
            return direction.mul_(self.first_move / max(float(direction.abs().mean()), 1e-30))
        weights = []
        for step, change, curvature in reversed(self._pairs):
            weight = inner(step, direction) / curvature
            direction.add_(change, alpha=-weight)
            weights.append(weight)
        direction = self._spectrum.flatten(direction, self._pairs[-1][2]).mul_(STRETCH)
        for (step, change, curvature), weight in zip(self._pairs, reversed(weights), strict=True):
            direction.add_(step, alpha=weight - inner(change, direction) / curvature)
        direction.masked_fill_(held, 0)
        if inner(direction, gradient) >= 0:
            # not downhill any more: rounding has eaten the history
            self._pairs.clear()
            return self._downhill(gradient)
        return direction

    def _limit(self, direction: Tensor) -> Tensor:
        lowest, highest = direction.aminmax()
        largest = float(torch.maximum(-lowest, highest))
        return direction.mul_(self.largest_move / largest) if largest > self.largest_move else direction


def inner(a: Tensor, b: Tensor) -> float:
    """The inner product of two tensors of one shape; makes no copy, as a product of all values would."""
    return float(torch.dot(a.reshape(-1), b.reshape(-1)))


def history_for(x: Tensor) -> int:
    """Pairs to keep: 20, or for a large picture what fits into HISTORY_BYTES (a pair is two pictures), at least 3."""
    return max(3, min(20, HISTORY_BYTES // (2 * x.numel() * x.element_size())))
