"""The optimisers on costs whose minimum is known."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from server.engine.descent import Optimizer
from server.engine.lbfgs import Lbfgs
from server.engine.optimize import Adam, history_for, make_optimizer

Cost = Callable[[Tensor], tuple[float, Tensor]]
NAMES = ["lbfgs", "adam"]
COSTS = st.floats(allow_nan=True, allow_infinity=True, allow_subnormal=False)


def _bowl(centre: Tensor, steepness: Tensor) -> Cost:
    """sum steepness * (x - centre)^2 and its gradient."""

    def cost(x: Tensor) -> tuple[float, Tensor]:
        away = x - centre
        return float((steepness * away.square()).sum()), 2 * steepness * away

    return cost


def _valley(x: Tensor) -> tuple[float, Tensor]:
    """Rosenbrock's valley moved into 0..1: minimum 0 at u = 0.5, v = 0.35."""
    u, v = x.flatten().tolist()
    a, b = 0.5 - u, v - u * u - 0.1
    gradient = torch.tensor([-2 * a - 400 * u * b, 200 * b])
    return a * a + 100 * b * b, gradient.view_as(x)


def _paint(optimizer: Optimizer, cost: Cost, steps: int) -> list[float]:
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


def _centre(*shape: int) -> Tensor:
    return 0.2 + 0.6 * torch.rand(shape, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize(("name", "steps"), [("lbfgs", 40), ("adam", 400)])
@pytest.mark.parametrize("spread", [1.0, 30.0])
def test_the_bottom_of_a_bowl_is_found(name: str, steps: int, spread: float) -> None:
    centre = _centre(1, 3, 5, 4)
    steepness = torch.linspace(1, spread, 60).view_as(centre)
    optimizer = make_optimizer(name, torch.full_like(centre, 0.5), 20)
    bests = _paint(optimizer, _bowl(centre, steepness), steps)
    assert bests[-1] < 1e-3 * bests[0]
    assert torch.allclose(optimizer.best, centre, atol=0.02)


@pytest.mark.parametrize(("name", "steps"), [("lbfgs", 40), ("adam", 400)])
def test_a_minimum_on_the_border_is_found(name: str, steps: int) -> None:
    centre = torch.tensor([-0.7, 1.9, 0.3, 0.0, 1.0, 0.6]).view(1, 1, 2, 3)
    steepness = torch.tensor([1.0, 3.0, 2.0, 5.0, 1.0, 4.0]).view(1, 1, 2, 3)
    optimizer = make_optimizer(name, torch.full_like(centre, 0.5), 20)
    _paint(optimizer, _bowl(centre, steepness), steps)
    assert torch.allclose(optimizer.best, centre.clamp(0, 1), atol=0.02)


def test_a_start_on_the_border_does_not_hold_it_there() -> None:
    centre = _centre(1, 3, 4, 4)
    start = (centre > 0.5).float()
    optimizer = Lbfgs(start)
    _paint(optimizer, _bowl(centre, torch.ones_like(centre)), 30)
    assert torch.allclose(optimizer.best, centre, atol=0.02)


def test_a_curved_valley_is_followed() -> None:
    optimizer = Lbfgs(torch.tensor([0.05, 0.9]).view(1, 1, 1, 2))
    _paint(optimizer, _valley, 120)
    assert torch.allclose(optimizer.best.flatten(), torch.tensor([0.5, 0.35]), atol=0.02)


def test_lbfgs_needs_fewer_evaluations_than_adam() -> None:
    centre = _centre(1, 3, 5, 4)
    cost = _bowl(centre, torch.linspace(1, 50, 60).view_as(centre))
    start = torch.full_like(centre, 0.5)
    assert _paint(Lbfgs(start), cost, 25)[-1] < _paint(Adam(start), cost, 25)[-1]


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


def _broken(kind: str, gradient: Tensor) -> tuple[float, Tensor]:
    if kind == "gradient":
        gradient = gradient.clone()
        gradient.flatten()[0] = math.nan
        return 1.0, gradient
    return {"nan": math.nan, "inf": math.inf}[kind], torch.full_like(gradient, math.nan)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["nan", "inf", "gradient"])
@pytest.mark.parametrize("good_steps", [1, 6])
def test_what_is_not_a_number_is_taken_back(name: str, kind: str, good_steps: int) -> None:
    centre = _centre(1, 3, 4, 4)
    cost = _bowl(centre, torch.linspace(1, 20, 48).view_as(centre))
    optimizer = make_optimizer(name, torch.full_like(centre, 0.5), 20)
    _paint(optimizer, cost, good_steps)
    best, best_cost = optimizer.best, optimizer.best_cost
    for _ in range(5):
        assert not optimizer.tell(*_broken(kind, torch.zeros_like(centre)))
        assert bool(torch.isfinite(optimizer.x).all())
        assert optimizer.best_cost == best_cost
        assert torch.equal(optimizer.best, best)
    bests = _paint(optimizer, cost, 60)
    assert bests[-1] < best_cost


@pytest.mark.parametrize("name", NAMES)
def test_a_start_that_is_not_a_number_is_an_error(name: str) -> None:
    optimizer = make_optimizer(name, torch.zeros(1, 3, 2, 2), 20)
    with pytest.raises(FloatingPointError):
        optimizer.tell(math.nan, torch.zeros(1, 3, 2, 2))


@pytest.mark.parametrize("good_steps", [1, 2, 8])
def test_a_cost_that_rises_is_taken_back_and_the_step_shortened(good_steps: int) -> None:
    centre = _centre(1, 3, 4, 4)
    cost = _bowl(centre, torch.linspace(1, 20, 48).view_as(centre))
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
    cost = _bowl(_centre(1, 3, 4, 4), torch.linspace(1, 20, 48).view(1, 3, 4, 4))
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
    cost = _bowl(_centre(1, 3, 4, 4), torch.linspace(1, 20, 48).view(1, 3, 4, 4))
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


@given(st.lists(COSTS, max_size=12), st.sampled_from(NAMES))
def test_any_sequence_of_costs_leaves_a_good_picture(costs: list[float], name: str) -> None:
    generator = torch.Generator().manual_seed(4)
    optimizer = make_optimizer(name, torch.rand(1, 3, 2, 2, generator=generator), 20)
    optimizer.tell(50.0, torch.randn(1, 3, 2, 2, generator=generator))
    accepted = [50.0]
    for cost in costs:
        if optimizer.tell(cost, torch.randn(1, 3, 2, 2, generator=generator)):
            accepted.append(cost)
        assert optimizer.best_cost == min(accepted)
        for picture in (optimizer.x, optimizer.best):
            assert bool(torch.isfinite(picture).all())
            assert float(picture.min()) >= 0
            assert float(picture.max()) <= 1


@pytest.mark.parametrize("name", NAMES)
def test_restart_keeps_the_picture_and_forgets_the_costs(name: str) -> None:
    centre = _centre(1, 3, 4, 4)
    optimizer = make_optimizer(name, torch.full_like(centre, 0.5), 20)
    _paint(optimizer, _bowl(centre, torch.ones_like(centre)), 6)
    painted = optimizer.best
    optimizer.restart()
    assert optimizer.best_cost == math.inf
    assert torch.equal(optimizer.best, optimizer.x)
    assert float((optimizer.x - painted).abs().max()) < 0.05
    # costs of another kind, higher than all before, are now welcome
    other = _bowl(1 - centre, 1000 * torch.ones_like(centre))
    first = other(optimizer.x)[0]
    assert optimizer.tell(*other(optimizer.x))
    assert optimizer.best_cost == first
    bests = _paint(optimizer, other, 40 if name == "lbfgs" else 300)
    assert bests[-1] < 0.01 * first


def test_restart_goes_back_to_the_last_picture_that_was_accepted() -> None:
    optimizer = Lbfgs(torch.full((1, 3, 2, 2), 0.5))
    start = optimizer.x
    optimizer.tell(1.0, torch.ones(1, 3, 2, 2))
    assert not torch.equal(optimizer.x, start)
    optimizer.restart()
    assert torch.equal(optimizer.x, start)


@pytest.mark.parametrize("name", NAMES)
def test_a_gradient_of_zero_is_no_trouble(name: str) -> None:
    start = torch.full((1, 3, 2, 2), 0.5)
    optimizer = make_optimizer(name, start, 20)
    for _ in range(3):
        optimizer.tell(1.0, torch.zeros(1, 3, 2, 2))
        assert torch.equal(optimizer.x, start)


@pytest.mark.parametrize("name", NAMES)
def test_a_start_outside_the_range_is_clamped(name: str) -> None:
    optimizer = make_optimizer(name, torch.tensor([-0.5, 0.5, 1.5]).view(1, 3, 1, 1), 20)
    assert optimizer.x.flatten().tolist() == [0.0, 0.5, 1.0]


def test_adam_by_hand() -> None:
    optimizer = Adam(torch.full((1, 1, 1, 2), 0.5), rate=0.1, decay=(0.9, 0.99))
    # after one step mean and square are unbiased: the step is rate * g / |g|
    optimizer.tell(3.0, torch.tensor([4.0, -0.001]).view(1, 1, 1, 2))
    assert torch.allclose(optimizer.x.flatten(), torch.tensor([0.4, 0.6]), atol=1e-5)
    # mean (0.9 * 0.4 + 0.1 * 2) / 0.19, square (0.99 * 0.16 + 0.01 * 4) / 0.0199
    optimizer.tell(2.0, torch.tensor([2.0, 0.0]).view(1, 1, 1, 2))
    second = 0.1 * (0.56 / 0.19) / math.sqrt(0.1984 / 0.0199)
    assert float(optimizer.x.flatten()[0]) == pytest.approx(0.4 - second, abs=1e-5)


def test_adam_goes_slower_for_weak_styles() -> None:
    weak, strong = (
        make_optimizer("adam", torch.zeros(1, 3, 1, 1), 1),
        make_optimizer("adam", torch.zeros(1, 3, 1, 1), 50),
    )
    assert isinstance(weak, Adam)
    assert isinstance(strong, Adam)
    assert weak.rate < strong.rate


def test_the_name_picks_the_optimizer() -> None:
    assert isinstance(make_optimizer("lbfgs", torch.zeros(1, 3, 1, 1), 20), Lbfgs)
    assert isinstance(make_optimizer("adam", torch.zeros(1, 3, 1, 1), 20), Adam)


@pytest.mark.parametrize(
    ("side", "pairs"), [(1, 20), (512, 20), (1024, 10), (1200, 7), (2048, 3), (20_000, 3)]
)  # a pair is 2 x 3 x 4 bytes a pixel, 256 MiB in all
def test_large_pictures_keep_fewer_pairs(side: int, pairs: int) -> None:
    x = torch.empty(1, 3, side, side, device="meta")
    assert history_for(x) == pairs
