"""A client down at the bytes: it reads only when told to, and as slowly as wanted."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket as sockets
import struct
from collections import deque
from collections.abc import AsyncIterator
from typing import Any

from tests.support.real_server import wire
from tests.support.real_server.running import Running
from tests.support.real_server.socket_client import LONG_PATIENCE_S, PATIENCE_S


class Raw:
    """One upgraded connection. Nothing is read but by `frame` and its kin, `limit` bytes at a time."""

    def __init__(self, connection: sockets.socket) -> None:
        self.socket = connection
        self.limit = 1 << 16
        self.reader = wire.Reader()
        self._loop = asyncio.get_running_loop()
        self._whole: deque[tuple[int, bytes]] = deque()

    async def send(self, data: bytes) -> None:
        await asyncio.wait_for(self._loop.sock_sendall(self.socket, data), PATIENCE_S)

    async def say(self, type: str, **fields: Any) -> None:
        await self.send(wire.say(type, **fields))

    async def read(self) -> bool:
        """Take what is there, at most `limit` bytes; False at the end of the connection."""
        try:
            data = await asyncio.wait_for(self._loop.sock_recv(self.socket, self.limit), PATIENCE_S)
        except ConnectionError:
            return False
        self._whole.extend(self.reader.feed(data))
        return bool(data)

    def taken(self) -> tuple[int, bytes] | None:
        """The next frame that has been read whole, as (opcode, payload)."""
        return self._whole.popleft() if self._whole else None

    async def frame(self) -> tuple[int, bytes]:
        """The next frame. Raises ConnectionError at the end of the connection."""
        while (found := self.taken()) is None:
            if not await self.read():
                raise ConnectionError("the server hung up")
        return found

    async def until(self, *types: str) -> dict[str, Any]:
        """The next text of one of these types; pings on the way are answered."""
        async with asyncio.timeout(LONG_PATIENCE_S):
            while True:
                opcode, payload = await self.frame()
                if opcode == wire.PING:
                    await self.send(wire.frame(wire.PONG, payload))
                if opcode == wire.TEXT and (message := dict(json.loads(payload)))["type"] in types:
                    return message

    def kill(self) -> None:
        """Vanish as a crashed program does: with a reset, without a goodbye."""
        self.socket.setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    @classmethod
    @contextlib.asynccontextmanager
    async def connect(cls, host: str, port: int, *, buffer_bytes: int = 4096) -> AsyncIterator[Raw]:
        """A connection that has heard `hello` and whose system takes little ahead of it."""
        with sockets.socket() as connection:
            connection.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, buffer_bytes)
            connection.setblocking(False)
            connecting = asyncio.get_running_loop().sock_connect(connection, (host, port))
            await asyncio.wait_for(connecting, PATIENCE_S)
            client = cls(connection)
            await client.send(wire.upgrade(host, port))
            await client.until("hello")
            yield client


@contextlib.asynccontextmanager
async def raw(running: Running, *, buffer_bytes: int = 4096) -> AsyncIterator[Raw]:
    """A connection to a server of this process."""
    host, port = running.listening.getsockname()[:2]
    async with Raw.connect(host, port, buffer_bytes=buffer_bytes) as client:
        yield client
