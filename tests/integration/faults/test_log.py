"""What the server writes down holds nothing that opens a door or tells about a person, at the most talkative level."""

from __future__ import annotations

import asyncio
import socket as sockets
from pathlib import Path

import httpx
import pytest
from PIL import Image
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.support.fake_engine import image_bytes
from tests.support.picture_files import RED, saved
from tests.support.real_server.http_client import Client
from tests.support.real_server.server_process import ServerProcess
from tests.support.real_server.socket_client import Socket

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


def test_the_log_holds_no_secret(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, {"fail_at": 2}, token=TOKEN, log_level="debug") as server:
        url = server.until_listening()
        secrets = asyncio.run(visit(url))
        garbage(url)
        server.terminate()
        asyncio.run(server.ended(60))
    written = server.log.read_text("utf-8")
    # it does write, and about the failures of this engine
    assert "the engine failed" in written
    for secret in {TOKEN, GUESS, NAME, CAMERA, *secrets}:
        assert secret not in written, written
