"""The server behind a page under test."""

from __future__ import annotations

import socket
import threading
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import uvicorn

from duostyle.engine.api import Engine
from duostyle.settings import Settings
from duostyle.web.app import create_app
from tests.support.fake_engine import FakeEngine

_GUARD_S = 30.0
SIZE = (64, 48)


class Site:
    """One running server: `address` with its slash, the `engine` behind it; `stop` and `start` for lost connections.

    uvicorn as it comes: it ends without the product's farewell, which would have the page wait before it comes back.
    """

    def __init__(self, folder: Path, pictures: Traversable, real: Engine | None = None, **limits: Any) -> None:
        self.engine = FakeEngine(steps=200, gated=True, size=SIZE)
        self._folder, self._pictures, self._real, self._limits = folder, pictures, real, limits
        self._port = 0
        self.start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._port}/"

    def start(self) -> None:
        settings = Settings(
            host="127.0.0.1",
            port=self._port,
            data_dir=self._folder,
            max_upload_bytes=2**20,
            max_fps=60,
            **self._limits,
        )
        app = create_app(settings, engine=self._real or self.engine, pictures=self._pictures)
        self._listening = socket.create_server(("127.0.0.1", self._port))
        self._port = self._listening.getsockname()[1]
        self._server = uvicorn.Server(
            uvicorn.Config(app, ws="websockets-sansio", log_config=None, timeout_graceful_shutdown=2)
        )
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._listening]})
        self._thread.start()

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(_GUARD_S)
        self._listening.close()
        assert not self._thread.is_alive()
