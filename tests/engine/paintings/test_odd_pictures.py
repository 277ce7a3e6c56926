"""Pictures that nobody thinks of paint like any other: a line of pixels, however it is divided."""

from __future__ import annotations

import pytest

from duostyle.engine.api import Control, Request, Step
from duostyle.engine.torch_engine import TorchEngine
from duostyle.params import StyleParams
from duostyle.picture import Picture
from tests.support.engine.paintings import CONTENT, SHALLOW, WARM, check, paint
from tests.support.engine.pictures import speckles_picture

pytestmark = pytest.mark.weights

LINES = [speckles_picture(1, 5000), speckles_picture(5000, 1)]


@pytest.mark.parametrize("line", LINES, ids=["column", "row"])
def test_a_line_is_painted(engine: TorchEngine, line: Picture) -> None:
    painter, steps = paint(engine, content=line, iterations=1)
    check(painter, steps)
    assert sorted((painter.plan.width, painter.plan.height)) == [1, 64]


@pytest.mark.parametrize("line", LINES, ids=["column", "row"])
def test_a_line_is_a_style(engine: TorchEngine, line: Picture) -> None:
    painter, steps = paint(engine, content=CONTENT, styles=(line, WARM), iterations=1)
    check(painter, steps, styles=2)


@pytest.mark.parametrize("mode", ["auto", "left-right", "top-bottom", "light-dark"])
def test_a_line_is_divided(engine: TorchEngine, mode: str) -> None:
    params = StyleParams.model_validate({"size": 64, "iterations": 1, "masks": mode} | SHALLOW)
    painter = engine.begin(Request(LINES[0], (WARM, CONTENT), params), Control())
    steps: list[Step] = []
    assert painter.run(steps.append) is True
    check(painter, steps, styles=2)
