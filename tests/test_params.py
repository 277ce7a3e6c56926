"""Parameters: defaults, ranges, what is live, and errors that name the field. Nothing is clamped."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duostyle.errors import BadRequest
from duostyle.params import StyleParams, allowed_text, apply_changes, describe_params, live_fields, parse_params

ID = "sha256:" + "a" * 64

IMAGE = "sha256:" + "a" * 64


def parse(raw: Any, *, styles: int = 2, max_size_px: int = 2048) -> StyleParams:
    return parse_params(raw, styles=styles, max_size_px=max_size_px)


def test_nothing_given_is_the_contract_s_defaults() -> None:
    expected = {
        "size": 512,
        "iterations": None,
        "preset": "standard",
        "content_weight": 1.0,
        "style_weight": 20.0,
        "style_mix": None,
        "style_loss": "covariance",
        "style_layer_weights": None,
        "content_layer": "relu4_2",
        "style_scale": 1.0,
        "masks": None,
        "abstraction": 0.0,
        "preserve_color": 0.0,
        "protect": None,
        "tv_weight": None,
        "init": "auto",
        "transparency": "flatten",
        "optimizer": "lbfgs",
        "seed": 0,
    }
    assert parse(None).model_dump() == parse({}).model_dump() == expected


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("size", 64, 2048),
        ("iterations", 1, 5000),
        ("content_weight", 0, 1e3),
        ("style_weight", 0, 1e4),
        ("style_scale", 0.25, 4),
        ("abstraction", 0, 1),
        ("preserve_color", 0, 1),
        ("tv_weight", 0, 1e3),
        ("seed", 0, 2**53 - 1),
    ],
)
def test_ranges_include_their_ends_and_nothing_more(name: str, low: float, high: float) -> None:
    for value in (low, high):
        assert getattr(parse({name: value}), name) == value
    wrong: list[Any] = [low - 1, high + 1, str(low), True, [], {}, "x"]
    for value in wrong:
        with pytest.raises(BadRequest) as raised:
            parse({name: value})
        assert raised.value.field == f"params.{name}"
        assert raised.value.limit


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("preset", ["draft", "standard", "fine"]),
        ("style_loss", ["covariance", "gram"]),
        ("content_layer", ["relu3_1", "relu4_1", "relu4_2"]),
        ("masks", ["auto", "left-right", "top-bottom", "light-dark"]),
        ("init", ["auto", "content", "noise"]),
        ("optimizer", ["lbfgs", "adam"]),
    ],
)
def test_choices(name: str, values: list[str]) -> None:
    for value in values:
        assert getattr(parse({name: value}), name) == value
    with pytest.raises(BadRequest) as raised:
        parse({name: "other"})
    assert (raised.value.field, raised.value.got) == (f"params.{name}", "other")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", ["content_weight", "style_weight", "tv_weight", "abstraction", "preserve_color"])
def test_what_is_no_number_is_refused_and_can_still_be_reported(name: str, value: float) -> None:
    with pytest.raises(BadRequest) as raised:
        parse({name: value})
    json.dumps(raised.value.as_dict(), allow_nan=False)


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        ({"style_mix": [1.0]}, "params.style_mix"),
        ({"style_mix": [0.0, 0.0]}, "params.style_mix"),
        ({"style_mix": [1.0, -1.0]}, "params.style_mix.1"),
        ({"style_scale": [1.0, 2.0, 3.0]}, "params.style_scale"),
        ({"masks": [None]}, "params.masks"),
        ({"masks": [None, "sha256:x"]}, "params.masks"),
        ({"masks": [None] * 5}, "params.masks"),
        ({"style_layer_weights": {"relu1_1": 0.0}}, "params.style_layer_weights"),
        ({"style_layer_weights": {"relu9_9": 1.0}}, "params.style_layer_weights.relu9_9"),
        ({"colour": 1}, "params.colour"),
        ([], "params"),
        ("x", "params"),
        (3, "params"),
    ],
)
def test_lists_and_names_are_checked(raw: Any, field: str) -> None:
    with pytest.raises(BadRequest) as raised:
        parse(raw)
    assert raised.value.field == field


def test_the_server_s_own_limit_of_size() -> None:
    with pytest.raises(BadRequest) as raised:
        parse({"size": 1025}, max_size_px=1024)
    assert (raised.value.limit, raised.value.got) == ("64 to 1024", 1025)


def test_mix_and_scales_for_so_many_styles() -> None:
    assert parse({}).mix_for(4) == (0.25,) * 4
    assert parse({"style_mix": [3.0, 1.0]}).mix_for(2) == (0.75, 0.25)
    assert parse({"style_scale": 2.0}).scales_for(3) == (2.0,) * 3
    assert parse({"style_scale": [0.5, 4.0]}).scales_for(2) == (0.5, 4.0)


def test_only_live_parameters_change_while_it_runs() -> None:
    live = {"iterations", "content_weight", "style_weight", "style_mix", "style_layer_weights"}
    assert live_fields() == live | {"abstraction", "masks", "preserve_color", "protect", "tv_weight"}
    before = parse({"size": 100, "style_weight": 3.0})
    after = apply_changes(before, {"style_weight": 5.0, "masks": [ID, None]}, styles=2, max_size_px=2048)
    assert (after.size, after.style_weight, after.masks) == (100, 5.0, [ID, None])
    assert before.style_weight == 3.0


@pytest.mark.parametrize("raw", [{"size": 100}, {}, [], None, {"nope": 1}, {"style_weight": -1}, {"style_mix": [1.0]}])
def test_a_change_that_is_not_allowed_names_it(raw: Any) -> None:
    with pytest.raises(BadRequest) as raised:
        apply_changes(parse({}), raw, styles=2, max_size_px=2048)
    assert (raised.value.field or "").startswith("params")


def test_every_parameter_is_described() -> None:
    rows = describe_params()
    assert [row["name"] for row in rows] == list(StyleParams.model_fields)
    assert {row["name"] for row in rows if row["live"]} == live_fields()
    assert all(row["help"] and allowed_text(row["name"]) for row in rows)
    json.dumps(rows, allow_nan=False)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(
    raw=JSON | st.dictionaries(st.sampled_from(list(StyleParams.model_fields)) | st.text(max_size=5), JSON, max_size=4),
    styles=st.integers(1, 4),
)
def test_any_json_is_taken_as_it_is_or_refused_with_a_reason(raw: Any, styles: int) -> None:
    try:
        params = parse(raw, styles=styles)
    except BadRequest as refusal:
        error = refusal.as_dict()
    else:
        given_values = params.model_dump(exclude_unset=True)
        assert given_values == (raw or {})
        assert math.isclose(sum(params.mix_for(styles)), 1)
        return
    assert error["field"].startswith("params")
    json.dumps(error, allow_nan=False)


@pytest.mark.parametrize("protect", ["person", "background", IMAGE, None])
def test_what_may_be_protected(protect: str | None) -> None:
    params = parse({"protect": protect})
    assert params.protect == protect
    assert params.mask_ids() == ([("protect", IMAGE)] if protect == IMAGE else [])
    assert params.asks_for_people() == ("protect" if protect in ("person", "background") else None)


@pytest.mark.parametrize("protect", ["cat", "", 5, ["person"], "sha256:0"])
def test_what_may_not_be_protected(protect: Any) -> None:
    with pytest.raises(BadRequest) as caught:
        parse({"protect": protect})
    assert (caught.value.field, caught.value.limit) == ("params.protect", "person, background or image id")


def test_masks_come_in_the_order_of_the_styles_and_that_of_protect_last() -> None:
    params = parse({"masks": [None, IMAGE], "protect": IMAGE}, styles=2)
    assert params.mask_ids() == [("masks.0", None), ("masks.1", IMAGE), ("protect", IMAGE)]
    assert params.uploaded_masks() == [("params.masks.1", IMAGE), ("params.protect", IMAGE)]
    assert parse({"masks": "person"}, styles=2).asks_for_people() == "masks"
