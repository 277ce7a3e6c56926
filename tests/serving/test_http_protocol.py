"""Connections whose request never begins, on a loop and a transport that only write down what is asked of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest
import uvicorn
from prometheus_client import generate_latest
from uvicorn.server import ServerState

from duostyle.errors import QueueFull
from duostyle.metrics import Metrics
from duostyle.serving.http_protocol import ConnectionSeats, HttpConnection
from duostyle.settings import Settings

HEAD = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n"


class Later:
    """A call that a test makes when its time has come."""

    def __init__(self, delay_s: float, call: Callable[[], None]) -> None:
        self.delay_s, self.call, self.cancelled = delay_s, call, False

    def cancel(self) -> None:
        self.cancelled = True


class Task:
    def add_done_callback(self, call: Any) -> None: ...


async def app(scope: Any, receive: Any, send: Any) -> None: ...


class Loop:
    """Starts no task: the app is not what is tested."""

    def __init__(self) -> None:
        self.later: list[Later] = []

    def call_later(self, delay_s: float, call: Callable[[], None]) -> Later:
        self.later.append(Later(delay_s, call))
        return self.later[-1]

    def create_task(self, work: Any, **_: Any) -> Task:
        work.close()
        return Task()

    @property
    def due(self) -> list[Later]:
        return [later for later in self.later if not later.cancelled]


class Transport:
    def __init__(self, address: str = "192.0.2.7") -> None:
        self.address, self.sent = address, b""
        self.closed = self.paused = self.ended = False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return {"peername": (self.address, 4711), "sockname": ("127.0.0.1", 80)}.get(name, default)

    def write(self, data: bytes) -> None:
        self.sent += data

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.ended = True


class Desk:
    """Takes connections, all on one `loop`."""

    def __init__(self, **changes: Any) -> None:
        self.loop, self.metrics = Loop(), Metrics()
        self.settings = Settings(**{"send_timeout_s": 7.0, **changes})
        self.seats = ConnectionSeats(self.settings)
        self._config = uvicorn.Config(app, lifespan="off", log_config=None)

    def connect(self, transport: Transport) -> HttpConnection:
        app_state = SimpleNamespace(settings=self.settings, metrics=self.metrics)
        loop = cast(asyncio.AbstractEventLoop, self.loop)
        made = HttpConnection(self._config, ServerState(), {"app_state": app_state}, loop, seats=self.seats)
        made.connection_made(cast(asyncio.Transport, transport))
        return made


def error_of(transport: Transport) -> tuple[int, dict[str, Any]]:
    head, _, body = transport.sent.decode().partition("\r\n\r\n")
    assert "connection: close" in head.lower()
    return int(head.split()[1]), json.loads(body)["error"]


def test_a_head_that_never_ends_is_refused_however_it_drips() -> None:
    desk, transport = Desk(), Transport()
    connection = desk.connect(transport)
    for byte in HEAD:
        connection.data_received(bytes([byte]))
    (late,) = desk.loop.due
    assert (late.delay_s, transport.closed) == (7.0, False)
    late.call()
    status, error = error_of(transport)
    assert (status, error["code"], transport.closed) == (422, "bad_request", True)
    assert 'duostyle_refused_total{code="bad_request"} 1.0' in generate_latest(desk.metrics.registry).decode()


def test_one_that_says_nothing_is_closed_without_a_word() -> None:
    desk, transport = Desk(), Transport()
    desk.connect(transport)
    desk.loop.due[0].call()
    assert (transport.sent, transport.closed) == (b"", True)


def test_a_whole_head_is_not_waited_for_any_more() -> None:
    desk, transport = Desk(), Transport()
    connection = desk.connect(transport)
    connection.data_received(HEAD)
    assert len(desk.loop.due) == 1
    connection.data_received(b"\r\n")
    assert desk.loop.due == []
    assert not transport.closed


def test_the_time_runs_out_on_a_connection_that_is_gone() -> None:
    desk, transport = Desk(), Transport()
    connection = desk.connect(transport)
    late = desk.loop.due[0]
    connection.connection_lost(None)
    assert desk.loop.due == []
    late.call()
    assert transport.sent == b""


def test_what_is_no_request_gets_one_answer() -> None:
    desk, transport = Desk(), Transport()
    desk.connect(transport).data_received(b"\x16\x03\x01\r\n\r\n")
    assert transport.sent.startswith(b"HTTP/1.1 400 ")
    assert transport.closed
    assert desk.loop.due == []


def test_seats_are_counted_by_address_and_given_back() -> None:
    desk = Desk(max_connections=3, max_connections_per_client=2)
    first, others = Transport(), [Transport(), Transport(), Transport("198.51.100.9"), Transport("203.0.113.1")]
    connection = desk.connect(first)
    made = [desk.connect(transport) for transport in others]
    for each in made:
        each.data_received(b"GET")
    assert [transport.closed for transport in others] == [False, True, False, True]
    status, error = error_of(others[1])
    assert (status, error["reached"], error["limit"]) == (429, "max_connections_per_client", 2)
    status, error = error_of(others[3])
    assert (status, error["code"], error["reached"], error["limit"]) == (503, "queue_full", "max_connections", 3)
    connection.connection_lost(None)
    connection.connection_lost(None)
    again = [Transport(), Transport()]
    for transport in again:
        desk.connect(transport).data_received(b"GET")
    assert [transport.closed for transport in again] == [False, True]


def test_a_client_that_finds_no_seat_and_does_not_ask_why_is_soon_closed() -> None:
    desk, transport = Desk(max_connections=1), Transport()
    desk.connect(Transport())
    desk.connect(transport)
    late = desk.loop.due[-1]
    assert late.delay_s == 1.0
    late.call()
    assert (transport.sent, transport.closed) == (b"", True)


def test_a_crowd_without_seats_is_not_kept() -> None:
    desk, crowd = Desk(max_connections=1), [Transport() for _ in range(100)]
    for transport in crowd:
        desk.connect(transport)
    assert [transport.closed for transport in crowd] == [False] * 65 + [True] * 35
    text = generate_latest(desk.metrics.registry).decode()
    assert 'duostyle_limits_reached_total{limit="max_connections"} 35.0' in text


def test_behind_a_proxy_only_all_are_counted() -> None:
    settings = Settings(max_connections=2, max_connections_per_client=1, trusted_proxy=["192.0.2.7"])
    behind = ConnectionSeats(settings).seats
    behind.take("192.0.2.7")
    behind.take("192.0.2.7")
    with pytest.raises(QueueFull):
        behind.take("192.0.2.7")


class Answered:
    """A connection whose request for an upload is answered before its body has ended."""

    def __init__(self, **changes: Any) -> None:
        self.desk, self.transport = Desk(**changes), Transport()
        self.connection = self.desk.connect(self.transport)

    async def ask(self, body_bytes: int) -> None:
        length = f"Content-Length: {body_bytes}\r\n\r\n".encode()
        self.connection.data_received(b"POST /api/images HTTP/1.1\r\nHost: localhost\r\n" + length)
        await self.connection.cycle.send(
            {"type": "http.response.start", "status": 413, "headers": [(b"content-length", b"0")]}
        )
        await self.connection.cycle.send({"type": "http.response.body", "body": b"", "more_body": False})

    def send(self, size: int) -> None:
        self.connection.data_received(bytes(size))


async def test_a_body_that_has_its_answer_is_thrown_away_up_to_one_more_upload() -> None:
    answered = Answered(max_upload_bytes=2**21)
    await answered.ask(2**30)
    cut = answered.desk.loop.due[-1]
    assert cut.delay_s == 5.0
    for _ in range(32):
        answered.send(2**16)
    assert not answered.transport.paused
    answered.send(1)
    assert (answered.transport.paused, answered.transport.ended) == (True, True)
    assert not answered.transport.closed, "the client has a while to read the answer"
    cut.call()
    assert answered.transport.closed


async def test_a_body_that_ends_soon_keeps_its_connection() -> None:
    answered = Answered()
    for _ in range(2):
        await answered.ask(2**20)
        cut = next(later for later in answered.desk.loop.due if later.call == answered.transport.abort)
        answered.send(2**20)
        assert cut.cancelled
        assert (answered.transport.paused, answered.transport.closed) == (False, False)
    assert answered.transport.sent.count(b"HTTP/1.1 413 ") == 2


async def test_a_connection_that_goes_is_not_cut_later() -> None:
    answered = Answered()
    await answered.ask(2**20)
    answered.connection.connection_lost(None)
    assert answered.desk.loop.due == []
