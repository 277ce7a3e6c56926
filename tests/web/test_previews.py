"""Previews on the socket: one frame or one error for each request, newest wins, and none outlives its socket."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from duostyle.errors import BadRequest
from duostyle.jobs.previews import Decoded
from duostyle.picture import Picture
from tests.support.fake_engine import FakeEngine, picture_of
from tests.support.harness import GUARD_S, Rig, Wire, rig, soon, wire


def ask(built: Rig, client: Wire, ref: str, count: int = 1, **fields: Any) -> None:
    order = {"content": built.content, "styles": [built.style] * count}
    client.say("preview", ref=ref, **(order | fields))


async def test_a_preview_is_a_frame_without_a_job(tmp_path: Path) -> None:
    async with rig(tmp_path) as built, wire(built) as client:
        ask(built, client, "p", 2, params={"style_mix": [3, 1]}, max_px=200)
        header = await client.hear()
        assert header == {
            "type": "frame",
            "job": None,
            "seq": 0,
            "step": 0,
            "width": 200,
            "height": 150,
            "mime": "image/jpeg",
            "final": True,
            "ref": "p",
        }
        (request,) = built.engine.previews
        assert request.params.mix_for(2) == (0.75, 0.25)
        assert len(request.styles) == 2
        assert built.metrics.value("duostyle_preview_seconds_count") == 1


async def test_a_preview_is_small_unless_asked_for(tmp_path: Path) -> None:
    async with rig(tmp_path) as built, wire(built) as client:
        for fields, width in (({}, 512), ({"params": {"size": 128}}, 128), ({"max_px": 1024}, 512)):
            ask(built, client, "p", **fields)
            assert (await client.hear())["width"] == width
        ask(built, client, "p", params={"size": 2048}, max_px=2048)
        assert (await client.hear())["width"] == 2048


async def test_the_newest_request_replaces_the_one_that_waits(tmp_path: Path) -> None:
    engine = FakeEngine()
    engine.holds_previews = True
    async with rig(tmp_path, engine) as built, wire(built) as client:
        for ref in ("first", "second", "third", "fourth"):
            ask(built, client, ref)
            await asyncio.to_thread(engine.preview_begun.wait, GUARD_S)
        for ref in ("second", "third"):
            told = await client.hear()
            assert (told["type"], told["code"], told["ref"]) == ("error", "superseded", ref)
        engine.preview_turns.release(2)
        assert [(await client.hear())["ref"] for _ in range(2)] == ["first", "fourth"]
        assert built.metrics.value("duostyle_previews_superseded_total") == 2


async def test_sockets_do_not_hold_each_other_up(tmp_path: Path) -> None:
    engine = FakeEngine()
    engine.holds_previews = True
    async with rig(tmp_path, engine) as built, wire(built) as one, wire(built) as other:
        for ref in ("a", "b", "c"):
            ask(built, one, ref)
        ask(built, other, "o")
        await asyncio.to_thread(engine.preview_begun.wait, GUARD_S)
        engine.preview_turns.release(3)
        assert (await other.hear())["ref"] == "o"


async def test_a_running_job_holds_no_preview_up(tmp_path: Path) -> None:
    async with rig(tmp_path, FakeEngine(gated=True)) as built, wire(built) as client:
        client.say("submit", content=built.content, styles=[built.style], frames=False)
        await client.until("started")
        ask(built, client, "p")
        assert (await client.until("frame"))[-1]["ref"] == "p"


async def test_no_preview_survives_its_socket(tmp_path: Path) -> None:
    engine = FakeEngine()
    engine.holds_previews = True
    async with rig(tmp_path, engine) as built:
        async with wire(built) as client:
            ask(built, client, "p")
            ask(built, client, "q")
            await asyncio.to_thread(engine.preview_begun.wait, GUARD_S)
        # the thread let go of it, although nobody gave it a turn, and the one that waited never began
        assert await soon(built.engine_thread.ask(lambda engine, check: "free")) == "free"
        assert len(engine.previews) == 1


@pytest.mark.parametrize(
    ("fields", "field", "code"),
    [
        ({"content": "sha256:" + "0" * 64}, "content", "not_found"),
        ({"styles": ["sha256:" + "0" * 64]}, "styles.0", "not_found"),
        ({"styles": 5}, "styles", "bad_request"),
        ({"styles": []}, "styles", "bad_request"),
        ({"params": {"style_weight": "NaN"}}, "params.style_weight", "bad_request"),
        ({"params": {"size": 9000}}, "params.size", "bad_request"),
        ({"params": {"masks": ["sha256:" + "1" * 64]}}, "params.masks.0", "not_found"),
        ({"max_px": 15}, "max_px", "bad_request"),
        ({"max_px": 4096}, "max_px", "bad_request"),
        ({"max_px": True}, "max_px", "bad_request"),
        ({"max_px": "big"}, "max_px", "bad_request"),
    ],
)
async def test_a_bad_request_names_its_field(tmp_path: Path, fields: dict[str, Any], field: str, code: str) -> None:
    async with rig(tmp_path) as built, wire(built) as client:
        ask(built, client, "p", **fields)
        told = await client.hear()
        assert (told["type"], told["code"], told.get("field"), told["ref"]) == ("error", code, field, "p")
        assert not built.engine.previews


async def test_five_styles_and_nan_are_refused(tmp_path: Path) -> None:
    async with rig(tmp_path) as built, wire(built) as client:
        ask(built, client, "p", 5)
        assert (await client.hear())["field"] == "styles"
        ask(built, client, "q", params={"style_weight": float("nan")})
        assert (await client.hear())["field"] == "params.style_weight"


async def test_an_engine_that_fails_is_told(tmp_path: Path) -> None:
    engine = FakeEngine()
    engine.preview_error = BadRequest("nobody is there", field="params.masks")
    async with rig(tmp_path, engine) as built, wire(built) as client:
        ask(built, client, "p")
        assert (await client.hear())["field"] == "params.masks"
        engine.preview_error = None
        ask(built, client, "q")
        assert (await client.hear())["ref"] == "q"


async def test_a_deleted_picture_is_not_previewed_although_it_is_remembered(tmp_path: Path) -> None:
    async with rig(tmp_path) as built, wire(built) as client:
        ask(built, client, "p")
        await client.hear()
        await built.store.sweep(keep_days=-1, max_bytes=10**9)
        ask(built, client, "q")
        told = await client.hear()
        assert (told["code"], told["field"], told["ref"]) == ("not_found", "content", "q")


def test_decoded_pictures_are_remembered_within_a_bound() -> None:
    decoded = Decoded(3 * 8 * 6 * 2)
    for name in ("a", "b"):
        decoded.put(name, picture_of(1))
    assert decoded.get("a") is not None
    decoded.put("c", picture_of(2))
    # the least recently used has gone
    assert [decoded.get(name) is not None for name in ("a", "b", "c")] == [True, False, True]
    assert decoded.bytes == 2 * 3 * 8 * 6
    decoded.put("huge", Picture(100, 100, bytes(30000)))
    assert decoded.get("huge") is None
    assert decoded.get("c") is not None
