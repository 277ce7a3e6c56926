"""The operator's corner: true numbers, and nothing that could be used."""

from __future__ import annotations

import re

import pytest

from tests.support.real_server.http_client import Client
from tests.support.real_server.running import Running
from tests.support.real_server.socket_client import socket

pytestmark = pytest.mark.real_server


async def test_an_idle_server_says_so(http: Client) -> None:
    response = await http.http.get("/api/status")
    assert response.headers["cache-control"] == "no-store"
    said = response.json()
    assert (said["device"], said["ready"]) == ("fake", True)
    assert said["jobs"] | {"max_queue": 0} == {"waiting": 0, "running": 0, "paused": 0, "max_queue": 0}
    assert said["measured"] == {"steps": 0, "seconds": 0}
    assert said["ended"] == {"completed": 0, "cancelled": 0, "failed": 0}


async def test_the_page_is_served_with_its_script(http: Client) -> None:
    page = await http.http.get("/status")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    script = re.search(r'src="(static/[0-9a-f]+/js/status\.js)"', page.text)
    assert script
    assert (await http.http.get("/" + script[1])).status_code == 200


async def test_a_finished_job_is_counted_and_not_named(http: Client, running: Running) -> None:
    image = await http.upload()
    before = (await http.http.get("/api/status")).json()
    async with socket(running.url) as watcher:
        await watcher.send("submit", content=image, styles=[image], params={"iterations": 4})
        accepted = await watcher.until("accepted")
        await watcher.until("completed")
    response = await http.http.get("/api/status")
    assert response.json()["ended"]["completed"] == before["ended"]["completed"] + 1
    assert response.json()["evaluations"] == before["evaluations"] + 4
    for secret in (accepted["job"], accepted["key"], image, image.removeprefix("sha256:")):
        assert secret not in response.text
