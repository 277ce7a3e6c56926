"""L-BFGS: its safeguard, its first step, what it remembers."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from duostyle.engine.optim.lbfgs import Lbfgs, history_for
from tests.support.engine.quadratic import bowl, centre_of, descend


def valley(x: Tensor) -> tuple[float, Tensor]:
    """Rosenbrock's valley moved into 0..1: minimum 0 at u = 0.5, v = 0.35."""
    u, v = x.flatten().tolist()
    a, b = 0.5 - u, v - u * u - 0.1
    gradient = torch.tensor([-2 * a - 400 * u * b, 200 * b])
    return a * a + 100 * b * b, gradient.view_as(x)


def test_a_start_on_the_border_does_not_hold_it_there() -> None:
    centre = centre_of(1, 3, 4, 4)
    start = (centre > 0.5).float()
    optimizer = Lbfgs(start)
    descend(optimizer, bowl(centre, torch.ones_like(centre)), 30)
    assert torch.allclose(optimizer.best, centre, atol=0.02)


def test_a_curved_valley_is_followed() -> None:
    optimizer = Lbfgs(torch.tensor([0.05, 0.9]).view(1, 1, 1, 2))
    descend(optimizer, valley, 120)
    assert torch.allclose(optimizer.best.flatten(), torch.tensor([0.5, 0.35]), atol=0.02)


def test_the_first_step_moves_the_picture_by_what_was_asked() -> None:
    optimizer = Lbfgs(torch.full((1, 3, 4, 4), 0.5), first_move=0.01)
    gradient = torch.ones(1, 3, 4, 4)
    gradient[..., ::2] = -1
    for scale in (1e-12, 1.0, 1e12):
        optimizer = Lbfgs(torch.full((1, 3, 4, 4), 0.5), first_move=0.01)
        optimizer.tell(1.0, gradient * scale)
        assert torch.allclose(optimizer.x, 0.5 - 0.01 * gradient, atol=1e-6)


@given(st.integers(0, 10**6))
def test_no_step_is_larger_than_the_cap(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    optimizer = Lbfgs(torch.rand(1, 3, 2, 2, generator=generator), largest_move=0.1)
    cost = 10.0
    for _ in range(12):
        before = optimizer.x
        # one huge entry and falling costs: what makes L-BFGS want to jump
        gradient = torch.randn(1, 3, 2, 2, generator=generator) * torch.tensor([1.0, 1e3]).view(1, 1, 1, 2)
        cost *= 0.99
        assert optimizer.tell(cost, gradient)
        assert float((optimizer.x - before).abs().max()) <= 0.1 + 1e-6


@pytest.mark.parametrize("good_steps", [1, 2, 8])
def test_a_cost_that_rises_is_taken_back_and_the_step_shortened(good_steps: int) -> None:
    centre = centre_of(1, 3, 4, 4)
    cost = bowl(centre, torch.linspace(1, 20, 48).view_as(centre))
    optimizer = Lbfgs(torch.full_like(centre, 0.5))
    accepted = optimizer.x
    for _ in range(good_steps):
        accepted = optimizer.x
        assert optimizer.tell(*cost(accepted))
    best, best_cost = optimizer.best, optimizer.best_cost
    distances = []
    for _ in range(4):
        assert not optimizer.tell(1e9, torch.ones_like(centre))
        distances.append(float((optimizer.x - accepted).abs().mean()))
    assert distances[0] > distances[1] > distances[2] > distances[3] > 0
    assert torch.equal(optimizer.best, best)
    assert optimizer.best_cost == best_cost


def test_a_step_too_far_is_cut_back_to_the_parabolas_lowest_point() -> None:
    cost = bowl(centre_of(1, 3, 4, 4), torch.linspace(1, 20, 48).view(1, 3, 4, 4))
    optimizer = Lbfgs(torch.full((1, 3, 4, 4), 0.5))
    for _ in range(3):
        base = optimizer.x
        value, gradient = cost(base)
        optimizer.tell(value, gradient)
    step = optimizer.x - base
    slope = float((gradient * step).sum())
    assert slope < 0
    # a parabola with this slope at 0 and this value at 1 is lowest at 0.3
    assert not optimizer.tell(value + slope * (1 - 1 / 0.6), torch.ones_like(base))
    assert torch.allclose(optimizer.x, base + 0.3 * step, atol=1e-6)


def test_one_step_too_far_forgets_no_history() -> None:
    cost = bowl(centre_of(1, 3, 4, 4), torch.linspace(1, 20, 48).view(1, 3, 4, 4))
    optimizer = Lbfgs(torch.full((1, 3, 4, 4), 0.5))
    for _ in range(6):
        optimizer.tell(*cost(optimizer.x))
    remembered = len(optimizer.freeze().numbers["curvatures"])
    assert not optimizer.tell(1e9, torch.ones_like(optimizer.x))
    assert len(optimizer.freeze().numbers["curvatures"]) == remembered > 0
    assert not optimizer.tell(1e9, torch.ones_like(optimizer.x))
    assert optimizer.freeze().numbers["curvatures"] == []


def test_a_small_rise_is_let_pass_but_not_called_best() -> None:
    optimizer = Lbfgs(torch.full((1, 3, 2, 2), 0.5), tolerance=0.05)
    first = optimizer.x
    optimizer.tell(100.0, torch.ones(1, 3, 2, 2))
    assert optimizer.tell(103.0, torch.ones(1, 3, 2, 2))
    assert optimizer.best_cost == 100
    assert torch.equal(optimizer.best, first)
    assert not optimizer.tell(120.0, torch.ones(1, 3, 2, 2))


def test_restart_goes_back_to_the_last_picture_that_was_accepted() -> None:
    optimizer = Lbfgs(torch.full((1, 3, 2, 2), 0.5))
    start = optimizer.x
    optimizer.tell(1.0, torch.ones(1, 3, 2, 2))
    assert not torch.equal(optimizer.x, start)
    optimizer.restart()
    assert torch.equal(optimizer.x, start)


@pytest.mark.parametrize(
    ("side", "pairs"), [(1, 20), (512, 20), (1024, 10), (1200, 7), (2048, 3), (20_000, 3)]
)  # a pair is 2 x 3 x 4 bytes a pixel, 256 MiB in all
def test_large_pictures_keep_fewer_pairs(side: int, pairs: int) -> None:
    x = torch.empty(1, 3, side, side, device="meta")
    assert history_for(x) == pairs
