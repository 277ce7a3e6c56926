"""Runs the app: the listening socket, uvicorn with the options that a live view needs, and a polite end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, cast

import uvicorn
from starlette.applications import Starlette
from uvicorn._types import ASGISendEvent
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from server.app import State, create_app
from server.engine.api import Engine
from server.errors import BadRequest
from server.settings import Settings

_RETRY_S = 5.0
# How long the word of a restart may take to reach the watchers.
_FAREWELL_S = 1.0
_BACKLOG = 512


class Socket(WebSocketsSansIOProtocol):
    """A WebSocket whose connection ends with its handler, also when the client does not take what waits for it."""

    async def send(self, message: ASGISendEvent) -> None:
        await super().send(message)
        if self.initial_response is not None and self.close_sent:
            # A refusal is a whole answer too; without this it is logged as an error of ours.
            self.handshake_complete = True

    async def run_asgi(self) -> None:
        await super().run_asgi()
        if not self.writable.is_set():
            self.transport.abort()


class Server(uvicorn.Server):
    """uvicorn that tells when it listens, and says `shutdown` to every watcher before it closes their sockets."""

    def __init__(self, config: uvicorn.Config, state: State, *, on_ready: Callable[[Server], None]) -> None:
        super().__init__(config)
        self._state = state
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self.lifespan.state.update(self._state)
        await super().startup(sockets)
        self._on_ready(self)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._state["house"].hub.shutdown(_RETRY_S)
        if self.server_state.tasks:
            await asyncio.wait(self.server_state.tasks, timeout=_FAREWELL_S)
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """A first signal ends politely; the exit status is then 0 and not the signal's."""
        before: dict[signal.Signals, Any] = {}
        with contextlib.suppress(ValueError):  # not the main thread: somebody else hears the signals
            for number in (signal.SIGINT, signal.SIGTERM):
                before[number] = signal.signal(number, self._on_signal)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.force_exit = self.should_exit
        self.should_exit = True


def serve(settings: Settings, *, engine: Engine | None = None) -> int:
    """Serve until SIGINT or SIGTERM; the exit status. Raises BadRequest when the address or data folder is taken."""
    logging.basicConfig(level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    with listen(settings) as listening:
        ready = f"duostyle is ready: {address(listening)}"
        asyncio.run(run(create_app(settings, engine=engine), settings, listening, lambda _: print(ready, flush=True)))
    return 0


async def run(app: Starlette, settings: Settings, listening: socket.socket, on_ready: Callable[[Server], None]) -> None:
    """Serve `app` on a listening socket until a signal or `should_exit`. Raises what the start of the app raises."""
    async with app.router.lifespan_context(app) as state:
        await Server(config(app, settings), cast(State, state), on_ready=on_ready).serve(sockets=[listening])


def config(app: Starlette, settings: Settings) -> uvicorn.Config:
    """uvicorn's options; the lifespan is run by `run`, so that its errors reach the caller."""
    return uvicorn.Config(
        app,
        lifespan="off",
        ws=Socket,
        ws_max_size=settings.max_message_bytes,
        ws_per_message_deflate=False,
        ws_ping_interval=settings.heartbeat_s,
        ws_ping_timeout=settings.send_timeout_s,
        timeout_graceful_shutdown=math.ceil(settings.shutdown_grace_s),
        server_header=False,
        access_log=False,
        log_config=None,
        # Its lines at lower levels hold addresses with tokens in them.
        log_level="warning",
    )


def listen(settings: Settings) -> socket.socket:
    """A socket that listens on `host` and `port`. Raises BadRequest when that cannot be."""
    try:
        found = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE | socket.AI_ADDRCONFIG
        )
        family, kind, protocol, _, where = found[0]
        listening = socket.socket(family, kind, protocol)
    except OSError as error:
        raise BadRequest(f"cannot listen on {settings.host}: {error.strerror}", field="host") from None
    try:
        if sys.platform != "win32":
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            # Accepted sockets inherit it. Without it a reader that stalls holds its connection, and what waits to be
            # sent, for as long as it likes: closing waits for the buffer to empty.
            listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(settings.send_timeout_s * 1000))
        listening.bind(where)
        listening.listen(_BACKLOG)
        listening.setblocking(False)
    except OSError as error:
        listening.close()
        raise BadRequest(
            f"cannot listen on {settings.host} port {settings.port}: {error.strerror}", field="port"
        ) from None
    return listening


def address(listening: socket.socket) -> str:
    """Where a browser on this machine finds the page."""
    host, port = listening.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"
