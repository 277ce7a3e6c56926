"""What a person may do while a painting is made: cancel, pause, and change its parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from duostyle.engine.api import Cancelled, Control, Request, Step
from duostyle.engine.preview.instant import Instant
from duostyle.engine.torch_engine import TorchEngine
from duostyle.params import StyleParams
from duostyle.picture import Picture
from tests.support.engine.paintings import (
    CONTENT,
    COOL,
    IMAGE,
    LONG,
    LONG_CONTENT,
    SHALLOW,
    WARM,
    begin,
    check,
    grey_of,
    mean,
    no_steps,
    nothing,
    paint,
)
from tests.support.engine.pictures import flat_picture, scene_picture

pytestmark = pytest.mark.weights


def _stop_at(number: int, act: Callable[[], None], steps: list[Step]) -> Callable[[Step], None]:
    def on_step(step: Step) -> None:
        steps.append(step)
        if step.step == number:
            act()

    return on_step


@pytest.mark.parametrize("at", [1, 3])
def test_cancel(engine: TorchEngine, at: int) -> None:
    control, steps = Control(), no_steps()
    painter = begin(engine, control, content=LONG_CONTENT, iterations=6, **LONG)
    with pytest.raises(Cancelled):
        painter.run(_stop_at(at, control.cancel, steps))
    assert len(steps) == at
    picture = painter.picture()
    assert (picture.width, picture.height) == (painter.plan.width, painter.plan.height)
    with pytest.raises(Cancelled):
        painter.run(lambda step: pytest.fail("no step after a cancel"))
    assert painter.picture() == picture
    assert painter.report()["evaluations"] == at


class _Meddler(Control):
    """Changes the content weight at the checks that `when` names, counted from 1."""

    def __init__(self, params: StyleParams, when: Callable[[int], bool]) -> None:
        super().__init__()
        self.params, self.when, self.checks = params, when, 0

    def check(self) -> None:
        super().check()
        self.checks += 1
        if self.when(self.checks):
            # a new value every time, or it would be no change
            self.update(self.params.model_copy(update={"content_weight": 1 + 1e-3 * self.checks}))


def _checks_of(engine: TorchEngine, iterations: int) -> int:
    control = _Meddler(StyleParams(), lambda number: False)
    assert begin(engine, control, iterations=iterations).run(nothing)
    return control.checks


def test_a_change_does_not_wait_for_the_end_of_an_evaluation(engine: TorchEngine) -> None:
    whole = _checks_of(engine, 4)
    one = whole - _checks_of(engine, 3)
    params = StyleParams.model_validate({"size": 64, "iterations": 4})
    # two checks into the second evaluation
    control, steps = _Meddler(params, lambda number: number == whole - 3 * one + 2), no_steps()
    painter = engine.begin(Request(CONTENT, (WARM,), params), control)
    assert painter.run(steps.append)
    assert [step.step for step in steps] == [1, 2, 3, 4]
    assert [change.step for change in painter.changes] == [1]
    # what was given up is all that was done twice
    assert whole < control.checks <= whole + 5


def test_changes_that_keep_coming_do_not_stop_all_progress(engine: TorchEngine) -> None:
    params = StyleParams.model_validate({"size": 64, "iterations": 4})
    control, steps = _Meddler(params, lambda number: True), no_steps()
    painter = engine.begin(Request(CONTENT, (WARM,), params), control)
    assert painter.run(steps.append)
    assert [step.step for step in steps] == [1, 2, 3, 4]


def test_an_evaluation_that_was_given_up_leaves_no_trace(engine: TorchEngine) -> None:
    """The same changes between evaluations instead of in the middle give the same picture."""
    params = StyleParams.model_validate({"size": 64, "iterations": 5})
    whole = _checks_of(engine, 5)
    control = _Meddler(params, lambda number: number == whole - 5)
    painter = engine.begin(Request(CONTENT, (WARM,), params), control)
    assert painter.run(nothing)
    (change,) = painter.changes
    again, steps = Control(), no_steps()
    other = engine.begin(Request(CONTENT, (WARM,), params), again)
    changed = params.model_copy(update=dict(change.params))
    assert other.run(_stop_at(change.step, lambda: again.update(changed), steps))
    assert other.changes == painter.changes
    assert other.picture() == painter.picture()


def test_cancel_in_the_middle_of_an_evaluation(engine: TorchEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    control, steps = Control(), no_steps()
    painter = begin(engine, control, iterations=5)
    assert engine.network is not None
    conv = engine.network.convs[4]
    choice, calls = conv.choice_back, 0

    def cancelling(*args: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 4:
            control.cancel()
        return choice(*args)

    monkeypatch.setattr(conv, "choice_back", cancelling)
    with pytest.raises(Cancelled):
        painter.run(steps.append)
    assert calls == 4
    assert len(steps) < 4
    assert painter.picture().width == 64


TWO_LEVELS: dict[str, Any] = {"content": LONG_CONTENT, "iterations": 4, "styles": (WARM, COOL)} | LONG


@pytest.fixture(scope="module")
def unbroken(engine: TorchEngine) -> Picture:
    """What comes out without a pause."""
    return paint(engine, **TWO_LEVELS)[0].picture()


@pytest.mark.parametrize("pauses", [{1}, {2, 3}, {4}])
def test_paused_and_resumed_gives_the_same_bytes(engine: TorchEngine, unbroken: Picture, pauses: set[int]) -> None:
    control, steps, runs = Control(), no_steps(), 0
    painter = begin(engine, control, **TWO_LEVELS)

    def on_step(step: Step) -> None:
        steps.append(step)
        if step.step in pauses:
            control.pause()

    while not painter.run(on_step):
        runs += 1
        assert len(steps) in pauses
        assert painter.run(lambda step: pytest.fail("no step while paused")) is False
        control.resume()
    assert runs == len(pauses - {4})
    assert painter.picture() == unbroken
    check(painter, steps, styles=2)


def test_paused_before_the_first_step(engine: TorchEngine) -> None:
    control = Control()
    control.pause()
    painter = begin(engine, control)
    assert painter.run(lambda step: pytest.fail("no step while paused")) is False
    assert painter.picture().width == 64


def test_cancel_while_paused(engine: TorchEngine) -> None:
    control = Control()
    control.pause()
    painter = begin(engine, control)
    painter.run(nothing)
    control.cancel()
    with pytest.raises(Cancelled):
        painter.run(nothing)


def _updated(
    engine: TorchEngine, changes: dict[str, Any], masks: tuple[Picture | None, ...] | None = None
) -> list[Step]:
    """Steps of a painting with two styles whose parameters change after the third."""
    control, steps = Control(), no_steps()
    before = {"size": 64, "iterations": 6, "style_mix": [1.0, 0.0]} | SHALLOW
    painter = engine.begin(Request(CONTENT, (WARM, COOL), StyleParams.model_validate(before)), control)
    after = StyleParams.model_validate(before | changes)
    assert painter.run(_stop_at(3, lambda: control.update(after, masks), steps))
    assert [step.step for step in steps] == list(range(1, len(steps) + 1))
    return steps


def test_a_new_mix_is_taken_up_at_once(engine: TorchEngine) -> None:
    steps = _updated(engine, {"style_mix": [0.0, 1.0]})
    assert steps[2].costs.style[1] == 0
    assert steps[3].costs.style[0] == 0
    assert steps[3].costs.style[1] > 0
    assert steps[-1].costs.total < steps[3].costs.total


def test_new_weights_are_taken_up_at_once(engine: TorchEngine) -> None:
    steps = _updated(engine, {"content_weight": 0.0, "tv_weight": 9.0})
    assert steps[2].costs.content > 0
    assert steps[3].costs.content == 0
    assert steps[3].costs.tv > steps[2].costs.tv
    heavy = _updated(engine, {"style_weight": 2000.0})
    assert sum(heavy[3].costs.style) > 5 * sum(heavy[2].costs.style)


def test_a_new_division_is_taken_up_at_once(engine: TorchEngine) -> None:
    steps = _updated(engine, {"masks": "left-right", "style_mix": [0.5, 0.5]})
    assert steps[2].costs.style[1] == 0
    assert min(steps[3].costs.style) > 0


def test_new_masks_are_taken_up_at_once(engine: TorchEngine) -> None:
    nowhere = flat_picture(2, 2, (0.0, 0.0, 0.0))
    steps = _updated(engine, {"masks": [IMAGE, None]}, (nowhere, None))
    assert steps[2].costs.style[0] > 0
    assert steps[3].costs.style[0] == 0
    assert steps[3].costs.style[1] > 0


def test_kept_color_is_taken_up_at_once(engine: TorchEngine) -> None:
    control = Control()
    shown: list[float] = []
    grey = grey_of(scene_picture(40, 40))
    painter = begin(engine, control, content=grey, iterations=4, **SHALLOW)
    after = StyleParams.model_validate(SHALLOW | {"size": 64, "iterations": 4, "preserve_color": 1.0})

    def on_step(step: Step) -> None:
        picture = step.picture()
        shown.append(abs(mean(picture, 0) - mean(picture, 2)))
        if step.step == 2:
            control.update(after)

    painter.run(on_step)
    assert shown[1] > 20
    assert max(shown[2:]) < 3


@pytest.mark.parametrize(("iterations", "wanted"), [(5, 5), (8, 8), (6, 6), (2, 3)])
def test_more_or_fewer_iterations_are_taken_up(engine: TorchEngine, iterations: int, wanted: int) -> None:
    steps = _updated(engine, {"iterations": iterations})
    assert len(steps) == wanted
    if wanted > 3:
        assert [step.total_steps for step in steps[3:]] == [wanted] * (wanted - 3)


def test_fewer_iterations_still_reach_the_finest_level(engine: TorchEngine) -> None:
    control, steps = Control(), no_steps()
    painter = begin(engine, control, content=LONG_CONTENT, iterations=20, **LONG)
    after = StyleParams.model_validate(LONG | {"iterations": 3})
    assert painter.run(_stop_at(2, lambda: control.update(after), steps))
    assert [step.step for step in steps] == [1, 2, 3]
    assert (steps[-1].width, steps[-1].level) == (172, painter.plan.levels)


def test_an_update_while_paused_waits_for_the_next_step(engine: TorchEngine) -> None:
    control, steps = Control(), no_steps()
    painter = begin(engine, control, iterations=4, **SHALLOW)
    assert painter.run(_stop_at(2, control.pause, steps)) is False
    control.update(StyleParams.model_validate(SHALLOW | {"size": 64, "iterations": 4, "content_weight": 0.0}))
    control.resume()
    assert painter.run(steps.append)
    assert [step.costs.content == 0 for step in steps] == [False, False, True, True]


def test_the_clock_measures_painting_and_not_pauses(engine: TorchEngine) -> None:
    from duostyle.engine.painter import Shared, TorchPainter
    from duostyle.engine.schedule import Pace

    now = 0.0

    def clock() -> float:
        nonlocal now
        now += 1
        return now

    assert engine.network is not None
    control, steps = Control(), no_steps()
    request = Request(CONTENT, (WARM,), StyleParams(size=64, iterations=3))
    painter = TorchPainter(Shared(engine.network, Instant(engine.network.device), Pace(), clock), request, control)
    painter.run(_stop_at(2, control.pause, steps))
    control.resume()
    now += 1000
    painter.run(steps.append)
    assert all(0 < step.step_s < 100 for step in steps)
    assert steps[-1].elapsed_s == pytest.approx(sum(step.step_s for step in steps))
    assert painter.report()["elapsed_s"] < 100
