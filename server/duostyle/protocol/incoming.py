"""What clients say on the socket, checked: text in, frozen dataclasses out. No I/O.

`decode` turns text into an object, `ref_of` finds its `ref`, `parse` checks the rest. What the server says is in
`messages`; close codes that stand for errors are in `statuses`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from duostyle.errors import BadRequest

VERSION = 1
SUBPROTOCOL = "duostyle.v1"
NOT_TEXT = 1003

MAX_REF_CHARS = 64
MAX_ID_CHARS = 128
MAX_SEQ = 2**53 - 1
MIN_FRAME_PX = 16
MAX_QUALITY = 95
DEFAULT_FRAME_PX, DEFAULT_QUALITY, DEFAULT_WINDOW = 512, 75, 1


@dataclass(frozen=True, slots=True)
class FrameLimits:
    """The most that a client may ask for: `max_px` longest side, `max_fps` frames a second, `max_window` frames."""

    max_px: int
    max_fps: float
    max_window: int


@dataclass(frozen=True, slots=True)
class FrameOptions:
    """How one watcher wants its frames: longest side in px, frames a second, JPEG quality 1..95, window 1..4 frames."""

    max_px: int
    max_fps: float
    quality: int = DEFAULT_QUALITY
    window: int = DEFAULT_WINDOW


@dataclass(frozen=True, slots=True)
class Submit:
    ref: str | None
    content: Any
    styles: Any
    params: Any
    frames: FrameOptions | None


@dataclass(frozen=True, slots=True)
class Subscribe:
    ref: str | None
    job: str
    after: int | None
    frames: FrameOptions | None


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    ref: str | None
    job: str


@dataclass(frozen=True, slots=True)
class Cancel:
    ref: str | None
    job: str
    key: str


@dataclass(frozen=True, slots=True)
class Update:
    ref: str | None
    job: str
    key: str
    params: Any


@dataclass(frozen=True, slots=True)
class Pause:
    ref: str | None
    job: str
    key: str


@dataclass(frozen=True, slots=True)
class Resume:
    ref: str | None
    job: str
    key: str


@dataclass(frozen=True, slots=True)
class Ack:
    ref: str | None
    job: str
    seq: int


@dataclass(frozen=True, slots=True)
class Preview:
    ref: str | None
    content: Any
    styles: Any
    params: Any


@dataclass(frozen=True, slots=True)
class Ping:
    ref: str | None


ClientMessage = Submit | Subscribe | Unsubscribe | Cancel | Update | Pause | Resume | Ack | Preview | Ping


def decode(text: str) -> dict[str, Any]:
    """The JSON object in `text`. Raises BadRequest for anything else.

    NaN and infinities pass, which is not JSON, so that whoever checks the field can name it.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise BadRequest("the message is not JSON") from None
    if not isinstance(value, dict):
        raise BadRequest("the message must be a JSON object", limit="object", got=_kind(value))
    return value


def ref_of(message: Mapping[str, Any]) -> str | None:
    """The message's `ref`. Raises BadRequest when it is not a string of at most 64 characters."""
    ref = message.get("ref")
    if ref is None:
        return None
    if not isinstance(ref, str):
        raise BadRequest("ref must be a string", field="ref", limit="string", got=_kind(ref))
    if len(ref) > MAX_REF_CHARS:
        raise BadRequest(
            "ref is too long", field="ref", limit=f"at most {MAX_REF_CHARS} characters", got=f"{len(ref)} characters"
        )
    return ref


def parse(message: Mapping[str, Any], limits: FrameLimits) -> ClientMessage | None:
    """The checked message, or None when its type is unknown.

    `content`, `styles` and `params` are left for the scheduler to check, which serves HTTP too. Raises BadRequest
    with the field's path.
    """
    ref = ref_of(message)
    kind = message.get("type")
    if not isinstance(kind, str):
        raise BadRequest("type must be a string", field="type", limit="string", got=_kind(kind))
    get = message.get
    match kind:
        case "submit":
            return Submit(ref, get("content"), get("styles"), get("params"), _frames(message, limits))
        case "subscribe":
            after = None if get("after") is None else _integer(message, "after", 0, MAX_SEQ)
            return Subscribe(ref, _text(message, "job"), after, _frames(message, limits))
        case "unsubscribe":
            return Unsubscribe(ref, _text(message, "job"))
        case "cancel":
            return Cancel(ref, _text(message, "job"), _text(message, "key"))
        case "update":
            return Update(ref, _text(message, "job"), _text(message, "key"), get("params"))
        case "pause":
            return Pause(ref, _text(message, "job"), _text(message, "key"))
        case "resume":
            return Resume(ref, _text(message, "job"), _text(message, "key"))
        case "ack":
            return Ack(ref, _text(message, "job"), _integer(message, "seq", 0, MAX_SEQ))
        case "preview":
            return Preview(ref, get("content"), get("styles"), get("params"))
        case "ping":
            return Ping(ref)
    return None


def _frames(message: Mapping[str, Any], limits: FrameLimits) -> FrameOptions | None:
    """`frames`: false for none, an object for some, absent for the defaults."""
    raw = message.get("frames")
    if raw is False:
        return None
    if raw is None:
        raw = {}
    if not isinstance(raw, dict):
        raise BadRequest("frames must be false or an object", field="frames", limit="false or object", got=_kind(raw))
    inner = {f"frames.{name}": value for name, value in raw.items()}
    max_px = min(DEFAULT_FRAME_PX, limits.max_px)
    window = min(DEFAULT_WINDOW, limits.max_window)
    return FrameOptions(
        max_px=_integer(inner, "frames.max_px", MIN_FRAME_PX, limits.max_px, default=max_px),
        max_fps=_number(inner, "frames.max_fps", limits.max_fps),
        quality=_integer(inner, "frames.quality", 1, MAX_QUALITY, default=DEFAULT_QUALITY),
        window=_integer(inner, "frames.window", 1, limits.max_window, default=window),
    )


def _text(message: Mapping[str, Any], name: str) -> str:
    value = message.get(name)
    if not isinstance(value, str):
        raise BadRequest(f"{name} must be a string", field=name, limit="string", got=_kind(value))
    if not 1 <= len(value) <= MAX_ID_CHARS:
        raise BadRequest(
            f"{name} has the wrong length",
            field=name,
            limit=f"1 to {MAX_ID_CHARS} characters",
            got=f"{len(value)} characters",
        )
    return value


def _integer(message: Mapping[str, Any], name: str, low: int, high: int, default: int | None = None) -> int:
    value = message.get(name, default)
    allowed = f"whole number from {low} to {high}"
    # bool is an int in Python and not in JSON
    if not isinstance(value, int) or isinstance(value, bool):
        raise BadRequest(f"{name} must be a whole number", field=name, limit=allowed, got=_kind(value))
    if not low <= value <= high:
        got = value if abs(value) <= MAX_SEQ else "a number too large"
        raise BadRequest(f"{name} is out of range", field=name, limit=allowed, got=got)
    return value


def _number(message: Mapping[str, Any], name: str, high: float) -> float:
    """A number above 0 and up to `high`, which is also the default."""
    value = message.get(name, high)
    allowed = f"number above 0, at most {high:g}"
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise BadRequest(f"{name} must be a number", field=name, limit=allowed, got=_kind(value))
    if not 0 < value <= high:
        got = value if abs(value) <= MAX_SEQ else "a number too large"
        raise BadRequest(f"{name} is out of range", field=name, limit=allowed, got=got)
    return float(value)


def _kind(value: Any) -> str:
    names = {type(None): "null", bool: "boolean", int: "number", float: "number", str: "string", list: "array"}
    return names.get(type(value), "object")
