"""What is wrong with a request for a WebSocket, said before anything is upgraded (RFC 6455, section 4.2.1)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import NamedTuple

import h11

from duostyle.errors import BadRequest, MethodNotAllowed, RequestError

_VERSION = b"13"
_KEY_BYTES = 16
_SHOWN = 80


class Refusal(NamedTuple):
    """An error as it is answered: with a status of HTTP's own, and headers that go with that."""

    error: RequestError
    status: int
    headers: Mapping[str, str] = {}


def problem_of(request: h11.Request) -> Refusal | None:
    """Why this request cannot become a WebSocket; None when it can."""
    if request.method != b"GET":
        return Refusal(MethodNotAllowed("a WebSocket is opened with GET"), 405, {"Allow": "GET"})
    versions = _values(request, b"sec-websocket-version")
    if versions != [_VERSION]:
        error = BadRequest(
            "this version of the WebSocket protocol is not supported",
            field="sec-websocket-version",
            limit=_VERSION.decode(),
            got=_shown(versions),
        )
        return Refusal(error, 426, {"Sec-WebSocket-Version": _VERSION.decode(), "Upgrade": "websocket"})
    keys = _values(request, b"sec-websocket-key")
    if len(keys) != 1 or not _is_key(keys[0]):
        text = "the key of the WebSocket handshake must be 16 bytes in base64"
        return Refusal(BadRequest(text, field="sec-websocket-key", limit=f"{_KEY_BYTES} bytes", got=_shown(keys)), 400)
    return None


def _values(request: h11.Request, name: bytes) -> list[bytes]:
    return [value for own, value in request.headers if own == name]


def _is_key(value: bytes) -> bool:
    try:
        return len(base64.b64decode(value, validate=True)) == _KEY_BYTES
    except binascii.Error:
        return False


def _shown(values: list[bytes]) -> str:
    return b", ".join(values).decode("latin-1")[:_SHOWN]
