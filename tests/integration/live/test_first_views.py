"""Thirty people behind one address open the page at the same moment: a class, an office, a talk."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect

from duostyle.settings import Settings
from duostyle.web.app import create_app
from tests.support.fake_engine import FakeEngine
from tests.support.real_server.running import Running

pytestmark = pytest.mark.real_server

VISITORS = 30
# what a browser opens to one host
CONNECTIONS = 6


@pytest.fixture
def open_server(tmp_path: Path) -> Iterator[Running]:
    """A server as it is started without options, with its pictures."""
    settings, engine = Settings(data_dir=tmp_path, port=0), FakeEngine(steps=2)
    running = Running(settings, engine, create_app(settings, engine=engine))
    yield running
    running.stop()


async def visit(url: str) -> list[tuple[int, str]]:
    """All that a browser asks for that shows the page with its gallery and launches; statuses and addresses."""
    answers: list[tuple[int, str]] = []

    async def get(http: httpx.AsyncClient, path: str) -> httpx.Response:
        try:
            answer = await http.get(path)
        except httpx.RemoteProtocolError:
            # the server has closed a connection that was idle for seconds, as it may; a browser asks again
            answer = await http.get(path)
        answers.append((answer.status_code, path))
        return answer

    limits = httpx.Limits(max_connections=CONNECTIONS)
    async with httpx.AsyncClient(base_url=url, limits=limits, timeout=60) as http:
        page = await get(http, "/")
        files = re.findall(r'(?:src|href)="(static/[^"]+)"', page.text)
        await asyncio.gather(*(get(http, "/" + name) for name in files))
        _, listing = await asyncio.gather(get(http, "/api/limits"), get(http, "/api/gallery"))
        entries = [entry["id"] for kind in ("content", "style") for entry in listing.json()[kind]]
        async with connect(url.replace("http", "ws", 1) + "/ws", open_timeout=60) as socket:
            assert '"hello"' in str(await socket.recv())
            pictures = [f"/api/images/{id}?size=256" for id in entries] + [f"/api/images/{entries[0]}?size=1024"]
            await asyncio.gather(*(get(http, path) for path in pictures))
            job = {"content": entries[0], "styles": entries[-1:], "params": {}}
            launched = await http.post("/api/jobs", json=job)
            answers.append((launched.status_code, "/api/jobs"))
    return answers


async def test_thirty_at_once_from_one_address_are_refused_nothing(open_server: Running) -> None:
    visits = await asyncio.gather(*(visit(open_server.url) for _ in range(VISITORS)))
    refused = [(status, path) for answers in visits for status, path in answers if status not in (200, 202)]
    assert refused == []
    for answers in visits:
        assert len(answers) == len(set(answers)) > 20
        assert (202, "/api/jobs") in answers
