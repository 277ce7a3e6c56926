"""The style cost in pieces: sums by hand, and guides against the parts that they cut out."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from duostyle.engine.objective.moments import Moments, collage, moments
from duostyle.engine.objective.style import Sums, judge_mix, judge_regions, measure, pull
from tests.support.engine.pictures import random_picture, stripes
from tests.support.engine.reference import gradient_of, plain_moments, plain_style, relative_error

# channel 0 holds 1 2 3 4, channel 1 holds 0 0 4 4
TWO = [[1.0, 2.0, 3.0, 4.0], [0.0, 0.0, 4.0, 4.0]]


def _flat(picture: Tensor) -> Tensor:
    return picture.flatten(2)[0]


def _same(got: Moments, wanted: Moments) -> None:
    assert torch.allclose(got.mean, wanted.mean, atol=1e-5)
    assert torch.allclose(got.second, wanted.second, atol=1e-5)


def test_sums_by_hand() -> None:
    (sums,) = measure(torch.tensor(TWO), [])
    assert float(sums.weight) == 4
    assert sums.first.tolist() == [10, 8]
    assert sums.second.tolist() == [[30, 28], [28, 32]]
    assert sums.moments().mean.tolist() == [2.5, 2]
    assert sums.moments().second.tolist() == [[7.5, 7], [7, 8]]


def test_guided_sums_by_hand() -> None:
    # weights 1/2 and 3/2 at the positions (1, 0) and (4, 4)
    (sums,) = measure(torch.tensor(TWO), [torch.tensor([0.5, 0.0, 0.0, 1.5])])
    assert float(sums.weight) == 2
    got = sums.moments()
    assert torch.allclose(got.mean, torch.tensor([3.25, 3.0]))
    assert torch.allclose(got.second, torch.tensor([[12.25, 12.0], [12.0, 12.0]]))


def test_pieces_add_up_to_the_whole() -> None:
    features = random_picture(12, 9)
    left, right = (measure(_flat(part), [])[0] for part in (features[..., :5], features[..., 5:]))
    _same((left + right).moments(), moments(features))


def test_a_one_hot_guide_gives_the_moments_of_the_part() -> None:
    features = random_picture(12, 9)
    guide = torch.zeros(9, 12)
    guide[:, :5] = 1
    inside, outside = measure(_flat(features), [guide.flatten(), 1 - guide.flatten()])
    _same(inside.moments(), moments(features[:, :, :, :5]))
    _same(outside.moments(), moments(features[:, :, :, 5:]))


def test_an_even_guide_changes_nothing() -> None:
    features = random_picture(12, 9)
    _same(measure(_flat(features), [torch.full((108,), 0.3)])[0].moments(), moments(features))


def test_soft_guides_that_sum_to_one_add_up_to_the_whole() -> None:
    features = random_picture(10, 10)
    guide = torch.rand(100, generator=torch.Generator().manual_seed(5))
    parts = measure(_flat(features), [guide, 1 - guide])
    share = float(guide.mean())
    _same(collage([part.moments() for part in parts], (share, 1 - share)), moments(features))


@pytest.mark.parametrize("loss", ["covariance", "gram"])
def test_the_pull_of_regions_equals_autograd(loss: str) -> None:
    features = random_picture(8, 6)
    styles = [moments(stripes(9, 9)), moments(random_picture(5, 5, seed=4))]
    guide = torch.rand(48, generator=torch.Generator().manual_seed(2))
    guides = [guide, 1 - guide]
    cost = judge_regions(loss, measure(_flat(features), guides), styles, scale=3.0)
    variable = features.double().requires_grad_()
    wanted = torch.stack(
        [
            part.double().mean()
            * plain_style(loss, plain_moments(variable, part), (style.mean.double(), style.second.double()))
            for part, style in zip(guides, styles, strict=True)
        ]
    )
    assert float(cost.value) == pytest.approx(float(wanted.detach().sum()), rel=1e-4)
    assert [float(own) for own in cost.own] == pytest.approx(wanted.tolist(), rel=1e-4)
    gradient = gradient_of(3 * wanted.sum(), variable)
    assert relative_error(pull(cost.pulls, _flat(features), None, guides), _flat(gradient)) < 1e-3
    before = torch.full_like(_flat(features), 0.25)
    assert relative_error(pull(cost.pulls, _flat(features), before.clone(), guides), _flat(gradient) + 0.25) < 1e-3


@pytest.mark.parametrize("loss", ["covariance", "gram"])
def test_the_pull_of_a_mix_equals_autograd_up_to_its_bias(loss: str) -> None:
    features = random_picture(8, 6)
    styles = [moments(stripes(9, 9)), moments(random_picture(5, 5, seed=4))]
    target = collage(styles, (0.3, 0.7))
    cost = judge_mix(loss, measure(_flat(features), [])[0], target, styles, (0.3, 0.7), scale=3.0)
    variable = features.double().requires_grad_()
    wanted = plain_style(loss, plain_moments(variable), (target.mean.double(), target.second.double()))
    assert float(cost.value) == pytest.approx(float(wanted.detach()), rel=1e-4)
    whole = pull(cost.pulls, _flat(features), None, []) + cost.pulls[0].bias[:, None]
    assert relative_error(whole, _flat(gradient_of(3 * wanted, variable))) < 1e-3
    alone = [
        float(plain_style(loss, plain_moments(features.double()), (style.mean.double(), style.second.double())))
        for style in styles
    ]
    assert [float(own) for own in cost.own] == pytest.approx([0.3 * alone[0], 0.7 * alone[1]], rel=1e-4)


def test_an_empty_region_costs_nothing_and_pulls_nothing() -> None:
    features = random_picture(8, 6)
    styles = [moments(stripes(9, 9))] * 2
    guides = [torch.ones(48), torch.zeros(48)]
    cost = judge_regions("covariance", measure(_flat(features), guides), styles, scale=1.0)
    assert float(cost.own[1]) == 0
    assert torch.isfinite(cost.value)
    assert torch.isfinite(pull(cost.pulls, _flat(features), None, guides)).all()


def test_no_pull_is_a_gradient_of_zero() -> None:
    flat = torch.ones(2, 3)
    assert torch.equal(pull([], flat, None, []), torch.zeros(2, 3))


def test_sums_of_nothing_are_nothing() -> None:
    nothing = Sums(0.0, torch.zeros(2), torch.zeros(2, 2))
    (sums,) = measure(torch.tensor(TWO), [])
    assert torch.equal((sums + nothing).second, sums.second)
