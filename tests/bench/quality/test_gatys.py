"""The plain runs find the minimum of a bowl, are told of each evaluation and end when it is enough."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from bench.quality import gatys


@pytest.mark.parametrize("method", gatys.METHODS)
def test_a_run_comes_near_the_minimum_within_the_range(method: gatys.Method) -> None:
    # the second value would like to go beyond 1
    target = torch.tensor([0.25, 1.5, 0.75]).view(1, 3, 1, 1)
    told: list[tuple[int, float, Tensor]] = []

    def tell(number: int, cost: float, x: Tensor) -> bool:
        told.append((number, cost, x.clone()))
        return number == 120

    start = torch.full((1, 3, 1, 1), 0.5)
    gatys.run(method, lambda x: (x - target).square().sum(), start, tell)
    assert [number for number, _, _ in told] == list(range(1, len(told) + 1))
    assert told[0][1] == pytest.approx(0.25**2 + 1 + 0.25**2)
    assert torch.equal(told[0][2], start)
    best = min(told, key=lambda row: row[1])
    assert best[2].flatten().tolist() == pytest.approx([0.25, 1, 0.75], abs=0.03)
    assert float((best[2] - target).square().sum()) == pytest.approx(best[1], abs=1e-6)


@pytest.mark.parametrize("method", gatys.METHODS)
def test_no_evaluation_follows_the_last(method: gatys.Method) -> None:
    asked = 0

    def costs(x: Tensor) -> Tensor:
        nonlocal asked
        asked += 1
        return x.square().sum()

    gatys.run(method, costs, torch.full((1, 3, 2, 2), 0.9), lambda number, cost, x: number == 2)
    assert asked == 2
