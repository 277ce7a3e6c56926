"""A WebSocket client down at its bytes, for clients that read slowly, stall, or are very many. No I/O here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
# All zeros: what is sent looks as it is, and costs no time to mask.
_MASK = bytes(4)


def upgrade(host: str, port: int) -> bytes:
    """The request that opens `/ws`."""
    return (
        f"GET /ws HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        "Sec-WebSocket-Protocol: duostyle.v1\r\n\r\n"
    ).encode()


def frame(opcode: int, payload: bytes) -> bytes:
    """One masked frame of a client, at most 64 KiB."""
    if len(payload) < 126:
        return bytes((0x80 | opcode, 0x80 | len(payload))) + _MASK + payload
    return bytes((0x80 | opcode, 0x80 | 126)) + len(payload).to_bytes(2, "big") + _MASK + payload


def say(type: str, **fields: Any) -> bytes:
    """One message of the protocol as a client sends it."""
    return frame(TEXT, json.dumps({"type": type, **fields}).encode())


def message_of(payload: bytes) -> dict[str, Any]:
    """The fields of a text message."""
    message: dict[str, Any] = json.loads(payload)
    return message


def header_of(payload: bytes) -> dict[str, Any]:
    """The JSON before the picture in a binary message."""
    end = 4 + int.from_bytes(payload[:4], "big")
    header: dict[str, Any] = json.loads(payload[4:end])
    return header


class Reader:
    """Bytes in, frames out. The answer to the upgrade comes first and is checked."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.opened = False

    def feed(self, data: bytes | memoryview) -> Iterator[tuple[int, bytes]]:
        """The frames that are whole now, as (opcode, payload). Raises ConnectionError when the upgrade is refused."""
        self._buffer += data
        if not self.opened:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            if not self._buffer.startswith(b"HTTP/1.1 101"):
                raise ConnectionError(bytes(self._buffer[:end]).decode("latin-1"))
            self.opened = True
            del self._buffer[: end + 4]
        while (found := self._next()) is not None:
            yield found

    def _next(self) -> tuple[int, bytes] | None:
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        length, start = buffer[1] & 0x7F, 2
        if length == 126:
            length, start = int.from_bytes(buffer[2:4], "big"), 4
        elif length == 127:
            length, start = int.from_bytes(buffer[2:10], "big"), 10
        if len(buffer) < start or len(buffer) < start + length:
            return None
        opcode, payload = buffer[0] & 0x0F, bytes(buffer[start : start + length])
        del buffer[: start + length]
        return opcode, payload
