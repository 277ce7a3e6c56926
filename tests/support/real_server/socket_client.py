"""A client's socket to a server, for tests and benchmarks; `raw_client` has the same down at the bytes."""

from __future__ import annotations

import asyncio
import contextlib
import json
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from duostyle.protocol.frames import decode_frame
from tests.support.contract import ENDS

TIMEOUT_S = 20
# for what takes many messages: each may come in time and the one that is waited for never
LONG_TIMEOUT_S = 60


class Conversation(ABC):
    """What a client sends and receives, over any transport: messages as dictionaries, frames with their `image`."""

    # whether frames are acknowledged on the way to the message that is waited for
    acknowledges = True

    @abstractmethod
    async def send(self, type: str, **fields: Any) -> None: ...

    @abstractmethod
    async def receive(self) -> dict[str, Any]:
        """The next message. Nothing is acknowledged."""

    async def watch(self, job: str, frames: Any = False) -> dict[str, Any]:
        """Subscribe and wait for the snapshot: nothing that happens from now on is missed."""
        await self.send("subscribe", job=job, frames=frames)
        return await self.until("state")

    async def until(self, *types: str) -> dict[str, Any]:
        """The next message of one of these types."""
        return (await self.all_until(*types))[-1]

    async def all_until(self, *types: str) -> list[dict[str, Any]]:
        """Every message up to and with one of these types."""
        messages: list[dict[str, Any]] = []
        async with asyncio.timeout(LONG_TIMEOUT_S):
            while not messages or messages[-1]["type"] not in types:
                messages.append(await self.receive())
                if self.acknowledges and messages[-1]["type"] == "frame":
                    await self.acknowledge(messages[-1])
        return messages

    async def acknowledge(self, frame: dict[str, Any]) -> None:
        await self.send("ack", job=frame["job"], seq=frame["seq"])


class Socket(Conversation):
    """Over the library `websockets`, as most clients are."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.timeout_s: float = TIMEOUT_S

    async def send(self, type: str, **fields: Any) -> None:
        await self.connection.send(json.dumps({"type": type, **fields}))

    async def receive(self) -> dict[str, Any]:
        """Raises ConnectionClosed, TimeoutError."""
        data = await asyncio.wait_for(self.connection.recv(), self.timeout_s)
        if isinstance(data, str):
            message: dict[str, Any] = json.loads(data)
            return message
        header, image = decode_frame(data)
        return {**header, "image": image}

    def kill(self) -> None:
        """Vanish without a close frame."""
        self.connection.transport.abort()


@contextlib.asynccontextmanager
async def socket(url: str, **options: Any) -> AsyncIterator[Socket]:
    """An open socket to the server at `http://...` whose `hello` has been read."""
    address = url.replace("http", "ws", 1) + "/ws"
    options = {"subprotocols": ["duostyle.v1"], "max_size": None, **options}
    async with connect(address, **options) as connection:
        opened = Socket(connection)
        assert (await opened.receive())["type"] == "hello"
        yield opened


async def finished(url: str, job: str) -> None:
    """Wait for the end of a job."""
    async with socket(url) as watcher:
        state = await watcher.watch(job)
        if state["status"] not in ENDS:
            await watcher.until(*ENDS)
