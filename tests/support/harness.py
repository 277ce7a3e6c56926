"""The server's parts below the network, set up in a folder of their own, and a WebSocket made of two queues."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from starlette.websockets import WebSocket

from duostyle.executor.engine_thread import EngineThread
from duostyle.executor.pools import HelperPools
from duostyle.imaging import decode as images
from duostyle.jobs.commands import Accepted
from duostyle.jobs.registry import JobContext
from duostyle.jobs.service import JobService
from duostyle.live.hub import Hub
from duostyle.live.outbox import Close, Preview
from duostyle.metrics import Metrics
from duostyle.protocol.frames import decode_frame
from duostyle.settings import Settings
from duostyle.storage.store import Store
from duostyle.web.gallery import Gallery
from duostyle.web.state import AppState
from duostyle.web.websocket import Connection
from tests.support.fake_engine import FakeEngine, image_bytes

GUARD_S = 20.0
PROBE_S = 0.005
T = TypeVar("T")


async def soon(work: Awaitable[T]) -> T:
    """Only a guard against a test that hangs."""
    return await asyncio.wait_for(work, GUARD_S)


@dataclass(slots=True)
class Rig:
    settings: Settings
    engine: FakeEngine
    store: Store
    hub: Hub
    engine_thread: EngineThread
    pools: HelperPools
    metrics: Metrics
    jobs: JobService
    content: str = ""
    style: str = ""

    async def put(self, data: bytes) -> str:
        checked = images.check(data, max_bytes=1 << 20, max_pixels=1 << 20)
        row, _ = await self.store.put_image(data, checked)
        return row.id

    async def submit(self, client: str = "10.0.0.1", styles: int = 1, **params: Any) -> Accepted:
        return await soon(
            self.jobs.commands.submit(
                content=self.content, styles=[self.style] * styles, params=params or None, client=client
            )
        )

    def app_state(self) -> AppState:
        """The state that the web handlers use, without a gallery."""
        made = (self.settings, self.metrics, self.store, self.hub, self.engine_thread, self.pools, self.jobs)
        return AppState(*made, gallery=Gallery({}))

    def watch(self) -> Ear:
        return Ear(self)

    async def status(self, job: str) -> str:
        return str((await self.jobs.queries.state(job))["status"])


@asynccontextmanager
async def rig(
    folder: Path, engine: FakeEngine | None = None, clock: Callable[[], float] | None = None, **settings: Any
) -> AsyncIterator[Rig]:
    made = Settings(data_dir=folder, **settings)
    engine = engine or FakeEngine()
    store, metrics = Store(made.state_dir, probe_every_s=PROBE_S), Metrics()
    pools, engine_thread = HelperPools(), EngineThread(engine)
    await store.open()
    clocked = {} if clock is None else {"clock": clock}
    hub = Hub(settings=made, metrics=metrics, encode=pools.encode_jpeg, **clocked)
    jobs = JobService(JobContext(made, store, hub, engine_thread, pools, metrics))
    built = Rig(made, engine, store, hub, engine_thread, pools, metrics, jobs)
    built.content = await built.put(image_bytes())
    built.style = await built.put(image_bytes((10, 20, 200)))
    await engine_thread.start()
    await jobs.start()
    try:
        yield built
    finally:
        await soon(jobs.stop())
        await soon(engine_thread.stop())
        pools.close()
        await store.close()


class Ear:
    """A watcher without a socket: `next()` gives what a client would get (texts as objects, frames as header)."""

    def __init__(self, built: Rig) -> None:
        self._rig = built
        self._ready = asyncio.Event()
        self.outbox = built.hub.connect(self._ready.set)

    async def next(self) -> dict[str, Any]:
        return await soon(self._next())

    async def until(self, *types: str) -> list[dict[str, Any]]:
        """Everything up to and with the first message of one of these types."""
        heard = [await self.next()]
        while heard[-1]["type"] not in types:
            heard.append(await self.next())
        return heard

    async def until_begun(self) -> None:
        """Its job is on the engine, also when it was before it was watched: then only the state tells."""
        while True:
            heard = await self.next()
            if heard["type"] == "started" or (heard.get("status") == "running" and heard["total_steps"] > 0):
                return

    def quiet(self) -> bool:
        """Nothing waits for this watcher."""
        return self.outbox.due_at() == float("inf")

    async def _next(self) -> dict[str, Any]:
        while True:
            self._ready.clear()
            taken = self.outbox.take(self._rig.hub.clock())
            if isinstance(taken, str):
                return dict(json.loads(taken))
            if isinstance(taken, Close):
                return {"type": "close", "code": taken.code}
            if isinstance(taken, Preview):
                return decode_frame(taken.frame)[0]
            if taken is not None:
                frame = await self._rig.hub.take_frame(taken)
                if frame is not None:
                    header, _ = decode_frame(frame)
                    self.outbox.acknowledge(header["job"], header["seq"])
                    return header
                continue
            wait_s = self.outbox.due_at() - self._rig.hub.clock()
            try:
                await asyncio.wait_for(self._ready.wait(), None if wait_s == float("inf") else max(0.0, wait_s))
            except TimeoutError:
                continue


class Wire:
    """A client's end of a WebSocket that never leaves the process; `stall` makes the server's sends hang."""

    def __init__(self, built: Rig, *, subprotocols: tuple[str, ...] = (), clock: Callable[[], float] | None = None):
        self._to_server: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._from_server: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.flowing = asyncio.Event()
        self.flowing.set()
        self.stuck = asyncio.Event()
        self._to_server.put_nowait({"type": "websocket.connect"})
        scope = {"type": "websocket", "path": "/ws", "headers": [], "subprotocols": list(subprotocols)}
        clocked = {} if clock is None else {"clock": clock}
        self.connection = Connection(
            WebSocket(scope, self._to_server.get, self._send),
            built.app_state(),
            client="10.0.0.9",
            **clocked,
        )
        self.serving = asyncio.create_task(self.connection.serve())

    async def _send(self, event: Any) -> None:
        if not self.flowing.is_set():
            self.stuck.set()
        await self.flowing.wait()
        self._from_server.put_nowait(event)

    def say(self, type: str, **fields: Any) -> None:
        self.say_text(json.dumps({"type": type, **fields}))

    def say_text(self, text: str) -> None:
        self._to_server.put_nowait({"type": "websocket.receive", "text": text})

    def say_bytes(self, data: bytes) -> None:
        self._to_server.put_nowait({"type": "websocket.receive", "bytes": data})

    async def event(self) -> dict[str, Any]:
        """The next thing that the server sent, raw."""
        return await soon(self._from_server.get())

    async def hear(self) -> dict[str, Any]:
        """The next message: a text as an object, a frame as its header, a close as `{"type": "close", "code"}`."""
        event = await self.event()
        if event["type"] == "websocket.close":
            return {"type": "close", "code": event["code"]}
        if event.get("bytes") is not None:
            return decode_frame(event["bytes"])[0]
        return dict(json.loads(event["text"]))

    async def until(self, *types: str) -> list[dict[str, Any]]:
        heard = [await self.hear()]
        while heard[-1]["type"] not in types:
            heard.append(await self.hear())
        return heard

    def lose(self) -> None:
        """The connection is lost, without a close frame."""
        self._to_server.put_nowait({"type": "websocket.disconnect", "code": 1006})

    async def hang_up(self) -> None:
        self.flowing.set()
        self._to_server.put_nowait({"type": "websocket.disconnect", "code": 1000})
        await soon(self.serving)


@asynccontextmanager
async def wire(built: Rig, **options: Any) -> AsyncIterator[Wire]:
    """A connected client that has received `hello`."""
    made = Wire(built, **options)
    try:
        assert (await made.event())["type"] == "websocket.accept"
        assert (await made.hear())["type"] == "hello"
        yield made
    finally:
        await made.hang_up()
