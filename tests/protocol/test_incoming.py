from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duostyle.errors import BadRequest
from duostyle.protocol import incoming as protocol

LIMITS = protocol.FrameLimits(max_px=2048, max_fps=10.0, max_window=4)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
FIELDS = ("job", "key", "after", "seq", "frames", "ref", "content", "styles", "params")
TYPES = (
    "submit",
    "subscribe",
    "unsubscribe",
    "cancel",
    "update",
    "pause",
    "resume",
    "ack",
    "preview",
    "ping",
    "later",
)


def parse(**message: Any) -> protocol.ClientMessage | None:
    return protocol.parse(protocol.decode(json.dumps(message)), LIMITS)


@given(st.text(max_size=60))
def test_any_text_is_an_object_or_a_bad_request(text: str) -> None:
    try:
        value = protocol.decode(text)
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
    if isinstance(message, protocol.Subscribe) and message.frames:
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
        protocol.decode(text)


def test_subscribe_defaults() -> None:
    message = parse(type="subscribe", job="j")
    assert message == protocol.Subscribe(None, "j", None, protocol.FrameOptions(512, 10.0, 75, 1))


def test_subscribe_in_full() -> None:
    frames = {"max_px": 300, "max_fps": 2, "quality": 60, "window": 3, "later": 1}
    message = parse(type="subscribe", ref="r", job="j", after=7, frames=frames)
    assert message == protocol.Subscribe("r", "j", 7, protocol.FrameOptions(300, 2.0, 60, 3))
    assert parse(type="subscribe", job="j", frames=False) == protocol.Subscribe(None, "j", None, None)


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


def test_infinity_by_overflow_is_refused() -> None:
    raw = protocol.decode('{"type":"subscribe","job":"j","frames":{"max_fps":1e400}}')
    with pytest.raises(BadRequest) as caught:
        protocol.parse(raw, LIMITS)
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
    assert parse(type="ping", ref="a", more={"x": 1}) == protocol.Ping("a")
