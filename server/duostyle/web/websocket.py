"""One connection: a reader that always has a receive pending, a handler for what takes time, a writer for the outbox.

An error in one message is answered and the connection goes on; a violation of policy closes it.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import math
import time
from collections.abc import Callable
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from duostyle import version
from duostyle.contract.limits import MAX_WAITING, limits
from duostyle.errors import DuostyleError, InternalError, TooManyRequests
from duostyle.jobs.commands import Accepted
from duostyle.live.outbox import Close, FrameDue, Preview
from duostyle.logs import about_job
from duostyle.protocol import incoming, outgoing
from duostyle.protocol.frames import FrameOptions
from duostyle.protocol.status_codes import GOING_AWAY, INTERNAL, NOT_TEXT, POLICY, TOO_BIG, TRY_LATER
from duostyle.web.guard.quotas import TokenBucket
from duostyle.web.previews import PreviewRequests
from duostyle.web.state import AppState

_log = logging.getLogger(__name__)


class Connection:
    """One WebSocket, from its handshake to its end. `client` is the client that the limits count it for."""

    def __init__(
        self, socket: WebSocket, app_state: AppState, *, client: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._socket, self._app_state, self._client = socket, app_state, client
        self._jobs, self._hub, self._metrics = app_state.jobs, app_state.hub, app_state.metrics
        self._settings = settings = app_state.settings
        self._clock = clock
        self._ready = asyncio.Event()
        self._outbox = self._hub.connect(self._ready.set)
        self._waiting: asyncio.Queue[incoming.ClientMessage] = asyncio.Queue(MAX_WAITING)
        self._most = FrameOptions(settings.max_frame_px, settings.max_fps, window=settings.max_window)
        self._previews = PreviewRequests(self._jobs.previews, self._outbox, self._post_error, self._metrics)
        self._messages = TokenBucket(settings.max_messages_per_s, settings.max_messages_per_s, clock())

    async def serve(self) -> None:
        """Accept, serve until either side is done, clean up."""
        tasks: list[asyncio.Task[None]] = []
        try:
            offered = self._socket.scope.get("subprotocols", [])
            await self._socket.accept(subprotocol=outgoing.SUBPROTOCOL if outgoing.SUBPROTOCOL in offered else None)
            await self._send(self._hello())
            tasks = [asyncio.create_task(part()) for part in (self._read, self._handle, self._write)]
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        except WebSocketDisconnect:
            pass
        except Exception:
            # a bug: it costs this connection and no other
            _log.exception("a connection failed")
            await self._close(INTERNAL)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._previews.close()
            self._hub.disconnect(self._outbox)

    def _hello(self) -> str:
        return outgoing.Hello(
            protocol=outgoing.VERSION,
            server=version(),
            device=self._app_state.engine_thread.device,
            precision=self._app_state.engine_thread.precision,
            limits=limits(self._settings),
            heartbeat_s=self._settings.heartbeat_s,
        ).text()

    async def _read(self) -> None:
        while True:
            event = await self._socket.receive()
            if event["type"] == "websocket.disconnect":
                if event.get("code") == TOO_BIG:
                    self._metrics.count_limit("max_message_bytes")
                return
            text = event.get("text")
            if text is None:
                return await self._drop(NOT_TEXT, "binary")
            if self._messages.take(self._clock()) > 0:
                self._metrics.count_limit("max_messages_per_s")
                return await self._drop(POLICY, "flood")
            raw: dict[str, Any] = {}
            try:
                raw = incoming.decode(text)
                message = incoming.parse(raw, self._most)
            except DuostyleError as error:
                self._metrics.messages_received.labels("invalid").inc()
                self._post_error(error, incoming.ref_of(raw))
                continue
            self._receive(message)

    def _receive(self, message: incoming.ClientMessage | None) -> None:
        """Answer at once what needs no waiting; hand the rest to the handler, in order."""
        kind = message.type if message is not None else "unknown"
        self._metrics.messages_received.labels(kind).inc()
        if message is None:
            return
        if isinstance(message, incoming.Ack):
            self._outbox.acknowledge(message.job, message.seq)
        elif isinstance(message, incoming.Ping):
            self._outbox.post(outgoing.Pong(ref=message.ref).text())
        elif isinstance(message, incoming.Preview):
            self._previews.ask(message)
        else:
            try:
                self._waiting.put_nowait(message)
            except asyncio.QueueFull:
                busy = TooManyRequests(
                    "too many messages wait for an answer", limit=MAX_WAITING, reached="max_waiting_messages"
                )
                self._post_error(busy, message.ref)

    def _post_error(self, error: DuostyleError, ref: str | None) -> None:
        self._metrics.count_limit(error.reached)
        self._outbox.post(outgoing.Error(**error.as_dict(), ref=ref).text())

    async def _handle(self) -> None:
        while True:
            message = await self._waiting.get()
            with about_job(getattr(message, "job", "")):
                try:
                    await self._dispatch(message)
                except DuostyleError as error:
                    self._post_error(error, message.ref)
                except Exception:
                    # a bug: it costs this message and not the connection
                    _log.exception("a message could not be handled", extra={"message_type": message.type})
                    self._post_error(InternalError("internal error; the server's log has the details"), message.ref)

    async def _dispatch(self, message: incoming.ClientMessage) -> None:
        def ok() -> None:
            self._outbox.post(outgoing.Ok(ref=message.ref).text())

        match message:
            case incoming.Submit():
                await self._submit(message)
            case incoming.Subscribe():
                await self._jobs.queries.watch(self._outbox, message.job, message.frames, message.after)
            case incoming.Unsubscribe():
                self._outbox.unsubscribe(message.job)
            case incoming.Cancel():
                await self._jobs.commands.cancel(message.job, message.key, wait=False, answer=ok)
            case incoming.Update():
                await self._jobs.commands.update(message.job, message.key, message.params, answer=ok)
            case incoming.Pause():
                await self._jobs.commands.pause(message.job, message.key, answer=ok)
            case incoming.Resume():
                await self._jobs.commands.resume(message.job, message.key, answer=ok)

    async def _submit(self, message: incoming.Submit) -> None:
        self._outbox.check_room()

        def answer(accepted: Accepted) -> None:
            self._outbox.post(outgoing.Accepted(ref=message.ref, **dataclasses.asdict(accepted)).text())
            self._hub.subscribe(self._outbox, accepted.job, message.frames)

        await self._jobs.commands.submit(
            content=message.content, styles=message.styles, params=message.params, client=self._client, answer=answer
        )

    async def _write(self) -> None:
        while True:
            self._ready.clear()
            taken = self._outbox.take(self._clock())
            if isinstance(taken, str):
                await self._send(taken)
            elif isinstance(taken, Preview):
                await self._send(taken.frame)
            elif isinstance(taken, FrameDue):
                frame = await self._hub.take_frame(taken)
                if frame is not None:
                    await self._send(frame)
            elif isinstance(taken, Close):
                return await self._drop(taken.code, "slow" if taken.code == TRY_LATER else "shutdown")
            else:
                due_at = self._outbox.due_at()
                if due_at == math.inf:
                    await self._ready.wait()
                    continue
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(max(0.0, due_at - self._clock())):
                        await self._ready.wait()

    async def _send(self, message: str | bytes) -> None:
        """Raises WebSocketDisconnect when the client is gone; `serving` ends one that takes nothing."""
        try:
            if isinstance(message, str):
                await self._socket.send_text(message)
            else:
                await self._socket.send_bytes(message)
        except (OSError, RuntimeError) as error:
            # the connection closed while we wrote
            raise WebSocketDisconnect(GOING_AWAY) from error

    async def _drop(self, code: int, reason: str) -> None:
        self._metrics.sockets_dropped.labels(reason).inc()
        await self._close(code)

    async def _close(self, code: int) -> None:
        """Send the close frame, but never wait for a client that does not read."""
        if self._socket.application_state is not WebSocketState.CONNECTED:
            return
        with contextlib.suppress(OSError, RuntimeError, TimeoutError, WebSocketDisconnect):
            async with asyncio.timeout(1.0):
                await self._socket.close(code)
