"""Whole small paintings for the tests of the painter, and what holds for every one of them."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import pytest

from duostyle.engine.api import Control, Painter, Request, Step
from duostyle.engine.torch_engine import TorchEngine
from duostyle.params import StyleParams
from duostyle.picture import Picture
from tests.support.engine.pictures import scene_picture, speckles_picture, stripes_picture

# wide, so that a canvas of 80 x 48 px is painted
CONTENT = scene_picture(40, 20)
WARM, COOL = stripes_picture(36, 32), speckles_picture(32, 36)
# half of the time goes into the deep layers, which matter neither to the course of a painting nor to its control
SHALLOW: dict[str, Any] = {
    "content_layer": "relu3_1",
    "style_layer_weights": {"relu1_1": 0.5, "relu2_1": 0.3, "relu3_1": 0.2},
}
# the smallest picture that is painted on two levels
LONG_CONTENT = scene_picture(172, 52)
LONG: dict[str, Any] = {"size": 172, "preset": "draft"} | SHALLOW
IMAGE = "sha256:" + "0" * 64


def nothing(step: Step) -> None:
    return None


def no_steps() -> list[Step]:
    return []


def begin(
    engine: TorchEngine,
    control: Control | None = None,
    *,
    content: Picture = CONTENT,
    styles: tuple[Picture, ...] = (WARM,),
    masks: tuple[Picture | None, ...] = (),
    **params: Any,
) -> Painter:
    chosen = StyleParams.model_validate({"size": 64, "iterations": 3} | params)
    return engine.begin(Request(content, styles, chosen, masks), control or Control())


def paint(engine: TorchEngine, **given: Any) -> tuple[Painter, list[Step]]:
    painter, steps = begin(engine, **given), no_steps()
    assert painter.run(steps.append) is True
    return painter, steps


def check(painter: Painter, steps: list[Step], styles: int = 1) -> None:
    """What holds for every whole painting."""
    plan = painter.plan
    assert [step.step for step in steps] == list(range(1, len(steps) + 1))
    assert steps[-1].step == steps[-1].total_steps == plan.total_steps == painter.report()["evaluations"]
    assert steps[-1].eta_s == 0
    assert {step.level for step in steps} == set(range(1, plan.levels + 1))
    assert steps[-1].width == plan.width
    assert steps[-1].height == plan.height
    assert [step.level for step in steps] == sorted(step.level for step in steps)
    for step in steps:
        costs = step.costs
        assert len(costs.style) == styles
        assert all(math.isfinite(value) for value in (costs.total, costs.content, costs.tv, *costs.style))
        assert costs.total == pytest.approx(costs.content + sum(costs.style) + costs.tv, rel=1e-4)
        assert step.step_s >= 0
        assert step.eta_s >= 0
        assert step.levels == plan.levels
    elapsed = [step.elapsed_s for step in steps]
    assert elapsed == sorted(elapsed)
    for before, after in pairwise(steps):
        if before.level == after.level:
            assert after.costs.total <= before.costs.total
    picture = painter.picture()
    assert (picture.width, picture.height) == (plan.width, plan.height)
    report = painter.report()
    assert report["costs"] == steps[-1].costs.as_dict()
    assert report["elapsed_s"] == elapsed[-1]
    if styles == 1:
        assert report["share"] is None
    else:
        assert len(report["share"]) == styles
        assert sum(report["share"]) == pytest.approx(1)
        assert min(report["share"]) >= 0


def distance(one: Picture, other: Picture) -> float:
    """Mean difference of two pictures, in 0..255."""
    return sum(abs(a - b) for a, b in zip(one.rgb, other.rgb, strict=True)) / len(one.rgb)


def mean(picture: Picture, channel: int, columns: slice = slice(None)) -> float:
    """Mean of one channel over some columns, in 0..255."""
    rows = [picture.rgb[y * picture.width * 3 : (y + 1) * picture.width * 3] for y in range(picture.height)]
    values = [value for row in rows for value in row[channel::3][columns]]
    return sum(values) / len(values)


def grey_of(picture: Picture) -> Picture:
    """Its green channel as grey."""
    return Picture(picture.width, picture.height, bytes(value for value in picture.rgb[1::3] for _ in range(3)))
