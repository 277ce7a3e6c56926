"""What a job was painted from, written and read again; what is wrong with it is said in one line."""

from __future__ import annotations

import json
from typing import Any

import pytest

from duostyle.errors import BadRequest
from duostyle.params import StyleParams
from duostyle.recipe import PARAMS_KEY, RECIPE_KEY, Recipe, read_recipe, recipe_text

A, B, MASK = ("sha256:" + letter * 64 for letter in "abc")
BEGIN = StyleParams(size=300, style_weight=5.0)
FIRST = {"step": 2, "params": {"style_weight": 7.0, "masks": [MASK]}}
THEN = {"step": 9, "params": {"masks": None}}
STEERING = {"params": BEGIN.model_dump(mode="json"), "changes": [FIRST, THEN]}


def read(raw: Any, styles: int = 1) -> Recipe:
    return read_recipe(json.dumps(raw).encode(), styles=styles, max_size_px=8192)


def test_what_is_written_is_read_again() -> None:
    now = StyleParams(size=300, style_weight=7.0)
    text = recipe_text(now, A, [B], STEERING)
    assert json.loads(text[PARAMS_KEY]) == now.model_dump(mode="json")
    recipe = read_recipe(text[RECIPE_KEY].encode(), styles=1, max_size_px=8192)
    assert recipe.params.model_dump() == BEGIN.model_dump()
    assert [(due.step, due.params.style_weight, due.params.masks) for due in recipe.changes] == [
        (2, 7.0, [MASK]),
        (9, 7.0, None),
    ]
    assert (recipe.content, recipe.styles) == (A, (B,))
    assert recipe.masks == [MASK]


def test_without_steering_the_parameters_hold_from_the_beginning() -> None:
    for raw in ({"size": 300}, {"params": {"size": 300}, "steering": None, "status": "completed"}):
        recipe = read(raw)
        assert (recipe.params.size, recipe.changes, recipe.content, recipe.styles) == (300, (), None, None)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[]", "not a JSON object"),
        ({"params": 5}, "must be an object"),
        ({"params": None}, "no parameters"),
        ({"brush": 5}, "unknown parameter"),
        ({"params": {"size": 1}}, "size"),
        ({"params": {}, "content": "x"}, "not an image id"),
        ({"params": {}, "styles": "x"}, "not a list of image ids"),
        ({"params": {}, "styles": []}, "not a list of image ids"),
        ({"params": {}, "styles": [A, B]}, "number of styles"),
        ({"params": {}, "steering": []}, "steering must be"),
        ({"params": {}, "steering": {"changes": []}}, "no parameters"),
        ({"params": {}, "steering": {"params": {}}}, "steering must be"),
        ({"params": {}, "steering": {"params": {}, "changes": [5]}}, "needs the step"),
        ({"params": {}, "steering": {"params": {}, "changes": [{"step": True}]}}, "needs the step"),
        ({"params": {}, "steering": {"params": {}, "changes": [{"step": -1}]}}, "needs the step"),
        ({"params": {}, "steering": {"params": {}, "changes": [{"step": 1}]}}, "no parameters"),
        ({"params": {}, "steering": {"params": {}, "changes": [{"step": 1, "params": {"size": 64}}]}}, "size"),
        ({"params": {}, "steering": {"params": {}, "changes": [THEN, FIRST]}}, "not in order"),
    ],
)
def test_what_is_wrong_is_said(raw: Any, said: str) -> None:
    data = raw if isinstance(raw, bytes) else json.dumps(raw).encode()
    with pytest.raises(BadRequest, match=said):
        read_recipe(data, styles=1, max_size_px=8192)
