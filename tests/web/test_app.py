"""Putting it together: nothing lives before the lifespan, and a bug tells strangers nothing."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from duostyle.settings import Settings
from duostyle.web import static_files as pages
from duostyle.web.app import create_app
from tests.support import asgi
from tests.support.fake_engine import FakeEngine


async def test_creating_an_app_touches_nothing(settings: Settings) -> None:
    create_app(settings, engine=FakeEngine())
    assert not settings.state_dir.exists()


async def test_one_app_can_live_twice(settings: Settings, tmp_path: Path) -> None:
    app = create_app(settings, engine=FakeEngine(), pictures=tmp_path)
    for _ in range(2):
        async with app.router.lifespan_context(app) as state:
            assert state is not None
            assert await state["app_state"].store.jobs() == []


async def test_a_bug_is_an_internal_error_without_details(
    settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    app = create_app(settings, engine=FakeEngine(), pictures=tmp_path)

    async def bug(request: Request) -> Response:
        raise KeyError("secret detail")

    app.router.routes.insert(0, Route("/bug", bug))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
        response = await http.get("/bug")
    assert (response.status_code, response.json()["error"]["code"]) == (500, "internal")
    assert "secret" not in response.text
    assert response.headers["x-content-type-options"] == "nosniff"
    assert "secret detail" in caplog.text


async def test_a_client_that_goes_away_while_it_sends_is_no_error(
    settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    app = create_app(settings, engine=FakeEngine(), pictures=tmp_path)
    messages: list[Message] = [asgi.chunk(5, more=True), {"type": "http.disconnect"}]
    request = asgi.scope(path="/api/images", headers=[(b"content-length", b"100")])

    async def receive() -> Message:
        return messages.pop(0)

    async def send(message: Message) -> None:
        raise AssertionError("nobody is there to be answered")

    async with app.router.lifespan_context(app) as state:
        assert state is not None
        await app({**request, "state": dict(state)}, receive, send)
    assert messages == []
    assert [record for record in caplog.records if record.levelname in ("WARNING", "ERROR")] == []


def test_the_page_is_found() -> None:
    assert (pages.folder() / "index.html").is_file()


async def test_modules_have_a_type_that_browsers_take_whatever_the_system_thinks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "main.js").write_text("export {}")
    monkeypatch.setattr("starlette.responses.guess_type", lambda *_, **__: ("text/plain", None))
    files = pages.Files(tmp_path)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await files(scope, receive, send)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as http:
        response = await http.get("/main.js")
    assert response.headers["content-type"] == "text/javascript; charset=utf-8"
    assert response.headers["cache-control"] == "no-cache"
