"""Runs the app: uvicorn with the options that a live view needs, and a graceful shutdown in bounded time."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from importlib.resources.abc import Traversable
from types import FrameType
from typing import Any, NoReturn, cast

import uvicorn
from starlette.applications import Starlette

from duostyle import version
from duostyle.engine.api import Engine
from duostyle.serving import log
from duostyle.serving.http_protocol import ConnectionSeats, HttpConnection
from duostyle.serving.listener import address, allow_files, listen, network_address
from duostyle.serving.websocket_protocol import WebSocketConnection
from duostyle.settings import Settings
from duostyle.web.app import State, create_app

_log = logging.getLogger(__name__)
_RETRY_S = 5.0
# How long the message about a restart may take to reach the watchers.
_FAREWELL_S = 1.0
# The engine gets this much of the grace to release its job; open requests get what it leaves of the next part.
_ENGINE_SHARE, _REQUESTS_SHARE = 0.5, 0.7
# Files of the data folder and of libraries.
_OTHER_FILES = 256
# For the interpreter's own end.
_RESERVE_S = 0.5


class Server(uvicorn.Server):
    """uvicorn that reports when it listens, and shuts down in this order: no more jobs, `shutdown` and 1012 to every
    watcher, the running job interrupted, open requests answered."""

    def __init__(self, config: uvicorn.Config, state: State, *, on_ready: Callable[[Server], None]) -> None:
        super().__init__(config)
        self._state = state
        self._on_ready = on_ready
        self._signalled = False

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self.lifespan.state.update(self._state)
        await super().startup(sockets)
        self._on_ready(self)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        app_state = self._state["app_state"]
        grace_s = app_state.settings.shutdown_grace_s
        clock = asyncio.get_running_loop().time
        began = clock()
        _log.info("the server shuts down")
        if self._signalled:
            _leave_after(grace_s - _RESERVE_S)
        app_state.jobs.commands.close()
        app_state.hub.shutdown(_RETRY_S)
        engine = asyncio.create_task(app_state.jobs.stop(within_s=_ENGINE_SHARE * grace_s))
        if self.server_state.tasks:
            await asyncio.wait(self.server_state.tasks, timeout=min(_FAREWELL_S, _ENGINE_SHARE * grace_s))
        for connection in list(self.server_state.connections):
            if isinstance(connection, WebSocketConnection) and connection.stalled():
                # it will not read the close frame, and waiting for it helps nobody
                connection.give_up()
        # until here the port is open: clients that ask get 503 and not silence
        await engine
        left_s = _REQUESTS_SHARE * grace_s - (clock() - began)
        self.config.timeout_graceful_shutdown = max(0.1, left_s)  # type: ignore[assignment]
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """A first signal shuts down gracefully, with exit status 0; a second one ends the process at once."""
        before: dict[signal.Signals, Any] = {}
        with contextlib.suppress(ValueError):  # not the main thread: someone else handles the signals
            for number in _signals():
                before[number] = signal.signal(number, self._on_signal)
        try:
            yield
        finally:
            for number, handler in before.items():
                # the app is still being torn down: a second signal ends that at once too
                signal.signal(number, _leave_at_once if self._signalled else handler)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._signalled:
            _leave_at_once(number, frame)
        self._signalled = self.should_exit = True


def _signals() -> list[signal.Signals]:
    """Those that end the server: also a terminal that closes, unless nohup forbids it."""
    numbers = [signal.SIGINT, signal.SIGTERM]
    if sys.platform != "win32" and signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    return numbers


def serve(settings: Settings, *, engine: Engine | None = None, pictures: Traversable | None = None) -> NoReturn:
    """Serve until SIGINT, SIGTERM or SIGHUP, then end the process with status 0.

    Raises BadRequest when the address or data folder is taken. `engine` and `pictures` are those of `create_app`.
    """
    log.set_up(settings)
    allow_files(settings.max_sockets + settings.max_connections + _OTHER_FILES)
    with listen(settings) as listening:
        ready = f"duostyle is ready: {address(listening)}"
        _log.info("the server listens", extra={"address": address(listening), "version": version()})
        elsewhere = network_address(listening)
        ready += f"\nother machines reach it at {elsewhere}" if elsewhere else ""
        app = create_app(settings, engine=engine, pictures=pictures)
        asyncio.run(run(app, settings, listening, lambda _: print(ready, flush=True)))
    # All is closed and stored. The interpreter would spend seconds on unloading the engine's libraries, and they
    # abort the process when it does so under a thread that still computes.
    _leave(0)


async def run(app: Starlette, settings: Settings, listening: socket.socket, on_ready: Callable[[Server], None]) -> None:
    """Serve `app` on a listening socket until a signal or `should_exit`. Raises what the start of the app raises."""
    async with app.router.lifespan_context(app) as state:
        await Server(config(app, settings), cast(State, state), on_ready=on_ready).serve(sockets=[listening])


def config(app: Starlette, settings: Settings) -> uvicorn.Config:
    """uvicorn's options; the lifespan is run by `run`, so that its errors reach the caller."""
    return uvicorn.Config(
        app,
        lifespan="off",
        http=functools.partial(HttpConnection, seats=ConnectionSeats(settings)),  # type: ignore[arg-type]
        ws=WebSocketConnection,
        ws_max_size=settings.max_message_bytes,
        ws_per_message_deflate=False,
        ws_ping_interval=settings.heartbeat_s,
        # the connection itself decides which client does not answer
        ws_ping_timeout=None,
        # X-Forwarded-For is trusted only from the proxies that the settings name.
        proxy_headers=bool(settings.trusted_proxy),
        forwarded_allow_ips="*" if "*" in settings.trusted_proxy else settings.trusted_proxy,
        server_header=False,
        access_log=False,
        log_config=None,
        # Its warnings are about what clients do wrong, and lines below them hold addresses with tokens in them.
        log_level="error",
    )


def _leave_after(seconds: float) -> None:
    """End the process after `seconds`, whatever hangs: the store is consistent at every moment."""

    def leave() -> None:
        _log.warning("the shutdown took too long; the process exits now")
        _leave(0)

    timer = threading.Timer(seconds, leave)
    timer.daemon = True
    timer.start()


def _leave_at_once(number: int, frame: FrameType | None) -> None:
    _leave(128 + number)


def _leave(status: int) -> NoReturn:
    with contextlib.suppress(OSError, ValueError, RuntimeError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(status)
