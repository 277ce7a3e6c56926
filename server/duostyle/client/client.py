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
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any, Literal

from websockets.asyncio.client import connect as connect_async
from websockets.sync.client import connect

from duostyle.client.follow import Backoff, Event, Follower, Frame
from duostyle.client.requests import LOST, Calls, Format, Ticket, answered, order_of
from duostyle.protocol import outgoing as messages

_LAST_FRAME_S = 10.0


class Client(Calls):
    """Blocks. One client may be used from several threads. Every method raises the server's errors and Unreachable."""

    def upload(self, data: bytes) -> str:
        """Keep a picture on the server; its image id. The same bytes are stored once."""
        return self._upload(data)

    def submit(self, content: str, styles: Sequence[str], params: Mapping[str, Any] | None = None) -> Ticket:
        """Queue a job without watching it; `content` and `styles` are image ids."""
        return self._submit(content, styles, params)

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
        with self._once(), connect(self._remote.address.socket, **self._options) as socket:
            socket.send(messages.text(kind, job=ticket.job, key=ticket.key, ref=kind, **fields))
            while not answered(socket.recv(timeout=self._remote.timeout_s), kind):
                pass

    def cancel(self, ticket: Ticket) -> bool:
        """True when this call cancelled the job, False when it had ended."""
        return self._cancel(ticket)

    def delete(self, ticket: Ticket) -> None:
        """Cancel if need be, then forget the job with its pictures."""
        self._delete(ticket)

    def state(self, job: str) -> dict[str, Any]:
        return self._get(f"/api/jobs/{job}")

    def result(self, job: str, format: Format = "png", *, partial: bool = False) -> bytes:
        """The painting; with `partial` the best so far of a job that has not completed."""
        return self._result(job, format, partial)

    def timelapse(self, job: str) -> dict[str, Any]:
        """Which frames were recorded."""
        return self._get(f"/api/jobs/{job}/timelapse.json")

    def limits(self) -> dict[str, Any]:
        return self._get("/api/limits")

    def _follow(self, follower: Follower) -> Iterator[Event]:
        backoff = Backoff()
        while not follower.done:
            try:
                with connect(self._remote.address.socket, **self._options) as socket:
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
                told = self._lost(error, backoff)
                yield told
                time.sleep(told["delay_s"])


class AsyncClient(Calls):
    """Awaits; see Client. HTTP runs on helper threads."""

    async def upload(self, data: bytes) -> str:
        return await asyncio.to_thread(self._upload, data)

    async def submit(self, content: str, styles: Sequence[str], params: Mapping[str, Any] | None = None) -> Ticket:
        return await asyncio.to_thread(self._submit, content, styles, params)

    def paint(
        self, content: str, styles: Sequence[str], params: Mapping[str, Any] | None = None, *, frames: Any = False
    ) -> AsyncIterator[Event]:
        return self._follow(Follower(order=order_of(content, styles, params), frames=frames))

    def watch(self, job: str, *, frames: Any = False, after: int = 0) -> AsyncIterator[Event]:
        return self._follow(Follower(job=job, frames=frames, after=after))

    async def steer(self, ticket: Ticket, kind: Literal["update", "pause", "resume"], **fields: Any) -> None:
        with self._once():
            async with (
                asyncio.timeout(self._remote.timeout_s),
                connect_async(self._remote.address.socket, **self._options) as socket,
            ):
                await socket.send(messages.text(kind, job=ticket.job, key=ticket.key, ref=kind, **fields))
                while not answered(await socket.recv(), kind):
                    pass

    async def cancel(self, ticket: Ticket) -> bool:
        return await asyncio.to_thread(self._cancel, ticket)

    async def delete(self, ticket: Ticket) -> None:
        await asyncio.to_thread(self._delete, ticket)

    async def state(self, job: str) -> dict[str, Any]:
        return await asyncio.to_thread(self._get, f"/api/jobs/{job}")

    async def result(self, job: str, format: Format = "png", *, partial: bool = False) -> bytes:
        return await asyncio.to_thread(self._result, job, format, partial)

    async def timelapse(self, job: str) -> dict[str, Any]:
        return await asyncio.to_thread(self._get, f"/api/jobs/{job}/timelapse.json")

    async def limits(self) -> dict[str, Any]:
        return await asyncio.to_thread(self._get, "/api/limits")

    async def _follow(self, follower: Follower) -> AsyncIterator[Event]:
        backoff = Backoff()
        while not follower.done:
            try:
                async with connect_async(self._remote.address.socket, **self._options) as socket:
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
                told = self._lost(error, backoff)
                yield told
                await asyncio.sleep(told["delay_s"])
