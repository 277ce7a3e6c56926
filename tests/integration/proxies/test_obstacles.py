"""Proxies that are in the way: without WebSockets, with a limit on bodies of their own, without trust."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from websockets.exceptions import InvalidStatus

from tests.integration.proxies.conftest import NO_SOCKETS, SMALL_BODIES, Kind, Proxy, recommended
from tests.support.fake_engine import FakeEngine, image_bytes
from tests.support.real_server.http_client import Client
from tests.support.real_server.running import Running

pytestmark = pytest.mark.real_server

Started = Callable[..., Running]
Proxied = Callable[..., Proxy]


async def test_without_websockets_everything_else_works(start: Started, proxied: Proxied, kind: Kind) -> None:
    engine = FakeEngine(steps=3, gated=True)
    running = start(engine, **recommended())
    proxy = proxied(kind, running, changes=NO_SOCKETS[kind])
    async with proxy.http() as http:
        for _ in range(3):
            with pytest.raises(InvalidStatus) as raised:
                async with proxy.socket():
                    pass
            assert raised.value.response.status_code in (403, 404)
        client = Client(http)
        job = (await client.submit())["job"]
        engine.release()
        # who cannot be told asks, again and again
        while (await client.state(job))["step"] < 1:
            pass
        frame = await http.get(f"/api/jobs/{job}/frame.jpg")
        assert (frame.status_code, frame.headers["content-type"]) == (200, "image/jpeg")
        engine.release(2)
        while (await client.state(job))["status"] != "completed":
            pass
        assert (await http.get(f"/api/jobs/{job}/result.png")).status_code == 200
        assert "duostyle_sockets 0.0" in (await http.get("/metrics")).text


async def test_a_proxy_with_a_limit_of_its_own_harms_no_other_request(
    start: Started, proxied: Proxied, kind: Kind
) -> None:
    proxy = proxied(kind, start(**recommended()), changes=SMALL_BODIES[kind])
    async with proxy.http() as http:
        answer = await http.post("/api/images", content=bytes(150_000))
        # nginx looks at what is announced, Caddy stops when it has come
        assert answer.status_code in (413, 502)
        assert not answer.headers.get("content-type", "").startswith("application/json")
        assert (await http.post("/api/images", content=image_bytes())).status_code == 201
        metrics = (await http.get("/metrics")).text
        # what was begun is let go
        assert "duostyle_uploads_in_flight 0.0" in metrics
        assert "duostyle_inflight_bytes 0.0" in metrics
