"""The common scorer against sums by hand, and against the engine, which it must agree with."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from bench.engine.evaluation import our_evaluation, plain_evaluation
from bench.quality.plain import PlainCosts, PlainNetwork
from duostyle.engine.network.vgg import Network
from duostyle.engine.objective.features import Extractor
from duostyle.engine.objective.objective import Objective
from duostyle.params import STYLE_LAYERS, StyleParams

LAYERS = ("1_1", "2_1", "3_1", "4_1", "4_2", "5_1")


@pytest.fixture(scope="module")
def copying() -> PlainNetwork:
    """A network whose every convolution copies its three channels, so features are the averaged-down picture."""
    weight = torch.zeros(3, 3, 3, 3)
    for channel in range(3):
        weight[channel, channel, 1, 1] = 1
    return PlainNetwork(LAYERS, [(weight, torch.zeros(3))] * len(LAYERS), torch.ones(1, 3, 1, 1), torch.zeros(1))


def flat(red: float, green: float, blue: float) -> Tensor:
    return torch.tensor([red, green, blue]).view(1, 3, 1, 1).expand(1, 3, 16, 16).contiguous()


def test_gram_cost_of_flat_pictures_by_hand(copying: PlainNetwork) -> None:
    # every layer sees the colour itself; its Gram matrix is the outer product of the colour with itself
    params = StyleParams(style_loss="gram", content_weight=3, style_weight=5, tv_weight=7)
    costs = PlainCosts(copying, flat(1, 0, 0), flat(0.5, 0, 0), params)
    content = (1 - 0.8) ** 2
    style = (0.8**2 - 0.5**2) ** 2 / 0.5**4
    assert float(costs(flat(0.8, 0, 0))) == pytest.approx(3 * content + 5 * style, rel=1e-5)


def test_roughness_by_hand(copying: PlainNetwork) -> None:
    params = StyleParams(style_loss="gram", content_weight=0, style_weight=0, tv_weight=7)
    costs = PlainCosts(copying, flat(1, 1, 1), flat(1, 1, 1), params)
    picture = flat(0, 0, 0)
    picture[0, 0, 5, 5] = 1  # differs from four neighbours
    assert float(costs(picture)) == pytest.approx(7 * 4 / (3 * 16 * 16))


def test_covariance_cost_by_hand(copying: PlainNetwork) -> None:
    params = StyleParams(
        style_loss="covariance", style_layer_weights={"relu1_1": 1}, content_weight=0, style_weight=1, tv_weight=0
    )
    style = flat(0, 0, 0)
    style[:, 0, :, ::2] = 1  # red: mean 1/2, variance 1/4
    costs = PlainCosts(copying, flat(1, 1, 1), style, params)
    assert float(costs(style)) == pytest.approx(0)
    # flat red: mean 1, no variance: half of |0 - 1/4|^2 / |1/4|^2 and half of |1 - 1/2|^2 / |1/2|^2
    assert float(costs(flat(1, 0, 0))) == pytest.approx(0.5 * 1 + 0.5 * 1)


@pytest.mark.weights
@pytest.mark.parametrize("loss", ["gram", "covariance"])
def test_scorer_and_engine_agree_on_the_cost(network: Network, loss: str) -> None:
    content, style, x = noise(48, 40)
    params = StyleParams(style_loss=loss)  # type: ignore[arg-type]
    with torch.inference_mode():
        extractor = Extractor(network)
        objective = Objective(extractor, content, [extractor.style_moments(style, STYLE_LAYERS)], params)
        ours = objective.evaluate(x).costs.total
    assert float(PlainCosts(PlainNetwork.like(network), content, style, params)(x)) == pytest.approx(ours, rel=1e-3)


@pytest.mark.weights
def test_both_sides_of_the_speed_comparison_compute_the_same_gradient(network: Network) -> None:
    from bench.engine.evaluation import PARAMS

    content, style, x = noise(48, 40)
    theirs = plain_evaluation(PlainCosts(PlainNetwork.like(network), content, style, PARAMS), x)()
    ours = our_evaluation(network, content, style, x, None)()
    assert float((ours - theirs).norm() / theirs.norm()) < 1e-3


def noise(width: int, height: int) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    a, b, c = (torch.rand(1, 3, height, width, generator=generator) for _ in range(3))
    return a, b, c
