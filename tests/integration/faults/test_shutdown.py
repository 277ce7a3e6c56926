"""A whole process and its end: told to everyone, bounded in time, nothing lost."""

from __future__ import annotations

import contextlib
import signal
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.fake_engine import ENDLESS
from tests.support.real_server import wire
from tests.support.real_server.http_client import Client
from tests.support.real_server.raw_client import raw
from tests.support.real_server.server_process import ServerProcess
from tests.support.real_server.socket_client import TIMEOUT_S, socket

pytestmark = [
    pytest.mark.real_server,
    pytest.mark.skipif(sys.platform == "win32", reason="a process is told to end by a signal"),
]


@contextlib.contextmanager
def painting(folder: Path, grace_s: float, *, stubborn: bool = False) -> Iterator[ServerProcess]:
    """A server whose jobs never end by themselves."""
    engine = {"steps": ENDLESS, "size": (300, 300), "paint": "noise", "stubborn": stubborn}
    with ServerProcess(folder, engine, shutdown_grace_s=grace_s, max_fps=60) as server:
        server.until_ready()
        yield server


def jobs(server: ServerProcess) -> list[tuple[str, int]]:
    """Status and starts of every job as the store has them."""
    with sqlite3.connect(server.data / "duostyle.sqlite") as database:
        return list(database.execute("select status, starts from jobs"))


async def until_painting(server: ServerProcess) -> str:
    async with httpx.AsyncClient(base_url=server.url) as http, socket(server.url) as watcher:
        job = (await Client(http).submit())["job"]
        if (await watcher.watch(job))["step"] == 0:
            await watcher.until("progress")
        return str(job)


async def test_everyone_is_told_and_stalled_readers_do_not_delay_the_end(tmp_path: Path) -> None:
    # what waits for the stalled one waits as long as the grace lasts
    with painting(tmp_path, 600) as server:
        job = await until_painting(server)
        async with raw(server.url) as healthy, raw(server.url) as stalled:
            await stalled.send("subscribe", job=job, frames={"max_fps": 60, "quality": 95})
            await healthy.send("subscribe", job=job, frames={"quality": 50})
            for _ in range(10):
                # it reads nothing and asks for ever more, until its line is full
                await stalled.send("ack", job=job, seq=2**40)
                await healthy.send("ack", job=job, seq=2**40)
                await healthy.until("progress")
            server.terminate()
            await healthy.until("shutdown")
            while (found := await healthy.frame())[0] != wire.CLOSE:
                continue
            assert int.from_bytes(found[1][:2], "big") == 1012
            assert await server.ended(TIMEOUT_S) == 0
        # interrupted, not counted as a run that never came back
        assert jobs(server) == [("queued", 0)]


async def test_an_engine_that_does_not_let_go_is_left_behind(tmp_path: Path) -> None:
    # half of the grace the port stays open: long enough to be asked twice
    with painting(tmp_path, 6, stubborn=True) as server:
        await until_painting(server)
        async with httpx.AsyncClient(base_url=server.url) as http, socket(server.url) as watcher:
            assert (await http.get("/readyz")).status_code == 200
            server.terminate()
            await watcher.until("shutdown")
            assert (await http.get("/readyz")).status_code == 503
            refused = await http.post("/api/jobs", json={"content": "x", "styles": ["x"]})
            assert (refused.status_code, refused.json()["error"]["code"]) == (503, "shutting_down")
            assert await server.ended(TIMEOUT_S) == 0
        assert jobs(server) == [("queued", 0)]


async def test_a_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    with painting(tmp_path, 600, stubborn=True) as server:
        await until_painting(server)
        async with raw(server.url) as watcher:
            server.terminate()
            await watcher.until("shutdown")
            server.terminate()
            assert await server.ended(TIMEOUT_S) == 128 + signal.SIGTERM
