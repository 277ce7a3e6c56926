"""One client's socket to a running server, for benchmarks that measure what a client sees."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from tests.support.contract import ENDS
from tests.support.real_server.socket_client import Socket, socket

# no answer for so long means that the server hangs
TIMEOUT_S = 600.0


@dataclass(frozen=True)
class Ticket:
    """A submitted job; `at` is when it was submitted, in the seconds of `time.perf_counter`."""

    job: str
    key: str
    at: float


@dataclass(frozen=True)
class Heard:
    """One message from the server (a frame has its `image`) and when it came, in seconds of `time.perf_counter`."""

    at: float
    message: dict[str, Any]

    @property
    def type(self) -> str:
        return str(self.message["type"])


class Session:
    """Submits, steers and listens on one socket. Frames are acknowledged as they come."""

    def __init__(self, client: Socket) -> None:
        self._client = client
        self.send = client.send

    async def submit(self, content: str, styles: Sequence[str], **params: Any) -> Ticket:
        """Image ids and parameters. Raises SystemExit when the server refuses."""
        at = time.perf_counter()
        await self.send("submit", content=content, styles=list(styles), params=params)
        accepted = (await self.until("accepted")).message
        return Ticket(accepted["job"], accepted["key"], at)

    async def listen(self, job: str) -> AsyncIterator[Heard]:
        """All that is said about a job, up to and with its end. Raises SystemExit when it fails."""
        while True:
            heard = await self._hear()
            if heard.message.get("job") != job:
                continue
            yield heard
            if heard.type in ENDS:
                return

    async def until(self, *types: str, job: str | None = None) -> Heard:
        """The next message of one of these types, of any job or of one."""
        while True:
            heard = await self._hear()
            if heard.type in types and job in (None, heard.message.get("job")):
                return heard

    async def _hear(self) -> Heard:
        message = await self._client.receive()
        heard = Heard(time.perf_counter(), message)
        if heard.type in ("failed", "error"):
            raise SystemExit(f"the server says: {message}")
        if heard.type == "frame":
            await self._client.acknowledge(message)
        return heard


@asynccontextmanager
async def session(address: str) -> AsyncIterator[Session]:
    """A socket to the server at `http://...`."""
    async with socket(address) as client:
        client.timeout_s = TIMEOUT_S
        yield Session(client)


def gallery_ids(address: str) -> tuple[list[str], list[str]]:
    """Image ids of the server's own contents and styles."""
    gallery = httpx.get(f"{address}/api/gallery").raise_for_status().json()
    return [row["id"] for row in gallery["content"]], [row["id"] for row in gallery["style"]]
