"""J and its gradient with the real features, against plain torch with autograd in float64."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from duostyle.engine.network.vgg import Network
from duostyle.engine.network.weights import Weights
from duostyle.engine.objective.features import Extractor, reachable
from duostyle.engine.objective.objective import Objective, content_layer, layer_weights
from duostyle.engine.pyramid import FULL
from duostyle.params import STYLE_LAYERS, StyleParams
from tests.support.engine.pictures import random_picture, scene, speckles, stripes
from tests.support.engine.reference import gradient_of, plain_objective, relative_error

pytestmark = pytest.mark.weights

LAYERS: dict[str, float] = {"relu1_1": 0.3, "relu2_1": 0.25, "relu3_1": 0.2, "relu4_1": 0.15, "relu5_1": 0.1}
WIDTH, HEIGHT = 33, 27
STYLES = [stripes(32, 40), speckles(36, 32), scene(34, 34).flip(1)]


def _params(**changes: Any) -> StyleParams:
    given: dict[str, Any] = {
        "content_weight": 1.0,
        "style_weight": 5.0,
        "tv_weight": 2.0,
        "style_layer_weights": LAYERS,
    }
    return StyleParams(**(given | changes))


def _objective(
    network: Network, params: StyleParams, styles: Sequence[Tensor], guides: Sequence[Tensor] = ()
) -> Objective:
    targets = [Extractor(network).style_moments(style, STYLE_LAYERS) for style in styles]
    return Objective(Extractor(network), scene(WIDTH, HEIGHT), targets, params, guides)


def _guides(count: int, width: int = WIDTH, height: int = HEIGHT) -> list[Tensor]:
    """Soft random maps that sum to 1 everywhere."""
    raw = torch.rand(count, 1, 1, height, width, generator=torch.Generator().manual_seed(8)) ** 2 + 0.01
    return list(raw / raw.sum(0, keepdim=True))


@pytest.mark.parametrize("tile_px", [None, 16])
@pytest.mark.parametrize("guided", [False, True])
def test_the_cost_alone_is_that_of_a_whole_evaluation(network: Network, tile_px: int | None, guided: bool) -> None:
    params = _params(style_mix=[0.6, 0.4])
    targets = [Extractor(network).style_moments(style, STYLE_LAYERS) for style in STYLES[:2]]
    guides = _guides(2) if guided else []
    objective = Objective(Extractor(network, tile_px=tile_px), scene(WIDTH, HEIGHT), targets, params, guides)
    x = random_picture(WIDTH, HEIGHT)
    assert objective.cost(x) == objective.evaluate(x).costs.total


def _halves() -> list[Tensor]:
    left = torch.zeros(1, 1, HEIGHT, WIDTH)
    left[..., : WIDTH // 2] = 1
    return [left, 1 - left]


@pytest.mark.parametrize("loss", ["covariance", "gram"])
@pytest.mark.parametrize(("count", "guided"), [(1, False), (3, False), (2, True), (1, True)])
def test_cost_and_gradient_equal_autograd(
    network: Network, weights: Weights, loss: str, count: int, guided: bool
) -> None:
    mix = [0.5, 0.3, 0.2][:count]
    params = _params(style_loss=loss, style_mix=mix)
    # of two, so that one alone leaves places out
    guides = _guides(2)[:count] if guided else []
    x = random_picture(WIDTH, HEIGHT)
    got = _objective(network, params, STYLES[:count], guides).evaluate(x)
    variable = x.double().requires_grad_()
    wanted = plain_objective(
        weights,
        variable,
        scene(WIDTH, HEIGHT).double(),
        [style.double() for style in STYLES[:count]],
        loss=loss,
        mix=params.mix_for(count),
        content_layer="relu4_2",
        layer_weights=LAYERS,
        factors=(1.0, 5.0, 2.0),
        guides=guides,
    )
    assert got.costs.total == pytest.approx(float(wanted.detach()), rel=1e-3)
    assert relative_error(got.gradient, gradient_of(wanted, variable)) < 5e-3


def test_the_gradient_says_how_the_cost_changes(network: Network) -> None:
    objective = _objective(network, _params(), STYLES[:2])
    x = random_picture(WIDTH, HEIGHT)
    gradient = objective.evaluate(x).gradient.clone()
    step = gradient / gradient.norm() * 0.1
    ahead, behind = objective.evaluate(x + step), objective.evaluate(x - step)
    assert (ahead.costs.total - behind.costs.total) / 0.2 == pytest.approx(float(gradient.norm()), rel=0.05)


@pytest.mark.parametrize("layer", ["relu3_1", "relu4_1", "relu4_2"])
def test_content_and_style_may_share_a_layer(network: Network, weights: Weights, layer: str) -> None:
    x = random_picture(WIDTH, HEIGHT)
    got = _objective(network, _params(content_layer=layer, tv_weight=0.0), STYLES[:1]).evaluate(x)
    variable = x.double().requires_grad_()
    wanted = plain_objective(
        weights,
        variable,
        scene(WIDTH, HEIGHT).double(),
        [STYLES[0].double()],
        loss="covariance",
        mix=(1.0,),
        content_layer=layer,
        layer_weights=LAYERS,
        factors=(1.0, 5.0, 0.0),
    )
    assert relative_error(got.gradient, gradient_of(wanted, variable)) < 5e-3


@pytest.mark.parametrize("guided", [False, True])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_costs_sum_to_the_total(network: Network, count: int, guided: bool) -> None:
    costs = _objective(network, _params(), STYLES[:count], _guides(count) if guided else []).evaluate(
        random_picture(WIDTH, HEIGHT)
    )
    parts = costs.costs
    assert len(parts.style) == count
    assert parts.total == pytest.approx(parts.content + sum(parts.style) + parts.tv, rel=1e-6)
    assert min(parts.content, parts.tv, *parts.style) > 0


def test_the_content_itself_has_no_content_cost(network: Network) -> None:
    assert _objective(network, _params(), STYLES[:1]).evaluate(scene(WIDTH, HEIGHT)).costs.content == 0


def test_a_style_painted_as_itself_has_no_style_cost(network: Network) -> None:
    x = stripes(WIDTH, HEIGHT)
    costs = _objective(network, _params(), [x]).evaluate(x).costs
    assert costs.style[0] < 1e-6
    assert costs.content > 0.01


@pytest.mark.parametrize("loss", ["covariance", "gram"])
@pytest.mark.parametrize("alone", [0, 1])
def test_a_whole_share_is_the_single_style(network: Network, loss: str, alone: int) -> None:
    x = random_picture(WIDTH, HEIGHT)
    mix = [1.0, 0.0] if alone == 0 else [0.0, 1.0]
    both = _objective(network, _params(style_mix=mix, style_loss=loss), STYLES[:2]).evaluate(x)
    single = _objective(network, _params(style_loss=loss), [STYLES[alone]]).evaluate(x)
    assert both.costs.total == pytest.approx(single.costs.total, rel=1e-5)
    assert both.costs.style[alone] == pytest.approx(single.costs.style[0], rel=1e-5)
    assert both.costs.style[1 - alone] == 0
    assert relative_error(both.gradient, single.gradient) < 1e-4


def test_a_guide_over_everything_is_the_single_style(network: Network) -> None:
    x = random_picture(WIDTH, HEIGHT)
    guides = [torch.ones(1, 1, HEIGHT, WIDTH), torch.zeros(1, 1, HEIGHT, WIDTH)]
    guided = _objective(network, _params(), STYLES[:2], guides).evaluate(x)
    single = _objective(network, _params(), STYLES[:1]).evaluate(x)
    assert guided.costs.total == pytest.approx(single.costs.total, rel=1e-4)
    assert guided.costs.style[1] == 0
    assert relative_error(guided.gradient, single.gradient) < 1e-3


@pytest.mark.parametrize("loss", ["covariance", "gram"])
def test_swapping_the_guides_swaps_the_styles(network: Network, loss: str) -> None:
    x = random_picture(WIDTH, HEIGHT)
    left, right = _halves()
    params = _params(style_loss=loss)
    there = _objective(network, params, STYLES[:2], [right, left]).evaluate(x)
    same = _objective(network, params, STYLES[1::-1], [left, right]).evaluate(x)
    here = _objective(network, params, STYLES[:2], [left, right]).evaluate(x)
    assert there.costs.style == pytest.approx(same.costs.style[::-1], rel=1e-4)
    assert relative_error(there.gradient, same.gradient) < 1e-3
    assert relative_error(there.gradient, here.gradient) > 0.1


def test_tune_gives_what_a_new_objective_gives(network: Network) -> None:
    x = random_picture(WIDTH, HEIGHT)
    objective = _objective(network, _params(), STYLES[:2])
    first = objective.evaluate(x).costs
    changed = _params(style_mix=[0.1, 0.9], content_weight=3.0, style_weight=7.0, tv_weight=0.0)
    objective.tune(changed, _halves())
    fresh = _objective(network, changed, STYLES[:2], _halves()).evaluate(x)
    tuned = objective.evaluate(x)
    assert tuned.costs == fresh.costs
    assert torch.equal(tuned.gradient, fresh.gradient)
    objective.tune(_params())
    assert objective.evaluate(x).costs == first


@pytest.mark.parametrize("name", ["content_weight", "style_weight", "tv_weight"])
def test_a_weight_multiplies_its_own_cost_alone(network: Network, name: str) -> None:
    x = random_picture(WIDTH, HEIGHT)
    params = _params()
    once = _objective(network, params, STYLES[:2]).evaluate(x).costs
    twice = _objective(network, _params(**{name: 2 * getattr(params, name)}), STYLES[:2]).evaluate(x).costs
    for part, factor in (("content_weight", 1), ("style_weight", 1), ("tv_weight", 1)):
        factor = 2 if part == name else factor
        before, after = ((sum(c.style) if part == "style_weight" else getattr(c, part[:-7])) for c in (once, twice))
        assert after == pytest.approx(factor * before, rel=1e-5), part


@pytest.mark.parametrize("guided", [False, True])
@pytest.mark.parametrize(
    "zeros", [("content_weight",), ("style_weight",), ("tv_weight",), ("content_weight", "style_weight", "tv_weight")]
)
def test_weights_of_zero_work(network: Network, zeros: tuple[str, ...], guided: bool) -> None:
    params = _params(**dict.fromkeys(zeros, 0.0))
    got = _objective(network, params, STYLES[:2], _halves() if guided else []).evaluate(random_picture(WIDTH, HEIGHT))
    assert math.isfinite(got.costs.total)
    assert bool(torch.isfinite(got.gradient).all())
    for name, value in (("content_weight", got.costs.content), ("style_weight", sum(got.costs.style))):
        assert (value == 0) == (name in zeros)
    assert (got.costs.tv == 0) == ("tv_weight" in zeros)
    if len(zeros) == 3:
        assert float(got.gradient.abs().max()) == 0


@pytest.mark.parametrize(("width", "height"), [(16, 16), (64, 5), (5, 64), (3, 3), (1, 1), (64, 1)])
@pytest.mark.parametrize("guided", [False, True])
def test_very_small_pictures_work(network: Network, width: int, height: int, guided: bool) -> None:
    targets = [Extractor(network).style_moments(style, STYLE_LAYERS) for style in STYLES[:2]]
    guides = _guides(2, width, height) if guided else []
    objective = Objective(Extractor(network), scene(width, height), targets, _params(), guides)
    got = objective.evaluate(random_picture(width, height))
    assert got.gradient.shape == (1, 3, height, width)
    assert bool(torch.isfinite(got.gradient).all())
    assert float(got.gradient.abs().max()) > 0
    assert got.costs.total > 0


def test_a_very_small_style_counts_at_the_layers_that_it_reaches(network: Network) -> None:
    tiny = Extractor(network).style_moments(stripes(6, 6), STYLE_LAYERS)
    assert set(tiny) == {"relu1_1", "relu2_1", "relu3_1"}
    targets = [tiny, Extractor(network).style_moments(STYLES[1], STYLE_LAYERS)]
    got = Objective(Extractor(network), scene(WIDTH, HEIGHT), targets, _params()).evaluate(
        random_picture(WIDTH, HEIGHT)
    )
    assert min(got.costs.style) > 0


def test_check_is_called_and_may_stop(network: Network) -> None:
    class Stop(Exception):
        pass

    def stop() -> None:
        raise Stop

    objective = _objective(network, _params(), STYLES[:1])
    objective.check = stop
    with pytest.raises(Stop):
        objective.evaluate(random_picture(WIDTH, HEIGHT))
    with pytest.raises(Stop):
        Extractor(network, stop).style_moments(STYLES[0], STYLE_LAYERS)


def test_the_picture_is_left_alone_and_the_answer_repeats(network: Network) -> None:
    objective = _objective(network, _params(), STYLES[:2], _halves())
    x = random_picture(WIDTH, HEIGHT)
    before = x.clone()
    first, second = objective.evaluate(x), objective.evaluate(x)
    assert torch.equal(x, before)
    assert first.costs == second.costs
    assert torch.equal(first.gradient, second.gradient)


def test_layer_weights_are_the_clients_or_the_default() -> None:
    assert layer_weights(StyleParams(style_layer_weights={"relu3_1": 2.0, "relu1_1": 0.0})) == {"relu3_1": 2.0}
    for loss in ("covariance", "gram"):
        chosen = layer_weights(StyleParams.model_validate({"style_loss": loss}))
        assert list(chosen) == list(STYLE_LAYERS)
        assert sum(chosen.values()) == pytest.approx(1)


def test_layers_within_reach() -> None:
    assert reachable(STYLE_LAYERS, 16, 99) == list(STYLE_LAYERS)
    assert reachable(STYLE_LAYERS, 99, 15) == list(STYLE_LAYERS[:4])
    assert reachable(STYLE_LAYERS, 1, 99) == ["relu1_1"]
    assert content_layer(StyleParams(), FULL, 99, 99) == "relu4_2"
    assert content_layer(StyleParams(content_layer="relu3_1"), FULL, 99, 99) == "relu3_1"
    assert content_layer(StyleParams(), FULL, 99, 7) == "relu3_1"
    assert content_layer(StyleParams(), FULL, 1, 1) == "relu1_1"


def test_styles_share_what_is_not_protected(network: Network) -> None:
    params, x = _params(style_mix=[0.6, 0.4]), random_picture(WIDTH, HEIGHT)
    everywhere = _objective(network, params, STYLES[:2], [torch.ones(1, 1, HEIGHT, WIDTH)]).evaluate(x)
    whole = _objective(network, params, STYLES[:2]).evaluate(x)
    assert everywhere.costs.total == pytest.approx(whole.costs.total, rel=1e-5)
    assert relative_error(everywhere.gradient, whole.gradient) < 1e-4
