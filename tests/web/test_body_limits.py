"""What bodies may take: bytes, memory beside others, seats, and time."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from duostyle.errors import BadRequest, DuostyleError, ImageTooLarge, QueueFull
from duostyle.metrics import Metrics
from duostyle.settings import Settings
from duostyle.web.guard.middleware import Guard
from tests.support.asgi import App, call, chunk, error_of, scope

FORM = (b"content-type", b"multipart/form-data; boundary=b")
KIB = 1024


def upload(size: int | None, path: str = "/api/images", *extra: tuple[bytes, bytes], client: str = "10.0.0.1") -> Scope:
    """A request that declares `size` bytes, or comes in chunks."""
    length = (b"transfer-encoding", b"chunked") if size is None else (b"content-length", str(size).encode())
    return scope(path=path, headers=[length, *extra], client=(client, 5))


@pytest.mark.parametrize(
    ("path", "extra", "limit", "name"),
    [
        ("/api/images", [], 4 * KIB, "max_upload_bytes"),
        ("/api/images", [FORM], 4 * KIB + 64 * KIB, "max_upload_bytes"),
        ("/api/jobs", [FORM], 5 * 4 * KIB + 2 * KIB + 64 * KIB, "max_upload_bytes"),
        ("/api/jobs/x/cancel", [], 2 * KIB, "max_message_bytes"),
    ],
)
@pytest.mark.parametrize("declared", [True, False])
async def test_a_body_may_be_as_large_as_its_limit_and_no_larger(
    path: str, extra: list[tuple[bytes, bytes]], limit: int, name: str, declared: bool
) -> None:
    settings: dict[str, Any] = {"max_upload_bytes": 4 * KIB, "max_message_bytes": 2 * KIB}
    app = App()
    whole = [chunk(limit - 1, more=True), chunk(1, more=False)]
    sent = await call(app, upload(limit if declared else None, path, *extra), whole, **settings)
    assert (sent[0]["status"], len(app.body), app.errors) == (200, limit, [])
    app = App()
    over = [chunk(limit, more=True), chunk(1, more=True), chunk(1, more=False)]
    sent = await call(app, upload(limit + 1 if declared else None, path, *extra), over, **settings)
    if declared:
        assert not app.called, "refused before a byte was read"
        refused = error_of(sent)
        assert (refused["status"], refused["code"]) == (413, "image_too_large")
        assert (refused["limit"], refused["reached"]) == (limit, name)
    else:
        assert [(type(error), error.limit, error.reached) for error in app.errors] == [(ImageTooLarge, limit, name)]
        assert len(over) == 1, "the rest was not read"


@pytest.mark.parametrize("length", [b"99999999999999999999999999999999", b"2000000"])
async def test_an_absurd_length_never_reaches_the_app(length: bytes) -> None:
    app = App()
    sent = await call(app, scope(headers=[(b"content-length", length)]), [], max_upload_bytes=KIB)
    assert not app.called
    assert error_of(sent)["status"] == 413


async def test_a_body_that_can_never_be_held_is_too_large() -> None:
    app = App()
    sent = await call(app, upload(2**16 + 1), [], max_inflight_bytes=2**16)
    assert (app.called, error_of(sent)["reached"]) == (False, "max_inflight_bytes")


async def test_requests_without_a_body_take_nothing() -> None:
    metrics = Metrics()
    for request in (scope(method="GET"), scope(headers=[(b"content-length", b"0")])):
        sent = await call(App(), request, [chunk(0, more=False)], metrics)
        assert sent[0]["status"] == 200
    assert metrics.registry.get_sample_value("duostyle_http_body_bytes_total") == 0


class Gate:
    """An app that holds every body it has read until it may answer."""

    def __init__(self, **settings: Any) -> None:
        self.metrics = Metrics()
        self.guard = Guard(self._app, settings=Settings(**settings), metrics=self.metrics)
        self.errors: list[DuostyleError] = []
        self.waiting = asyncio.Semaphore(0)
        self.finish = asyncio.Event()
        self._tasks: list[asyncio.Task[list[Message]]] = []

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            while (await receive()).get("more_body", False):
                continue
        except DuostyleError as error:
            self.errors.append(error)
        else:
            self.waiting.release()
            await self.finish.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def hold(self, size: int, *, declared: bool = True, client: str = "10.0.0.1") -> None:
        """Upload and wait until the app holds it."""
        self._tasks.append(asyncio.create_task(self.ask(size, declared=declared, client=client)))
        await asyncio.wait_for(self.waiting.acquire(), 20)

    async def ask(self, size: int, *, declared: bool = True, client: str = "10.0.0.1") -> list[Message]:
        sent: list[Message] = []

        async def receive() -> Message:
            return chunk(size, more=False)

        async def send(message: Message) -> None:
            sent.append(message)

        await asyncio.wait_for(self.guard(upload(size if declared else None, client=client), receive, send), 20)
        return sent

    async def end(self) -> None:
        self.finish.set()
        await asyncio.wait_for(asyncio.gather(*self._tasks), 20)
        self.finish.clear()
        self._tasks.clear()


@pytest.mark.parametrize("declared", [True, False])
async def test_uploads_at_once_share_memory(declared: bool) -> None:
    total = 2**17
    gate = Gate(max_inflight_bytes=total)
    await gate.hold(total - 10, declared=declared)
    await gate.hold(10, declared=declared)
    assert gate.metrics.registry.get_sample_value("duostyle_inflight_bytes") == total
    refused = await gate.ask(1, declared=declared)
    if declared:
        error = error_of(refused)
        assert (error["status"], error["code"], error["reached"]) == (503, "queue_full", "max_inflight_bytes")
        assert (b"retry-after", b"5") in refused[0]["headers"]
    else:
        assert [(type(error), error.reached) for error in gate.errors] == [(QueueFull, "max_inflight_bytes")]
    await gate.end()
    assert gate.metrics.registry.get_sample_value("duostyle_inflight_bytes") == 0
    await gate.hold(total, declared=declared)
    await gate.end()


async def test_an_announcement_takes_no_memory() -> None:
    total = 2**17
    gate = Gate(max_inflight_bytes=total)
    began, rest = asyncio.Event(), asyncio.Event()

    async def receive() -> Message:
        began.set()
        await rest.wait()
        return chunk(total, more=False)

    async def send(message: Message) -> None:
        return None

    announcing = asyncio.create_task(gate.guard(upload(total), receive, send))
    await asyncio.wait_for(began.wait(), 20)
    await gate.hold(total)
    await gate.end()
    gate.finish.set()
    rest.set()
    await asyncio.wait_for(announcing, 20)


async def test_seats_are_counted_per_client_and_in_all() -> None:
    gate = Gate(max_uploads=3, max_uploads_per_client=2)
    await gate.hold(1)
    await gate.hold(1)
    mine = error_of(await gate.ask(1))
    assert (mine["status"], mine["code"]) == (429, "too_many_requests")
    assert (mine["limit"], mine["reached"]) == (2, "max_uploads_per_client")
    await gate.hold(1, client="10.0.0.2")
    all_taken = error_of(await gate.ask(1, client="10.0.0.3"))
    assert (all_taken["status"], all_taken["code"]) == (503, "queue_full")
    assert (all_taken["limit"], all_taken["reached"]) == (3, "max_uploads")
    assert gate.metrics.registry.get_sample_value("duostyle_uploads_in_flight") == 3
    await gate.end()
    assert gate.metrics.registry.get_sample_value("duostyle_uploads_in_flight") == 0
    await gate.hold(1)
    await gate.end()


async def test_a_body_that_does_not_arrive_is_given_up() -> None:
    app = App()
    guard = Guard(app, settings=Settings(send_timeout_s=0.01), metrics=Metrics())

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Message) -> None:
        return None

    await asyncio.wait_for(guard(upload(10), receive, send), 20)
    assert [type(error) for error in app.errors] == [BadRequest]


async def test_a_byte_now_and_then_does_not_hold_a_seat_for_ever() -> None:
    now = 0.0
    app = App()
    guard = Guard(app, settings=Settings(send_timeout_s=30), metrics=Metrics(), clock=lambda: now)
    came = 0

    async def receive() -> Message:
        nonlocal now, came
        # the event loop turns once, so that a time-out is noticed
        await asyncio.sleep(0)
        now += 29
        came += 1
        return chunk(1, more=True)

    async def send(message: Message) -> None:
        return None

    await asyncio.wait_for(guard(upload(None), receive, send), 20)
    assert [type(error) for error in app.errors] == [BadRequest]
    assert came == 2


async def test_a_slow_client_that_goes_on_is_waited_for() -> None:
    now = 0.0
    app = App()
    guard = Guard(app, settings=Settings(send_timeout_s=30), metrics=Metrics(), clock=lambda: now)
    left = 100

    async def receive() -> Message:
        nonlocal now, left
        await asyncio.sleep(0)
        now += 10
        left -= 1
        return chunk(100_000, more=left > 0)

    async def send(message: Message) -> None:
        return None

    await asyncio.wait_for(guard(upload(None), receive, send), 20)
    assert (app.errors, len(app.body)) == ([], 10_000_000)
