"""From the queue to the engine, also over a restart."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from duostyle.errors import EngineError
from tests.support.contract import ENDS
from tests.support.fake_engine import FakeEngine, image_bytes
from tests.support.harness import Rig, rig, soon


async def test_a_failure_ends_that_job_only(tmp_path: Path) -> None:
    engine = FakeEngine(steps=3)
    engine.fail_at, engine.error = 2, EngineError("it went wrong")
    async with rig(tmp_path, engine) as built:
        ear = built.watch()
        first = await built.submit()
        await built.jobs.queries.watch(ear.outbox, first.job, None)
        if await built.status(first.job) != "failed":
            await ear.until(*ENDS)
        state = await built.jobs.queries.state(first.job)
        assert state["status"] == "failed"
        assert state["error"]["code"] == "engine_failed"
        engine.fail_at = 0
        second = await built.submit()
        await built.jobs.queries.watch(ear.outbox, second.job, None)
        if await built.status(second.job) != "completed":
            await ear.until("completed")


async def test_a_job_whose_image_is_gone_fails(tmp_path: Path) -> None:
    async with rig(tmp_path, FakeEngine(gated=True)) as built:
        ear = built.watch()
        await built.submit()
        second = await built.submit()
        await built.jobs.queries.watch(ear.outbox, second.job, None)
        (tmp_path / "images" / built.style.removeprefix("sha256:")).unlink()
        built.engine.release(5)
        end = (await ear.until(*ENDS))[-1]
        assert (end["type"], end["error"]["code"]) == ("failed", "not_found")


async def test_positions_are_told_when_the_queue_moves(tmp_path: Path) -> None:
    async with rig(tmp_path, FakeEngine(steps=1, gated=True)) as built:
        # the first job leaves the queue only when there is an engine for it
        await soon(built.engine_thread.until_loaded())
        first, second, third = await built.submit(), await built.submit(), await built.submit()
        ear = built.watch()
        await built.jobs.queries.watch(ear.outbox, third.job, None)
        assert (first.position, second.position) == (1, 1)
        assert third.position == 2
        state = await ear.next()
        assert (state["type"], state["position"]) == ("state", 2)
        built.engine.release()
        queued = (await ear.until("queued"))[-1]
        assert queued["position"] == 1


async def test_eta_comes_from_earlier_jobs(tmp_path: Path) -> None:
    async with rig(tmp_path, FakeEngine(steps=4, gated=True)) as built:
        ear = built.watch()
        first = await built.submit()
        assert first.eta_s is None, "nothing was measured yet"
        await built.jobs.queries.watch(ear.outbox, first.job, None)
        built.engine.release(4)
        await ear.until(*ENDS)
        again = await built.submit()
        # the fake engine says one second a step
        assert again.eta_s == pytest.approx(4.0)


async def test_unfinished_jobs_come_back_after_a_restart(tmp_path: Path) -> None:
    async with rig(tmp_path, FakeEngine(gated=True)) as built:
        first, second, third = await built.submit(), await built.submit(), await built.submit()
        ear = built.watch()
        await built.jobs.queries.watch(ear.outbox, first.job, None)
        built.engine.release()
        heard = await ear.until("progress")
        await soon(built.jobs.commands.pause(third.job, third.key))
        seen = heard[-1]["seq"]
    async with rig(tmp_path, FakeEngine(gated=True)) as built:
        states = [await built.jobs.queries.state(accepted.job) for accepted in (first, second, third)]
        assert states[0]["status"] in ("queued", "running")
        assert [state["status"] for state in states[1:]] == ["queued", "paused"]
        assert states[1]["position"] == states[0]["position"] + 1
        assert states[0]["seq"] > seen, "seq never falls, not even over a restart"
        assert await soon(built.jobs.commands.cancel(third.job, third.key)), "the key outlives the process"


async def test_runs_that_never_came_back_are_counted_durably(tmp_path: Path) -> None:
    async def stored(built: Rig, job: str) -> tuple[str, int]:
        row = await built.store.job(job)
        assert row is not None
        return row.status, row.starts

    async with rig(tmp_path, FakeEngine(gated=True)) as built:
        accepted = await built.submit()
        ear = built.watch()
        await built.jobs.queries.watch(ear.outbox, accepted.job, None)
        built.engine.release()
        await ear.until("progress")
        assert await stored(built, accepted.job) == ("running", 1), "were the process to die now, this would count"
        await soon(built.jobs.commands.pause(accepted.job, accepted.key))
        await soon(built.jobs.commands.resume(accepted.job, accepted.key))
        built.engine.release()
        await ear.until("progress")
        assert await stored(built, accepted.job) == ("running", 1), "a pause is not a death"
    async with rig(tmp_path, FakeEngine(gated=True)) as built:
        built.engine.release(100)
        ear = built.watch()
        await built.jobs.queries.watch(ear.outbox, accepted.job, None)
        heard = await ear.until("completed", "state")
        if heard[-1]["type"] == "state" and heard[-1]["status"] != "completed":
            await ear.until("completed")
        assert await stored(built, accepted.job) == ("completed", 1), "nor is a polite stop"


async def test_a_mask_painted_on_transparency_masks_what_was_painted(tmp_path: Path) -> None:
    out = io.BytesIO()
    painted = Image.new("RGBA", (2, 1), (255, 255, 255, 0))
    painted.putpixel((0, 0), (255, 255, 255, 255))
    painted.save(out, "PNG")
    async with rig(tmp_path, FakeEngine(steps=2, gated=True)) as built:
        accepted = await built.submit(styles=2, masks=[await built.put(out.getvalue()), None])
        ear = built.watch()
        await built.jobs.queries.watch(ear.outbox, accepted.job, None)
        await ear.until_begun()
        mask = built.engine.painters[0].request.masks[0]
        assert mask is not None
        assert mask.rgb == b"\xff\xff\xff\0\0\0"


async def test_masks_are_decoded_for_the_engine(tmp_path: Path) -> None:
    async with rig(tmp_path, FakeEngine(steps=2, gated=True)) as built:
        mask = await built.put(image_bytes((255, 255, 255), (4, 4)))
        accepted = await built.submit(styles=2, masks=[mask, None])
        ear = built.watch()
        await built.jobs.queries.watch(ear.outbox, accepted.job, None)
        await ear.until_begun()
        first, second = built.engine.painters[0].request.masks
        assert first is not None
        assert (first.width, first.rgb[:3], second) == (4, b"\xff\xff\xff", None)
        await soon(built.jobs.commands.update(accepted.job, accepted.key, {"masks": [None, mask]}))
        built.engine.release(2)
        await ear.until(*ENDS)
        assert built.engine.painters[0].masks == (None, first)
