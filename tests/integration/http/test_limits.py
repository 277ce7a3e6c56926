"""Every limit has its code, its value in `hello` and in `/api/limits`, and its count in the metrics."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from duostyle.metrics import Metrics
from tests.support.fake_engine import FakeEngine, image_bytes
from tests.support.real_server.http_client import Client
from tests.support.real_server.running import Running
from tests.support.real_server.socket_client import socket

pytestmark = pytest.mark.real_server

LOW: dict[str, Any] = {
    "max_size_px": 64,
    "max_upload_bytes": 4096,
    "max_inflight_bytes": 2**16,
    "max_uploads": 2,
    "max_uploads_per_client": 1,
    "max_pixels": 4096,
    "max_queue": 2,
    "max_jobs_per_client": 2,
    "max_sockets": 2,
    "max_sockets_per_client": 1,
    "max_connections": 3,
    "max_connections_per_client": 2,
    "max_subscriptions": 1,
    "max_message_bytes": 1024,
    "max_messages_per_s": 5,
    "max_requests_per_s": 2,
}


def counted(running: Running, name: str) -> float:
    """How often the limit of this name was reached, as the metrics say."""
    # not by HTTP, which may be at its own limit
    metrics = running.app.user_middleware[0].kwargs["metrics"]
    assert isinstance(metrics, Metrics)
    text = metrics.text().decode()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == "duostyle_limits_reached_total" and sample.labels["limit"] == name:
                return sample.value
    return 0


class Raw:
    """Bytes on a connection of its own, for what a good client never does."""

    def __init__(self, running: Running) -> None:
        self._address = running.listening.getsockname()[:2]

    async def begin(self, *lines: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection(*self._address)
        writer.write("\r\n".join(["POST /api/images HTTP/1.1", "Host: localhost", *lines, "", ""]).encode())
        return reader, writer

    async def error(self, *lines: str) -> tuple[int, dict[str, Any]]:
        """The error that is answered to a request whose body never comes."""
        reader, writer = await self.begin(*lines)
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
        body = await asyncio.wait_for(reader.readexactly(length), 20)
        writer.close()
        return int(head.split()[1]), json.loads(body)["error"]


def at_http(response: httpx.Response) -> tuple[int, dict[str, Any]]:
    return response.status_code, response.json()["error"]


async def too_large_a_painting(running: Running, http: Client) -> tuple[int, dict[str, Any]]:
    image = await http.upload()
    job = {"content": image, "styles": [image], "params": {"size": 65}}
    return at_http(await http.http.post("/api/jobs", json=job))


async def too_many_bytes(running: Running, http: Client) -> tuple[int, dict[str, Any]]:
    return at_http(await http.http.post("/api/images", content=image_bytes() + bytes(4096)))


async def too_many_pixels(running: Running, http: Client) -> tuple[int, dict[str, Any]]:
    return at_http(await http.http.post("/api/images", content=image_bytes(size=(64, 65))))


async def too_many_jobs(running: Running, http: Client) -> tuple[int, dict[str, Any]]:
    image = await http.upload()
    for _ in range(5):
        response = await http.http.post("/api/jobs", json={"content": image, "styles": [image]})
        if response.status_code != 202:
            break
    return at_http(response)


async def too_many_uploads(running: Running, http: Client) -> tuple[int, dict[str, Any]]:
    raw = Raw(running)
    held = []
    for _ in range(3):
        reader, writer = await raw.begin("Content-Length: 100", "Expect: 100-continue")
        held.append(writer)
        # the server asks for the body, or answers that it will not take it
        line = await asyncio.wait_for(reader.readline(), 20)
        if b"100" not in line:
            break
    answer = await raw.error("Content-Length: 100")
    for writer in held:
        writer.close()
    return answer


async def too_many_inflight_bytes(running: Running, http: Client) -> tuple[int, dict[str, Any]]:
    return await Raw(running).error("Content-Length: 70000")


async def too_many_sockets(running: Running, http: Client) -> tuple[int, dict[str, Any]]:
    address = running.url.replace("http", "ws") + "/ws"
    async with connect(address):
        with pytest.raises(InvalidStatus) as raised:
            async with connect(address), connect(address):
                pass
    response = raised.value.response
    return response.status_code, json.loads(response.body or b"")["error"]


async def too_many_connections(running: Running, http: Client) -> tuple[int, dict[str, Any]]:
    raw = Raw(running)
    # one each has a place: an answer to it says so
    held = [await raw.begin("Content-Length: 100", "Expect: 100-continue") for _ in range(4)]
    for reader, _ in held:
        if b" 100 " not in (line := await asyncio.wait_for(reader.readline(), 20)):
            break
    text = (line + await asyncio.wait_for(reader.read(), 20)).decode()
    for _, writer in held:
        writer.close()
    return int(text.split()[1]), json.loads(text.partition("\r\n\r\n")[2])["error"]


async def too_many_subscriptions(running: Running, http: Client) -> tuple[int, dict[str, Any]]:
    jobs = [(await http.submit())["job"] for _ in range(2)]
    async with socket(running.url) as watcher:
        await watcher.watch(jobs[0])
        await watcher.send("subscribe", job=jobs[1], frames=False)
        return 0, await watcher.until("error")


async def too_many_requests(running: Running, http: Client) -> tuple[int, dict[str, Any]]:
    for _ in range(20):
        response = await http.http.get("/api/limits")
        if response.status_code != 200:
            break
    return at_http(response)


REACHED: list[tuple[str, Any, int, str, dict[str, Any]]] = [
    ("max_size_px", too_large_a_painting, 422, "bad_request", {}),
    ("max_upload_bytes", too_many_bytes, 413, "image_too_large", {}),
    ("max_inflight_bytes", too_many_inflight_bytes, 413, "image_too_large", {"max_upload_bytes": 2**20}),
    ("max_uploads", too_many_uploads, 503, "queue_full", {"max_uploads_per_client": 5}),
    ("max_uploads_per_client", too_many_uploads, 429, "too_many_requests", {"max_uploads": 5}),
    ("max_pixels", too_many_pixels, 413, "image_too_large", {}),
    ("max_queue", too_many_jobs, 503, "queue_full", {"max_jobs_per_client": 9}),
    ("max_jobs_per_client", too_many_jobs, 429, "too_many_jobs", {"max_queue": 9}),
    ("max_sockets", too_many_sockets, 503, "queue_full", {"max_sockets_per_client": 5}),
    ("max_sockets_per_client", too_many_sockets, 429, "too_many_requests", {"max_sockets": 5}),
    ("max_connections", too_many_connections, 503, "queue_full", {"max_connections_per_client": 9}),
    ("max_connections_per_client", too_many_connections, 429, "too_many_requests", {"max_connections": 9}),
    ("max_subscriptions", too_many_subscriptions, 0, "too_many_requests", {}),
    ("max_requests_per_s", too_many_requests, 429, "too_many_requests", {}),
]


@pytest.mark.parametrize(("name", "reach", "status", "code", "room"), REACHED, ids=[row[0] for row in REACHED])
async def test_a_limit_says_which_it_is(
    start: Callable[..., Running], name: str, reach: Any, status: int, code: str, room: dict[str, Any]
) -> None:
    # other limits of the same way are set aside
    settings = {name: LOW[name], **room}
    running = start(FakeEngine(gated=True), **settings)
    async with httpx.AsyncClient(base_url=running.url) as raw:
        got_status, error = await reach(running, Client(raw))
        assert (got_status, error["code"], error["reached"]) == (status, code, name)
        assert str(LOW[name]) in str(error["limit"])
        assert error["message"]
    assert counted(running, name) >= 1


@pytest.mark.parametrize(
    ("name", "close", "messages"),
    [("max_message_bytes", 1009, ["x" * 1025]), ("max_messages_per_s", 1008, ['{"type":"ping"}'] * 7)],
)
async def test_a_limit_of_messages_closes_the_socket(
    start: Callable[..., Running], name: str, close: int, messages: list[str]
) -> None:
    running = start(**{name: LOW[name]})
    async with socket(running.url) as talker:
        for message in messages:
            await talker.connection.send(message)
        with pytest.raises(ConnectionClosed) as raised:
            await talker.until("never")
        assert raised.value.rcvd is not None
        assert raised.value.rcvd.code == close
    async with asyncio.timeout(20), httpx.AsyncClient(base_url=running.url) as raw:
        # the server counts in a thread of its own, perhaps after the client has heard of the end
        while counted(running, name) == 0:
            await raw.get("/livez")
    assert counted(running, name) == 1


async def test_every_limit_is_told_twice_and_alike(start: Callable[..., Running]) -> None:
    running = start(**{**LOW, "max_requests_per_s": 1000, "max_upload_bytes": 2048})
    async with httpx.AsyncClient(base_url=running.url) as raw:
        told = (await raw.get("/api/limits")).json()
    async with connect(running.url.replace("http", "ws") + "/ws") as connection:
        hello = json.loads(await asyncio.wait_for(connection.recv(), 20))
    del told["params"]
    assert hello["limits"] == told
    for name, value in {**LOW, "max_requests_per_s": 1000, "max_upload_bytes": 2048}.items():
        assert told[name] == value
    # each of them has its row above
    shown = {row[0] for row in REACHED} | {"max_message_bytes", "max_messages_per_s"}
    assert shown == LOW.keys()
