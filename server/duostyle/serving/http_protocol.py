"""HTTP connections: how many there may be, and how long a request may take to begin.

A connection that never finishes the head of its request is no request yet: neither the guard nor the limits on bodies
know of it, but it takes a file descriptor and memory all the same.
"""

from __future__ import annotations

import asyncio
from typing import Any, Literal

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from duostyle.errors import BadRequest, DuostyleError, QueueFull, TooManyRequests
from duostyle.protocol import status_codes as statuses
from duostyle.settings import Settings
from duostyle.web.guard import access
from duostyle.web.state import House

# Those that found no place are told so when they ask; so many, and not for longer, since they take up room too.
_LOBBY, _LOBBY_S = 64, 1.0


class Places:
    """Room for the connections of one server, and a lobby for some of those that found none."""

    def __init__(self, settings: Settings) -> None:
        # behind a proxy all have its address, so there one client may have all of it
        per_client = settings.max_connections if settings.trusted_proxy else settings.max_connections_per_client
        self.seats = access.Seats(settings.max_connections, per_client)
        self.lobby = access.Seats(_LOBBY, _LOBBY)


class Connection(H11Protocol):
    """uvicorn's HTTP with our patience. It has a place until it ends or becomes a WebSocket, which has another."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        places: Places,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._house: House = app_state["house"]
        self._places = places
        self._client = ""
        self._taken: access.Seats | None = None
        self._refusal: DuostyleError | None = None
        self._waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._client = access.client_of(self.client[0] if self.client else None)
        full = self._places.seats.take(self._client)
        if full is None:
            self._taken = self._places.seats
        elif self._places.lobby.take(self._client) is None:
            self._taken = self._places.lobby
            self._refusal = self._full(full)
        else:
            self._count(self._full(full))
            transport.abort()
            return
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._leave()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._refusal is not None:
            # not before: closing on bytes that nobody has read would take the answer back
            self._refuse(self._refusal)
            return
        super().data_received(data)
        if self.conn.their_state is h11.IDLE and not self.transport.is_closing():
            self._wait()
        else:
            self._stop_waiting()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        self._leave()
        super().handle_websocket_upgrade(event)

    def _wait(self) -> None:
        """For a whole head, from its first byte or, of the first request, from the start."""
        if self._waiting is None:
            limit_s = self._house.settings.send_timeout_s if self._refusal is None else _LOBBY_S
            self._waiting = self.loop.call_later(limit_s, self._late)

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _late(self) -> None:
        self._waiting = None
        if self.transport.is_closing():
            return
        if self.conn.trailing_data[0]:
            self._refuse(BadRequest("the head of the request took too long"))
        else:
            # browsers open connections that they may never need
            self.transport.close()

    def _full(self, which: Literal["all", "client"]) -> DuostyleError:
        name = "max_connections" if which == "all" else "max_connections_per_client"
        kind = QueueFull if which == "all" else TooManyRequests
        return kind("too many open connections", limit=getattr(self._house.settings, name), reached=name)

    def _refuse(self, error: DuostyleError) -> None:
        self._stop_waiting()
        self._count(error)
        status, headers, body = statuses.answer(error)
        lines = [*headers.items(), ("Content-Length", str(len(body))), ("Connection", "close")]
        parts = (h11.Response(status_code=status, headers=lines), h11.Data(data=body), h11.EndOfMessage())
        self.transport.write(b"".join(self.conn.send(part) or b"" for part in parts))
        self.transport.close()

    def _count(self, error: DuostyleError) -> None:
        self._house.metrics.refused.labels(error.code).inc()
        self._house.metrics.count_limit(error.reached)

    def _leave(self) -> None:
        self._stop_waiting()
        if self._taken is not None:
            self._taken.give_back(self._client)
            self._taken = None
