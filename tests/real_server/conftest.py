"""A real server with the fake engine, in a thread of its own, as many as a test wants."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from server import serve
from server.app import create_app
from server.settings import Settings
from tests.fakes import FakeEngine
from tests.real_server.client import Client

_PATIENCE_S = 30


class Running:
    """A server that listens; `stop` ends it politely, as a signal would."""

    def __init__(self, settings: Settings, engine: FakeEngine, app: Starlette | None = None) -> None:
        self.settings, self.engine = settings, engine
        self.app = app or create_app(settings, engine=engine)
        self.listening = serve.listen(settings)
        self.url = serve.address(self.listening).rstrip("/")
        self.server: serve.Server | None = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="server under test")
        self._thread.start()
        assert self._ready.wait(_PATIENCE_S)
        assert self.server is not None, "the server did not start"

    def _run(self) -> None:
        try:
            asyncio.run(serve.run(self.app, self.settings, self.listening, self._listening))
        finally:
            self.listening.close()
            self._ready.set()

    def _listening(self, server: serve.Server) -> None:
        self.server = server
        self._ready.set()

    def stop(self) -> None:
        assert self.server is not None
        self.server.should_exit = True
        # A gated engine must see that it is to stop.
        self._thread.join(_PATIENCE_S)
        assert not self._thread.is_alive(), "the server does not stop"


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Start servers; `start(engine, token=...)` takes settings. Same data folder unless told."""
    with contextlib.ExitStack() as stack:

        def start(engine: FakeEngine | None = None, **changes: Any) -> Running:
            settings = Settings(**{"data_dir": tmp_path / "data", "port": 0, "shutdown_grace_s": 2.0, **changes})
            running = Running(settings, engine or FakeEngine())
            stack.callback(running.stop)
            return running

        yield start


@pytest.fixture
def running(start: Callable[..., Running]) -> Running:
    """A server with the fake engine and default settings."""
    return start()


@pytest.fixture
async def http(running: Running) -> AsyncIterator[Client]:
    """An HTTP client of `running`."""
    async with httpx.AsyncClient(base_url=running.url) as http:
        yield Client(http)
