"""What the server says on the socket: JSON texts and binary frames. Pure functions, the wire in one place.

Texts are ASCII (everything else escaped), so that a client's odd characters can always be echoed.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from duostyle.errors import DuostyleError

MAX_PROGRESS_BYTES = 300
_LENGTH_BYTES = 4
# A frame's header is short; a larger length is garbage and must not be allocated.
_MAX_HEADER_BYTES = 4096


@dataclass(frozen=True, slots=True)
class FrameHeader:
    """What precedes the image: `seq` rises within a job, `width` and `height` in px of the image that follows."""

    job: str | None
    seq: int
    step: int
    width: int
    height: int
    mime: str = "image/jpeg"
    final: bool = False


def text(type: str, **fields: Any) -> str:
    """One message as compact JSON. Raises ValueError for NaN and infinities."""
    return json.dumps({"type": type, **fields}, separators=(",", ":"), allow_nan=False)


def error(problem: DuostyleError, ref: str | None = None) -> str:
    """An `error` message, with `ref` when the client gave one."""
    return reply("error", ref, **problem.as_dict())


def reply(type: str, ref: str | None, **fields: Any) -> str:
    """An answer to one client message; `ref` is left out when the client gave none."""
    return text(type, **fields) if ref is None else text(type, ref=ref, **fields)


def progress(
    *,
    job: str,
    seq: int,
    step: int,
    total_steps: int,
    level: int,
    width: int,
    height: int,
    costs: Mapping[str, Any],
    step_s: float,
    elapsed_s: float,
    eta_s: float,
) -> str:
    """A `progress` message of at most 300 bytes: costs and seconds keep as many digits as fit (2 at least)."""
    head = (
        f'{{"type":"progress","job":{json.dumps(job)},"seq":{seq},"step":{step},"total_steps":{total_steps},'
        f'"level":{level},"width":{width},"height":{height},"costs":{{'
    )
    message = ""
    for digits in (5, 4, 3, 2):
        style = ",".join(_number(share, digits) for share in costs["style"])
        parts = {name: _number(costs[name], digits) for name in ("total", "content", "tv")}
        message = (
            f'{head}"total":{parts["total"]},"content":{parts["content"]},"style":[{style}],"tv":{parts["tv"]}}},'
            f'"step_s":{_number(step_s, 3)},"elapsed_s":{_number(elapsed_s, digits + 1)},"eta_s":{_number(eta_s, 3)}}}'
        )
        if len(message) <= MAX_PROGRESS_BYTES:
            break
    return message


def _number(value: float, digits: int) -> str:
    # written by hand because json spells 1e11 with all its zeros
    return f"{value:.{digits}g}" if math.isfinite(value) else "null"


def round_costs(costs: Mapping[str, Any], digits: int = 5) -> dict[str, Any]:
    """`{total, content, style, tv}` with this many significant digits; null where a number is not finite."""
    return {
        name: [significant(share, digits) for share in value] if name == "style" else significant(value, digits)
        for name, value in costs.items()
    }


def significant(value: float, digits: int) -> float | None:
    """`value` rounded to so many significant digits, None when it is not finite."""
    if not math.isfinite(value):
        return None
    rounded = float(f"{value:.{digits}g}")
    return int(rounded) if rounded == int(rounded) and abs(rounded) < 1e6 else rounded


def encode_frame(header: FrameHeader, image: bytes) -> bytes:
    """Four bytes of header length (big endian), the header as JSON, the image."""
    head = text(
        "frame",
        job=header.job,
        seq=header.seq,
        step=header.step,
        width=header.width,
        height=header.height,
        mime=header.mime,
        final=header.final,
    ).encode("ascii")
    return b"".join((len(head).to_bytes(_LENGTH_BYTES, "big"), head, image))


def decode_frame(data: bytes) -> tuple[dict[str, Any], bytes]:
    """The header (as sent, unknown fields too) and the image. Raises ValueError when `data` is no frame."""
    size = int.from_bytes(data[:_LENGTH_BYTES], "big")
    end = _LENGTH_BYTES + size
    if len(data) < end or not 0 < size <= _MAX_HEADER_BYTES:
        raise ValueError("not a frame: the header does not fit")
    header = json.loads(data[_LENGTH_BYTES:end].decode("utf-8"))
    if not isinstance(header, dict) or header.get("type") != "frame":
        raise ValueError("not a frame: no frame header")
    return header, data[end:]
