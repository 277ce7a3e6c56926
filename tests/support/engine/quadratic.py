"""Costs whose minimum is known, and a descent that watches an optimiser."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from duostyle.engine.optim.base import Optimizer

Cost = Callable[[Tensor], tuple[float, Tensor]]


def bowl(centre: Tensor, steepness: Tensor) -> Cost:
    """sum steepness * (x - centre)^2 and its gradient."""

    def cost(x: Tensor) -> tuple[float, Tensor]:
        away = x - centre
        return float((steepness * away.square()).sum()), 2 * steepness * away

    return cost


def descend(optimizer: Optimizer, cost: Cost, steps: int) -> list[float]:
    """Best costs after each of so many evaluations, which never leave 0..1 nor get worse."""
    bests: list[float] = []
    for _ in range(steps):
        x = optimizer.x
        assert float(x.min()) >= 0
        assert float(x.max()) <= 1
        optimizer.tell(*cost(x))
        assert not bests or optimizer.best_cost <= bests[-1]
        assert optimizer.best_cost == pytest.approx(cost(optimizer.best)[0])
        bests.append(optimizer.best_cost)
    return bests


def centre_of(*shape: int) -> Tensor:
    return 0.2 + 0.6 * torch.rand(shape, generator=torch.Generator().manual_seed(2))
