"""The costs of one layer: values by hand, gradients against autograd."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from duostyle.engine.objective.losses import content_cost, covariance_cost, gram_cost, style_cost, tv_cost
from duostyle.engine.objective.moments import Moments, moments
from tests.support.engine.pictures import random_picture
from tests.support.engine.reference import gradient_of, plain_moments, plain_style, plain_tv, relative_error

LOSSES = ["covariance", "gram"]


def _features(seed: int, channels: int = 5, height: int = 4, width: int = 6) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(1, channels, height, width, generator=generator) + 0.5


def _one_channel(mean: float, second: float) -> Moments:
    return Moments(torch.tensor([float(mean)]), torch.tensor([[float(second)]]))


def test_gram_by_hand() -> None:
    # (5 - 4)^2 / 4^2
    cost = gram_cost(_one_channel(2, 5), _one_channel(1, 4), 10)
    assert float(cost.value) == pytest.approx(1 / 16)
    # 4 / (10 * 16) * (5 - 4)
    assert float(cost.matrix) == pytest.approx(4 / 160)
    assert float(cost.bias) == 0


def test_covariance_by_hand() -> None:
    # covariances 5 - 4 = 1 and 4 - 1 = 3, means 2 and 1: 1/2 * (2/3)^2 + 1/2 * 1
    cost = covariance_cost(_one_channel(2, 5), _one_channel(1, 4), 10)
    assert float(cost.value) == pytest.approx(0.5 * 4 / 9 + 0.5)
    # 2 / (10 * 9) * (1 - 3), and (2 - 1) / (10 * 1) - matrix * 2
    assert float(cost.matrix) == pytest.approx(-4 / 90)
    assert float(cost.bias) == pytest.approx(0.1 + 8 / 90)


def test_the_name_picks_the_loss() -> None:
    current, target = _one_channel(2, 5), _one_channel(1, 4)
    assert style_cost("gram", current, target, 3).value == gram_cost(current, target, 3).value
    assert style_cost("covariance", current, target, 3).value == covariance_cost(current, target, 3).value
    assert gram_cost(current, target, 3).value != covariance_cost(current, target, 3).value


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(("channels", "height", "width"), [(5, 4, 6), (2, 1, 7), (8, 3, 1), (1, 5, 5)])
def test_the_style_gradient_is_linear_in_the_features(loss: str, channels: int, height: int, width: int) -> None:
    features, style = _features(1, channels, height, width), _features(2, channels, 9, 9)
    cost = style_cost(loss, moments(features), moments(style), height * width)
    variable = features.double().requires_grad_()
    value = plain_style(loss, plain_moments(variable), plain_moments(style.double()))
    assert float(cost.value) == pytest.approx(float(value.detach()), rel=1e-4)
    got = cost.matrix @ features.flatten(2)[0] + cost.bias[:, None]
    assert relative_error(got.view_as(features), gradient_of(value, variable)) < 1e-4
    assert torch.allclose(cost.matrix, cost.matrix.T)


@pytest.mark.parametrize("loss", LOSSES)
def test_the_style_cost_is_zero_at_the_target(loss: str) -> None:
    target = moments(_features(3))
    cost = style_cost(loss, target, target, 24)
    assert float(cost.value) == 0
    assert float(cost.matrix.abs().max()) == 0
    assert float(cost.bias.abs().max()) == 0


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("factor", [0.1, 30.0])
def test_the_style_cost_is_relative(loss: str, factor: float) -> None:
    features, style = _features(1), _features(2)
    value = style_cost(loss, moments(features), moments(style), 24).value
    scaled = style_cost(loss, moments(features * factor), moments(style * factor), 24).value
    assert float(scaled) == pytest.approx(float(value), rel=1e-3)


@pytest.mark.parametrize("loss", LOSSES)
def test_the_style_cost_does_not_depend_on_the_number_of_positions(loss: str) -> None:
    features, target = _features(1), moments(_features(2))
    twice = torch.cat([features, features], dim=2)
    once = style_cost(loss, moments(features), target, 24).value
    assert float(style_cost(loss, moments(twice), target, 48).value) == pytest.approx(float(once), rel=1e-5)


def test_covariance_sees_a_shift_of_the_mean_alone() -> None:
    style = _features(2)
    shifted = covariance_cost(moments(style + 1), moments(style), 24)
    mean = moments(style).mean
    assert float(shifted.value) == pytest.approx(0.5 * 5 / float(mean.square().sum()), rel=1e-3)


@pytest.mark.parametrize("loss", LOSSES)
def test_a_target_of_zeros_gives_finite_numbers(loss: str) -> None:
    nothing = Moments(torch.zeros(5), torch.zeros(5, 5))
    cost = style_cost(loss, moments(_features(1)), nothing, 24)
    assert all(bool(torch.isfinite(part).all()) for part in (cost.value, cost.matrix, cost.bias))
    assert float(style_cost(loss, nothing, nothing, 24).value) == 0


def test_content_by_hand() -> None:
    features, target = torch.tensor([3.0, 1.0, 0.0, 2.0]), torch.tensor([1.0, 1.0, 2.0, 2.0])
    value, gradient = content_cost(features.view(1, 1, 2, 2), target.view(1, 1, 2, 2))
    # (4 + 4) / (1 + 1 + 4 + 4), and 2 / 10 of each difference
    assert float(value) == pytest.approx(0.8)
    assert torch.allclose(gradient.flatten(), torch.tensor([0.4, 0.0, -0.4, 0.0]))


def test_content_leaves_its_arguments_alone() -> None:
    features, target = _features(1), _features(2)
    copies = features.clone(), target.clone()
    content_cost(features, target)
    assert torch.equal(features, copies[0])
    assert torch.equal(target, copies[1])


def test_the_content_gradient_equals_autograd() -> None:
    features, target = _features(1), _features(2)
    variable = features.double().requires_grad_()
    wanted = (variable - target).square().sum() / target.double().square().sum()
    value, gradient = content_cost(features, target)
    assert float(value) == pytest.approx(float(wanted.detach()), rel=1e-4)
    assert relative_error(gradient, gradient_of(wanted, variable)) < 1e-4


def test_content_is_relative_zero_at_the_target_and_finite_for_nothing() -> None:
    features, target = _features(1), _features(2)
    assert float(content_cost(features * 9, target * 9)[0]) == pytest.approx(float(content_cost(features, target)[0]))
    value, gradient = content_cost(target, target)
    assert float(value) == 0
    assert float(gradient.abs().max()) == 0
    value, gradient = content_cost(features, torch.zeros_like(features))
    assert bool(torch.isfinite(value))
    assert bool(torch.isfinite(gradient).all())


def test_tv_by_hand() -> None:
    x = torch.zeros(1, 3, 2, 2)
    x[0, 0] = torch.tensor([[0.0, 1.0], [3.0, 3.0]])
    value, gradient = tv_cost(x)
    # down 9 + 4, right 1 + 0, over 12 values
    assert float(value) == pytest.approx(14 / 12)
    assert torch.allclose(gradient[0, 0], torch.tensor([[-4.0, -1.0], [3.0, 2.0]]) * (2 / 12))
    assert float(gradient[0, 1:].abs().max()) == 0


@pytest.mark.parametrize(("width", "height"), [(7, 5), (1, 6), (6, 1), (1, 1)])
def test_the_tv_gradient_equals_autograd(width: int, height: int) -> None:
    x = random_picture(width, height)
    variable = x.double().requires_grad_()
    wanted = plain_tv(variable)
    value, gradient = tv_cost(x)
    assert float(value) == pytest.approx(float(wanted.detach()), rel=1e-4)
    assert torch.allclose(gradient.double(), gradient_of(wanted, variable), atol=1e-6)


def test_tv_of_one_color_is_zero() -> None:
    value, gradient = tv_cost(torch.full((1, 3, 4, 4), 0.7))
    assert float(value) == 0
    assert float(gradient.abs().max()) == 0
