"""The preset `instant`: one step, like any painting to whoever watches it."""

from __future__ import annotations

import math

import pytest

from duostyle.engine.api import Cancelled, Checkpoint, CheckpointRefused, Control, Request, Step, steering
from duostyle.engine.runtime import to_picture
from duostyle.engine.torch_engine import TorchEngine
from duostyle.params import StyleParams
from tests.engine.preview.conftest import gallery

CONTENT = to_picture(gallery("coffee.jpg", 160))
STYLES = tuple(to_picture(gallery(name, 128)) for name in ("starry.jpg", "fauve.jpg"))
PARAMS = StyleParams(size=96, preset="instant")


def test_it_is_one_step(engine: TorchEngine) -> None:
    painter = engine.begin(Request(CONTENT, STYLES, PARAMS), Control())
    plan = painter.plan
    assert (plan.width, plan.height, plan.levels, plan.total_steps, plan.step) == (96, 96, 1, 1, 0)
    steps: list[Step] = []
    assert painter.run(steps.append)
    (step,) = steps
    assert (step.step, step.total_steps, step.width, step.height, step.eta_s) == (1, 1, 96, 96, 0)
    # nothing is optimised, so there is no cost
    assert math.isnan(step.costs.total)
    assert len(step.costs.style) == 2
    picture = painter.picture()
    assert (picture.width, picture.height) == (96, 96)
    report = painter.report()
    assert report["costs"] is None
    assert sum(report["share"]) == pytest.approx(1)
    # once painted it stays
    assert painter.run(steps.append)
    assert len(steps) == 1
    assert painter.step == 1


def test_it_is_what_the_preview_showed(engine: TorchEngine) -> None:
    request = Request(CONTENT, STYLES, PARAMS)
    painter = engine.begin(request, Control())
    painter.run(lambda step: None)
    assert painter.picture() == engine.preview(request, ["instant a", "instant b"], lambda: None)


def test_it_is_paused_cancelled_and_changed_like_any_other(engine: TorchEngine) -> None:
    control = Control()
    painter = engine.begin(Request(CONTENT, STYLES, PARAMS), control)
    control.pause()
    assert not painter.run(lambda step: None)
    assert painter.picture().rgb == CONTENT.rgb
    control.resume()
    control.update(PARAMS.model_copy(update={"preserve_color": 1.0}))
    assert painter.run(lambda step: None)
    assert steering(painter) == {
        "params": PARAMS.model_dump(mode="json"),
        "changes": [{"step": 0, "params": {"preserve_color": 1.0}}],
    }
    cancelled = Control()
    stopped = engine.begin(Request(CONTENT, STYLES, PARAMS), cancelled)
    cancelled.cancel()
    with pytest.raises(Cancelled):
        stopped.run(lambda step: None)
    assert stopped.step == 0


def test_it_begins_anew_instead_of_going_on(engine: TorchEngine) -> None:
    request = Request(CONTENT, STYLES, PARAMS)
    taken = engine.begin(request, Control()).checkpoint()
    assert taken.step == 0
    with pytest.raises(CheckpointRefused):
        engine.begin(request, Control(), Checkpoint({"step": 1}, {}))


def test_a_painting_starts_from_the_preview(engine: TorchEngine) -> None:
    request = Request(CONTENT, STYLES, StyleParams(size=64, init="preview", iterations=1))
    painter = engine.begin(request, Control())
    costs: list[float] = []
    painter.run(lambda step: costs.append(step.costs.total))
    noise = engine.begin(Request(CONTENT, STYLES, StyleParams(size=64, init="noise", iterations=1)), Control())
    noise.run(lambda step: costs.append(step.costs.total))
    assert costs[0] < costs[1]
