"""Paint, watch and steer on a duostyle server from Python, in two kinds: Client blocks, AsyncClient awaits.

    client = Client("http://127.0.0.1:8000")
    images = [client.upload(Path(name).read_bytes()) for name in ("photo.jpg", "waves.jpg")]
    for event in client.paint(images[0], images[1:], {"size": 384}, frames={"max_px": 256}):
        print(event)

Both need only the contract: importing this module imports neither torch nor the server's own parts.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

from websockets.asyncio.client import connect as connect_async
from websockets.sync.client import connect

from duostyle.client.follow import Backoff, Event, Follower, Frame
from duostyle.client.http import Address, Remote
from duostyle.client.requests import LOST, Depth, Format, Link, Requests, Ticket, answered, order_of
from duostyle.protocol import outgoing

_LAST_FRAME_S = 10.0


class Client(Requests):
    """Blocks. One client may be used from several threads. Every method raises the server's errors and Unreachable."""

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        timeout_s: float = 30.0,
        give_up_s: float = 300.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`give_up_s` without any connection ends the watching. Raises BadRequest when `url` is no address."""
        address = Address.parse(url, token)
        super().__init__(Remote(address, timeout_s))
        self._link = Link(address, timeout_s, give_up_s, clock)

    def paint(
        self, content: str, styles: Sequence[str], params: Mapping[str, Any] | None = None, *, frames: Any = False
    ) -> Iterator[Event]:
        """Submit over the WebSocket and watch: first `accepted` with the job and its key, last how it ended."""
        return self._follow(Follower(order=order_of(content, styles, params), frames=frames))

    def watch(self, job: str, *, frames: Any = False, after: int = 0) -> Iterator[Event]:
        """All that happens to a job, through lost connections and restarts; the last event is how it ended.

        `frames`: False, or `{max_px, max_fps, quality, window}`; a frame counts as used when the next event is asked
        for. `after` is the last `seq` seen. While a connection is lost there are events `reconnecting`.
        """
        return self._follow(Follower(job=job, frames=frames, after=after))

    def steer(self, ticket: Ticket, kind: Literal["update", "pause", "resume"], **fields: Any) -> None:
        """Pause, resume, or change live parameters: `steer(ticket, "update", params={"style_weight": 30})`."""
        with self._link.once(), connect(self._link.url, **self._link.options) as socket:
            socket.send(outgoing.text(kind, job=ticket.job, key=ticket.key, ref=kind, **fields))
            while not answered(socket.recv(timeout=self._link.timeout_s), kind):
                pass

    def _follow(self, follower: Follower) -> Iterator[Event]:
        backoff = Backoff()
        while not follower.done:
            try:
                with connect(self._link.url, **self._link.options) as socket:
                    socket.send(follower.opening())
                    while not follower.done:
                        try:
                            data = socket.recv(_LAST_FRAME_S if follower.waits_for_last_frame else None)
                        except TimeoutError:
                            yield from follower.give_up_frame()
                            break
                        for event in follower.receive(data):
                            backoff.reset()
                            yield event
                            if isinstance(event, Frame) and not follower.done:
                                socket.send(follower.ack(event))
            except LOST as error:
                lost = self._link.lost(error, backoff)
                yield lost
                time.sleep(lost["delay_s"])


class AsyncClient:
    """Awaits; see Client, whose methods and arguments it has. HTTP runs on helper threads."""

    def __init__(
        self, url: str, *, token: str | None = None, timeout_s: float = 30.0, give_up_s: float = 300.0
    ) -> None:
        address = Address.parse(url, token)
        self._requests = Requests(Remote(address, timeout_s))
        self._link = Link(address, timeout_s, give_up_s, time.monotonic)

    async def store(self, data: bytes) -> dict[str, Any]:
        return await asyncio.to_thread(self._requests.store, data)

    async def delete_image(self, image: str, key: str) -> None:
        await asyncio.to_thread(self._requests.delete_image, image, key)

    async def upload(self, data: bytes) -> str:
        return await asyncio.to_thread(self._requests.upload, data)

    async def submit(self, content: str, styles: Sequence[str], params: Mapping[str, Any] | None = None) -> Ticket:
        return await asyncio.to_thread(self._requests.submit, content, styles, params)

    def paint(
        self, content: str, styles: Sequence[str], params: Mapping[str, Any] | None = None, *, frames: Any = False
    ) -> AsyncIterator[Event]:
        return self._follow(Follower(order=order_of(content, styles, params), frames=frames))

    def watch(self, job: str, *, frames: Any = False, after: int = 0) -> AsyncIterator[Event]:
        return self._follow(Follower(job=job, frames=frames, after=after))

    async def steer(self, ticket: Ticket, kind: Literal["update", "pause", "resume"], **fields: Any) -> None:
        with self._link.once():
            async with (
                asyncio.timeout(self._link.timeout_s),
                connect_async(self._link.url, **self._link.options) as socket,
            ):
                await socket.send(outgoing.text(kind, job=ticket.job, key=ticket.key, ref=kind, **fields))
                while not answered(await socket.recv(), kind):
                    pass

    async def cancel(self, ticket: Ticket) -> bool:
        return await asyncio.to_thread(self._requests.cancel, ticket)

    async def delete(self, ticket: Ticket) -> None:
        await asyncio.to_thread(self._requests.delete, ticket)

    async def state(self, job: str) -> dict[str, Any]:
        return await asyncio.to_thread(self._requests.state, job)

    async def result(
        self,
        job: str,
        format: Format = "png",
        *,
        partial: bool = False,
        depth: Depth | None = None,
        dpi: int | None = None,
    ) -> bytes:
        return await asyncio.to_thread(self._requests.result, job, format, partial=partial, depth=depth, dpi=dpi)

    async def timelapse(self, job: str) -> dict[str, Any]:
        return await asyncio.to_thread(self._requests.timelapse, job)

    async def limits(self) -> dict[str, Any]:
        return await asyncio.to_thread(self._requests.limits)

    async def _follow(self, follower: Follower) -> AsyncIterator[Event]:
        backoff = Backoff()
        while not follower.done:
            try:
                async with connect_async(self._link.url, **self._link.options) as socket:
                    await socket.send(follower.opening())
                    while not follower.done:
                        try:
                            async with asyncio.timeout(_LAST_FRAME_S if follower.waits_for_last_frame else None):
                                data = await socket.recv()
                        except TimeoutError:
                            for event in follower.give_up_frame():
                                yield event
                            break
                        for event in follower.receive(data):
                            backoff.reset()
                            yield event
                            if isinstance(event, Frame) and not follower.done:
                                await socket.send(follower.ack(event))
            except LOST as error:
                lost = self._link.lost(error, backoff)
                yield lost
                await asyncio.sleep(lost["delay_s"])
