"""An app, a request and a call of it without any server: shared by the tests of the guard."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starlette.types import Message, Receive, Scope, Send

from duostyle.metrics import Metrics
from duostyle.settings import Settings
from duostyle.web.guard.middleware import Guard


class App:
    """Reads the whole body, then answers; keeps what it saw."""

    def __init__(self) -> None:
        self.body = b""
        self.errors: list[Any] = []
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


async def call(
    app: App, scope: Scope, messages: list[Message], metrics: Metrics | None = None, **settings: Any
) -> list[Message]:
    guard = Guard(app, settings=Settings(**settings), metrics=metrics or Metrics())
    sent: list[Message] = []

    async def receive() -> Message:
        return messages.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    await guard(scope, receive, send)
    return sent


def chunk(size: int, *, more: bool) -> Message:
    return {"type": "http.request", "body": bytes(size), "more_body": more}


def error_of(sent: list[Message]) -> Mapping[str, Any]:
    """The error that was answered, with its `status`."""
    return {"status": sent[0]["status"], **json.loads(sent[1]["body"])["error"]}
