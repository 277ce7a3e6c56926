from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duostyle.errors import BadRequest
from duostyle.protocol import incoming
from duostyle.protocol.frames import FrameOptions
from tests.support.contract import CLIENT_MESSAGES

LIMITS = FrameOptions(max_px=2048, max_fps=10.0, window=4)
HUGE = "a number too large"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
FIELDS = ("job", "key", "after", "seq", "frames", "ref", "content", "styles", "params")
TYPES = (*CLIENT_MESSAGES, "later")


def parse(**message: Any) -> incoming.ClientMessage | None:
    return incoming.parse(incoming.decode(json.dumps(message)), LIMITS)


@given(st.text(max_size=60))
def test_any_text_is_an_object_or_a_bad_request(text: str) -> None:
    try:
        value = incoming.decode(text)
    except BadRequest:
        return
    assert isinstance(value, dict)


@given(st.sampled_from(TYPES), st.dictionaries(st.sampled_from(FIELDS), JSON))
def test_any_object_is_a_message_or_a_bad_request_that_can_be_sent(type: str, fields: dict[str, Any]) -> None:
    try:
        message = parse(type=type, **fields)
    except BadRequest as error:
        json.dumps(error.as_dict(), allow_nan=False)
        return
    if type == "later":
        assert message is None
        return
    assert message is not None
    assert message.ref is None or len(message.ref) <= 64
    if isinstance(message, incoming.Subscribe) and message.frames:
        frames = message.frames
        assert 16 <= frames.max_px <= 2048
        assert 0 < frames.max_fps <= 10
        assert 1 <= frames.quality <= 95
        assert 1 <= frames.window <= 4
    job = getattr(message, "job", "x")
    assert 1 <= len(job) <= 128


@pytest.mark.parametrize(
    "text",
    ["", "x", "[]", "null", "3", '"a"', "{", "[" * 60_000, '{"a":' + "9" * 5000 + "}"],
)
def test_what_is_no_json_object_is_refused(text: str) -> None:
    with pytest.raises(BadRequest):
        incoming.decode(text)


def test_subscribe_defaults() -> None:
    message = parse(type="subscribe", job="j")
    assert message == incoming.Subscribe(type="subscribe", job="j", frames=FrameOptions(512, 10.0, 75, 1))


def test_subscribe_in_full() -> None:
    frames = {"max_px": 300, "max_fps": 2, "quality": 60, "window": 3, "later": 1}
    message = parse(type="subscribe", ref="r", job="j", after=7, frames=frames)
    assert message == incoming.Subscribe(
        type="subscribe", ref="r", job="j", after=7, frames=FrameOptions(300, 2.0, 60, 3)
    )
    without = parse(type="subscribe", job="j", frames=False)
    assert isinstance(without, incoming.Subscribe)
    assert without.frames is None


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"frames": True}, "frames"),
        ({"frames": 0}, "frames"),
        ({"frames": {"max_px": 15}}, "frames.max_px"),
        ({"frames": {"max_px": 2049}}, "frames.max_px"),
        ({"frames": {"max_px": 100.5}}, "frames.max_px"),
        ({"frames": {"max_px": True}}, "frames.max_px"),
        ({"frames": {"max_fps": 0}}, "frames.max_fps"),
        ({"frames": {"max_fps": 10.5}}, "frames.max_fps"),
        ({"frames": {"quality": 96}}, "frames.quality"),
        ({"frames": {"window": 5}}, "frames.window"),
        ({"after": -1}, "after"),
        ({"after": 2**53}, "after"),
        ({"after": "1"}, "after"),
        ({"job": ""}, "job"),
        ({"job": "x" * 129}, "job"),
        ({"job": 5}, "job"),
        ({"ref": "x" * 65}, "ref"),
        ({"ref": 1}, "ref"),
    ],
)
def test_each_field_is_bounded(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(BadRequest) as caught:
        parse(**({"type": "subscribe", "job": "j"} | fields))
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("fields", "message", "limit", "got"),
    [
        ({"job": 5}, "job must be a string", "string", "number"),
        ({"job": None}, "job must be a string", "string", "null"),
        ({"job": ""}, "job must not be empty", "1 to 128 characters", "0 characters"),
        ({"job": "x" * 129}, "job is too long", "1 to 128 characters", "129 characters"),
        ({"ref": []}, "ref must be a string", "string", "array"),
        ({"ref": "x" * 65}, "ref is too long", "at most 64 characters", "65 characters"),
        ({"after": 7.0}, "after must be a whole number", "whole number from 0 to 9007199254740991", "number"),
        ({"after": True}, "after must be a whole number", "whole number from 0 to 9007199254740991", "boolean"),
        ({"after": -1}, "after is out of range", "whole number from 0 to 9007199254740991", -1),
        ({"frames": 0}, "frames must be false or an object", "false or object", "number"),
        ({"frames": {"max_px": 3000}}, "frames.max_px is out of range", "whole number from 16 to 2048", 3000),
        ({"frames": {"max_px": None}}, "frames.max_px must be a whole number", "whole number from 16 to 2048", "null"),
        ({"frames": {"max_fps": "1"}}, "frames.max_fps must be a number", "number above 0, at most 10", "string"),
        ({"frames": {"max_fps": 0}}, "frames.max_fps is out of range", "number above 0, at most 10", 0),
        ({"frames": {"max_fps": 10**400}}, "frames.max_fps is out of range", "number above 0, at most 10", HUGE),
        ({"frames": {"max_fps": math.nan}}, "frames.max_fps is out of range", "number above 0, at most 10", HUGE),
        ({"frames": {"quality": 96}}, "frames.quality is out of range", "whole number from 1 to 95", 96),
        ({"frames": {"window": 2**64}}, "frames.window is out of range", "whole number from 1 to 4", HUGE),
    ],
)
def test_a_refusal_says_what_is_allowed_and_what_came(
    fields: dict[str, Any], message: str, limit: str, got: Any
) -> None:
    with pytest.raises(BadRequest) as caught:
        parse(**({"type": "subscribe", "job": "j"} | fields))
    assert (caught.value.message, caught.value.limit, caught.value.got) == (message, limit, got)


def test_a_missing_field_is_refused_like_null() -> None:
    with pytest.raises(BadRequest) as caught:
        parse(type="ack", job="j")
    assert (caught.value.field, caught.value.got) == ("seq", "null")


def test_the_defaults_keep_to_a_low_limit() -> None:
    message = incoming.parse({"type": "subscribe", "job": "j"}, FrameOptions(max_px=64, max_fps=2.5, window=4))
    assert isinstance(message, incoming.Subscribe)
    assert message.frames == FrameOptions(64, 2.5, 75, 1)


@pytest.mark.parametrize(("ref", "comes_back"), [("r" * 64, True), ("\ud800", True), ("r" * 65, False), (5, False)])
def test_a_valid_ref_comes_back_whatever_else_is_wrong(ref: Any, comes_back: bool) -> None:
    assert incoming.ref_of({"type": 5, "ref": ref}) == (ref if comes_back else None)


def test_half_a_surrogate_pair_is_a_string_like_others() -> None:
    message = parse(type="subscribe", job="\ud800", ref="\ud800")
    assert isinstance(message, incoming.Subscribe)
    assert (message.job, message.ref) == ("\ud800", "\ud800")


def test_infinity_by_overflow_is_refused() -> None:
    raw = incoming.decode('{"type":"subscribe","job":"j","frames":{"max_fps":1e400}}')
    with pytest.raises(BadRequest) as caught:
        incoming.parse(raw, LIMITS)
    json.dumps(caught.value.as_dict(), allow_nan=False)


@pytest.mark.parametrize("type", ["cancel", "update", "pause", "resume"])
def test_steering_needs_job_and_key(type: str) -> None:
    with pytest.raises(BadRequest) as caught:
        parse(type=type, job="j")
    assert caught.value.field == "key"
    message = parse(type=type, job="j", key="k", ref="r")
    assert message is not None
    assert (message.ref, getattr(message, "job", ""), getattr(message, "key", "")) == ("r", "j", "k")


@pytest.mark.parametrize("type", [None, 5, ["ping"], {}])
def test_a_type_that_is_no_string(type: Any) -> None:
    with pytest.raises(BadRequest) as caught:
        parse(type=type)
    assert caught.value.field == "type"


def test_unknown_types_and_fields_are_ignored() -> None:
    assert parse(type="dance", job=5) is None
    assert parse(type="ping", ref="a", more={"x": 1}) == incoming.Ping(type="ping", ref="a")
