"""The objective in bfloat16 against plain torch with autograd in float64, and against itself in tiles."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from duostyle.engine.network.vgg import Network
from duostyle.engine.network.weights import Weights
from duostyle.engine.objective.features import Extractor
from duostyle.engine.objective.losses import content_cost, square_sum
from duostyle.engine.objective.moments import PART, PARTS, flat, gram, moments, total
from duostyle.engine.objective.objective import Evaluation, Objective
from duostyle.params import STYLE_LAYERS, StyleParams
from tests.support.engine.pictures import random_picture, scene, speckles, stripes
from tests.support.engine.reference import gradient_of, plain_objective, relative_error

pytestmark = pytest.mark.weights

LAYERS: dict[str, float] = {"relu1_1": 0.3, "relu2_1": 0.25, "relu3_1": 0.2, "relu4_1": 0.15, "relu5_1": 0.1}
STYLES = [stripes(64, 80), speckles(72, 64)]
# bfloat16 has 8 bits: one rounding is off by up to 0.4 %
COST, GRADIENT = 0.01, 0.08


@pytest.fixture(scope="module")
def half(weights: Weights) -> Network:
    return Network(weights, torch.device("cpu"), torch.bfloat16)


def _guides(width: int, height: int) -> list[Tensor]:
    raw = torch.rand(2, 1, 1, height, width, generator=torch.Generator().manual_seed(8)) ** 2 + 0.01
    return list(raw / raw.sum(0, keepdim=True))


def _evaluate(network: Network, x: Tensor, *, guided: bool, tile_px: int | None = None, **changes: Any) -> Evaluation:
    height, width = x.shape[-2:]
    given: dict[str, Any] = {
        "style_weight": 5.0,
        "tv_weight": 2.0,
        "style_layer_weights": LAYERS,
        "style_mix": [0.6, 0.4],
    }
    with torch.inference_mode():
        extractor = Extractor(network, tile_px=tile_px)
        targets = [extractor.style_moments(style, STYLE_LAYERS) for style in STYLES]
        guides = _guides(width, height) if guided else []
        objective = Objective(extractor, scene(width, height), targets, StyleParams(**(given | changes)), guides)
        return objective.evaluate(x)


@pytest.mark.parametrize("loss", ["covariance", "gram"])
@pytest.mark.parametrize("guided", [False, True])
@pytest.mark.parametrize(("width", "height"), [(33, 27), (131, 73)])
def test_cost_and_gradient_are_near_autograds(
    half: Network, weights: Weights, loss: str, guided: bool, width: int, height: int
) -> None:
    x = random_picture(width, height)
    got = _evaluate(half, x, guided=guided, style_loss=loss)
    variable = x.double().requires_grad_()
    wanted = plain_objective(
        weights,
        variable,
        scene(width, height).double(),
        [style.double() for style in STYLES],
        loss=loss,
        mix=(0.6, 0.4),
        content_layer="relu4_2",
        layer_weights=LAYERS,
        factors=(1.0, 5.0, 2.0),
        guides=_guides(width, height) if guided else [],
    )
    assert got.costs.total == pytest.approx(float(wanted.detach()), rel=COST)
    assert relative_error(got.gradient, gradient_of(wanted, variable)) < GRADIENT
    assert got.gradient.dtype == torch.float32
    assert got.gradient.is_contiguous()


@pytest.mark.parametrize("guided", [False, True])
def test_tiles_give_what_the_whole_gives(half: Network, guided: bool) -> None:
    x = random_picture(213, 35)
    whole, tiled = (_evaluate(half, x, guided=guided, tile_px=tile_px) for tile_px in (None, 112))
    assert tiled.costs.total == pytest.approx(whole.costs.total, rel=1e-3)
    assert relative_error(tiled.gradient, whole.gradient) < 0.02


def test_an_evaluation_can_be_stopped_before_every_convolution(half: Network) -> None:
    calls = 0

    def check() -> None:
        nonlocal calls
        calls += 1
        if calls == 17:
            raise InterruptedError

    extractor = Extractor(half)
    targets = [extractor.style_moments(STYLES[0], STYLE_LAYERS)]
    with torch.inference_mode():
        objective = Objective(Extractor(half), scene(40, 40), targets, StyleParams())
        objective.check = check
        with pytest.raises(InterruptedError):
            objective.evaluate(scene(40, 40))


def test_the_same_bytes_again(half: Network) -> None:
    x = random_picture(131, 73)
    first, second = (_evaluate(half, x, guided=False) for _ in range(2))
    assert torch.equal(first.gradient, second.gradient)
    assert first.costs == second.costs


@pytest.mark.parametrize("positions", [17, PARTS * PART - 1, PARTS * PART, 3 * PARTS * PART + 5])
def test_moments_are_summed_in_float32(positions: int) -> None:
    generator = torch.Generator().manual_seed(positions)
    rows = torch.rand(positions, 6, generator=generator).to(torch.bfloat16)
    features, exact = rows.T, rows.T.double()
    assert relative_error(total(features), exact.sum(1)) < 5e-4
    assert relative_error(gram(features), exact @ exact.T) < 5e-4
    found = moments(features.reshape(1, 6, 1, positions).contiguous(memory_format=torch.channels_last))
    assert found.mean.dtype == found.second.dtype == torch.float32
    assert relative_error(found.second, exact @ exact.T / positions) < 5e-4


def test_flat_features_stay_where_they_are() -> None:
    kept = torch.rand(1, 5, 4, 3)
    last = kept.contiguous(memory_format=torch.channels_last)
    for features in (kept, last):
        assert torch.equal(flat(features), kept.reshape(5, 12))
        assert flat(features).data_ptr() == features.data_ptr()
    assert torch.equal(flat(last[:, :, 1:, 1:]), kept[:, :, 1:, 1:].reshape(5, 6))


def test_the_content_cost_in_bfloat16() -> None:
    generator = torch.Generator().manual_seed(3)
    a, b = (torch.rand(1, 64, 20, 30, generator=generator) for _ in range(2))
    halves = [x.to(torch.bfloat16).contiguous(memory_format=torch.channels_last) for x in (a, b)]
    cost, change = content_cost(*halves)
    wanted, slope = content_cost(a, b)
    assert cost.dtype == torch.float32
    assert float(cost) == pytest.approx(float(wanted), rel=COST)
    assert relative_error(change, slope) < 0.01
    assert float(square_sum(halves[0])) == pytest.approx(float(a.square().sum()), rel=1e-3)
