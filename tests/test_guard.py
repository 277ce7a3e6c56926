"""The guard's corners that a well-behaved socket never shows."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from server.errors import BadRequest, ImageTooLarge, QueueFull
from server.guard import Guard
from server.metrics import Metrics
from server.settings import Settings


class App:
    """Reads the whole body, then answers; keeps what it saw."""

    def __init__(self) -> None:
        self.body = b""
        self.errors: list[Exception] = []
        self.called = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.called = True
        try:
            more = scope["type"] == "http"
            while more:
                message = await receive()
                self.body += message.get("body", b"")
                more = message.get("more_body", False)
        except Exception as error:
            self.errors.append(error)
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b""})


def scope(type: str = "http", path: str = "/", **changes: Any) -> Scope:
    headers = [(b"host", b"localhost"), *changes.pop("headers", [])]
    return {
        "type": type,
        "path": path,
        "method": "POST",
        "query_string": b"",
        "headers": headers,
        "client": ("127.0.0.1", 5),
        "server": ("127.0.0.1", 80),
        "extensions": {},
        **changes,
    }


async def call(app: App, scope: Scope, messages: list[Message], **settings: Any) -> list[Message]:
    guard = Guard(app, settings=Settings(**settings), metrics=Metrics())
    sent: list[Message] = []

    async def receive() -> Message:
        return messages.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    await guard(scope, receive, send)
    return sent


def chunk(size: int, *, more: bool) -> Message:
    return {"type": "http.request", "body": bytes(size), "more_body": more}


async def test_a_body_within_the_limit_passes_whole() -> None:
    app = App()
    sent = await call(app, scope(), [chunk(1024, more=True), chunk(2**20, more=False)], max_upload_bytes=1024)
    assert (len(app.body), app.errors) == (2**20 + 1024, [])
    assert sent[0]["status"] == 200


async def test_a_body_over_the_limit_is_cut_while_it_comes() -> None:
    app = App()
    endless = [chunk(2**19, more=True) for _ in range(9)]
    await call(app, scope(), endless, max_upload_bytes=1024)
    assert [type(error) for error in app.errors] == [ImageTooLarge]
    assert len(endless) == 6


async def test_a_job_may_bring_five_pictures() -> None:
    app = App()
    await call(app, scope(path="/api/jobs"), [chunk(5 * 2**20, more=False)], max_upload_bytes=2**20)
    assert app.errors == []


async def test_a_body_that_does_not_arrive_is_given_up() -> None:
    app = App()
    guard = Guard(app, settings=Settings(send_timeout_s=0.01), metrics=Metrics())

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Message) -> None:
        return None

    await asyncio.wait_for(guard(scope(), receive, send), 20)
    assert [type(error) for error in app.errors] == [BadRequest]


@pytest.mark.parametrize("length", [b"99999999999999999999999999999999", b"2000000"])
async def test_a_declared_length_over_the_limit_never_reaches_the_app(length: bytes) -> None:
    app = App()
    sent = await call(app, scope(headers=[(b"content-length", length)]), [], max_upload_bytes=1024)
    assert not app.called
    assert sent[0]["status"] == 413
    assert json.loads(sent[1]["body"])["error"]["code"] == "image_too_large"


def upload(size: int, *, declared: bool) -> Scope:
    return scope(headers=[(b"content-length", str(size).encode())] if declared else [])


@pytest.mark.parametrize("declared", [True, False])
async def test_uploads_at_once_share_one_room(declared: bool) -> None:
    total = 2**17
    entered, finish = asyncio.Event(), asyncio.Event()
    app = App()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        entered.set()
        await finish.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})

    first = True

    async def either(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal first
        chosen, first = slow if first else app, False
        await chosen(scope, receive, send)

    guard = Guard(either, settings=Settings(max_inflight_bytes=total), metrics=Metrics())

    async def ask(size: int) -> list[Message]:
        sent: list[Message] = []

        async def receive() -> Message:
            return chunk(size, more=False)

        async def send(message: Message) -> None:
            sent.append(message)

        await guard(upload(size, declared=declared), receive, send)
        return sent

    holding = asyncio.create_task(ask(total - 10))
    await asyncio.wait_for(entered.wait(), 20)
    await ask(10)
    assert (len(app.body), app.errors) == (10, []), "what fits beside it passes, and gives its room back"
    refused = await ask(11)
    if declared:
        assert refused[0]["status"] == 503
        assert (b"retry-after", b"5") in refused[0]["headers"]
        assert json.loads(refused[1]["body"])["error"]["code"] == "queue_full"
    else:
        assert [type(error) for error in app.errors] == [QueueFull]
    assert len(app.body) == 10, "none of it reached the app"
    finish.set()
    await asyncio.wait_for(holding, 20)
    await ask(total)
    assert len(app.body) == 10 + total


async def test_a_body_that_never_has_room_is_too_large() -> None:
    app = App()
    sent = await call(app, upload(2**16 + 1, declared=True), [], max_inflight_bytes=2**16)
    assert (app.called, sent[0]["status"]) == (False, 413)


async def test_an_upgrade_is_refused_with_a_close_code_where_no_answer_can_be_given() -> None:
    app = App()
    evil = scope("websocket", "/ws", headers=[(b"origin", b"null")])
    sent = await call(app, evil, [{"type": "websocket.connect"}])
    assert not app.called
    assert sent == [{"type": "websocket.close", "code": 1008, "reason": "forbidden"}]


async def test_a_client_without_an_address_is_served() -> None:
    app = App()
    sent = await call(app, scope(client=None, server=None), [chunk(0, more=False)])
    assert sent[0]["status"] == 200


async def test_the_lifespan_passes() -> None:
    app = App()
    await call(app, {"type": "lifespan"}, [])
    assert app.called


async def test_every_answer_carries_the_security_headers() -> None:
    sent = await call(App(), scope(), [chunk(0, more=False)])
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'self'"
    assert policy["connect-src"] == "'self' ws://localhost wss://localhost"
    assert policy["img-src"] == "'self' blob: data:"


async def test_a_host_that_is_refused_is_not_repeated() -> None:
    strange = scope(headers=[])
    strange["headers"] = [(b"host", b"x; script-src *")]
    sent = await call(App(), strange, [])
    assert sent[0]["status"] == 403
    assert b"script-src" not in b"".join(value for _, value in sent[0]["headers"])
