"""A real server with the fake engine, in a thread of its own, as many as a test wants."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from starlette.applications import Starlette

from duostyle.serving import listener as listening
from duostyle.serving import server as serve
from duostyle.settings import Settings
from duostyle.web.app import create_app
from duostyle.web.state import AppState
from tests.support.fake_engine import FakeEngine

_TIMEOUT_S = 30


class Running:
    """A server that listens; `stop` ends it gracefully, as a signal would."""

    def __init__(self, settings: Settings, engine: FakeEngine, app: Starlette) -> None:
        self.settings, self.engine, self.app = settings, engine, app
        self.listening = listening.listen(settings)
        self.url = listening.address(self.listening).rstrip("/")
        self.server: serve.Server | None = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="server under test")
        self._thread.start()
        assert self._ready.wait(_TIMEOUT_S)
        assert self.server is not None, "the server did not start"

    def _run(self) -> None:
        try:
            asyncio.run(serve.run(self.app, self.settings, self.listening, self._listening))
        finally:
            self.listening.close()
            self._ready.set()

    def _listening(self, server: serve.Server) -> None:
        self.server = server
        self._loop = asyncio.get_running_loop()
        self._ready.set()

    @property
    def app_state(self) -> AppState:
        """Its parts, which must be used on their own event loop: see `inside`."""
        assert self.server is not None
        app_state: AppState = self.server.lifespan.state["app_state"]
        return app_state

    async def inside(self, work: Coroutine[Any, Any, None]) -> None:
        """Do `work` on the server's event loop, for what the server does not expose."""
        await asyncio.wait_for(asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop)), _TIMEOUT_S)

    def stop(self) -> None:
        assert self.server is not None
        self.server.should_exit = True
        self._thread.join(_TIMEOUT_S)
        assert not self._thread.is_alive(), "the server does not stop"


def started(stack: contextlib.ExitStack, folder: Path, engine: FakeEngine | None = None, **changes: Any) -> Running:
    """A server whose data is in `folder`, stopped when `stack` closes; without the gallery, which takes a while."""
    empty = folder / "gallery"
    empty.mkdir(exist_ok=True)
    settings = Settings(**{"data_dir": folder / "data", "port": 0, "shutdown_grace_s": 2.0, **changes})
    engine = engine or FakeEngine()
    running = Running(settings, engine, create_app(settings, engine=engine, pictures=empty))
    stack.callback(running.stop)
    return running
