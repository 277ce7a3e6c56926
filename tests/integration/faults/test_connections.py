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
