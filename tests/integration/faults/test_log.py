"""What the server writes down holds nothing that opens a door or tells about a person, at the most talkative level."""

from __future__ import annotations

import asyncio
import json
import re
import socket as sockets
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.support.fake_engine import image_bytes
from tests.support.picture_files import RED, saved
from tests.support.real_server.http_client import Client
from tests.support.real_server.server_process import ServerProcess
from tests.support.real_server.socket_client import Socket, socket

pytestmark = pytest.mark.real_server

TOKEN, GUESS = "token-that-nobody-may-read", "guess-that-nobody-may-read"
NAME, CAMERA = "holiday-with-somebody.jpg", "camera-of-somebody"


async def visit(url: str) -> set[str]:
    """Use the server well and badly; every secret that was told on the way."""
    exif = Image.Exif()
    exif[0x010F] = CAMERA
    tiff = saved(Image.new("RGB", (8, 8), RED), "TIFF", exif=exif)
    secrets: set[str] = set()
    async with httpx.AsyncClient(base_url=url, params={"token": TOKEN}) as raw:
        http = Client(raw)
        for data in (image_bytes(), tiff, tiff[:60], b"GIF89a" + bytes(20), b""):
            await raw.post("/api/images", files={"file": (NAME, data)})
        files = [("content", (NAME, image_bytes())), ("style", (NAME, tiff))]
        accepted = (await raw.post("/api/jobs", files=files)).json()
        secrets |= {accepted["job"], accepted["key"]}
        await raw.get(f"/api/jobs/{accepted['job']}", headers={"Authorization": f"Bearer {GUESS}"})
        await raw.delete(f"/api/jobs/{accepted['job']}", headers={"Authorization": f"Bearer {GUESS}"})
        await raw.post("/api/jobs", json={"content": NAME, "styles": [NAME], "params": {NAME: NAME}})
        for path in (f"/api/images/{NAME}", f"/static/{NAME}", f"/{NAME}"):
            await raw.get(path)
        address = url.replace("http", "ws") + f"/ws?token={TOKEN}"
        async with connect(address) as connection:
            watcher = Socket(connection)
            image = await http.upload()
            await watcher.send("submit", content=image, styles=[image])
            told = await watcher.until("accepted")
            secrets |= {told["job"], told["key"]}
            await watcher.send("cancel", job=told["job"], key=told["key"])
            await watcher.until("ok", "error")
            await watcher.send("cancel", job=told["job"], key=GUESS)
            await watcher.until("error")
            await connection.send(GUESS.encode() + b"\xff", text=True)
            with pytest.raises(ConnectionClosed):
                await watcher.until("never")
    async with httpx.AsyncClient(base_url=url) as stranger:
        await stranger.get("/api/limits", params={"token": GUESS})
        await stranger.get("/api/limits", headers={"Authorization": f"Bearer {GUESS}"})
        await stranger.get(f"/?token={TOKEN}", headers={"Host": NAME})
    return secrets


def garbage(url: str) -> None:
    """What is no HTTP at all."""
    host, port = url.removeprefix("http://").split(":")
    for request in (f"GET /?token={TOKEN} HTTP/9.9\r\n\r\n", f"{TOKEN}\r\n\r\n", f"GET / HTTP/1.1\r\n{TOKEN}\r\n\r\n"):
        with sockets.create_connection((host, int(port)), timeout=20) as connection:
            connection.sendall(request.encode())
            while connection.recv(1000):
                continue


def lines_of(server: ServerProcess) -> list[dict[str, Any]]:
    """Every line of the log, each of which is one JSON object."""
    return [json.loads(line) for line in server.log.read_text("utf-8").splitlines()]


async def paint(url: str) -> tuple[str, str]:
    """Two jobs, the second cancelled; their ids."""
    async with httpx.AsyncClient(base_url=url) as raw, socket(url) as watcher:
        http = Client(raw)
        jobs = []
        for iterations in (2, 5000):
            accepted = await http.submit(iterations=iterations)
            jobs.append(accepted["job"])
            if (await watcher.watch(accepted["job"]))["status"] in ("queued", "running"):
                await watcher.until("failed", "progress")
        answer = await raw.post(f"/api/jobs/{jobs[1]}/cancel", headers={"X-Duostyle-Key": accepted["key"]})
        assert answer.status_code == 200
        answered = await raw.get(f"/api/jobs/{jobs[1]}")
        assert re.fullmatch("[0-9a-f]{12}", answered.headers["x-request-id"])
    return jobs[0], jobs[1]


def test_a_program_reads_the_log(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, {"fail_at": 2}, log_level="debug") as server:
        server.until_ready()
        url = server.url
        failed, cancelled = asyncio.run(paint(url))
        server.terminate()
        asyncio.run(server.ended(60))
    lines = lines_of(server)
    for line in lines:
        assert list(line)[:4] == ["time", "level", "logger", "event"]
        assert line["level"] in ("debug", "info", "warning", "error")
        assert datetime.fromisoformat(line["time"]).utcoffset() == timedelta(0)
    told: dict[tuple[str | None, str], dict[str, Any]] = {}
    for line in lines:
        told.setdefault((line.get("job"), line["event"]), line)
    first, second = failed[:8], cancelled[:8]
    assert told[None, "the server listens"]["address"] == f"{url}/"
    # accepted by a request, painted by the engine's thread: all its lines name the job
    assert re.fullmatch("[0-9a-f]{12}", told[first, "a job was accepted"]["request"])
    assert told[first, "a job is painted"]["waited_s"] >= 0
    crash = told[first, "the engine failed; the server's log has the details"]
    assert (crash["level"], crash["logger"]) == ("error", "duostyle.executor.engine_thread")
    assert crash["exception"].startswith("Traceback (most recent call last):")
    assert told[first, "a job has ended"]["error"] == "internal"
    assert told[second, "a job was accepted"]["request"] != told[first, "a job was accepted"]["request"]
    asked = next(line for line in lines if line.get("handler") == "cancel")
    assert (asked["job"], asked["method"], asked["status"]) == (second, "POST", 200)
    assert told[None, "the server shuts down"]["level"] == "info"
    # only the bug has a traceback
    assert {line["event"] for line in lines if "exception" in line} == {crash["event"]}


def test_what_clients_do_leaves_no_traceback(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, {"gated": True}, log_level="info") as server:
        url = server.until_listening()
        asyncio.run(misbehave(url))
        garbage(url)
        server.terminate()
        assert asyncio.run(server.ended(60)) == 0
    lines = lines_of(server)
    assert [line for line in lines if "exception" in line or line["level"] != "info"] == []


async def misbehave(url: str) -> None:
    """Leave in the middle of things, and send nonsense."""
    host, port = url.removeprefix("http://").split(":")
    head = b"POST /api/images HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n"
    form = b"Content-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\nContent-Disposition: form-data; "
    for sent in (head + b"\r\nbegin", head + form + b'name="file"; filename="a"\r\n\r\nbegin'):
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(sent)
        await writer.drain()
        writer.close()
        await writer.wait_closed()
    async with httpx.AsyncClient(base_url=url) as http:
        broken = b'--b\r\nContent-Disposition[: form-data; name="file"\r\n\r\nx\r\n--b--\r\n'
        for path in ("/api/images", "/api/jobs"):
            kind = {"Content-Type": "multipart/form-data; boundary=b"}
            assert (await http.post(path, content=broken, headers=kind)).status_code == 422
        assert (await http.post("/api/jobs", json=[1])).status_code == 422
    async with socket(url) as talker:
        await talker.connection.send("{")
        await talker.until("error")
        talker.connection.transport.abort()


def test_the_log_holds_no_secret(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, {"fail_at": 2}, token=TOKEN, log_level="debug") as server:
        url = server.until_listening()
        secrets = asyncio.run(visit(url))
        garbage(url)
        server.terminate()
        asyncio.run(server.ended(60))
    written = server.log.read_text("utf-8")
    # it does write, and about the failures of this engine
    assert any(line["event"].startswith("the engine failed") for line in lines_of(server))
    for secret in {TOKEN, GUESS, NAME, CAMERA, *secrets}:
        assert secret not in written, written
