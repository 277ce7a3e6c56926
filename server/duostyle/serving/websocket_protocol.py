"""WebSocket connections that detect when the client is gone."""

from __future__ import annotations

import asyncio
import math
import socket
import struct
import sys
from asyncio.transports import BaseTransport
from collections.abc import Iterable
from typing import Any

from uvicorn._types import ASGISendEvent
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame

from duostyle.errors import BadRequest
from duostyle.protocol import status_codes
from duostyle.protocol.status_codes import BAD_TEXT, INTERNAL, TOO_BIG
from duostyle.web.state import AppState

# Where Linux keeps the count of acknowledged bytes in its answer to TCP_INFO.
_ACKED_AT, _TCP_INFO_BYTES = 120, 128
# How often a client is checked before its time runs out.
_LOOKS = 8
# Of one message.
_MOST_FRAGMENTS = 1024


class Liveness:
    """Whether the other end of a connection still lives. Pure bookkeeping of times in seconds and counts of bytes.

    A client is judged by signs of life, not by how long a thing takes: bytes of ours that it took, bytes of its own. So
    a slow reader that gets a large frame stays, and one that has stopped goes: one that takes nothing for `write_s`
    while we are blocked, or owes a pong for `pong_s`. `delivered` counts the bytes that the other end has taken so far;
    only its changes matter.
    """

    def __init__(self, *, write_s: float, pong_s: float) -> None:
        self._write_s, self._pong_s = write_s, pong_s
        self._delivered = 0
        self._moved_at = self._heard_at = -math.inf
        self._blocked_at: float | None = None
        self._pinged_at: float | None = None
        self._ping_ends = 0

    @property
    def expects(self) -> bool:
        """Whether something is expected of the client: then `dead` should be checked from time to time."""
        return self._blocked_at is not None or self._pinged_at is not None

    def blocked(self, now: float, delivered: int) -> None:
        """More waits to be sent than we want to hold."""
        self._blocked_at, self._delivered = now, delivered

    def flowing(self) -> None:
        """We may send again."""
        self._blocked_at = None

    def pinged(self, now: float, delivered: int, ahead: int) -> None:
        """A ping went out; it and what must arrive before it are `ahead` bytes. An older ping stays open."""
        if self._pinged_at is None:
            self._pinged_at, self._delivered = now, delivered
            self._ping_ends = delivered + ahead

    def ponged(self) -> None:
        """A pong came."""
        self._pinged_at = None

    def heard(self, now: float) -> None:
        """Bytes came from the client."""
        self._heard_at = now

    def dead(self, now: float, delivered: int) -> bool:
        """Whether the client has shown no sign of life for too long; notes how far it has come."""
        if delivered != self._delivered:
            self._moved_at = now
            if self._pinged_at is not None and self._delivered < self._ping_ends:
                # the ping is still on its way, or has arrived just now
                self._pinged_at = now
            self._delivered = delivered
        if self._blocked_at is not None and now - max(self._blocked_at, self._moved_at) >= self._write_s:
            return True
        return self._pinged_at is not None and now - max(self._pinged_at, self._heard_at) >= self._pong_s


class WebSocketConnection(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket connection that drops, and counts, a client which takes nothing or answers no ping.

    The connection ends with its handler, also when the client does not take what waits for it.
    """

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(transport)
        app_state: AppState = self.app_state["app_state"]
        settings = app_state.settings
        self._dropped = app_state.metrics.sockets_dropped
        self._write_s = settings.send_timeout_s
        self._look_s = min(settings.send_timeout_s, settings.pong_timeout_s) / _LOOKS
        self._liveness = Liveness(write_s=settings.send_timeout_s, pong_s=settings.pong_timeout_s)
        self._looking: asyncio.TimerHandle | None = None
        self._last_resort: asyncio.TimerHandle | None = None
        self._counted = False

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in (self._looking, self._last_resort):
            if timer is not None:
                timer.cancel()
        if isinstance(exc, TimeoutError):
            # the system's own limit (TCP_USER_TIMEOUT) ran out before ours
            self._count()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._liveness.heard(self.loop.time())
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_initiated:
            self._refuse_head()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._liveness.blocked(self.loop.time(), self._delivered())
        self._watch()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._liveness.flowing()

    def send_keepalive_ping(self) -> None:
        super().send_keepalive_ping()
        if self.pending_ping_payload is not None:
            ahead = self.transport.get_write_buffer_size() + queued_bytes(self._raw())
            self._liveness.pinged(self.loop.time(), self._delivered(), ahead)
            self._watch()

    def handle_pong(self, event: Frame) -> None:
        self._liveness.ponged()
        super().handle_pong(event)

    def handle_ping(self) -> None:
        if self.writable.is_set():
            super().handle_ping()
        else:
            # pongs for a client that does not read would pile up without end
            self.conn.data_to_send()

    def handle_cont(self, event: Frame) -> None:
        if len(self.frames) < _MOST_FRAGMENTS:
            super().handle_cont(event)
        else:
            # the size of a message is bounded, the number of its empty fragments is not
            self._refuse(TOO_BIG)

    def send_receive_event_to_app(self) -> None:
        # uvicorn would write a whole traceback into the log
        if self.curr_msg_data_type == "text" and not self.close_sent and not _is_utf8(self.frames):
            self._refuse(BAD_TEXT)
        else:
            super().send_receive_event_to_app()

    async def send(self, message: ASGISendEvent) -> None:
        await super().send(message)
        if self.initial_response is not None and self.close_sent:
            # A refusal is a whole answer too; without this it is logged as an error of ours.
            self.handshake_complete = True

    async def run_asgi(self) -> None:
        await super().run_asgi()
        if not self.writable.is_set():
            self.transport.abort()
        elif not self.disconnected:
            # closing waits for the last bytes to be taken, forever if need be
            self._last_resort = self.loop.call_later(self._write_s, self.transport.abort)

    def stalled(self) -> bool:
        """Something waits in our own memory because the client has not taken it."""
        return self.transport.get_write_buffer_size() > 0

    def give_up(self) -> None:
        """End the connection now and count it; send the reason when the client may still receive it."""
        self._count()
        if self.writable.is_set() and not self.close_sent and not self.transport.is_closing():
            self.conn.fail(INTERNAL, "no answer to pings")
            self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.transport.abort()

    def _refuse(self, code: int) -> None:
        self.frames = []
        if not self.close_sent:
            self.conn.send_close(code)
            self.handle_parser_exception()

    def _refuse_head(self) -> None:
        """The library for WebSockets takes less than the one for HTTP; uvicorn would leave the client waiting."""
        if self.close_sent:
            return
        self.handshake_complete = self.close_sent = True
        allowed = "no body, no control characters, lines of less than 8 KiB, at most 128 headers"
        error = BadRequest("the head of the WebSocket handshake cannot be read", limit=allowed)
        _, headers, body = status_codes.answer(error)
        lines = {**headers, "Content-Length": str(len(body)), "Connection": "close"}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        self.transport.write(f"HTTP/1.1 400 Bad Request\r\n{head}\r\n".encode() + body)
        self.transport.close()

    def _watch(self) -> None:
        if self._looking is None and not self.disconnected:
            self._looking = self.loop.call_later(self._look_s, self._look)

    def _look(self) -> None:
        self._looking = None
        if self._liveness.dead(self.loop.time(), self._delivered()):
            self.give_up()
        elif self._liveness.expects:
            self._watch()

    def _delivered(self) -> int:
        acked = acknowledged_bytes(self._raw())
        # where the system does not say, what leaves our own buffer must do
        return -self.transport.get_write_buffer_size() if acked is None else acked

    def _raw(self) -> Any:
        return self.transport.get_extra_info("socket")

    def _count(self) -> None:
        if not self._counted:
            self._counted = True
            self._dropped.labels("stalled").inc()


def _is_utf8(fragments: Iterable[bytes]) -> bool:
    try:
        b"".join(fragments).decode()
    except UnicodeDecodeError:
        return False
    return True


def acknowledged_bytes(connected: Any) -> int | None:
    """How many bytes the other end's system has acknowledged; None where this system does not say."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        info = connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_BYTES)
        return int(struct.unpack_from("=Q", info, _ACKED_AT)[0])
    except (OSError, struct.error, AttributeError):
        return None


def queued_bytes(connected: Any) -> int:
    """How many bytes the system holds that the other end has not acknowledged; 0 where this system does not say."""
    if not sys.platform.startswith("linux"):
        return 0
    import fcntl
    import termios

    try:
        answer = fcntl.ioctl(connected.fileno(), termios.TIOCOUTQ, bytes(4))
    except (OSError, ValueError, AttributeError):
        # closed meanwhile
        return 0
    return int(struct.unpack("=i", answer)[0])
