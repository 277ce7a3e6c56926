"""Who is given up and who is not: readers that stop, readers that are slow, and pings both ways."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import httpx
import pytest

from tests.support.fake_engine import ENDLESS, FakeEngine, noise_of
from tests.support.real_server import wire
from tests.support.real_server.http_client import Client, metric
from tests.support.real_server.raw_client import raw
from tests.support.real_server.running import Running
from tests.support.real_server.socket_client import TIMEOUT_S

pytestmark = pytest.mark.real_server

STALLED = 'duostyle_sockets_dropped_total{reason="stalled"}'


async def until_alone(http: httpx.AsyncClient) -> None:
    """Until the server has let go of every socket."""
    async with asyncio.timeout(TIMEOUT_S):
        while await metric(http, "duostyle_sockets") > 0:
            pass


async def test_a_reader_that_stops_is_dropped_though_little_is_sent(start: Callable[..., Running]) -> None:
    # all that it is sent fits into the system's buffers: only the ping it owes tells
    running = start(FakeEngine(), heartbeat_s=0.2, pong_timeout_s=0.4, send_timeout_s=600, max_requests_per_s=10_000)
    async with httpx.AsyncClient(base_url=running.url) as http, raw(running.url):
        await until_alone(http)
        assert await metric(http, STALLED) == 1


async def test_a_reader_that_stops_in_a_flood_is_dropped_though_it_talks(start: Callable[..., Running]) -> None:
    engine = FakeEngine(steps=ENDLESS, gated=True, size=(300, 300))
    engine.paint = noise_of
    running = start(
        engine, heartbeat_s=600, pong_timeout_s=600, send_timeout_s=0.5, max_fps=60, max_requests_per_s=10_000
    )
    async with httpx.AsyncClient(base_url=running.url) as http, raw(running.url) as client:
        accepted = await Client(http).submit()
        await client.send("subscribe", job=accepted["job"], frames={"max_fps": 60, "quality": 95, "window": 4})
        async with asyncio.timeout(TIMEOUT_S):
            while await metric(http, "duostyle_sockets") > 0:
                engine.release()
                try:
                    # it says that it drew everything, so that frames keep coming
                    await client.send("ack", job=accepted["job"], seq=2**40)
                except ConnectionError:
                    break
        await until_alone(http)
        assert await metric(http, STALLED) == 1


async def test_a_slow_reader_is_kept_however_long_a_frame_takes(start: Callable[..., Running]) -> None:
    engine = FakeEngine(steps=ENDLESS, gated=True, size=(160, 160))
    engine.paint = noise_of
    # a busy machine may hold up both ends for a moment: an answer has time for that
    running = start(engine, heartbeat_s=0.2, pong_timeout_s=1.0, max_requests_per_s=10_000)
    async with httpx.AsyncClient(base_url=running.url) as http, raw(running.url) as client:
        accepted = await Client(http).submit()
        await client.send("subscribe", job=accepted["job"], frames={"quality": 95})
        await client.until("state")
        engine.release()
        client.limit, client.bytes_per_s, began = 1000, 20_000, time.monotonic()
        size = len((await client.until("frame"))["image"])
        took_s = time.monotonic() - began
        # the picture alone took much longer than an answer to a ping may
        assert size > 60_000
        assert took_s > 3.0
        assert await metric(http, STALLED) == 0
        await client.send("ping", ref="alive")
        await client.until("pong")


async def test_pings_go_both_ways_and_who_answers_none_is_told_why(start: Callable[..., Running]) -> None:
    running = start(FakeEngine(), heartbeat_s=0.1, pong_timeout_s=2.0)
    async with raw(running.url) as client:
        await client.write(wire.frame(wire.PING, b"mine"))
        answered, mine = 0, False
        while answered < 8 or not mine:
            opcode, payload = await client.frame()
            if opcode == wire.PING:
                answered += 1
                await client.write(wire.frame(wire.PONG, payload))
            mine = mine or (opcode, payload) == (wire.PONG, b"mine")
        # from here on it reads but owes every answer
        while (found := await client.frame())[0] != wire.CLOSE:
            assert found[0] == wire.PING
        assert int.from_bytes(found[1][:2], "big") == 1011


async def test_pongs_for_who_does_not_read_do_not_pile_up(start: Callable[..., Running]) -> None:
    running = start(FakeEngine(), heartbeat_s=600, max_requests_per_s=10_000)
    async with httpx.AsyncClient(base_url=running.url) as http, raw(running.url) as client:
        pings = wire.frame(wire.PING, bytes(125)) * 500
        for _ in range(64):
            # 4 MB in all: one read of it may still be answered, the rest must not be
            await client.write(pings)
        await client.send("ping")
        async with asyncio.timeout(TIMEOUT_S):
            # when this one is counted, those before it have been handled
            while await metric(http, 'duostyle_messages_received_total{type="ping"}') == 0:
                pass
        assert running.server is not None
        held = [connection.transport.get_write_buffer_size() for connection in running.server.server_state.connections]
        assert 0 < max(held) < 1 << 19


async def test_no_compression_is_agreed_on(start: Callable[..., Running]) -> None:
    running = start(FakeEngine())
    host, port = running.listening.getsockname()[:2]
    reader, writer = await asyncio.open_connection(host, port)
    asking = b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n"
    writer.write(wire.upgrade(host, port)[:-2] + asking)
    answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), TIMEOUT_S)
    assert answer.startswith(b"HTTP/1.1 101")
    assert b"extensions" not in answer.lower()
    writer.close()
    await writer.wait_closed()
