"""A client's socket down at the bytes: it reads only on request, as slowly as wanted; or very quickly, very often."""

from __future__ import annotations

import asyncio
import contextlib
import math
import socket as sockets
import struct
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Any

from duostyle.protocol.frames import decode_frame
from tests.support.real_server import wire
from tests.support.real_server.socket_client import TIMEOUT_S, Conversation


class Raw(Conversation, asyncio.BufferedProtocol):
    """One upgraded connection.

    With `on_frame`, that is called with (opcode, payload) as soon as a frame is whole. Without it nothing is read but
    by `frame` and its kin, at most `limit` bytes at a time and `bytes_per_s`, and no frame is acknowledged.
    """

    acknowledges = False

    def __init__(self, on_frame: Callable[[int, bytes], None] | None = None) -> None:
        self.limit, self.bytes_per_s = 1 << 16, math.inf
        self._on_frame = on_frame
        self._reader, self._buffer = wire.Reader(), bytearray(self.limit)
        self._whole: deque[tuple[int, bytes]] = deque()
        self._error: Exception | None = None
        self._lost, self._free_at = False, 0.0
        self._news, self._writable = asyncio.Event(), asyncio.Event()
        self._writable.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        if self._on_frame is None:
            transport.pause_reading()
        transport.write(wire.upgrade(*transport.get_extra_info("peername")[:2]))

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = True
        self._news.set()
        self._writable.set()

    def get_buffer(self, sizehint: int) -> memoryview:
        return memoryview(self._buffer)[: self.limit]

    def buffer_updated(self, nbytes: int) -> None:
        if self._on_frame is None:
            self._transport.pause_reading()
        # time in which nothing came does not add up to a burst later
        self._free_at = max(self._free_at, time.monotonic()) + nbytes / self.bytes_per_s
        try:
            for opcode, payload in self._reader.feed(memoryview(self._buffer)[:nbytes]):
                if self._on_frame is None:
                    self._whole.append((opcode, payload))
                else:
                    self._on_frame(opcode, payload)
        except ConnectionError as error:
            self._error = error
            self._transport.abort()
        self._news.set()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def push(self, data: bytes) -> None:
        """Bytes of `wire` that leave when they can; nothing on a connection that is gone."""
        if not self._transport.is_closing():
            self._transport.write(data)

    async def write(self, data: bytes) -> None:
        """Bytes of `wire`, when they have nearly left. Raises ConnectionError when the server has hung up."""
        self.push(data)
        await asyncio.wait_for(self._writable.wait(), TIMEOUT_S)
        if self._lost:
            raise self._error or ConnectionError("the server hung up")

    async def send(self, type: str, **fields: Any) -> None:
        await self.write(wire.say(type, **fields))

    def stop_reading(self) -> None:
        self._transport.pause_reading()

    async def read(self) -> bool:
        """Take what is there, when it is time; False at the end of the connection."""
        await asyncio.sleep(self._free_at - time.monotonic())
        self._news.clear()
        if not self._lost:
            self._transport.resume_reading()
            await asyncio.wait_for(self._news.wait(), TIMEOUT_S)
        return not self._lost

    def taken(self) -> tuple[int, bytes] | None:
        """The next frame that has been read whole, as (opcode, payload)."""
        return self._whole.popleft() if self._whole else None

    async def frame(self) -> tuple[int, bytes]:
        """The next frame. Raises ConnectionError at the end of the connection."""
        while (found := self.taken()) is None:
            if not await self.read():
                raise self._error or ConnectionError("the server hung up")
        return found

    async def receive(self) -> dict[str, Any]:
        """The next message; pings on the way are answered."""
        while True:
            opcode, payload = await self.frame()
            if opcode == wire.PING:
                await self.write(wire.frame(wire.PONG, payload))
            if opcode == wire.TEXT:
                return wire.message_of(payload)
            if opcode == wire.BINARY:
                header, image = decode_frame(payload)
                return {**header, "image": image}

    def kill(self) -> None:
        """Vanish as a crashed program does: with a reset, without a close frame."""
        if not self._transport.is_closing():
            connection = self._transport.get_extra_info("socket")
            connection.setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, struct.pack("ii", 1, 0))
            self._transport.abort()


@contextlib.asynccontextmanager
async def raw(url: str, *, buffer_bytes: int | None = 4096) -> AsyncIterator[Raw]:
    """A connection that has received `hello` and is read on request; the system takes `buffer_bytes` ahead of it."""
    host, _, port = url.removeprefix("http://").rpartition(":")
    connection = sockets.socket()
    if buffer_bytes is not None:
        connection.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, buffer_bytes)
    connection.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(connection, (host, int(port)))
    _, client = await loop.create_connection(Raw, sock=connection)
    try:
        await client.until("hello")
        yield client
    finally:
        client.kill()
