"""Live views: two watchers, one that stalls, one that comes back, and a server that goes."""

from __future__ import annotations

import asyncio
import contextlib
import socket as sockets
from collections.abc import Callable

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from duostyle.imaging import decode as images
from tests.support.contract import ENDS
from tests.support.fake_engine import ENDLESS, FakeEngine, picture_of
from tests.support.real_server.http_client import Client
from tests.support.real_server.running import Running
from tests.support.real_server.socket_client import TIMEOUT_S, socket

pytestmark = pytest.mark.real_server


async def test_two_watchers_see_the_same_end_and_one_last_frame(start: Callable[..., Running]) -> None:
    engine = FakeEngine(steps=4, gated=True)
    running = start(engine)
    async with (
        httpx.AsyncClient(base_url=running.url) as raw,
        socket(running.url) as numbers,
        socket(running.url) as pictures,
    ):
        image = await Client(raw).upload()
        await pictures.send("submit", ref="r", content=image, styles=[image], params={})
        accepted = await pictures.until("accepted")
        assert accepted["ref"] == "r"
        await numbers.watch(accepted["job"])
        engine.release(10)
        seen = [await watcher.all_until(*ENDS) for watcher in (numbers, pictures)]
    assert [messages[-1]["type"] for messages in seen] == ["completed", "completed"]
    assert seen[0][-1]["seq"] == seen[1][-1]["seq"]
    assert not [message for message in seen[0] if message["type"] == "frame"]
    frames = [message for message in seen[1] if message["type"] == "frame"]
    assert [frame["final"] for frame in frames].count(True) == 1
    assert frames[-1]["final"]
    last = images.decode(frames[-1]["image"])
    assert abs(last.rgb[0] - picture_of(4).rgb[0]) <= 2
    steps = [message["step"] for message in seen[0] if message["type"] == "progress"]
    assert steps == sorted(set(steps))


async def test_nothing_about_a_job_after_its_end(start: Callable[..., Running]) -> None:
    engine = FakeEngine(steps=3)
    running = start(engine)
    async with httpx.AsyncClient(base_url=running.url) as raw, socket(running.url) as watcher:
        image = await Client(raw).upload()
        await watcher.send("submit", content=image, styles=[image], params={})
        job = (await watcher.until("accepted"))["job"]
        await watcher.until("completed")
        await watcher.send("cancel", ref="late", job=job, key="wrong")
        after = await watcher.all_until("error")
        await watcher.send("ping", ref="last")
        after += await watcher.all_until("pong")
        assert [message["type"] for message in after] == ["error", "pong"]
        assert after[0]["code"] == "forbidden"


async def test_a_cancelled_job_tells_every_watcher_once(start: Callable[..., Running]) -> None:
    engine = FakeEngine(steps=9, gated=True)
    running = start(engine)
    async with (
        httpx.AsyncClient(base_url=running.url) as raw,
        socket(running.url) as first,
        socket(running.url) as second,
    ):
        accepted = await Client(raw).submit()
        for watcher in (first, second):
            await watcher.watch(accepted["job"])
        engine.release(1)
        await first.until("progress")
        for _ in range(2):
            await first.send("cancel", job=accepted["job"], key=accepted["key"], ref="c")
        for watcher in (first, second):
            await watcher.until("cancelled")
            await watcher.send("ping", ref="after")
            rest = await watcher.all_until("pong")
            assert "cancelled" not in [message["type"] for message in rest]


async def test_who_comes_back_sees_the_state_and_the_last_frame_at_once(start: Callable[..., Running]) -> None:
    engine = FakeEngine(steps=9, gated=True)
    running = start(engine)
    async with httpx.AsyncClient(base_url=running.url) as raw:
        accepted = await Client(raw).submit()
        async with socket(running.url) as watcher:
            await watcher.watch(accepted["job"], frames={})
            engine.release(3)
            await watcher.until("frame")
        # The engine stands still now: what comes is remembered, not painted.
        async with socket(running.url) as watcher:
            assert (await watcher.watch(accepted["job"], frames={}))["status"] == "running"
            assert (await watcher.until("frame"))["job"] == accepted["job"]


async def test_a_stalled_reader_delays_nobody_and_is_dropped(start: Callable[..., Running]) -> None:
    # Uploaded to a server with the ordinary limits: under load the stricter one might give up on the upload itself.
    patient = start(FakeEngine())
    async with httpx.AsyncClient(base_url=patient.url) as raw:
        image = await Client(raw).upload()
    patient.stop()
    engine = FakeEngine(steps=ENDLESS, gated=True, size=(600, 600))
    running = start(
        engine, send_timeout_s=0.5, heartbeat_s=600.0, max_fps=60.0, progress_per_s=60.0, max_requests_per_s=10_000
    )
    buffered = sockets.socket()
    buffered.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
    buffered.connect(running.listening.getsockname())
    buffered.setblocking(False)
    async with (
        httpx.AsyncClient(base_url=running.url) as raw,
        socket(running.url) as healthy,
        socket(running.url, sock=buffered, ping_interval=None) as stalled,
    ):
        await healthy.send("submit", content=image, styles=[image], params={}, frames=False)
        job = (await healthy.until("accepted"))["job"]
        await stalled.watch(job, frames={"max_fps": 60, "window": 4, "quality": 95})
        # From here on it reads nothing, but says that it drew everything, so that frames keep coming.
        stalled.connection.transport.pause_reading()
        steps: list[int] = []
        async with asyncio.timeout(60):
            # Gone, not just given up: nothing of it is left in the server, whether its own time limit or the system's
            # ended first.
            while len(steps) % 10 or "duostyle_sockets 1.0" not in (await raw.get("/metrics")).text:
                engine.release(1)
                steps.append((await healthy.until("progress"))["step"])
                with contextlib.suppress(ConnectionClosed):
                    await stalled.send("ack", job=job, seq=2 * len(steps) + 10)
        assert steps == list(range(1, len(steps) + 1)), "the healthy one missed nothing"
        await healthy.send("ping", ref="alive")
        await healthy.until("pong")
        stalled.connection.transport.abort()


async def test_watchers_hear_of_a_restart_before_the_socket_closes(start: Callable[..., Running]) -> None:
    running = start(FakeEngine(gated=True))
    async with socket(running.url) as watcher:
        stopping = asyncio.create_task(asyncio.to_thread(running.stop))
        message = await watcher.until("shutdown")
        assert message["retry_s"] > 0
        with pytest.raises(ConnectionClosed) as raised:
            await watcher.receive()
        assert raised.value.rcvd is not None
        assert raised.value.rcvd.code == 1012
        await asyncio.wait_for(stopping, TIMEOUT_S)


async def test_a_client_that_offers_no_subprotocol_is_served(start: Callable[..., Running]) -> None:
    running = start()
    async with connect(running.url.replace("http", "ws") + "/ws") as connection:
        assert '"hello"' in str(await asyncio.wait_for(connection.recv(), TIMEOUT_S))
        assert connection.subprotocol is None
    async with socket(running.url) as watcher:
        assert watcher.connection.subprotocol == "duostyle.v1"


@pytest.mark.parametrize(("payload", "code"), [(b"\x00", 1003), ("x" * (64 * 2**10 + 1), 1009)])
async def test_violations_close_with_their_code(start: Callable[..., Running], payload: bytes | str, code: int) -> None:
    running = start()
    async with socket(running.url) as watcher:
        await watcher.connection.send(payload)
        with pytest.raises(ConnectionClosed) as raised:
            await watcher.until("never")
        assert raised.value.rcvd is not None
        assert raised.value.rcvd.code == code


async def test_a_large_message_within_the_limit_is_answered(start: Callable[..., Running]) -> None:
    running = start()
    async with socket(running.url) as watcher:
        await watcher.connection.send('{"type":"ping","ref":"r","pad":"' + "x" * 60_000 + '"}')
        assert (await watcher.until("pong"))["ref"] == "r"
