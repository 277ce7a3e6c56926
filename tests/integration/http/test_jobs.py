"""Jobs over HTTP, from pictures to the painting, and who may touch them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest

from duostyle.imaging import decode as images
from duostyle.imaging.decode import sniff
from tests.support.fake_engine import FakeEngine, image_bytes, picture_of
from tests.support.real_server.http_client import Client
from tests.support.real_server.running import Running
from tests.support.real_server.socket_client import Socket, finished, socket

pytestmark = pytest.mark.real_server


def link(accepted: Mapping[str, Any], name: str) -> str:
    """Where a link of the answer to /api/jobs leads."""
    links: dict[str, str] = accepted["links"]
    return urljoin("/api/jobs", links[name])


async def test_a_job_from_form_to_painting(running: Running, http: Client) -> None:
    files = [
        ("content", ("c.png", image_bytes((1, 2, 3)), "image/png")),
        ("style", ("a.png", image_bytes((4, 5, 6)), "image/png")),
        ("style", ("b.png", image_bytes((7, 8, 9)), "image/png")),
    ]
    response = await http.http.post("/api/jobs", files=files, data={"params": json.dumps({"iterations": 3})})
    assert response.status_code == 202
    accepted = response.json()
    assert link(accepted, "state") == f"/api/jobs/{accepted['job']}"
    await finished(running.url, accepted["job"])
    state = await http.state(accepted["job"])
    assert (state["status"], state["step"], len(state["costs"]["style"])) == ("completed", 3, 2)
    png = await http.http.get(link(accepted, "result"))
    assert png.headers["content-type"] == "image/png"
    # What the fake engine paints after three steps is known to the pixel.
    assert images.decode(png.content) == picture_of(3)
    for ending, kind in (("jpg", "jpeg"), ("webp", "webp")):
        result = await http.http.get(f"/api/jobs/{accepted['job']}/result.{ending}")
        assert result.headers["content-type"] == f"image/{kind}"
        assert sniff(result.content) == kind
    frame = await http.http.get(link(accepted, "frame"))
    assert sniff(frame.content) == "jpeg"


async def test_no_result_before_the_end_but_the_best_so_far(start: Callable[..., Running]) -> None:
    engine = FakeEngine(steps=200, gated=True)
    running = start(engine)
    async with httpx.AsyncClient(base_url=running.url) as raw, socket(running.url) as watcher:
        http = Client(raw)
        accepted = await http.submit()
        await watcher.watch(accepted["job"])
        engine.release(2)
        await watcher.until("progress")
        early = await raw.get(link(accepted, "result"))
        assert (early.status_code, early.json()["error"]["code"]) == (409, "not_finished")
        asking = asyncio.create_task(raw.get(link(accepted, "result"), params={"partial": 1}))
        while not asking.done():
            # The best so far is shown by the next step after the question.
            engine.release(1)
            await watcher.until("progress")
        partial = await asking
        assert partial.status_code == 200
        assert 1 <= images.decode(partial.content).rgb[0] < 200
        engine.release(200)
        await watcher.until("completed")
        assert images.decode((await raw.get(link(accepted, "result"))).content) == picture_of(200)


async def test_only_the_key_cancels_and_deletes(running: Running, http: Client) -> None:
    accepted = await http.submit()
    job = accepted["job"]
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {accepted['key']}"}):
        for method, path in (("POST", f"/api/jobs/{job}/cancel"), ("DELETE", f"/api/jobs/{job}")):
            response = await http.http.request(method, path, headers=headers)
            assert (response.status_code, response.json()["error"]["code"]) == (403, "forbidden")
    right = {"Authorization": f"Bearer {accepted['key']}"}
    assert (await http.http.delete(f"/api/jobs/{job}", headers=right)).status_code == 204
    assert (await http.http.get(f"/api/jobs/{job}")).status_code == 404
    assert (await http.http.delete(f"/api/jobs/{job}", headers=right)).status_code == 404


async def test_cancelling_a_queued_job_never_touches_the_running_one(start: Callable[..., Running]) -> None:
    engine = FakeEngine(steps=4, gated=True)
    running = start(engine)
    async with httpx.AsyncClient(base_url=running.url) as raw, socket(running.url) as watcher:
        http = Client(raw)
        first, second, third = [await http.submit() for _ in range(3)]
        await watcher.watch(first["job"])
        engine.release(1)
        await watcher.until("progress")
        for _ in range(2):
            key = {"Authorization": f"Bearer {second['key']}"}
            response = await raw.post(link(second, "cancel"), headers=key)
            assert response.status_code == 200
            assert response.json()["state"]["status"] == "cancelled"
        assert response.json()["cancelled"] is False
        assert (await http.state(first["job"]))["status"] == "running"
        assert (await http.state(third["job"]))["position"] == 1
        engine.release(10)
        await watcher.until("completed")
        await finished(running.url, third["job"])
        assert (await http.state(third["job"]))["status"] == "completed"
        assert len(engine.painters) == 2


async def two_jobs(http: Client, watcher: Socket, engine: FakeEngine) -> tuple[dict[str, Any], dict[str, Any]]:
    """The first is watched and has one step, the second waits."""
    first, second = await http.submit(), await http.submit()
    await watcher.watch(first["job"])
    engine.release(1)
    await watcher.until("progress")
    return first, second


async def test_cancelling_the_running_job_lets_the_next_run(start: Callable[..., Running]) -> None:
    engine = FakeEngine(steps=4, gated=True)
    running = start(engine)
    async with httpx.AsyncClient(base_url=running.url) as raw, socket(running.url) as watcher:
        http = Client(raw)
        first, second = await two_jobs(http, watcher, engine)
        response = await raw.post(link(first, "cancel"), headers={"Authorization": f"Bearer {first['key']}"})
        assert (response.json()["cancelled"], response.json()["state"]["status"]) == (True, "cancelled")
        engine.release(10)
        await finished(running.url, second["job"])
        assert (await http.state(second["job"]))["status"] == "completed"
        partial = await raw.get(link(first, "result"), params={"partial": 1})
        assert images.decode(partial.content) == picture_of(1)


async def test_queues_are_bounded(start: Callable[..., Running]) -> None:
    running = start(FakeEngine(gated=True), max_jobs_per_client=2)
    async with httpx.AsyncClient(base_url=running.url) as raw:
        http = Client(raw)
        await http.submit()
        await http.submit()
        image = await http.upload()
        response = await raw.post("/api/jobs", json={"content": image, "styles": [image]})
        assert (response.status_code, response.json()["error"]["code"]) == (429, "too_many_jobs")
        assert int(response.headers["retry-after"]) > 0


async def test_a_failed_job_says_why_and_the_next_one_runs(start: Callable[..., Running]) -> None:
    engine = FakeEngine()
    running = start(engine)
    async with httpx.AsyncClient(base_url=running.url) as raw:
        http = Client(raw)
        engine.begin_error = RuntimeError("secret detail")
        failed = await http.submit()
        await finished(running.url, failed["job"])
        state = await http.state(failed["job"])
        assert (state["status"], state["error"]["code"]) == ("failed", "internal")
        assert "secret" not in json.dumps(state)
        engine.begin_error = None
        good = await http.submit()
        await finished(running.url, good["job"])
        assert (await http.state(good["job"]))["status"] == "completed"


async def test_a_restart_in_the_middle_loses_no_job(start: Callable[..., Running]) -> None:
    engine = FakeEngine(steps=3, gated=True)
    running = start(engine)
    async with httpx.AsyncClient(base_url=running.url) as raw, socket(running.url) as watcher:
        http = Client(raw)
        first, second = await two_jobs(http, watcher, engine)
    running.stop()
    running = start(FakeEngine(steps=3))
    async with httpx.AsyncClient(base_url=running.url) as raw:
        http = Client(raw)
        for accepted in (first, second):
            await finished(running.url, accepted["job"])
            assert (await http.state(accepted["job"]))["status"] == "completed"
            result = await raw.get(link(accepted, "result"))
            assert images.decode(result.content) == picture_of(3)
        # The key is still the key.
        key = {"Authorization": f"Bearer {first['key']}"}
        assert (await raw.delete(f"/api/jobs/{first['job']}", headers=key)).status_code == 204
