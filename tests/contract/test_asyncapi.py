"""The document is AsyncAPI, its client messages are those that the server parses, its server messages those it says."""

from __future__ import annotations

import json
import os
import typing
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from duostyle.contract import asyncapi
from duostyle.errors import BadRequest
from duostyle.params import StyleParams
from duostyle.protocol import incoming, outgoing
from duostyle.protocol.frames import FrameHeader, FrameOptions, decode_frame, encode_frame
from tests.support.contract import PROTOCOL_PAGE, check

DOCUMENT: dict[str, Any] = asyncapi.document(version="1.2.3", host="example.org:8000", secure=False)
META = Path(__file__).parents[2] / "node_modules" / "@asyncapi" / "specs" / "schemas" / "3.0.0.json"
LIMITS = FrameOptions(max_px=2048, max_fps=10.0, window=4)
IMAGE = "sha256:" + "0" * 64
JOB = "j" * 22
SAID: dict[str, dict[str, Any]] = {
    "submit": {"content": IMAGE, "styles": [IMAGE], "params": {"size": 64}, "frames": False},
    "subscribe": {"job": JOB, "after": 3, "frames": {"max_px": 256, "max_fps": 2.5, "quality": 60, "window": 2}},
    "unsubscribe": {"job": JOB},
    "cancel": {"job": JOB, "key": "k"},
    "update": {"job": JOB, "key": "k", "params": {"style_weight": 3}},
    "pause": {"job": JOB, "key": "k"},
    "resume": {"job": JOB, "key": "k"},
    "ack": {"job": JOB, "seq": 7},
    "preview": {"content": IMAGE, "styles": [IMAGE], "params": None},
    "ping": {},
}
# Checked where HTTP is served too, not when the message is parsed.
LATER = {"content", "styles", "params"}


def payload(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = DOCUMENT["components"]["messages"][name]["payload"]
    return schema


def test_it_is_asyncapi() -> None:
    if not META.exists() and not os.environ.get("CI"):
        pytest.skip("needs @asyncapi/specs; scripts/setup-node installs it")
    problems = [error.message for error in Draft7Validator(json.loads(META.read_text("utf-8"))).iter_errors(DOCUMENT)]
    assert problems == []


def test_every_reference_leads_somewhere() -> None:
    def references(value: Any) -> typing.Iterator[str]:
        if isinstance(value, dict):
            yield from (found for key, found in value.items() if key == "$ref" and isinstance(found, str))
            for part in value.values():
                yield from references(part)
        elif isinstance(value, list):
            for part in value:
                yield from references(part)

    for reference in references(DOCUMENT):
        found: Any = DOCUMENT
        for part in reference.removeprefix("#/").split("/"):
            assert part in found, reference
            found = found[part]


def test_the_server_is_the_one_that_was_asked() -> None:
    assert DOCUMENT["servers"]["this"] == {"host": "example.org:8000", "protocol": "ws"}
    secure = asyncapi.document(version="1", host="example.org", secure=True)
    assert secure["servers"]["this"]["protocol"] == "wss"


def test_client_messages_are_those_of_the_protocol() -> None:
    known = {kind.__name__.lower() for kind in typing.get_args(incoming.ClientMessage)}
    assert set(asyncapi.client_messages()) == known == set(SAID)
    for name, kind in ((kind.__name__.lower(), kind) for kind in typing.get_args(incoming.ClientMessage)):
        assert set(payload(name)["properties"]) == set(kind.model_fields)


@pytest.mark.parametrize("name", SAID)
def test_what_fits_the_document_is_understood_and_what_lacks_a_field_is_not(name: str) -> None:
    message = {"type": name, **SAID[name]}
    check(DOCUMENT, payload(name), message)
    check(DOCUMENT, payload(name), {**message, "ref": "r" * outgoing.MAX_REF_CHARS})
    assert type(incoming.parse(message, LIMITS)).__name__.lower() == name
    for field in set(payload(name)["required"]) - LATER:
        less = {key: value for key, value in message.items() if key != field}
        with pytest.raises(AssertionError):
            check(DOCUMENT, payload(name), less)
        with pytest.raises(BadRequest):
            incoming.parse(less, LIMITS)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("ping", {"ref": "r" * 65}),
        ("subscribe", {"after": -1}),
        ("subscribe", {"frames": True}),
        ("subscribe", {"frames": {"max_px": 15}}),
        ("subscribe", {"frames": {"quality": 96}}),
        ("subscribe", {"frames": {"window": 5}}),
        ("subscribe", {"frames": {"max_fps": 0}}),
        ("ack", {"seq": 2**53}),
        ("ack", {"seq": "1"}),
    ],
)
def test_what_does_not_fit_is_refused_by_both(name: str, wrong: dict[str, Any]) -> None:
    message = {"type": name, **SAID[name], **wrong}
    with pytest.raises(AssertionError):
        check(DOCUMENT, payload(name), message)
    with pytest.raises(BadRequest):
        incoming.parse(message, LIMITS)


def test_server_messages_are_those_of_the_text() -> None:
    """docs/protocol.md lists the same types."""
    section = PROTOCOL_PAGE.read_text("utf-8").partition("### From the server")[2].partition("### Frames")[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    assert {name.strip(" `") for row in rows for name in row.split(",")} == set(asyncapi.server_messages())


def test_progress_and_frames_fit_as_they_are_made() -> None:
    costs = {"total": 3.0, "content": 1.0, "style": [1.5, float("nan")], "tv": 0.5}
    text = outgoing.Progress(
        job=JOB,
        seq=1,
        step=1,
        total_steps=10,
        level=1,
        width=96,
        height=64,
        costs=costs,
        step_s=0.1,
        elapsed_s=float("inf"),
        eta_s=0.9,
    ).text()
    check(DOCUMENT, payload("progress"), json.loads(text))
    header, _ = decode_frame(encode_frame(FrameHeader(JOB, 1, 1, 8, 6), b"image"))
    check(DOCUMENT, {"$ref": "#/components/schemas/FrameHeader"}, header)


def test_live_parameters_alone_are_updated() -> None:
    assert "size" in StyleParams.model_fields
    for wrong in ({"size": 64}, {}):
        with pytest.raises(AssertionError):
            check(DOCUMENT, payload("update"), {"type": "update", **SAID["update"], "params": wrong})
