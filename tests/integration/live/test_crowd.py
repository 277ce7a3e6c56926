"""Many watchers of one job: what they share, what each of them holds, and what is sent when nothing changes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.support.contract import ENDS
from tests.support.fake_engine import ENDLESS, FakeEngine, noise_of
from tests.support.real_server import wire
from tests.support.real_server.http_client import Client, metric
from tests.support.real_server.raw_client import raw
from tests.support.real_server.running import Running
from tests.support.real_server.socket_client import Socket, socket

pytestmark = pytest.mark.real_server


async def test_twenty_watchers_share_one_encoding_of_each_picture(start: Callable[..., Running]) -> None:
    engine = FakeEngine(steps=ENDLESS, gated=True, size=(120, 90))
    running = start(engine, max_fps=60, progress_per_s=60)
    async with contextlib.AsyncExitStack() as stack:
        http = await stack.enter_async_context(httpx.AsyncClient(base_url=running.url))
        accepted = await Client(http).submit()
        job = accepted["job"]
        ear, *watchers = [await stack.enter_async_context(socket(running.url)) for _ in range(21)]
        await ear.watch(job)
        for number, watcher in enumerate(watchers):
            # sizes that differ a little are one class
            await watcher.watch(job, frames={"max_px": 96 + number % 2, "max_fps": 60})
        images: dict[int, set[bytes]] = {}
        for _ in range(3):
            for frame in await drawn_by(watchers, engine, ear):
                assert (frame["width"], frame["height"]) == (96, 72)
                images.setdefault(frame["seq"], set()).add(frame["image"])
        await ear.send("cancel", job=job, key=accepted["key"])
        for messages in await asyncio.gather(*(watcher.all_until(*ENDS) for watcher in watchers)):
            assert messages[-1]["type"] == "cancelled"
            frames = [message for message in messages if message["type"] == "frame"]
            assert frames[-1]["final"]
            for frame in frames:
                images.setdefault(frame["seq"], set()).add(frame["image"])
        assert all(len(same) == 1 for same in images.values())
        assert await metric(http, "duostyle_frames_encoded_total") == len(images)


async def test_nothing_is_sent_of_a_picture_that_does_not_change(start: Callable[..., Running]) -> None:
    engine = FakeEngine(steps=30, gated=True)
    engine.still = True
    running = start(engine, max_fps=60, progress_per_s=60)
    async with httpx.AsyncClient(base_url=running.url) as http, socket(running.url) as watcher:
        job = (await Client(http).submit(iterations=30))["job"]
        await watcher.watch(job, frames={"max_fps": 60})
        frames = 0
        for _ in range(29):
            engine.release()
            messages = await watcher.all_until("progress")
            frames += [message["type"] for message in messages].count("frame")
        # the last picture is another one, and of every job
        engine.release()
        last = [message for message in await watcher.all_until("completed") if message["type"] == "frame"]
        assert frames + len(last) == 2
        assert last[-1]["final"]


async def test_a_stalled_watcher_holds_at_most_two_frames_and_64_kib(start: Callable[..., Running]) -> None:
    engine = FakeEngine(steps=ENDLESS, gated=True, size=(300, 300))
    engine.paint = noise_of
    running = start(engine, max_fps=60, progress_per_s=60)
    async with (
        httpx.AsyncClient(base_url=running.url) as http,
        raw(running.url) as stalled,
        socket(running.url) as healthy,
        socket(running.url) as ear,
    ):
        job = (await Client(http).submit())["job"]
        await ear.watch(job)
        await healthy.watch(job, frames={"max_fps": 60})
        await stalled.send("subscribe", job=job, frames={"max_fps": 60, "window": 4})
        largest = 0
        for _ in range(25):
            (frame,) = await drawn_by([healthy], engine, ear)
            largest = max(largest, len(frame["image"]))
            # it draws nothing and says that it did, so that it is sent as much as can be
            await stalled.write(wire.say("ack", job=job, seq=2**40))
        assert running.server is not None
        held = [connection.transport.get_write_buffer_size() for connection in running.server.server_state.connections]
        assert largest > 20_000
        assert largest < max(held) <= 2 * largest + 64 * 2**10


async def drawn_by(watchers: list[Socket], engine: FakeEngine, ear: Socket) -> list[dict[str, Any]]:
    """The next frame of each of them; the engine makes as many steps as that takes."""
    drawing = asyncio.gather(*(watcher.until("frame") for watcher in watchers))
    while not drawing.done():
        engine.release()
        await ear.until("progress")
    return await drawing
