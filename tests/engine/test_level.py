"""One level in progress: its start, its steps, its best picture, and live changes, which interrupt evaluations."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from duostyle.engine.api import Cancelled, Control
from duostyle.engine.image.inputs import Inputs
from duostyle.engine.level import TRACE, Beginning, Interruption, LevelPainter
from duostyle.engine.network.vgg import Network
from duostyle.engine.pyramid import FULL, LEAST_CONTENT, Depth, Level, climb_from, resize
from duostyle.params import StyleParams
from tests.support.engine.pictures import random_picture, scene, speckles, stripes

pytestmark = pytest.mark.weights
LEVEL = Level(40, 32, 10)


def _painter(network: Network, previous: torch.Tensor | None = None, **changes: Any) -> LevelPainter:
    inputs = Inputs(network, scene(40, 32), [[stripes(48, 48)], [speckles(48, 40)]])
    start = Beginning() if previous is None else previous
    return LevelPainter(inputs, LEVEL, StyleParams(size=64, **changes), start, lambda: None)


def test_from_a_preview(network: Network) -> None:
    inputs, preview = Inputs(network, scene(40, 32), [[stripes(48, 48)]]), random_picture(40, 32)
    params = StyleParams(size=64, init="preview")
    assert torch.equal(LevelPainter(inputs, LEVEL, params, Beginning(preview), lambda: None).picture, preview)


def test_from_the_content(network: Network) -> None:
    assert torch.equal(_painter(network, init="content").picture, scene(40, 32))


def test_from_noise_of_the_seed(network: Network) -> None:
    first, again, other = (_painter(network, init="noise", seed=seed).picture for seed in (5, 5, 6))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert float(first.std()) == pytest.approx((1 / 12) ** 0.5, abs=0.02)


@pytest.mark.parametrize(("style_weight", "wanted"), [(20.0, "base"), (0.0, "content")])
def test_auto_takes_the_cheaper_start_with_a_trace_of_noise(network: Network, style_weight: float, wanted: str) -> None:
    painter = _painter(network, style_weight=style_weight, tv_weight=0.0)
    starts = {"base": painter.base, "content": painter.content}
    costs = {name: painter.objective.unmoved.evaluate(x).costs.total for name, x in starts.items()}
    assert min(costs, key=costs.__getitem__) == wanted
    assert costs["base"] != costs["content"]
    # away from black and white, where nothing is clamped
    inside = (starts[wanted] > 0.05) & (starts[wanted] < 0.95)
    noise = (painter.picture - starts[wanted])[inside]
    assert float(noise.std()) == pytest.approx(TRACE, rel=0.1)
    assert abs(float(noise.mean())) < 0.1 * TRACE


def test_the_trace_of_noise_is_of_the_seed(network: Network) -> None:
    first, again, other = (_painter(network, seed=seed).picture for seed in (5, 5, 6))
    assert torch.equal(first, again)
    assert 0 < float((first - other).abs().max()) < 12 * TRACE


def test_from_the_level_below(network: Network) -> None:
    previous = random_picture(20, 16)
    painter = _painter(network, previous)
    wanted = climb_from(previous, painter.base, StyleParams())
    assert torch.equal(painter.picture, wanted.clamp(0, 1))
    assert painter.picture.shape == (1, 3, 32, 40)


def test_noise_is_taken_up_without_the_contents_detail() -> None:
    previous, base = random_picture(20, 16), scene(40, 32)
    got = climb_from(previous, base, StyleParams(init="noise"))
    assert torch.allclose(got, resize(previous, 40, 32).clamp(0, 1))
    assert not torch.allclose(got, climb_from(previous, base, StyleParams()))


def test_steps_keep_the_best(network: Network) -> None:
    painter = _painter(network)
    totals = [painter.step().total for _ in range(8)]
    assert totals == sorted(totals, reverse=True)
    assert totals[-1] < 0.9 * totals[0]
    assert painter.best_costs == totals
    assert painter.objective.unmoved.evaluate(painter.picture).costs.total == pytest.approx(totals[-1], rel=1e-5)


def test_tune_starts_anew_from_the_same_picture(network: Network) -> None:
    painter = _painter(network, style_mix=[1.0, 0.0])
    for _ in range(6):
        painter.step()
    painted = painter.picture
    painter.tune(StyleParams(size=64, style_mix=[0.0, 1.0], style_weight=40.0))
    assert painter.best_costs == []
    assert float((painter.picture - painted).abs().mean()) < 0.05
    first = painter.step()
    assert first.style[0] == 0
    assert first.style[1] > 0
    for _ in range(6):
        last = painter.step()
    assert last.total < first.total


def test_check_may_stop_the_making_and_a_step(network: Network) -> None:
    class Stop(Exception):
        pass

    stopping = False

    def check() -> None:
        if stopping:
            raise Stop

    inputs = Inputs(network, scene(40, 32), [[stripes(48, 48)]])
    painter = LevelPainter(inputs, LEVEL, StyleParams(size=64), Beginning(), check)
    painter.step()
    stopping = True
    painted = painter.picture
    with pytest.raises(Stop):
        painter.step()
    assert torch.equal(painter.picture, painted)
    with pytest.raises(Stop):
        LevelPainter(inputs, LEVEL, StyleParams(size=64), Beginning(), check)


def test_a_shallow_level_leaves_deep_layers_out_until_they_are_asked_for(network: Network) -> None:
    inputs = Inputs(network, scene(40, 32), [[stripes(48, 48)], [speckles(48, 48)]])
    level = Level(40, 32, 10, Depth("relu2_1", content_factor=0.5))
    painter = LevelPainter(inputs, level, StyleParams(size=64), random_picture(20, 16), lambda: None)
    assert list(painter.objective.unmoved.weights) == ["relu1_1", "relu2_1"]
    assert painter.objective.unmoved.content_layer == "relu2_1"
    asked = StyleParams.model_validate({"size": 64, "style_layer_weights": {"relu1_1": 1.0, "relu3_1": 2.0}})
    painter.tune(asked)
    assert painter.objective.unmoved.weights == {"relu1_1": 1.0, "relu3_1": 2.0}
    # what is looked at later is what would have been looked at from the start
    anew = LevelPainter(inputs, level, asked, random_picture(20, 16), lambda: None)
    x = scene(40, 32)
    assert painter.objective.unmoved.evaluate(x).costs == anew.objective.unmoved.evaluate(x).costs


def test_abstraction_frees_the_strokes_of_all_but_the_coarsest_level(network: Network) -> None:
    inputs = Inputs(network, scene(40, 32), [[stripes(48, 48)]])
    x = random_picture(40, 32)

    def content_cost(depth: Depth, abstraction: float) -> float:
        params = StyleParams(size=64, abstraction=abstraction)
        painter = LevelPainter(inputs, Level(40, 32, 10, depth), params, x, lambda: None)
        return painter.objective.unmoved.evaluate(x).costs.content

    shallow = Depth("relu3_1", 0.5)
    assert content_cost(shallow, 1.0) == pytest.approx(LEAST_CONTENT * content_cost(shallow, 0.0))
    assert content_cost(shallow, 0.5) == pytest.approx((0.5 + LEAST_CONTENT / 2) * content_cost(shallow, 0.0))
    assert content_cost(FULL, 1.0) == content_cost(FULL, 0.0) > 0


@pytest.mark.parametrize("abstraction", [0.0, 0.25, 1.0])
def test_abstraction_leaves_out_as_much_of_the_contents_detail(abstraction: float) -> None:
    previous, base = random_picture(20, 16) * 0.5 + 0.25, scene(40, 32) * 0.2 + 0.4
    got = climb_from(previous, base, StyleParams(abstraction=abstraction))
    detail = base - resize(resize(base, 20, 16), 40, 32)
    assert torch.allclose(got, (resize(previous, 40, 32) + (1 - abstraction) * detail).clamp(0, 1), atol=1e-6)


def test_a_level_weighs_its_content_by_its_depth(network: Network) -> None:
    inputs = Inputs(network, scene(40, 32), [[stripes(48, 48)]])
    x = random_picture(40, 32)
    whole, half = (
        LevelPainter(inputs, Level(40, 32, 10, Depth("relu3_1", factor)), StyleParams(size=64), x, lambda: None)
        .objective.unmoved.evaluate(x)
        .costs
        for factor in (1.0, 0.5)
    )
    assert half.content == pytest.approx(0.5 * whole.content, rel=1e-5)
    assert half.style == whole.style


def _evaluation(interruption: Interruption, control: Control, *, change: bool) -> int | None:
    """Four checks; before the third a live change may come."""
    seen = 0

    def evaluate() -> int:
        nonlocal seen
        for number in range(4):
            if change and number == 2:
                control.update(StyleParams())
            interruption.check()
            seen += 1
        return 7

    found = interruption.attempt(evaluate)
    assert seen == (4 if found == 7 else 2)
    return found


def test_without_a_change_it_goes_on_to_the_end() -> None:
    control = Control()
    assert _evaluation(Interruption(control), control, change=False) == 7


def test_a_change_ends_it_but_not_twice_in_a_row() -> None:
    control = Control()
    interruption = Interruption(control)
    found = []
    for _ in range(4):
        found.append(_evaluation(interruption, control, change=True))
        control.take_update()
    assert found == [None, 7, None, 7]


def test_outside_of_an_evaluation_a_change_ends_nothing() -> None:
    control = Control()
    interruption = Interruption(control)
    control.update(StyleParams())
    interruption.check()


def test_a_cancel_is_raised_wherever_it_is_checked() -> None:
    control = Control()
    interruption = Interruption(control)
    control.cancel()
    with pytest.raises(Cancelled):
        interruption.check()
    with pytest.raises(Cancelled):
        interruption.attempt(interruption.check)
    # and that is no interruption
    assert not interruption.interrupted


def test_an_error_passes_through_and_changes_nothing() -> None:
    control = Control()
    interruption = Interruption(control)

    def fail() -> int:
        raise FloatingPointError("not finite")

    with pytest.raises(FloatingPointError):
        interruption.attempt(fail)
    control.update(StyleParams())
    interruption.check()
