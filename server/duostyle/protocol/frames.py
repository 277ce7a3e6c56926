"""Frames: how a watcher wants them, and the binary messages that carry them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationInfo

from duostyle.protocol.outgoing import MAX_REF_CHARS, Count, JobId, text

DEFAULT_PX = 512
SMALLEST_PX = 16
_LENGTH_BYTES = 4
# A frame's header is short; a larger length is garbage and must not be allocated.
_MAX_HEADER_BYTES = 4096


def _within_limits(value: float, info: ValidationInfo) -> float:
    """The server's limit is the same field of the FrameOptions in the validation's context."""
    if value > getattr(info.context, str(info.field_name)):
        raise ValueError("more than this server allows")
    return value


_Limited = AfterValidator(_within_limits)


@dataclass(frozen=True, slots=True)
class FrameOptions:
    """How one watcher wants its frames: longest side in px, frames a second, JPEG quality, unacknowledged frames.

    A server's limits are FrameOptions too: the most that a client may ask for.
    """

    max_px: Annotated[int, Field(strict=True, ge=SMALLEST_PX), _Limited]
    max_fps: Annotated[float, Field(strict=True, gt=0), _Limited]
    quality: Annotated[int, Field(strict=True, ge=1, le=95)] = 75
    window: Annotated[int, Field(strict=True, ge=1), _Limited] = 1


@dataclass(frozen=True, slots=True)
class FrameHeader:
    """What precedes the image: `seq` rises within a job, `width` and `height` in px of the image that follows.

    A preview has no job; it has the `ref` of its request.
    """

    job: JobId | None
    seq: Count
    step: Count
    width: Count
    height: Count
    mime: Literal["image/jpeg"] = "image/jpeg"
    final: bool = False
    # of the request for a preview
    ref: Annotated[str, Field(max_length=MAX_REF_CHARS)] | None = None


def encode_frame(header: FrameHeader, image: bytes) -> bytes:
    """Four bytes of header length (big endian), the header as JSON, the image."""
    fields = {name: getattr(header, name) for name in FrameHeader.__dataclass_fields__}
    if header.ref is None:
        del fields["ref"]
    head = text("frame", **fields).encode("ascii")
    return b"".join((len(head).to_bytes(_LENGTH_BYTES, "big"), head, image))


def decode_frame(data: bytes) -> tuple[dict[str, Any], bytes]:
    """The header (as sent, unknown fields too) and the image. Raises ValueError when `data` is no frame."""
    size = int.from_bytes(data[:_LENGTH_BYTES], "big")
    end = _LENGTH_BYTES + size
    if len(data) < end or not 0 < size <= _MAX_HEADER_BYTES:
        raise ValueError("not a frame: the length of the header is out of range")
    header = json.loads(data[_LENGTH_BYTES:end].decode("utf-8"))
    if not isinstance(header, dict) or header.get("type") != "frame":
        raise ValueError("not a frame: the header is not that of a frame")
    return header, data[end:]
