"""Both optimisers on costs whose minimum is known."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from duostyle.engine.level import make_optimizer
from duostyle.engine.optim.adam import Adam
from duostyle.engine.optim.lbfgs import Lbfgs
from tests.support.engine.quadratic import bowl, centre_of, descend

NAMES = ["lbfgs", "adam"]
COSTS = st.floats(allow_nan=True, allow_infinity=True, allow_subnormal=False)


@pytest.mark.parametrize(("name", "steps"), [("lbfgs", 40), ("adam", 400)])
@pytest.mark.parametrize("spread", [1.0, 30.0])
def test_the_bottom_of_a_bowl_is_found(name: str, steps: int, spread: float) -> None:
    centre = centre_of(1, 3, 5, 4)
    steepness = torch.linspace(1, spread, 60).view_as(centre)
    optimizer = make_optimizer(name, torch.full_like(centre, 0.5), 20)
    bests = descend(optimizer, bowl(centre, steepness), steps)
    assert bests[-1] < 1e-3 * bests[0]
    assert torch.allclose(optimizer.best, centre, atol=0.02)


@pytest.mark.parametrize(("name", "steps"), [("lbfgs", 40), ("adam", 400)])
def test_a_minimum_on_the_border_is_found(name: str, steps: int) -> None:
    centre = torch.tensor([-0.7, 1.9, 0.3, 0.0, 1.0, 0.6]).view(1, 1, 2, 3)
    steepness = torch.tensor([1.0, 3.0, 2.0, 5.0, 1.0, 4.0]).view(1, 1, 2, 3)
    optimizer = make_optimizer(name, torch.full_like(centre, 0.5), 20)
    descend(optimizer, bowl(centre, steepness), steps)
    assert torch.allclose(optimizer.best, centre.clamp(0, 1), atol=0.02)


def test_lbfgs_needs_fewer_evaluations_than_adam() -> None:
    centre = centre_of(1, 3, 5, 4)
    cost = bowl(centre, torch.linspace(1, 50, 60).view_as(centre))
    start = torch.full_like(centre, 0.5)
    assert descend(Lbfgs(start), cost, 25)[-1] < descend(Adam(start), cost, 25)[-1]


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
    centre = centre_of(1, 3, 4, 4)
    cost = bowl(centre, torch.linspace(1, 20, 48).view_as(centre))
    optimizer = make_optimizer(name, torch.full_like(centre, 0.5), 20)
    descend(optimizer, cost, good_steps)
    best, best_cost = optimizer.best, optimizer.best_cost
    for _ in range(5):
        assert not optimizer.tell(*_broken(kind, torch.zeros_like(centre)))
        assert bool(torch.isfinite(optimizer.x).all())
        assert optimizer.best_cost == best_cost
        assert torch.equal(optimizer.best, best)
    bests = descend(optimizer, cost, 60)
    assert bests[-1] < best_cost


@pytest.mark.parametrize("name", NAMES)
def test_a_start_that_is_not_a_number_is_an_error(name: str) -> None:
    optimizer = make_optimizer(name, torch.zeros(1, 3, 2, 2), 20)
    with pytest.raises(FloatingPointError):
        optimizer.tell(math.nan, torch.zeros(1, 3, 2, 2))


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
    centre = centre_of(1, 3, 4, 4)
    optimizer = make_optimizer(name, torch.full_like(centre, 0.5), 20)
    descend(optimizer, bowl(centre, torch.ones_like(centre)), 6)
    painted = optimizer.best
    optimizer.restart()
    assert optimizer.best_cost == math.inf
    assert torch.equal(optimizer.best, optimizer.x)
    assert float((optimizer.x - painted).abs().max()) < 0.05
    # costs of another kind, higher than all before, are now welcome
    other = bowl(1 - centre, 1000 * torch.ones_like(centre))
    first = other(optimizer.x)[0]
    assert optimizer.tell(*other(optimizer.x))
    assert optimizer.best_cost == first
    bests = descend(optimizer, other, 40 if name == "lbfgs" else 300)
    assert bests[-1] < 0.01 * first


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
