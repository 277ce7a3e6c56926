"""Connections that break at any moment: who comes back misses nothing and gets nothing twice."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.support.contract import ENDS
from tests.support.fake_engine import FakeEngine
from tests.support.real_server import wire
from tests.support.real_server.http_client import Client
from tests.support.real_server.raw_client import Raw, raw
from tests.support.real_server.running import Running
from tests.support.real_server.socket_client import LONG_TIMEOUT_S

pytestmark = pytest.mark.real_server

STEPS = 60


class View:
    """What one client has learnt of a job over all its connections."""

    def __init__(self) -> None:
        self.steps: list[int] = []
        self.frames: list[int] = []
        self.seq = 0
        self.status = ""
        self.final = False

    def learn(self, opcode: int, payload: bytes) -> dict[str, Any]:
        if opcode == wire.BINARY:
            header = wire.header_of(payload)
            assert header["seq"] > self.frame, "a frame came twice"
            self.frames.append(header["seq"])
            self.final = header["final"]
            return header
        message = dict(wire.message_of(payload))
        if message["type"] == "state":
            assert message["seq"] >= self.seq, "the state is older than what was told"
            self.status = message["status"]
            if message["step"] > (self.steps or [0])[-1]:
                self.steps.append(message["step"])
            self.seq = message["seq"]
        elif message["type"] == "progress":
            assert message["seq"] > self.seq, "progress came twice"
            self.seq = message["seq"]
            self.steps.append(message["step"])
        elif message["type"] in ENDS:
            self.status = message["type"]
        return message

    @property
    def frame(self) -> int:
        return self.frames[-1] if self.frames else 0


async def until(client: Raw, view: View, wanted: Callable[[dict[str, Any]], bool]) -> None:
    async with asyncio.timeout(LONG_TIMEOUT_S):
        while True:
            opcode, payload = await client.frame()
            if opcode not in (wire.TEXT, wire.BINARY):
                continue
            message = view.learn(opcode, payload)
            if opcode == wire.BINARY:
                await client.send("ack", job=message["job"], seq=message["seq"])
            if wanted(message):
                return


async def test_a_connection_that_keeps_breaking_sees_every_step_once(start: Callable[..., Running]) -> None:
    engine, chance, view = FakeEngine(steps=STEPS, gated=True), random.Random(4), View()
    running = start(engine, progress_per_s=60, max_fps=60, max_requests_per_s=10_000)
    async with httpx.AsyncClient(base_url=running.url) as http:
        job = (await Client(http).submit())["job"]
        painted, connections = 0, 0
        while view.status not in ENDS:
            connections += 1
            async with raw(running.url, buffer_bytes=1 << 16) as client:
                await client.send("subscribe", job=job, after=view.frame, frames={"max_fps": 60})
                await until(client, view, lambda message: message["type"] == "state")
                for _ in range(chance.randrange(4)):
                    if view.status in ENDS:
                        break
                    painted += 1
                    engine.release()
                    await until(client, view, lambda message: message["type"] in ("progress", *ENDS))
                # anything may be on its way now, in either direction
                client.kill()
        assert connections > 20
        assert view.steps == list(range(1, STEPS + 1))
        async with raw(running.url) as client:
            await client.send("subscribe", job=job, after=view.frame, frames={})
            await until(client, view, lambda message: message["type"] == "state")
            assert view.status == "completed"
            if not view.final:
                await until(client, view, lambda message: message["type"] == "frame")
            assert view.final
            # nothing more comes: the next word is the answer to ours
            await client.send("ping", ref="last")
            while (found := await client.frame())[0] != wire.TEXT:
                continue
            assert wire.message_of(found[1])["type"] == "pong"


async def test_the_last_frame_waits_for_who_comes_back_from_anywhere(start: Callable[..., Running]) -> None:
    engine, first, second = FakeEngine(steps=9, gated=True), View(), View()
    running = start(engine)
    async with httpx.AsyncClient(base_url=running.url) as http:
        job = (await Client(http).submit())["job"]
        async with raw(running.url) as client:
            await client.send("subscribe", job=job, frames={})
            engine.release(3)
            await until(client, first, lambda message: message["type"] == "frame")
            client.kill()
        # the engine stands still; another program that has seen nothing gets the same picture
        async with raw(running.url) as client:
            await client.send("subscribe", job=job, frames={})
            await until(client, second, lambda message: message["type"] == "frame")
        assert second.frame >= first.frame
        # who has seen it does not get it again
        async with raw(running.url) as client:
            await client.send("subscribe", job=job, frames={}, after=second.frame)
            await client.until("state")
            await client.send("ping")
            opcode, payload = await client.frame()
            assert (opcode, wire.message_of(payload)["type"]) == (wire.TEXT, "pong")
