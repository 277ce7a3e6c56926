"""The clients of `bench.live`: many watchers on one event loop, readers that stop, and the server that they watch."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import httpx
from PIL import Image

from tests.support.picture_files import saved
from tests.support.real_server import wire
from tests.support.real_server.http_client import Client
from tests.support.real_server.raw_client import Raw
from tests.support.real_server.server_process import ServerProcess, server_process
from tests.support.real_server.socket_client import TIMEOUT_S

_LARGEST_SEQ = 2**53 - 1
_SIDE_PX = 512


def paced_server(*, fps: float = 10, still: bool = False, **settings: Any) -> AbstractContextManager[ServerProcess]:
    """The product with an engine that paints nothing but publishes on time: each step has a picture of 60 KiB as JPEG.

    Its diary records when it published which step, on the clock that all processes of a machine share.
    """
    engine = {
        "steps": 5000,
        "step_s": 1 / fps,
        "size": (_SIDE_PX, _SIDE_PX),
        "paint": 60,
        "still": still,
        "diary": True,
        "checkpoint_numbers": 3 * _SIDE_PX**2,
    }
    return server_process(engine, **settings)


def published(server: ServerProcess) -> dict[int, float]:
    """Step to the moment when a paced server published it, of every step so far."""
    lines = server.diary.read_text("ascii").splitlines()
    return {int(step): float(at) for _, step, _, at in (line.split() for line in lines)}


async def submit(server: ServerProcess, *, styles: int = 1, **params: Any) -> dict[str, Any]:
    """Queue a job; the answer."""
    async with httpx.AsyncClient(base_url=server.url) as http:
        # pictures with something in them: the real engine must have features to match
        noises = [Image.effect_noise((192, 144), 20 + 15 * number).convert("RGB") for number in range(styles + 1)]
        content, *others = [await Client(http).upload(saved(noise)) for noise in noises]
        return await Client(http).submit(content, others, **params)


class Watcher:
    """Subscribes, acknowledges each frame when its last byte is there, and remembers when that was."""

    def __init__(self, subscribe: dict[str, Any] | None) -> None:
        self._subscribe = subscribe
        self.raw = Raw(self._take)
        self.send, self.kill = self.raw.push, self.raw.kill
        self.greeted = asyncio.Event()
        self._news = asyncio.Event()
        self.progress: dict[str, Any] = {}
        # (moment, step) of each frame; (moment, message) of each text
        self.frames: list[tuple[float, int]] = []
        self.frame_seqs: list[int] = []
        self.texts: list[tuple[float, dict[str, Any]]] = []
        self.text_bytes: list[int] = []
        self.frame_bytes = 0
        self.close_code: int | None = None
        self.on_message: Callable[[dict[str, Any]], None] = _nothing

    async def heard(self) -> None:
        """Wait for the next text."""
        self._news.clear()
        await asyncio.wait_for(self._news.wait(), TIMEOUT_S)

    def _take(self, opcode: int, payload: bytes) -> None:
        now = time.monotonic()
        if opcode == wire.BINARY:
            header = wire.header_of(payload)
            self.frames.append((now, header["step"]))
            self.frame_seqs.append(header["seq"])
            self.frame_bytes += len(payload)
            self.send(wire.say("ack", job=header["job"], seq=header["seq"]))
            self.on_message(header)
        elif opcode == wire.TEXT:
            message = wire.message_of(payload)
            self.texts.append((now, message))
            self.text_bytes.append(len(payload))
            if message["type"] == "hello":
                self.greeted.set()
                if self._subscribe is not None:
                    self.send(wire.say("subscribe", **self._subscribe))
            if message["type"] == "progress":
                self.progress = message
            self.on_message(message)
            self._news.set()
        elif opcode == wire.PING:
            self.send(wire.frame(wire.PONG, payload))
        elif opcode == wire.CLOSE:
            self.close_code = int.from_bytes(payload[:2], "big")
            self.send(wire.frame(wire.CLOSE, payload[:2]))


async def watch(server: ServerProcess, **subscribe: Any) -> Watcher:
    """A watcher that has received `hello` and sent `subscribe` (nothing when empty)."""
    watcher = Watcher(subscribe or None)
    await asyncio.get_running_loop().create_connection(lambda: watcher.raw, host=server.host, port=server.port)
    await asyncio.wait_for(watcher.greeted.wait(), TIMEOUT_S)
    return watcher


async def many(server: ServerProcess, count: int, **subscribe: Any) -> list[Watcher]:
    """So many watchers, a few at a time."""
    watchers: list[Watcher] = []
    while len(watchers) < count:
        batch = min(25, count - len(watchers))
        watchers += await asyncio.gather(*(watch(server, **subscribe) for _ in range(batch)))
    return watchers


async def stall(
    server: ServerProcess, count: int, job: str, *, polite: bool = False
) -> tuple[list[Watcher], asyncio.Task[None]]:
    """Watchers that stop reading at once. Unless `polite` they go on saying that they drew everything, so that the
    server keeps sending; end the task to have them fall silent."""
    watchers = await many(server, count, job=job, frames={"window": 1 if polite else 4})
    for watcher in watchers:
        watcher.raw.stop_reading()

    async def lie() -> None:
        while not polite:
            for watcher in watchers:
                watcher.send(wire.say("ack", job=job, seq=_LARGEST_SEQ))
            await asyncio.sleep(0.1)

    return watchers, asyncio.create_task(lie())


def _nothing(message: dict[str, Any]) -> None:
    return None
