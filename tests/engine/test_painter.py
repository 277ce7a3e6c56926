"""Whole paintings at small sizes: every step and the result."""

from __future__ import annotations

import math
import struct
from typing import Any

import pytest

from duostyle.engine.api import Control, Painter, Request, Step
from duostyle.engine.image import canvas
from duostyle.engine.torch_engine import TorchEngine
from duostyle.errors import EngineError
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
    distance,
    grey_of,
    mean,
    no_steps,
    nothing,
    paint,
)
from tests.support.engine.pictures import flat_picture, scene_picture

pytestmark = pytest.mark.weights


@pytest.mark.parametrize("init", ["auto", "noise"])
def test_the_same_seed_gives_the_same_bytes(engine: TorchEngine, init: str) -> None:
    pictures = [
        paint(engine, styles=(WARM, COOL), seed=7, init=init, **(SHALLOW if init == "noise" else {}))[0].picture()
        for _ in range(2)
    ]
    assert pictures[0] == pictures[1]


def test_another_seed_gives_another_picture_from_noise(engine: TorchEngine) -> None:
    first, second = (paint(engine, seed=seed, init="noise", **SHALLOW)[0].picture() for seed in (1, 2))
    assert distance(first, second) > 1


def test_costs_fall_and_the_picture_changes(engine: TorchEngine) -> None:
    painter = begin(engine, iterations=10, init="content")
    start = painter.picture()
    steps: list[Step] = []
    painter.run(steps.append)
    check(painter, steps)
    assert steps[-1].costs.total < 0.5 * steps[0].costs.total
    assert distance(start, painter.picture()) > 5


@pytest.mark.parametrize(
    ("width", "height", "wanted"),
    [(40, 40, (64, 64)), (90, 30, (64, 21)), (25, 100, (16, 64)), (37, 53, (45, 64)), (640, 300, (64, 30))],
)
def test_sizes_and_aspect_ratios(engine: TorchEngine, width: int, height: int, wanted: tuple[int, int]) -> None:
    painter, steps = paint(engine, content=scene_picture(width, height), iterations=1, **SHALLOW)
    check(painter, steps)
    assert (painter.plan.width, painter.plan.height) == wanted


def test_several_levels_end_at_the_finest(engine: TorchEngine) -> None:
    painter, steps = paint(engine, content=LONG_CONTENT, iterations=4, **LONG)
    check(painter, steps)
    assert painter.plan.levels > 1
    sizes = [step.width for step in steps]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1] == 172


@pytest.mark.parametrize(
    "options",
    [
        {"preset": "standard", "content_layer": "relu4_2", "style_layer_weights": None},
        {"preset": "fine"},
        {"style_loss": "gram"},
        {"optimizer": "adam"},
        {"init": "content"},
        {"init": "noise"},
        {"style_scale": 0.5},
        {"content_weight": 0.0},
        {"style_weight": 0.0},
        {"tv_weight": 5.0},
        {"content_layer": "relu3_1"},
        {"style_layer_weights": {"relu2_1": 1.0}},
        {"preserve_color": 1.0},
        {"iterations": 1},
    ],
    ids=str,
)
def test_every_choice_paints(engine: TorchEngine, options: dict[str, Any]) -> None:
    painter, steps = paint(engine, **(SHALLOW | options))
    check(painter, steps)


def test_without_a_number_of_steps_the_preset_says_how_many(engine: TorchEngine) -> None:
    painter, steps = paint(engine, preset="draft", iterations=None, **SHALLOW)
    check(painter, steps)
    assert len(steps) > 8


@pytest.mark.parametrize("mode", [None, "auto", "top-bottom", "light-dark"])
def test_every_way_to_divide_the_picture(engine: TorchEngine, mode: str | None) -> None:
    painter, steps = _paint_two(engine, mode)
    check(painter, steps, styles=2)


def _paint_two(engine: TorchEngine, mode: Any, masks: tuple[Picture | None, ...] = ()) -> tuple[Painter, list[Step]]:
    given = {"size": 64, "iterations": 9, "masks": mode, "style_mix": [0.5, 0.5], "content_weight": 0.2}
    params = StyleParams.model_validate(SHALLOW | given)
    painter = engine.begin(Request(CONTENT, (WARM, COOL), params, masks), Control())
    steps: list[Step] = []
    assert painter.run(steps.append)
    return painter, steps


def test_four_styles_with_their_own_scales(engine: TorchEngine) -> None:
    styles = (WARM, COOL, CONTENT, flat_picture(30, 30, (0.2, 0.8, 0.2)))
    painter, steps = paint(engine, styles=styles, style_scale=[0.5, 1.0, 2.0, 1.0], style_mix=[4.0, 3.0, 2.0, 1.0])
    check(painter, steps, styles=4)


def test_left_and_right_get_their_own_style(engine: TorchEngine) -> None:
    painter, steps = _paint_two(engine, "left-right")
    check(painter, steps, styles=2)
    picture = painter.picture()
    # warm stripes are red, cool dots are blue
    left, right = (mean(picture, 0, part) - mean(picture, 2, part) for part in (slice(0, 24), slice(40, 64)))
    assert left > right + 40


def test_swapped_masks_swap_the_styles(engine: TorchEngine) -> None:
    left = Picture(4, 1, bytes([255] * 6 + [0] * 6))
    right = Picture(4, 1, bytes([0] * 6 + [255] * 6))
    warmth = []
    for masks in ((left, right), (right, left), (None, left)):
        picture = _paint_two(engine, [IMAGE, IMAGE], masks)[0].picture()
        warmth.append([mean(picture, 0, part) - mean(picture, 2, part) for part in (slice(0, 24), slice(40, 64))])
    assert warmth[0][0] > warmth[0][1] + 40
    assert warmth[1][1] > warmth[1][0] + 40
    assert warmth[2][1] > warmth[2][0] + 40


@pytest.mark.parametrize("params", [SHALLOW, {"preset": "instant"}], ids=["painted", "instant"])
def test_a_painting_has_16_bits_of_its_own(engine: TorchEngine, params: dict[str, Any]) -> None:
    painter = paint(engine, **params)[0]
    picture = painter.picture(deep=True)
    assert picture == painter.picture()
    assert painter.picture().deep is None
    assert picture.deep is not None
    samples = struct.unpack(f"<{len(picture.rgb)}H", picture.deep)
    assert list(picture.rgb) == [round(sample / 257) for sample in samples]
    # 8 bits times 257 would all be multiples of it
    assert len({sample % 257 for sample in samples}) > 200


@pytest.mark.parametrize("color", [(0.0, 0.0, 0.0), (1.0, 1.0, 1.0), (0.3, 0.6, 0.2)])
@pytest.mark.parametrize("which", ["content", "style", "both"])
def test_one_color_everywhere_is_no_trouble(engine: TorchEngine, color: tuple[float, float, float], which: str) -> None:
    plain = flat_picture(40, 20, color)
    content = CONTENT if which == "style" else plain
    style = WARM if which == "content" else plain
    painter, steps = paint(engine, content=content, styles=(style,), iterations=2)
    check(painter, steps)


def test_one_color_for_two_styles_and_automatic_regions(engine: TorchEngine) -> None:
    params = StyleParams(size=64, iterations=2, masks="auto")
    plain = flat_picture(40, 20, (0.5, 0.5, 0.5))
    painter = engine.begin(Request(plain, (plain, plain), params), Control())
    steps: list[Step] = []
    painter.run(steps.append)
    check(painter, steps, styles=2)


def test_tiny_pictures_are_no_trouble(engine: TorchEngine) -> None:
    dot = flat_picture(1, 1, (0.9, 0.1, 0.1))
    painter, steps = paint(engine, content=dot, styles=(dot,), iterations=2)
    check(painter, steps)


def test_a_picture_of_one_color_is_painted_on(engine: TorchEngine) -> None:
    control, steps = Control(), no_steps()
    grey = flat_picture(40, 20, (0.5, 0.5, 0.5))
    painter = begin(engine, control, content=grey, preset="standard", iterations=None)

    def on_step(step: Step) -> None:
        steps.append(step)
        if step.costs.total < 2 / 3 * steps[0].costs.total:
            control.pause()

    # a third is gone well before the end, and no level ends early before that
    assert painter.run(on_step) is False
    assert len(steps) < 30


def test_kept_color_is_the_contents(engine: TorchEngine) -> None:
    grey = grey_of(scene_picture(40, 40))
    kept = paint(engine, content=grey, preserve_color=1.0, **SHALLOW)[0].picture()
    own = paint(engine, content=grey, **SHALLOW)[0].picture()
    assert abs(mean(kept, 0) - mean(kept, 2)) < 3
    assert abs(mean(own, 0) - mean(own, 2)) > 30


def test_before_the_first_step_there_is_a_picture(engine: TorchEngine) -> None:
    painter = begin(engine, content=scene_picture(90, 30))
    picture = painter.picture()
    assert (picture.width, picture.height) == (64, 21)
    assert painter.report() == {"costs": None, "elapsed_s": 0.0, "evaluations": 0, "share": None}


@pytest.mark.parametrize("shown_px", [100, 640])
def test_a_step_can_show_its_picture(engine: TorchEngine, monkeypatch: pytest.MonkeyPatch, shown_px: int) -> None:
    monkeypatch.setattr(canvas, "SHOWN_PX", shown_px)
    pictures: list[Picture] = []
    painter = begin(engine, content=LONG_CONTENT, iterations=3, **LONG)

    def show(step: Step) -> None:
        pictures.append(step.picture())
        # coarse levels are shown as large as the largest level that is no larger than SHOWN_PX
        wanted = (step.width, step.height) if shown_px == 100 else (172, 52)
        assert (pictures[-1].width, pictures[-1].height) == wanted

    painter.run(show)
    assert pictures[-1] == painter.picture()
    assert pictures[0] != pictures[-1]


def test_an_error_in_the_callback_passes_through(engine: TorchEngine) -> None:
    class Odd(Exception):
        pass

    def fail(step: Step) -> None:
        raise Odd

    painter = begin(engine)
    with pytest.raises(Odd):
        painter.run(fail)
    assert painter.picture().width == 64


def test_costs_that_are_not_numbers_from_the_start_are_an_error(
    engine: TorchEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    painter = begin(engine, init="content")
    assert engine.network is not None
    conv = engine.network.convs[2]
    choice = conv.choice
    monkeypatch.setattr(conv, "choice", lambda *args: choice(*args) * math.nan)
    with pytest.raises(EngineError):
        painter.run(nothing)
