"""One level in progress: its start, its steps, its best picture, and live changes."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from duostyle.engine.image.inputs import Materials
from duostyle.engine.level import TRACE, Stage, climb_from
from duostyle.engine.network.vgg import Network
from duostyle.engine.pyramid import Depth, Level, resize
from duostyle.params import StyleParams
from tests.support.engine.pictures import random_picture, scene, speckles, stripes

pytestmark = pytest.mark.weights
LEVEL = Level(40, 32, 10)


def _stage(network: Network, previous: torch.Tensor | None = None, **changes: Any) -> Stage:
    materials = Materials(network, scene(40, 32), [stripes(48, 48), speckles(48, 40)])
    return Stage(materials, LEVEL, StyleParams(size=64, **changes), previous, lambda: None)


def test_from_the_content(network: Network) -> None:
    assert torch.equal(_stage(network, init="content").picture, scene(40, 32))


def test_from_noise_of_the_seed(network: Network) -> None:
    first, again, other = (_stage(network, init="noise", seed=seed).picture for seed in (5, 5, 6))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert float(first.std()) == pytest.approx((1 / 12) ** 0.5, abs=0.02)


@pytest.mark.parametrize(("style_weight", "wanted"), [(20.0, "base"), (0.0, "content")])
def test_auto_takes_the_cheaper_start_with_a_trace_of_noise(network: Network, style_weight: float, wanted: str) -> None:
    stage = _stage(network, style_weight=style_weight, tv_weight=0.0)
    starts = {"base": stage.base, "content": stage.content}
    costs = {name: stage.objective.evaluate(x).costs.total for name, x in starts.items()}
    assert min(costs, key=costs.__getitem__) == wanted
    assert costs["base"] != costs["content"]
    # away from black and white, where nothing is clamped
    inside = (starts[wanted] > 0.05) & (starts[wanted] < 0.95)
    noise = (stage.picture - starts[wanted])[inside]
    assert float(noise.std()) == pytest.approx(TRACE, rel=0.1)
    assert abs(float(noise.mean())) < 0.1 * TRACE


def test_the_trace_of_noise_is_of_the_seed(network: Network) -> None:
    first, again, other = (_stage(network, seed=seed).picture for seed in (5, 5, 6))
    assert torch.equal(first, again)
    assert 0 < float((first - other).abs().max()) < 12 * TRACE


def test_from_the_level_below(network: Network) -> None:
    previous = random_picture(20, 16)
    stage = _stage(network, previous)
    wanted = climb_from(previous, stage.base, StyleParams())
    assert torch.equal(stage.picture, wanted.clamp(0, 1))
    assert stage.picture.shape == (1, 3, 32, 40)


def test_noise_is_taken_up_without_the_contents_detail() -> None:
    previous, base = random_picture(20, 16), scene(40, 32)
    got = climb_from(previous, base, StyleParams(init="noise"))
    assert torch.allclose(got, resize(previous, 40, 32).clamp(0, 1))
    assert not torch.allclose(got, climb_from(previous, base, StyleParams()))


def test_steps_keep_the_best(network: Network) -> None:
    stage = _stage(network)
    totals = [stage.step().total for _ in range(8)]
    assert totals == sorted(totals, reverse=True)
    assert totals[-1] < 0.9 * totals[0]
    assert stage.best_costs == totals
    assert stage.objective.evaluate(stage.picture).costs.total == pytest.approx(totals[-1], rel=1e-5)


def test_tune_starts_anew_from_the_same_picture(network: Network) -> None:
    stage = _stage(network, style_mix=[1.0, 0.0])
    for _ in range(6):
        stage.step()
    painted = stage.picture
    stage.tune(StyleParams(size=64, style_mix=[0.0, 1.0], style_weight=40.0))
    assert stage.best_costs == []
    assert float((stage.picture - painted).abs().mean()) < 0.05
    first = stage.step()
    assert first.style[0] == 0
    assert first.style[1] > 0
    for _ in range(6):
        last = stage.step()
    assert last.total < first.total


def test_check_may_stop_the_making_and_a_step(network: Network) -> None:
    class Stop(Exception):
        pass

    stopping = False

    def check() -> None:
        if stopping:
            raise Stop

    materials = Materials(network, scene(40, 32), [stripes(48, 48)])
    stage = Stage(materials, LEVEL, StyleParams(size=64), None, check)
    stage.step()
    stopping = True
    painted = stage.picture
    with pytest.raises(Stop):
        stage.step()
    assert torch.equal(stage.picture, painted)
    with pytest.raises(Stop):
        Stage(materials, LEVEL, StyleParams(size=64), None, check)


def test_a_shallow_level_leaves_deep_layers_out_until_they_are_asked_for(network: Network) -> None:
    materials = Materials(network, scene(40, 32), [stripes(48, 48), speckles(48, 48)])
    level = Level(40, 32, 10, Depth("relu2_1", content_factor=0.5))
    stage = Stage(materials, level, StyleParams(size=64), random_picture(20, 16), lambda: None)
    assert list(stage.objective.weights) == ["relu1_1", "relu2_1"]
    assert stage.objective.content_layer == "relu2_1"
    asked = StyleParams.model_validate({"size": 64, "style_layer_weights": {"relu1_1": 1.0, "relu3_1": 2.0}})
    stage.tune(asked)
    assert stage.objective.weights == {"relu1_1": 1.0, "relu3_1": 2.0}
    # what is looked at later is what would have been looked at from the start
    anew = Stage(materials, level, asked, random_picture(20, 16), lambda: None)
    x = scene(40, 32)
    assert stage.objective.evaluate(x).costs == anew.objective.evaluate(x).costs


def test_a_level_weighs_its_content_by_its_depth(network: Network) -> None:
    materials = Materials(network, scene(40, 32), [stripes(48, 48)])
    x = random_picture(40, 32)
    whole, half = (
        Stage(materials, Level(40, 32, 10, Depth("relu3_1", factor)), StyleParams(size=64), x, lambda: None)
        .objective.evaluate(x)
        .costs
        for factor in (1.0, 0.5)
    )
    assert half.content == pytest.approx(0.5 * whole.content, rel=1e-5)
    assert half.style == whole.style
