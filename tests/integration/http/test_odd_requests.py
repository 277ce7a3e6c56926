"""Requests that are no HTTP, or not quite, and handshakes that cannot become a WebSocket: JSON with a code for each."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from tests.support.fake_engine import image_bytes
from tests.support.real_server.running import Running
from tests.support.real_server.socket_client import TIMEOUT_S

pytestmark = pytest.mark.real_server

HANDSHAKE = {
    "Host": "localhost",
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
}


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def error(self) -> dict[str, Any]:
        assert self.headers["content-type"] == "application/json"
        problem: dict[str, Any] = json.loads(self.body)["error"]
        return problem


async def said(running: Running, *sent: bytes) -> Answer:
    """What the server says to these bytes, each part sent on its own, until it closes."""
    reader, writer = await asyncio.open_connection(*running.listening.getsockname()[:2])
    for part in sent:
        writer.write(part)
        await writer.drain()
    head, _, body = (await asyncio.wait_for(reader.read(), TIMEOUT_S)).partition(b"\r\n\r\n")
    writer.close()
    await writer.wait_closed()
    line, *lines = head.decode().split("\r\n")
    return Answer(
        int(line.split()[1]), {name.lower(): value for name, value in (x.split(": ", 1) for x in lines)}, body
    )


def get(target: str, method: str = "GET", **headers: str) -> bytes:
    given = {"Host": "localhost", "Connection": "close", **headers}
    lines = "".join(f"{name}: {value}\r\n" for name, value in given.items())
    return f"{method} {target} HTTP/1.1\r\n{lines}\r\n".encode()


def handshake(target: str = "/ws", method: str = "GET", **changes: str | None) -> bytes:
    headers = {**HANDSHAKE, **{name.replace("_", "-"): value for name, value in changes.items()}}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items() if value is not None)
    return f"{method} {target} HTTP/1.1\r\n{lines}\r\n".encode()


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"HELO there\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 20_000,
    ],
    ids=["TLS", "mail", "header", "length", "two hosts", "no host", "not ASCII", "endless head"],
)
async def test_what_is_no_http_gets_json(running: Running, sent: bytes) -> None:
    answer = await said(running, sent)
    assert (answer.status, answer.error["code"]) == (400, "bad_request")
    assert answer.headers["connection"] == "close"


async def test_a_body_that_breaks_off_into_nonsense_is_no_error_of_ours(
    running: Running, caplog: pytest.LogCaptureFixture
) -> None:
    head = b"POST /api/images HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = await said(running, head + b"5\r\nbegin\r\n", b"no size of a chunk\r\n")
    assert (answer.status, answer.error["code"]) == (400, "bad_request")
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


@pytest.mark.parametrize("version", ["8", "12", "14", "thirteen", "", None])
async def test_another_version_of_websockets_is_told_which_one_we_speak(running: Running, version: str | None) -> None:
    answer = await said(running, handshake(Sec_WebSocket_Version=version))
    assert (answer.status, answer.headers["sec-websocket-version"]) == (426, "13")
    assert (answer.error["code"], answer.error["field"]) == ("bad_request", "sec-websocket-version")


@pytest.mark.parametrize("key", [None, "", "short", "not base64!", "dGhlIHNhbXBsZSBub25jZQ==" * 2])
async def test_a_handshake_without_a_proper_key_is_refused(running: Running, key: str | None) -> None:
    answer = await said(running, handshake(Sec_WebSocket_Key=key))
    assert answer.status == 400
    assert (answer.error["code"], answer.error["field"]) == ("bad_request", "sec-websocket-key")


async def test_a_handshake_by_another_method_is_refused(running: Running) -> None:
    answer = await said(running, handshake(method="POST"))
    assert (answer.status, answer.headers["allow"], answer.error["code"]) == (405, "GET", "method_not_allowed")


@pytest.mark.parametrize(
    "headers",
    [{"X": "x" * 9000}, {f"X-{number}": "x" for number in range(200)}, {"X": "\x01"}, {"Content-Length": "3"}],
    ids=["long", "many", "control character", "body"],
)
async def test_a_handshake_with_a_head_that_cannot_be_read_is_refused(
    start: Callable[..., Running], headers: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    # which ends at once at its end, whatever became of the connection
    running = start()
    answer = await said(running, handshake(**headers))
    assert (answer.status, answer.error["code"]) == (400, "bad_request")
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


@pytest.mark.parametrize("path", ["/ws2", "/ws/", "/", "/static/js/main.js", "/api/jobs"])
async def test_there_is_no_socket_elsewhere(running: Running, path: str) -> None:
    answer = await said(running, handshake(path))
    assert (answer.status, answer.error["code"]) == (404, "not_found")


async def test_the_socket_is_no_page(running: Running) -> None:
    answer = await said(running, get("/ws"))
    assert (answer.status, answer.error["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    "target", ["{url}/livez", "{URL}/livez", "http://localhost/livez?x=1", "http://[::1]:99/livez"]
)
async def test_targets_may_be_absolute(running: Running, target: str) -> None:
    url = running.url
    answer = await said(running, get(target.format(url=url, URL=url.replace("http", "HTTP"))))
    assert (answer.status, json.loads(answer.body)) == (200, {"status": "alive"})


async def test_an_absolute_target_may_have_no_path(running: Running) -> None:
    answer = await said(running, get(running.url))
    assert (answer.status, answer.headers["content-type"].partition(";")[0]) == (200, "text/html")


async def test_of_an_absolute_target_the_host_counts(running: Running) -> None:
    own = await said(running, get(f"{running.url}/api/limits", Host="evil.example"))
    assert own.status == 200
    strange = await said(running, get("http://evil.example/api/limits"))
    assert (strange.status, strange.error["field"]) == (403, "host")
    origin = {"Origin": "http://evil.example"}
    hidden = await said(running, get("http://localhost@evil.example/api/limits", **origin))
    assert (hidden.status, hidden.error["field"]) == (403, "host")


async def test_an_absolute_target_keeps_what_is_encoded_in_it(running: Running) -> None:
    image = image_bytes()
    upload = get(f"{running.url}/api/images", "POST", **{"Content-Length": str(len(image))})
    stored = json.loads((await said(running, upload + image)).body)
    quoted = stored["id"].replace(":", "%3A")
    answer = await said(running, get(f"{running.url}/api/images/{quoted}?size=16"))
    assert (answer.status, answer.headers["content-type"]) == (200, "image/jpeg")


async def test_a_socket_may_be_asked_for_by_an_absolute_target(running: Running) -> None:
    reader, writer = await asyncio.open_connection(*running.listening.getsockname()[:2])
    writer.write(handshake(f"{running.url}/ws", Host="evil.example"))
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), TIMEOUT_S)
    assert head.startswith(b"HTTP/1.1 101 ")
    writer.close()
