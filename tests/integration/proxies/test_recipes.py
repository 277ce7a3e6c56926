"""The recipes of deploy/ work: TLS on an odd port, a path in front, large uploads, live views, Basic authentication."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
from PIL import Image
from websockets.exceptions import InvalidStatus

from duostyle.cli.main import main
from duostyle.client import Client as PythonClient
from duostyle.client import Frame, Ticket
from duostyle.errors import NotFound
from tests.integration.proxies.conftest import NAME, Kind, Proxy, recommended
from tests.support.fake_engine import FakeEngine, image_bytes
from tests.support.real_server.http_client import Client
from tests.support.real_server.running import Running
from tests.support.real_server.socket_client import TIMEOUT_S, Socket

pytestmark = pytest.mark.real_server

Started = Callable[..., Running]
Proxied = Callable[..., Proxy]
PATHS = ["", "/paint"]
# of the picture alone, 30.7 MB
LARGE = (3200, 3200)


def large(color: tuple[int, int, int]) -> bytes:
    """A picture that no format shrank."""
    out = io.BytesIO()
    Image.new("RGB", LARGE, color).save(out, "tiff")
    return out.getvalue()


@pytest.mark.parametrize("path", PATHS)
async def test_the_page_and_its_files_come(start: Started, proxied: Proxied, kind: Kind, path: str) -> None:
    proxy = proxied(kind, start(**recommended()), path=path)
    async with proxy.http() as http:
        page = await http.get("/")
        assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
        # the page itself names its files relative to where it is
        assert 'src="/' not in page.text
        assert 'href="/' not in page.text
        for file in ("/static/js/main.js", "/static/css/page.css", "/status", "/api/limits", "/livez"):
            assert (await http.get(file)).status_code == 200, file
        # sockets of this very host, whatever the page's path
        assert f"wss://{urlsplit(proxy.url).netloc}" in page.headers["content-security-policy"]


async def test_a_path_without_its_slash_leads_to_the_page(start: Started, proxied: Proxied, kind: Kind) -> None:
    proxy = proxied(kind, start(**recommended()), path="/paint")
    async with proxy.http() as http:
        answer = await http.get(proxy.url)
        assert answer.is_redirect
        # through a port that is mapped, a whole address would name the wrong one
        assert answer.headers["location"] == "/paint/"


@pytest.mark.parametrize("path", PATHS)
async def test_a_job_from_upload_to_result(start: Started, proxied: Proxied, kind: Kind, path: str) -> None:
    proxy = proxied(kind, start(**recommended()), path=path)
    async with proxy.http() as http, proxy.socket() as connection:
        watcher = Socket(connection)
        assert (await watcher.receive())["type"] == "hello"
        accepted = await Client(http).submit()
        await watcher.watch(accepted["job"])
        state = await Client(http).state(accepted["job"])
        if state["status"] != "completed":
            await watcher.until("completed")
        result = await http.get(f"/api/jobs/{accepted['job']}/result.png")
        assert (result.status_code, result.headers["content-type"]) == (200, "image/png")
        key = {"Authorization": f"Bearer {accepted['key']}"}
        assert (await http.delete(f"/api/jobs/{accepted['job']}", headers=key)).status_code == 204


async def test_what_happens_is_seen_at_once(start: Started, proxied: Proxied, kind: Kind) -> None:
    """Each step waits until the one before it was seen: what is held back anywhere would never come."""
    engine = FakeEngine(steps=6, gated=True)
    proxy = proxied(kind, start(engine, progress_per_s=60, **recommended()))
    async with proxy.http() as http, proxy.socket() as connection:
        watcher = Socket(connection)
        job = (await Client(http).submit())["job"]
        await watcher.watch(job, frames={})
        engine.release()
        assert (await watcher.until("frame"))["step"] == 1
        for step in range(2, 6):
            engine.release()
            while (await watcher.until("progress"))["step"] < step:
                pass
        engine.release()
        await watcher.until("completed")


async def test_an_upload_of_30_mb(start: Started, proxied: Proxied, kind: Kind) -> None:
    proxy = proxied(kind, start(**recommended()))
    async with proxy.http() as http:
        data = large((10, 20, 30))
        assert len(data) > 30_000_000
        answer = await http.post("/api/images", content=data)
        assert answer.status_code == 201
        assert (answer.json()["width"], answer.json()["height"]) == LARGE
        # all pictures of a job in one body are more than any one may be
        styles = [("style", ("s", large(color))) for color in ((1, 1, 1), (2, 2, 2))]
        answer = await http.post("/api/jobs", files=[("content", ("c", data)), *styles])
        assert answer.status_code == 202, answer.text


async def test_what_is_too_large_is_refused_in_the_words_of_the_server(
    start: Started, proxied: Proxied, kind: Kind
) -> None:
    proxy = proxied(kind, start(**recommended(), max_upload_bytes=2**20))
    head = f"POST /api/images HTTP/1.1\r\nHost: {NAME}:{proxy.port}\r\nContent-Length: {2**25}\r\n\r\n"
    async with asyncio.timeout(TIMEOUT_S), asyncio.TaskGroup() as tasks:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", proxy.port, ssl=proxy.certificate.trusted(), server_hostname=NAME
        )
        writer.write(head.encode())
        sending = tasks.create_task(_send(writer, 2**25))
        # the answer comes while the body is still being sent, as to a browser
        status = await reader.readline()
        fields = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", fields)
        assert length is not None
        error = json.loads(await reader.readexactly(int(length[1])))["error"]
        sending.cancel()
        writer.transport.abort()
    assert status.split()[1] == b"413"
    assert (error["code"], error["limit"], error["reached"]) == ("image_too_large", 2**20, "max_upload_bytes")


async def _send(writer: asyncio.StreamWriter, size: int) -> None:
    """A body; the other side may go away in the middle of it."""
    with contextlib.suppress(OSError):
        for _ in range(size // 2**16):
            writer.write(bytes(2**16))
            await writer.drain()


async def test_basic_authentication_leaves_room_for_the_key_of_a_job(
    start: Started, proxied: Proxied, kind: Kind, basic: list[tuple[str, str]]
) -> None:
    proxy = proxied(kind, start(**recommended()), changes=basic)
    async with proxy.http() as http:
        assert (await http.get("/")).status_code == 401
        with pytest.raises(InvalidStatus, match="401"):
            async with proxy.socket():
                pass
    async with proxy.http(auth=("anna", "secret of the test")) as http:
        accepted = await Client(http).submit()
        job = f"/api/jobs/{accepted['job']}"
        key = {"X-Duostyle-Key": accepted["key"]}
        assert (await http.post(f"{job}/cancel", headers={"X-Duostyle-Key": "wrong"})).status_code == 403
        assert (await http.post(f"{job}/cancel", headers=key)).status_code == 200
        assert (await http.delete(job, headers=key)).status_code == 204


def test_the_command_line_with_a_password_in_the_address(
    start: Started, proxied: Proxied, kind: Kind, basic: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    here = {"nginx": [], "caddy": [("\npaint.example.org {", "\nlocalhost {")]}[kind]
    running = start(**recommended(), token="a-token-beside-the-password")
    proxy = proxied(kind, running, path="/paint", changes=[*here, *basic])
    monkeypatch.setenv("SSL_CERT_FILE", str(proxy.certificate.chain))
    url = f"https://anna:secret%20of%20the%20test@localhost:{proxy.port}/paint"
    client = PythonClient(url, token="a-token-beside-the-password")
    image = client.upload(image_bytes())
    events = [event for event in client.paint(image, [image]) if not isinstance(event, Frame)]
    assert (events[0]["type"], events[-1]["type"]) == ("accepted", "completed")
    ticket = Ticket(events[0]["job"], events[0]["key"])
    assert not client.cancel(ticket)
    client.delete(ticket)
    with pytest.raises(NotFound):
        client.state(ticket.job)


def test_submit_and_watch_with_a_password_in_the_address(
    start: Started,
    proxied: Proxied,
    kind: Kind,
    basic: list[tuple[str, str]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    here = {"nginx": [], "caddy": [("\npaint.example.org {", "\nlocalhost {")]}[kind]
    proxy = proxied(kind, start(**recommended()), path="/paint", changes=[*here, *basic])
    monkeypatch.setenv("SSL_CERT_FILE", str(proxy.certificate.chain))
    place = f"localhost:{proxy.port}/paint"
    url, picture, out = f"https://anna:secret%20of%20the%20test@{place}", tmp_path / "in.png", tmp_path / "out.png"
    picture.write_bytes(image_bytes())
    order = ["submit", str(picture), "--style", str(picture), "-o", str(out), "--server"]
    assert main([*order, url]) == 0
    assert out.is_file()
    client = PythonClient(url)
    image = client.upload(image_bytes())
    job = client.submit(image, [image]).job
    assert main(["watch", f"{url}/?job={job}"]) == 0
    out.unlink()
    # what is wrong is said without it
    assert main([*order, f"https://anna:secret-but-wrong@{place}"]) != 0
    assert main([*order, f"https://anna:secret-but-wrong@localhost:{proxy.port}0/paint"]) != 0
    assert main([*order, f"https://anna:a/secret@{place}"]) == 2
    assert not out.exists()
    said = "".join(capfd.readouterr())
    assert "secret" not in said
    assert "a proxy answered with status 401 instead of the server: it asks for a name and a password" in said


async def test_what_a_client_says_of_itself_is_not_passed_on(start: Started, proxied: Proxied, kind: Kind) -> None:
    proxy = proxied(kind, start(**recommended(), max_requests_per_s=1))
    async with proxy.http() as http:
        lies = [{"X-Forwarded-For": f"192.0.2.{n}", "X-Forwarded-Proto": "http"} for n in range(4)]
        answers = [(await http.get("/api/limits", headers=lie)).status_code for lie in lies]
        # all from one address, and over TLS as the Origin says, whatever the lies
        assert answers[:2] == [200, 200]
        assert answers[-1] == 429


async def test_links_lead_to_what_they_name(start: Started, proxied: Proxied, kind: Kind) -> None:
    """A client resolves them against the address that it asked, and stays under the proxy's path."""
    proxy = proxied(kind, start(**recommended()), path="/paint")
    async with proxy.http() as http, proxy.socket() as connection:
        accepted = await Client(http).submit()
        image = await Client(http).upload(image_bytes())
        answer = await http.post("/api/jobs", json={"content": image, "styles": [image]})
        told = answer.json()
        watcher = Socket(connection)
        if (await watcher.watch(told["job"]))["status"] != "completed":
            await watcher.until("completed")
        asked = f"{proxy.url}/api/jobs"
        for name, link in {**told["links"], "location": answer.headers["location"]}.items():
            address = urljoin(asked, link)
            assert address.startswith(proxy.url + "/"), (name, link)
            method = "POST" if name == "cancel" else "GET"
            got = await http.request(method, address, headers={"X-Duostyle-Key": told["key"]})
            assert got.status_code == 200, (name, link)
        servers = (await http.get("/openapi.json")).json()["servers"]
        document = f"{proxy.url}/openapi.json"
        assert [urljoin(document, server["url"]) for server in servers] == [proxy.url + "/"]
        assert accepted["links"].keys() == told["links"].keys()
