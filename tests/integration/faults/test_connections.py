"""Connections whose requests never begin, on real sockets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import httpx
import pytest

from tests.support.real_server.http_client import value_of
from tests.support.real_server.running import Running
from tests.support.real_server.socket_client import TIMEOUT_S, socket

pytestmark = pytest.mark.real_server


async def said(running: Running, data: bytes) -> bytes:
    """All that the server says to `data` until it closes."""
    reader, writer = await asyncio.open_connection(*running.listening.getsockname()[:2])
    writer.write(data)
    answer = await asyncio.wait_for(reader.read(), TIMEOUT_S)
    writer.close()
    return answer


async def test_half_a_head_is_refused_in_the_end_and_nobody_else_notices(start: Callable[..., Running]) -> None:
    running = start(send_timeout_s=0.5)
    late, silent, served = await asyncio.gather(
        said(running, b"GET /livez HTTP/1.1\r\nHost: local"),
        said(running, b""),
        said(running, b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"),
    )
    head, _, body = late.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 422 ")
    assert json.loads(body)["error"]["code"] == "bad_request"
    assert silent == b""
    assert served.startswith(b"HTTP/1.1 200 ")


async def test_a_second_head_has_to_end_too(start: Callable[..., Running]) -> None:
    running = start(send_timeout_s=0.5)
    reader, writer = await asyncio.open_connection(*running.listening.getsockname()[:2])
    writer.write(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), TIMEOUT_S)).startswith(b"HTTP/1.1 200 ")
    writer.write(b"GET /livez HTTP/1.1\r\n")
    rest = await asyncio.wait_for(reader.read(), TIMEOUT_S)
    assert b"HTTP/1.1 422 " in rest
    writer.close()


@pytest.mark.parametrize("kind", ["image/png", "multipart/form-data; boundary=x"])
async def test_a_client_that_goes_away_in_its_upload_leaves_nothing_in_the_log(
    start: Callable[..., Running], caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    caplog.set_level("INFO")
    running = start()
    head = f"POST /api/images HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nContent-Length: 5000\r\n\r\n"
    part = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + b"a" * 2000
    async with httpx.AsyncClient(base_url=running.url) as http:
        _, writer = await asyncio.open_connection(*running.listening.getsockname()[:2])
        writer.write(head.encode() + part)
        await writer.drain()
        receiving = "duostyle_inflight_bytes"
        async with asyncio.timeout(TIMEOUT_S):
            while value_of((await http.get("/metrics")).text, receiving) == 0:
                pass
            writer.transport.abort()
            while value_of((await http.get("/metrics")).text, receiving) > 0:
                pass
    assert not [record for record in caplog.records if record.levelname in ("WARNING", "ERROR", "CRITICAL")]


async def test_a_websocket_takes_no_place_of_requests(start: Callable[..., Running]) -> None:
    running = start(max_connections=1)
    async with socket(running.url), socket(running.url), httpx.AsyncClient(base_url=running.url) as http:
        assert (await http.get("/livez")).status_code == 200


FORM = "multipart/form-data; boundary=b"
PART = b'--b\r\nContent-Disposition: form-data; name="%b"; filename="a"\r\n\r\n'


@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.parametrize(
    ("path", "kind", "file", "status", "most_bytes"),
    [
        ("/api/images", "image/png", "", 413, 2**20),
        ("/api/images", FORM, "file", 413, 2**20 + 2**16),
        ("/api/images", FORM, "other", 422, 0),
        ("/api/jobs", FORM, "style", 413, 2**20),
        ("/api/jobs", "application/json", "", 422, 2**16),
        ("/api/jobs", "text/plain", "", 422, 0),
        ("/api/jobs/x/cancel", "image/png", "", 404, 0),
        ("/nowhere", "image/png", "", 404, 0),
    ],
)
async def test_no_more_is_read_of_a_body_than_its_limit(
    start: Callable[..., Running], path: str, kind: str, file: str, status: int, most_bytes: int, declared: bool
) -> None:
    running = start(max_upload_bytes=2**20, max_message_bytes=2**16)
    reader, writer = await asyncio.open_connection(*running.listening.getsockname()[:2])
    total, piece = 2**26, bytes(2**16)
    # within the limit of the whole body where only one of its files is too large
    announced = 5 * 2**20 if path == "/api/jobs" and kind == FORM else total
    length = f"Content-Length: {announced}" if declared else "Transfer-Encoding: chunked"
    writer.write(f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\n{length}\r\n\r\n".encode())
    left = total

    async def send() -> None:
        nonlocal left
        for part in (PART % file.encode() if file else b"", *[piece] * (total // len(piece))):
            writer.write(part if declared else b"%x\r\n%b\r\n" % (len(part), part) if part else b"")
            await writer.drain()
            left -= len(part)

    sending = asyncio.create_task(send())
    # an answer and the end of the stream, while the client still sends
    answer = await asyncio.wait_for(reader.read(), TIMEOUT_S)
    assert left > total // 2
    sending.cancel()
    writer.transport.abort()
    await asyncio.gather(sending, writer.wait_closed(), return_exceptions=True)
    assert int(answer.split()[1]) == (413 if declared else status)
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"]
    async with httpx.AsyncClient(base_url=running.url) as http:
        read = value_of((await http.get("/metrics")).text, "duostyle_http_body_bytes_total")
    # two reads of the socket may be on their way within the server
    assert read <= most_bytes + 2**19
