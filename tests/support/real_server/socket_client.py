"""A client's socket to a server, for tests and benchmarks."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from duostyle.protocol.frames import decode_frame
from tests.support.contract import ENDS

PATIENCE_S = 20
# for what takes many messages: each may come in time and the one that is waited for never
LONG_PATIENCE_S = 60


class Socket:
    """The WebSocket: messages as dictionaries, frames with their image under `image`."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def send(self, type: str, **fields: Any) -> None:
        await self.connection.send(json.dumps({"type": type, **fields}))

    async def receive(self) -> dict[str, Any]:
        data = await asyncio.wait_for(self.connection.recv(), PATIENCE_S)
        if isinstance(data, str):
            message: dict[str, Any] = json.loads(data)
            return message
        header, image = decode_frame(data)
        return {**header, "image": image}

    async def watch(self, job: str, frames: Any = False) -> dict[str, Any]:
        """Subscribe and wait for the snapshot: nothing that happens from now on is missed."""
        await self.send("subscribe", job=job, frames=frames)
        return await self.until("state")

    async def until(self, *types: str) -> dict[str, Any]:
        """The next message of one of these types; frames on the way are acknowledged."""
        async with asyncio.timeout(LONG_PATIENCE_S):
            while True:
                message = await self.receive()
                if message["type"] == "frame":
                    await self.send("ack", job=message["job"], seq=message["seq"])
                if message["type"] in types:
                    return message

    async def all_until(self, *types: str) -> list[dict[str, Any]]:
        """Every message up to and with one of these types; frames are acknowledged."""
        messages: list[dict[str, Any]] = []
        async with asyncio.timeout(LONG_PATIENCE_S):
            while not messages or messages[-1]["type"] not in types:
                messages.append(await self.receive())
                if messages[-1]["type"] == "frame":
                    await self.send("ack", job=messages[-1]["job"], seq=messages[-1]["seq"])
        return messages


@contextlib.asynccontextmanager
async def socket(url: str, **options: Any) -> AsyncIterator[Socket]:
    """An open socket whose `hello` has been read."""
    address = url.replace("http", "ws", 1) + "/ws"
    async with connect(address, subprotocols=["duostyle.v1"], **options) as connection:  # type: ignore[list-item]
        opened = Socket(connection)
        assert (await opened.receive())["type"] == "hello"
        yield opened


async def finished(url: str, job: str) -> None:
    """Wait for the end of a job."""
    async with socket(url) as watcher:
        state = await watcher.watch(job)
        if state["status"] not in ENDS:
            await watcher.until(*ENDS)
