"""HTTP connections: how many there may be, and how long a request may take to begin.

A connection that never finishes the head of its request is no request yet: neither the guard nor the limits on bodies
see it, but it still takes a file descriptor and memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from duostyle.errors import BadRequest, BusyError, DuostyleError
from duostyle.protocol import status_codes
from duostyle.serving.handshake import problem_of
from duostyle.settings import Settings
from duostyle.web.guard import access
from duostyle.web.guard.quotas import Seats
from duostyle.web.state import AppState

# What still comes of a body after its answer is thrown away, since many clients read only when they have sent: as much
# as one more upload, at least this much, for at most this long. More would make refusing as costly as accepting.
_DISCARDED_BYTES, _DISCARDING_S = 2**20, 5.0
# Clients without a seat get an answer that says so; only so many, and only briefly, since they take memory too.
_OVERFLOW, _OVERFLOW_S = 64, 1.0


class ConnectionSeats:
    """Seats for the connections of one server, and an overflow for some of those that got none."""

    def __init__(self, settings: Settings) -> None:
        total = settings.max_connections
        # behind a proxy all clients have its address, so one may take every seat
        per_client = total if settings.trusted_proxy else settings.max_connections_per_client
        self.seats = Seats("open connections", "max_connections", total, per_client)
        self.overflow = Seats("refused connections", "overflow", _OVERFLOW, _OVERFLOW)


class HttpConnection(H11Protocol):
    """uvicorn's HTTP connection with our limits. It has a seat until it ends or becomes a WebSocket, which has another.

    A head has `send_timeout_s` to arrive, from its first byte or, of the first request, from the start. A body that was
    answered before its end is not read to its end: see `_DISCARDED_BYTES`.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        seats: ConnectionSeats,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._app_state: AppState = app_state["app_state"]
        self._seats = seats
        self._client = ""
        self._taken: Seats | None = None
        self._refusal: DuostyleError | None = None
        self._timeout: asyncio.TimerHandle | None = None
        self._discarding: asyncio.TimerHandle | None = None
        self._discarded = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._client = access.client_of(self.client[0] if self.client else None)
        try:
            self._take(self._seats.seats)
        except BusyError as full:
            try:
                self._take(self._seats.overflow)
            except BusyError:
                self._count(full)
                transport.abort()
                return
            self._refusal = full
        self._start_timeout()

    def connection_lost(self, exc: Exception | None) -> None:
        self._leave()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._refusal is not None:
            # not before: closing on bytes that nobody has read would take the answer back
            self._refuse(self._refusal)
            return
        if self._discarding is not None and not self._may_discard(len(data)):
            return
        super().data_received(data)
        if self.conn.our_state is not h11.DONE:
            self._stop_discarding()
        if self.conn.their_state is h11.IDLE and not self.transport.is_closing():
            self._start_timeout()
        else:
            self._stop_timeout()

    def on_response_complete(self) -> None:
        # what was sent behind this request, in one go, begins in here
        unread = self.conn.their_state is h11.SEND_BODY
        super().on_response_complete()
        if unread and not self.transport.is_closing():
            self._discarded = 0
            self._discarding = self.loop.call_later(_DISCARDING_S, self.transport.abort)

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        problem = problem_of(event)
        if problem is not None:
            self._refuse(problem.error, problem.status, problem.headers)
            return
        self._leave()
        super().handle_websocket_upgrade(event)

    def send_400_response(self, msg: str) -> None:
        if self.cycle is not None and not self.cycle.response_complete:
            # whoever works on the request learns that its client is gone
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            self._refuse(BadRequest("this is not a request of HTTP/1.1"), 400)
        else:
            self.transport.close()

    def _may_discard(self, size: int) -> bool:
        """Whether to go on with a body that has its answer; when not, the client has a while to read that."""
        self._discarded += size
        if self._discarded <= max(_DISCARDED_BYTES, self._app_state.settings.max_upload_bytes):
            return True
        self.transport.pause_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        return False

    def _stop_discarding(self) -> None:
        if self._discarding is not None:
            self._discarding.cancel()
            self._discarding = None

    def _start_timeout(self) -> None:
        if self._timeout is None:
            limit_s = self._app_state.settings.send_timeout_s if self._refusal is None else _OVERFLOW_S
            self._timeout = self.loop.call_later(limit_s, self._timed_out)

    def _stop_timeout(self) -> None:
        if self._timeout is not None:
            self._timeout.cancel()
            self._timeout = None

    def _timed_out(self) -> None:
        self._timeout = None
        if self.transport.is_closing():
            return
        if self.conn.trailing_data[0]:
            self._refuse(BadRequest("the head of the request took too long to arrive"))
        else:
            # browsers open connections that they may never need
            self.transport.close()

    def _refuse(self, error: DuostyleError, status: int = 0, more: Mapping[str, str] | None = None) -> None:
        """Answer and close; with a `status` of HTTP's own, where that is not the one of the error."""
        self._stop_timeout()
        self._count(error)
        usual, headers, body = status_codes.answer(error)
        lines = [*headers.items(), *(more or {}).items(), ("Content-Length", str(len(body))), ("Connection", "close")]
        parts = (h11.Response(status_code=status or usual, headers=lines), h11.Data(data=body), h11.EndOfMessage())
        self.transport.write(b"".join(self.conn.send(part) or b"" for part in parts))
        self.transport.close()

    def _count(self, error: DuostyleError) -> None:
        self._app_state.metrics.refused.labels(error.code).inc()
        self._app_state.metrics.count_limit(error.reached)

    def _take(self, seats: Seats) -> None:
        seats.take(self._client)
        self._taken = seats

    def _leave(self) -> None:
        self._stop_timeout()
        self._stop_discarding()
        if self._taken is not None:
            self._taken.give_back(self._client)
            self._taken = None
