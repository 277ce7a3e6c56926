"""Time-lapses over HTTP: the list, single frames, films, and that they go and stay with their job."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from PIL import Image

from duostyle.imaging import animation as film
from duostyle.imaging import decode as images
from duostyle.imaging.decode import sniff
from tests.support.fake_engine import FakeEngine
from tests.support.real_server.http_client import Client
from tests.support.real_server.running import Running
from tests.support.real_server.socket_client import socket

pytestmark = pytest.mark.real_server


async def painted(running: Running, http: Client) -> tuple[str, str]:
    accepted = await http.submit()
    async with socket(running.url) as watcher:
        if (await watcher.watch(accepted["job"]))["status"] != "completed":
            await watcher.until("completed")
    return accepted["job"], accepted["key"]


async def test_frames_are_listed_and_given_one_by_one(running: Running, http: Client) -> None:
    job, _ = await painted(running, http)
    path = f"/api/jobs/{job}/timelapse"
    listed = (await http.http.get(f"{path}.json")).json()
    assert (listed["job"], listed["ended"], listed["fps"]) == (job, True, film.FRAMES_PER_S)
    assert (listed["width"], listed["height"]) == (8, 6)
    assert listed["count"] == len(listed["frames"]) >= 2
    assert (listed["frames"][0]["step"], listed["frames"][-1]["step"]) == (1, 5)
    for frame in listed["frames"]:
        response = await http.http.get(f"{path}/{frame['n']}.jpg")
        assert response.headers["content-type"] == "image/jpeg"
        assert "immutable" in response.headers["cache-control"]
        assert len(response.content) == frame["bytes"]
        assert abs(images.decode(response.content).rgb[0] - frame["step"]) <= 2
    for wrong in ("999", "-1", "x", "1e3"):
        response = await http.http.get(f"{path}/{wrong}.jpg")
        assert (response.status_code, response.json()["error"]["code"]) == (404, "not_found")


async def test_the_film_is_made_once_and_outlives_a_restart(start: Callable[..., Running], tmp_path: Path) -> None:
    running = start(FakeEngine(steps=120))
    async with httpx.AsyncClient(base_url=running.url) as raw:
        job, _ = await painted(running, Client(raw))
        path = f"/api/jobs/{job}/timelapse"
        count = (await raw.get(f"{path}.json")).json()["count"]
        films = await asyncio.gather(*(raw.get(f"{path}.webp") for _ in range(5)))
        assert {response.status_code for response in films} == {200}
        assert len({response.content for response in films}) == 1
        assert films[0].headers["content-type"] == "image/webp"
        assert f"{job[:8]}-timelapse.webp" in films[0].headers["content-disposition"]
        shown = Image.open(io.BytesIO(films[0].content))
        assert shown.size == (8, 6)
        assert getattr(shown, "n_frames", 1) >= 2
    running.stop()
    assert (tmp_path / "data" / "timelapses" / f"{job}.webp").read_bytes() == films[0].content
    running = start()
    async with httpx.AsyncClient(base_url=running.url) as raw:
        assert (await raw.get(f"{path}.webp")).content == films[0].content
        assert (await raw.get(f"{path}.json")).json()["count"] == count


async def test_mp4_or_a_clear_no(running: Running, http: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    job, _ = await painted(running, http)
    path = f"/api/jobs/{job}/timelapse"
    if film.has_mp4():
        response = await http.http.get(f"{path}.mp4")
        assert (response.status_code, response.headers["content-type"]) == (200, "video/mp4")
        assert response.content[4:8] == b"ftyp"
        assert (await http.http.get(f"{path}.json")).json()["formats"] == ["webp", "mp4"]
    monkeypatch.setattr(film, "has_mp4", lambda: False)
    response = await http.http.get(f"{path}.mp4")
    assert (response.status_code, response.json()["error"]["code"]) == (501, "not_available")
    assert response.json()["error"]["limit"] == ["webp"]
    assert (await http.http.get(f"{path}.json")).json()["formats"] == ["webp"]
    response = await http.http.get(f"{path}.gif")
    assert (response.status_code, response.json()["error"]["limit"]) == (404, ["webp", "mp4", "json"])


async def test_while_it_paints_there_are_frames_and_no_film(start: Callable[..., Running]) -> None:
    engine = FakeEngine(steps=9, gated=True)
    running = start(engine, max_requests_per_s=10_000, max_messages_per_s=10_000)
    async with httpx.AsyncClient(base_url=running.url) as raw, socket(running.url) as watcher:
        accepted = await Client(raw).submit()
        path = f"/api/jobs/{accepted['job']}/timelapse"
        empty = (await raw.get(f"{path}.json")).json()
        assert (empty["count"], empty["frames"], empty["ended"], empty["width"]) == (0, [], False, 0)
        await watcher.watch(accepted["job"], frames={})
        engine.release(1)
        await watcher.until("frame")
        async with asyncio.timeout(20):
            # it is written a little after the watchers have it
            while not (await raw.get(f"{path}.json")).json()["count"]:
                await watcher.send("ping")
                await watcher.until("pong")
        assert (await raw.get(f"{path}/0.jpg")).status_code == 200
        response = await raw.get(f"{path}.webp")
        assert (response.status_code, response.json()["error"]["code"]) == (409, "not_finished")
        await raw.post(f"/api/jobs/{accepted['job']}/cancel", headers={"Authorization": f"Bearer {accepted['key']}"})
        response = await raw.get(f"{path}.webp")
        assert sniff(response.content) == "webp", "a cancelled job has its film too"


async def test_a_job_cancelled_before_it_began_has_no_film(start: Callable[..., Running]) -> None:
    running = start(FakeEngine(gated=True))
    async with httpx.AsyncClient(base_url=running.url) as raw:
        await Client(raw).submit()
        waiting = await Client(raw).submit()
        await raw.post(f"/api/jobs/{waiting['job']}/cancel", headers={"Authorization": f"Bearer {waiting['key']}"})
        response = await raw.get(f"/api/jobs/{waiting['job']}/timelapse.webp")
        assert (response.status_code, response.json()["error"]["code"]) == (409, "not_finished")


async def test_it_goes_with_its_job(running: Running, http: Client) -> None:
    job, key = await painted(running, http)
    path = f"/api/jobs/{job}/timelapse"
    assert (await http.http.get(f"{path}.webp")).status_code == 200
    await http.http.delete(f"/api/jobs/{job}", headers={"Authorization": f"Bearer {key}"})
    for rest in (".json", ".webp", ".mp4", "/0.jpg"):
        response = await http.http.get(path + rest)
        assert (response.status_code, response.json()["error"]["code"]) == (404, "not_found")


async def test_a_server_that_records_none_says_so(start: Callable[..., Running]) -> None:
    running = start(timelapse_frames=0)
    async with httpx.AsyncClient(base_url=running.url) as raw:
        job, _ = await painted(running, Client(raw))
        for rest in (".json", ".webp", "/0.jpg"):
            response = await raw.get(f"/api/jobs/{job}/timelapse{rest}")
            assert (response.status_code, response.json()["error"]["code"]) == (501, "not_available")
