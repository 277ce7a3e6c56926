"""The clients of `bench.live`: many watchers on one event loop, raw, and readers that stop or are slow."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from bench.live.process import PATIENCE_S, Served
from tests.support.real_server import wire

_LARGEST_SEQ = 2**53 - 1


class Watcher(asyncio.Protocol):
    """Subscribes, acknowledges each frame when its last byte is there, and remembers when that was."""

    def __init__(self, served: Served, subscribe: dict[str, Any] | None) -> None:
        self._served, self._subscribe = served, subscribe
        self._reader = wire.Reader()
        self._transport: asyncio.Transport | None = None
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

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(wire.upgrade(self._served.host, self._served.port))

    def connection_lost(self, exc: Exception | None) -> None:
        self._news.set()

    def data_received(self, data: bytes) -> None:
        for opcode, payload in self._reader.feed(data):
            self._take(opcode, payload)

    async def heard(self) -> None:
        """Wait for the next text, or the end of the connection."""
        self._news.clear()
        await asyncio.wait_for(self._news.wait(), PATIENCE_S)

    def send(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def stop_reading(self) -> None:
        if self._transport is not None:
            self._transport.pause_reading()

    def kill(self) -> None:
        """Vanish without a goodbye."""
        if self._transport is not None:
            self._transport.abort()

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


async def watch(served: Served, **subscribe: Any) -> Watcher:
    """A watcher that has heard `hello` and asked for `subscribe` (nothing when empty)."""
    loop = asyncio.get_running_loop()
    _, watcher = await loop.create_connection(
        lambda: Watcher(served, subscribe or None), host=served.host, port=served.port
    )
    await asyncio.wait_for(watcher.greeted.wait(), PATIENCE_S)
    return watcher


async def many(served: Served, count: int, **subscribe: Any) -> list[Watcher]:
    """So many watchers, a few at a time."""
    watchers: list[Watcher] = []
    while len(watchers) < count:
        batch = min(25, count - len(watchers))
        watchers += await asyncio.gather(*(watch(served, **subscribe) for _ in range(batch)))
    return watchers


async def stall(
    served: Served, count: int, job: str, *, polite: bool = False
) -> tuple[list[Watcher], asyncio.Task[None]]:
    """Watchers that stop reading at once. Unless `polite` they go on saying that they drew everything, so that the
    server has every reason to send them more; end the task to have them fall silent."""
    watchers = await many(served, count, job=job, frames={"window": 1 if polite else 4})
    for watcher in watchers:
        watcher.stop_reading()

    async def lie() -> None:
        while not polite:
            for watcher in watchers:
                watcher.send(wire.say("ack", job=job, seq=_LARGEST_SEQ))
            await asyncio.sleep(0.1)

    return watchers, asyncio.create_task(lie())


@asynccontextmanager
async def slow(served: Served, bytes_per_s: float) -> AsyncIterator[AsyncIterator[tuple[int, bytes, socket.socket]]]:
    """A connection read at `bytes_per_s`: gives (opcode, payload, socket to answer on) as they come out."""
    loop = asyncio.get_running_loop()
    with socket.create_connection((served.host, served.port)) as connection:
        connection.setblocking(False)
        await loop.sock_sendall(connection, wire.upgrade(served.host, served.port))

        async def read() -> AsyncIterator[tuple[int, bytes, socket.socket]]:
            reader, began, taken = wire.Reader(), loop.time(), 0
            while data := await loop.sock_recv(connection, max(500, int(bytes_per_s / 100))):
                taken += len(data)
                for opcode, payload in reader.feed(data):
                    yield opcode, payload, connection
                ahead_s = began + taken / bytes_per_s - loop.time()
                if ahead_s > 0:
                    await asyncio.sleep(ahead_s)
                else:
                    # time in which nothing came does not add up to a burst later
                    began -= ahead_s

        yield read()


def _nothing(message: dict[str, Any]) -> None:
    return None
