"""Results for printing: 16 bits per channel, the resolution, and the parameters in every format."""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from PIL import Image

from duostyle.imaging import decode as images
from duostyle.imaging.label import read_text
from duostyle.recipe import RECIPE_KEY
from tests.support.by_hand import png_chunks, png_samples, tiff_samples, tiff_tags
from tests.support.fake_engine import FakeEngine, deepened, picture_of
from tests.support.real_server.http_client import Client
from tests.support.real_server.running import Running
from tests.support.real_server.socket_client import finished, socket

pytestmark = pytest.mark.real_server

# what the fake engine paints in three steps, with 16 bits
SAMPLES = (8, 6, list(struct.unpack("<144H", deepened(picture_of(3).rgb))))


async def painted(http: Client, running: Running) -> str:
    job: str = (await http.submit(iterations=3))["job"]
    await finished(running.url, job)
    return job


async def get(http: httpx.AsyncClient, job: str, address: str) -> bytes:
    response = await http.get(f"/api/jobs/{job}/{address}")
    assert response.status_code == 200, response.text
    kind = address.partition("?")[0].removeprefix("result.").replace("jpg", "jpeg")
    assert response.headers["content-type"] == f"image/{kind}"
    return response.content


async def test_16_bits_are_the_engines_own(running: Running, http: Client) -> None:
    job = await painted(http, running)
    assert png_samples(await get(http.http, job, "result.png?depth=16")) == SAMPLES
    assert png_samples(await get(http.http, job, "result.png?depth=16&dpi=300")) == SAMPLES
    for address in ("result.tiff", "result.tiff?depth=16", "result.tiff?dpi=300"):
        assert tiff_samples(await get(http.http, job, address)) == SAMPLES
    for address in ("result.png", "result.png?depth=8", "result.png?dpi=300", "result.tiff?depth=8"):
        data = await get(http.http, job, address)
        assert images.decode(data) == picture_of(3)
        with Image.open(io.BytesIO(data)) as image:
            assert image.mode == "RGB"


async def test_the_resolution_is_the_one_asked_for(running: Running, http: Client) -> None:
    job = await painted(http, running)
    for address, per_metre in (("result.png", 2835), ("result.png?dpi=300", 11811), ("result.png?depth=16&dpi=1", 39)):
        chunks = dict(png_chunks(await get(http.http, job, address)))
        assert chunks[b"pHYs"] == struct.pack(">IIB", per_metre, per_metre, 1)
    for depth in ("8", "16"):
        tags = tiff_tags(await get(http.http, job, f"result.tiff?dpi=240&depth={depth}"))
        assert (tags[282][1], tags[296][1]) == (pytest.approx(240), 2)
    for format in ("jpg", "webp"):
        with Image.open(io.BytesIO(await get(http.http, job, f"result.{format}?dpi=360"))) as image:
            assert image.getexif()[282] == 360


async def test_every_file_says_what_it_was_painted_from(running: Running, http: Client) -> None:
    job = await painted(http, running)
    state = await http.state(job)
    addresses = ["png", "jpg", "webp", "tiff", "png?depth=16", "png?dpi=9", "tiff?depth=8", "png?depth=16&dpi=9"]
    for address in addresses:
        text = read_text(await get(http.http, job, f"result.{address}"), RECIPE_KEY)
        assert text is not None, address
        recipe = json.loads(text)
        assert recipe == {name: state[name] for name in ("params", "content", "styles", "steering")}, address


async def test_what_has_no_16_bits_says_so(start: Callable[..., Running], tmp_path: Path) -> None:
    engine = FakeEngine(steps=3, gated=True)
    running = start(engine)
    async with httpx.AsyncClient(base_url=running.url) as raw, socket(running.url) as watcher:
        job = (await Client(raw).submit())["job"]
        await watcher.watch(job)
        engine.release(1)
        await watcher.until("progress")
        # while it paints there are 8 bits
        deep = await raw.get(f"/api/jobs/{job}/result.tiff?depth=16&partial=1")
        assert (deep.status_code, deep.json()["error"]["code"]) == (501, "not_available")
        assert (deep.json()["error"]["field"], deep.json()["error"]["limit"]) == ("depth", 8)
        early = await raw.get(f"/api/jobs/{job}/result.png?depth=16")
        assert (early.status_code, early.json()["error"]["code"]) == (409, "not_finished")
        engine.release(9)
        await watcher.until("completed")
        # as with a job of an earlier version
        (tmp_path / "data" / "results" / f"{job}.16.png").unlink()
        deep = await raw.get(f"/api/jobs/{job}/result.tiff?depth=16")
        assert (deep.status_code, deep.json()["error"]["code"]) == (501, "not_available")
        data = await get(raw, job, "result.tiff")
        assert tiff_tags(data)[258][1] == (8, 8, 8)
        assert images.decode(data) == picture_of(3)
