"""`transparency: keep` on the server: what the engine gets, what is refused, and the results in every format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from duostyle.errors import BadRequest
from duostyle.imaging import decode as images
from duostyle.imaging.decode import decode_with_alpha
from duostyle.picture import Picture
from tests.support.contract import ENDS
from tests.support.fake_engine import FakeEngine
from tests.support.harness import Rig, rig, soon
from tests.support.picture_files import RED, WHITE, near, pixel, saved

KEEP: dict[str, Any] = {"transparency": "keep"}
NOTHING = saved(Image.new("RGBA", (16, 12), (*RED, 0)))
SEEN = bytes([255] * 4 + [0] * 4) * 6


def half_seen() -> bytes:
    """Red on the left, white on the right, where nothing is seen."""
    image = Image.new("RGBA", (16, 12), (*WHITE, 0))
    image.paste((*RED, 255), (0, 0, 8, 12))
    return saved(image)


async def order(built: Rig, content: bytes, style: bytes, **params: Any) -> str:
    """The id of the job."""
    pictures: dict[str, Any] = {"content": await built.put(content), "styles": [await built.put(style)]}
    return (await soon(built.jobs.commands.submit(**pictures, params=params, client="c"))).job


async def until_ended(built: Rig, job: str) -> None:
    ear = built.watch()
    await built.jobs.queries.watch(ear.outbox, job, None)
    while (heard := await ear.next())["type"] not in ENDS:
        if heard.get("status") in ENDS:
            return


@pytest.mark.parametrize(("params", "kept"), [(KEEP, True), ({}, False), ({"transparency": "flatten"}, False)])
async def test_the_engine_gets_what_is_seen(tmp_path: Path, params: dict[str, Any], kept: bool) -> None:
    async with rig(tmp_path, FakeEngine(steps=1)) as built:
        await until_ended(built, await order(built, half_seen(), half_seen(), **params))
        request = built.engine.painters[0].request
    for picture in (request.content, *request.styles):
        assert picture.alpha == (bytes([255] * 8 + [0] * 8) * 12 if kept else None)
        assert pixel(picture, 12, 6) == (RED if kept else WHITE)


@pytest.mark.parametrize(
    ("content", "style", "field"),
    [(NOTHING, half_seen(), "content"), (half_seen(), NOTHING, "styles.0")],
    ids=["content", "style"],
)
async def test_what_cannot_be_seen_is_refused(tmp_path: Path, content: bytes, style: bytes, field: str) -> None:
    async with rig(tmp_path, FakeEngine(steps=1)) as built:
        with pytest.raises(BadRequest, match=f"{field}: the picture is entirely transparent") as caught:
            await order(built, content, style, **KEEP)
        assert caught.value.field == field
        pictures = {"content": await built.put(content), "styles": [await built.put(style)]}
        with pytest.raises(BadRequest) as caught:
            await soon(built.jobs.previews.jpeg(**pictures, params=KEEP, max_px=None))
        assert caught.value.field == field
        # on white there is something to paint
        await until_ended(built, await order(built, content, style))


async def test_results_are_transparent_where_the_format_can_be(tmp_path: Path) -> None:
    engine = FakeEngine(steps=1)
    engine.paint = lambda step, width, height: Picture(width, height, bytes(RED) * (width * height), alpha=SEEN)
    async with rig(tmp_path, engine) as built:
        job = await order(built, half_seen(), half_seen(), **KEEP)
        await until_ended(built, job)
        results = built.jobs.queries.result
        png = decode_with_alpha(await results(job, "png"))
        assert png == Picture(8, 6, bytes(RED) * 48, alpha=SEEN)
        webp = decode_with_alpha(await results(job, "webp"))
        assert webp.alpha == SEEN
        assert near(pixel(webp, 1, 3), RED, 8)
        for flat in (await results(job, "jpeg"), await built.jobs.queries.frame(job)):
            laid = images.decode(flat)
            assert near(pixel(laid, 1, 3), RED, 30)
            assert near(pixel(laid, 7, 3), WHITE, 30)


async def test_a_preview_with_and_without_the_transparent_parts_is_of_two_styles(tmp_path: Path) -> None:
    async with rig(tmp_path) as built:
        pictures = {"content": await built.put(half_seen()), "styles": [await built.put(half_seen())]}
        for params in (KEEP, {}, KEEP):
            await soon(built.jobs.previews.jpeg(**pictures, params=params, max_px=None))
        kept, flat, again = built.engine.previews
        assert (kept.content.alpha is None, flat.content.alpha is None) == (False, True)
        assert again == kept
        assert kept.styles != flat.styles
        first, second, third = built.engine.preview_names
        assert first == third != second
