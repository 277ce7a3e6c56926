"""A whole process and its end: told to everyone, bounded in time, nothing lost."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import httpx
import pytest

from tests.support.real_server import wire
from tests.support.real_server.http_client import Client
from tests.support.real_server.raw_client import Raw
from tests.support.real_server.socket_client import PATIENCE_S, socket

pytestmark = [
    pytest.mark.real_server,
    pytest.mark.skipif(sys.platform == "win32", reason="a process is told to end by a signal"),
]

CHECKOUT = Path(__file__).resolve().parents[3]
PROGRAM = """
import pathlib, sys, threading
from duostyle.serving.server import serve
from duostyle.settings import Settings
from tests.support.fake_engine import FakeEngine, FakePainter, noise_of
from tests.support.fake_engine import ENDLESS, FakeEngine, FakePainter, noise_of

class Stubborn(FakePainter):
    # neither cancel nor pause is looked at, and a thread of its own never ends
    def run(self, on_step):
        self.step += 1
        on_step(self._step())
        threading.Thread(target=threading.Event().wait).start()
        threading.Event().wait()

folder = pathlib.Path(sys.argv[1])
(folder / "gallery").mkdir()
engine = FakeEngine(steps=ENDLESS, size=(300, 300))
engine.paint = noise_of
if "stubborn" in sys.argv:
    engine.begin = lambda *what: Stubborn(engine, *what)
settings = Settings(data_dir=folder, port=0, shutdown_grace_s=float(sys.argv[2]), max_fps=60, max_requests_per_s=9999)
serve(settings, engine=engine, pictures=folder / "gallery")
"""


class Process:
    """A server of its own; `url` and `port` where it listens."""

    def __init__(self, process: asyncio.subprocess.Process, url: str, folder: Path) -> None:
        self.process, self.url, self.folder = process, url, folder
        self.port = int(url.rsplit(":", 1)[1])

    def signal(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    async def ended(self) -> int:
        """Its exit status, within the patience of tests: whatever would hold it up lasts much longer than that."""
        return await asyncio.wait_for(self.process.wait(), PATIENCE_S)

    def jobs(self) -> list[tuple[str, int]]:
        """Status and starts of every job as the store has them."""
        with sqlite3.connect(self.folder / "duostyle.sqlite") as database:
            return list(database.execute("select status, starts from jobs"))

    def connection(self) -> AbstractAsyncContextManager[Raw]:
        return Raw.connect("127.0.0.1", self.port)


@pytest.fixture
async def process(tmp_path: Path) -> AsyncIterator[Callable[..., Awaitable[Process]]]:
    """Start a server: `await process(grace_s, "stubborn")`."""
    started: list[asyncio.subprocess.Process] = []

    async def start(grace_s: float, *words: str) -> Process:
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-c", PROGRAM, str(tmp_path), str(grace_s), *words),
            cwd=CHECKOUT,
            env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
            stdout=asyncio.subprocess.PIPE,
        )
        started.append(child)
        assert child.stdout is not None
        line = await asyncio.wait_for(child.stdout.readline(), 2 * PATIENCE_S)
        return Process(child, line.decode().split()[-1].rstrip("/"), tmp_path)

    yield start
    for child in started:
        if child.returncode is None:
            child.kill()
        await asyncio.wait_for(child.wait(), PATIENCE_S)


async def until_painting(server: Process) -> str:
    async with httpx.AsyncClient(base_url=server.url) as http, socket(server.url) as watcher:
        job = (await Client(http).submit())["job"]
        if (await watcher.watch(job))["step"] == 0:
            await watcher.until("progress")
        return str(job)


async def test_everyone_is_told_and_stalled_readers_do_not_delay_the_end(
    process: Callable[..., Awaitable[Process]],
) -> None:
    # what waits for the stalled one waits as long as the grace lasts
    server = await process(600)
    job = await until_painting(server)
    async with server.connection() as healthy, server.connection() as stalled:
        await stalled.say("subscribe", job=job, frames={"max_fps": 60, "quality": 95})
        await healthy.say("subscribe", job=job, frames={"quality": 50})
        for _ in range(10):
            # it reads nothing and asks for ever more, until its line is full
            await stalled.say("ack", job=job, seq=2**40)
            await healthy.say("ack", job=job, seq=2**40)
            await healthy.until("progress")
        server.signal()
        await healthy.until("shutdown")
        while (found := await healthy.frame())[0] != wire.CLOSE:
            continue
        assert int.from_bytes(found[1][:2], "big") == 1012
        assert await server.ended() == 0
    # interrupted, not counted as a run that never came back
    assert server.jobs() == [("queued", 0)]


async def test_an_engine_that_does_not_let_go_is_left_behind(process: Callable[..., Awaitable[Process]]) -> None:
    # half of the grace the port stays open: long enough to be asked twice
    server = await process(6, "stubborn")
    await until_painting(server)
    async with httpx.AsyncClient(base_url=server.url) as http, socket(server.url) as watcher:
        assert (await http.get("/readyz")).status_code == 200
        server.signal()
        await watcher.until("shutdown")
        assert (await http.get("/readyz")).status_code == 503
        refused = await http.post("/api/jobs", json={"content": "x", "styles": ["x"]})
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "shutting_down")
        assert await server.ended() == 0
    assert server.jobs() == [("queued", 0)]


async def test_a_second_signal_ends_it_at_once(process: Callable[..., Awaitable[Process]]) -> None:
    server = await process(600, "stubborn")
    await until_painting(server)
    async with server.connection() as watcher:
        server.signal()
        await watcher.until("shutdown")
        server.signal()
        assert await server.ended() == 128 + signal.SIGTERM
