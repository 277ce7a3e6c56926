"""Who is refused before anything happens: wrong names, strange pages, no token, too many."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from duostyle.imaging.decode import image_id
from tests.support.fake_engine import image_bytes
from tests.support.real_server.http_client import Client
from tests.support.real_server.running import Running
from tests.support.real_server.socket_client import socket

pytestmark = pytest.mark.real_server

TOKEN = "a-token-of-this-test"


async def refused(running: Running, name: str | None = None, **options: Any) -> tuple[int, str]:
    """The HTTP answer to an upgrade that must not be accepted; `name` is what the client calls the server."""
    host, port = running.listening.getsockname()[:2]
    with pytest.raises(InvalidStatus) as raised:
        async with connect(f"ws://{name or f'{host}:{port}'}/ws", host=host, port=port, **options):
            pass
    response = raised.value.response
    assert response.headers["content-type"] == "application/json"
    return response.status_code, json.loads(response.body or b"")["error"]["code"]


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "", "localhost.evil.example", "localhost:x"])
async def test_other_host_names_are_refused(running: Running, http: Client, host: str) -> None:
    response = await http.http.get("/api/limits", headers={"Host": host})
    assert (response.status_code, response.json()["error"]["field"]) == (403, "host")


async def test_sockets_for_other_host_names_are_refused(running: Running) -> None:
    for name in ("evil.example", "evil.example:8000", "localhost.evil.example"):
        assert await refused(running, name) == (403, "forbidden")


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://localhost.evil.example", "http://127.0.0.1:1", "https://{own}"]
)
async def test_other_origins_are_refused(running: Running, http: Client, origin: str) -> None:
    origin = origin.format(own=running.url.removeprefix("http://"))
    data = image_bytes((9, 9, 9))
    response = await http.http.post("/api/images", content=data, headers={"Origin": origin})
    assert (response.status_code, response.json()["error"]["field"]) == (403, "origin")
    assert "access-control-allow-origin" not in response.headers
    assert await refused(running, origin=origin) == (403, "forbidden")
    assert (await http.http.get(f"/api/images/{image_id(data)}")).status_code == 404


async def test_the_own_page_and_no_page_may_come_in(running: Running, http: Client) -> None:
    assert (await http.http.get("/api/limits", headers={"Origin": running.url})).status_code == 200
    async with socket(running.url, origin=running.url):
        pass
    async with socket(running.url):
        pass


async def test_allowed_hosts_and_origins(start: Callable[..., Running]) -> None:
    running = start(allowed_hosts=["paint.example"], allowed_origins=["https://app.example"])
    origin = {"Origin": "https://app.example"}
    async with httpx.AsyncClient(base_url=running.url) as raw:
        assert (await raw.get("/livez", headers={"Host": "paint.example:443"})).status_code == 200
        response = await raw.get("/api/limits", headers=origin)
        assert response.headers["access-control-allow-origin"] == "https://app.example"
        asked = {**origin, "Access-Control-Request-Method": "DELETE"}
        preflight = await raw.options("/api/jobs/x", headers=asked)
        assert preflight.status_code == 204
        assert "DELETE" in preflight.headers["access-control-allow-methods"]
    async with socket(running.url, origin="https://app.example"):
        pass


async def test_a_token_guards_all_but_the_page_and_its_health(start: Callable[..., Running]) -> None:
    running = start(token=TOKEN)
    async with httpx.AsyncClient(base_url=running.url) as raw:
        for path in ("/", "/static/js/main.js", "/livez", "/readyz"):
            assert (await raw.get(path)).status_code in (200, 503), path
        for path in ("/api/limits", "/metrics", "/api/gallery", "/nope"):
            response = await raw.get(path)
            assert (response.status_code, response.headers["www-authenticate"]) == (401, "Bearer")
        assert (await raw.get("/api/limits", params={"token": "wrong" * 5})).status_code == 401
        assert (await raw.get("/api/limits", headers={"Authorization": f"Basic {TOKEN}"})).status_code == 401
        assert (await raw.get("/api/limits", headers={"Authorization": f"Bearer {TOKEN}"})).status_code == 200
        raw.params = httpx.QueryParams(token=TOKEN)
        accepted = await Client(raw).submit()
        # The header is free for the job's key when the token comes in the address.
        key = {"Authorization": f"Bearer {accepted['key']}"}
        assert (await raw.delete(f"/api/jobs/{accepted['job']}", headers=key)).status_code == 204
    assert await refused(running) == (401, "unauthorized")
    async with connect(running.url.replace("http", "ws") + f"/ws?token={TOKEN}"):
        pass


async def test_each_token_is_one_client_and_addresses_are_not(start: Callable[..., Running]) -> None:
    other = "a-token-of-someone-else"
    running = start(token=f"{TOKEN},{other}", max_requests_per_s=1)
    async with httpx.AsyncClient(base_url=running.url) as raw:

        async def ask(token: str) -> int:
            return (await raw.get("/api/limits", headers={"Authorization": f"Bearer {token}"})).status_code

        assert [await ask(TOKEN) for _ in range(3)] == [200, 200, 429]
        assert await ask(other) == 200
        # guesses are counted by the address, whatever they are
        assert [await ask(f"a-guess-of-a-token-{number}") for number in range(3)] == [401, 401, 429]
        assert await ask(other) == 200


@pytest.mark.parametrize("believed", [True, False])
async def test_a_proxy_is_believed_only_when_it_is_named(start: Callable[..., Running], believed: bool) -> None:
    running = start(trusted_proxy=["127.0.0.1"] if believed else [], max_requests_per_s=1)
    secure = {"Origin": running.url.replace("http:", "https:"), "X-Forwarded-Proto": "https"}
    async with httpx.AsyncClient(base_url=running.url) as raw:
        answers = [
            (await raw.get("/api/limits", headers={"X-Forwarded-For": f"192.0.2.{number}"})).status_code
            for number in range(3)
        ]
        assert answers == [200, 200, 200 if believed else 429]
    plain = {"X-Forwarded-For": "192.0.2.99", "Origin": running.url}
    async with httpx.AsyncClient(base_url=running.url) as raw:
        own = await raw.get("/api/limits", headers={"X-Forwarded-For": "192.0.2.98", **secure})
        assert own.status_code == (200 if believed else 429)
        if believed:
            # the page that came over TLS is the proxy's, the one that did not is another
            assert (await raw.get("/api/limits", headers={**plain, "X-Forwarded-Proto": "https"})).status_code == 403


async def test_too_many_requests(start: Callable[..., Running]) -> None:
    running = start(max_requests_per_s=1)
    async with httpx.AsyncClient(base_url=running.url) as raw:
        answers = [await raw.get("/api/limits") for _ in range(4)]
        assert [answer.status_code for answer in answers[:2]] == [200, 200]
        assert answers[-1].status_code == 429
        assert int(answers[-1].headers["retry-after"]) > 0
        assert answers[-1].json()["error"]["code"] == "too_many_requests"


@pytest.mark.parametrize("name", ["Host", "Origin"])
async def test_the_page_and_its_health_come_whatever_the_names_say(start: Callable[..., Running], name: str) -> None:
    """Else a proxy that is not set up gives a page without scripts, which cannot say what is wrong."""
    running = start(max_requests_per_s=1)
    strange = {name: "paint.lan" if name == "Host" else "https://paint.lan"}
    async with httpx.AsyncClient(base_url=running.url, headers=strange) as raw:
        for _ in range(5):
            for path in ("/", "/status", "/static/js/main.js", "/livez", "/readyz"):
                # 503 while the engine loads
                assert (await raw.get(path)).status_code in ((200, 503) if path == "/readyz" else (200,)), path
        assert (await raw.get("/api/limits")).status_code == 403
        # only reading is free
        assert (await raw.post("/", content=b"x")).status_code == 403


async def test_a_literal_address_is_a_name_of_the_server(running: Running, http: Client) -> None:
    for host in ("192.0.2.7", "192.0.2.7:8000", "[2001:db8::7]:8000"):
        assert (await http.http.get("/api/limits", headers={"Host": host})).status_code == 200
        # the page of that very address, and of no other
        own, other = {"Host": host, "Origin": f"http://{host}"}, {"Host": host, "Origin": "http://192.0.2.8"}
        assert (await http.http.get("/api/limits", headers=own)).status_code == 200
        assert (await http.http.get("/api/limits", headers=other)).status_code == 403


async def test_the_log_says_once_which_setting_would_let_a_refused_page_in(
    start: Callable[..., Running], caplog: pytest.LogCaptureFixture
) -> None:
    running = start(allowed_hosts=["paint.lan"])
    behind_tls = {"Host": "paint.lan", "Origin": "https://paint.lan"}
    async with httpx.AsyncClient(base_url=running.url) as raw:
        for _ in range(3):
            for path in ("/api/images", "/api/jobs"):
                assert (await raw.post(path, headers=behind_tls)).status_code == 403
            assert await refused(running, "paint.lan", origin="https://paint.lan") == (403, "forbidden")
            assert (await raw.get("/api/limits", headers={"Host": "other\tname.lan"})).status_code == 403
            assert (await raw.get("/api/limits", headers={"Origin": "https://evil.example"})).status_code == 403
    records = [vars(record) for record in caplog.records if record.name.startswith("duostyle.web.guard")]
    behind, name, page = records
    assert (behind["origin"], behind["peer"]) == ("https://paint.lan", "127.0.0.1")
    assert "trusted_proxy" in behind["message"]
    assert name["host"] == "other\tname.lan"
    assert "allowed_hosts" in name["message"]
    assert page["origin"] == "https://evil.example"
    assert "allowed_origins" in page["message"]


async def test_a_key_may_come_in_a_header_of_its_own(running: Running, http: Client) -> None:
    """Where a proxy asks for a password, Authorization is the proxy's."""
    accepted = await http.submit()
    job = f"/api/jobs/{accepted['job']}"
    basic = {"Authorization": "Basic YW5uYTpzZWNyZXQ="}
    for headers, status in (
        (basic, 403),
        ({**basic, "X-Duostyle-Key": "wrong"}, 403),
        # the header of its own is the one that counts
        ({"Authorization": f"Bearer {accepted['key']}", "X-Duostyle-Key": "wrong"}, 403),
        ({**basic, "X-Duostyle-Key": accepted["key"]}, 200),
    ):
        assert (await http.http.post(f"{job}/cancel", headers=headers)).status_code == status
    assert (await http.http.delete(job, headers={"X-Duostyle-Key": accepted["key"]})).status_code == 204


async def test_other_sites_may_show_the_page_where_the_settings_say_so(
    running: Running, http: Client, start: Callable[..., Running]
) -> None:
    page = await http.http.get("/")
    assert page.headers["x-frame-options"] == "DENY"
    assert "frame-ancestors 'none';" in page.headers["content-security-policy"]
    framed = start(frame_ancestors=["self", "https://school.example"])
    async with httpx.AsyncClient(base_url=framed.url) as raw:
        page = await raw.get("/")
    assert "x-frame-options" not in page.headers
    assert "frame-ancestors 'self' https://school.example;" in page.headers["content-security-policy"]


async def test_a_seat_is_free_again_after_its_socket(start: Callable[..., Running]) -> None:
    running = start(max_sockets_per_client=1)
    async with socket(running.url):
        pass
    # once the server has seen the socket close
    for _ in range(100):
        try:
            async with socket(running.url):
                return
        except InvalidStatus:
            continue
    pytest.fail("no seat was given back")


async def test_other_paths_take_no_sockets(running: Running) -> None:
    with pytest.raises(InvalidStatus) as raised:
        async with connect(running.url.replace("http", "ws") + "/api/limits"):
            pass
    assert raised.value.response.status_code in (403, 404)
