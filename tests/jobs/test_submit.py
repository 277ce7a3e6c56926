"""Who may submit what, and when there is room."""

from __future__ import annotations

import asyncio
import traceback
from pathlib import Path
from typing import Any

import pytest

from duostyle.errors import BadRequest, DeviceUnavailable, NotFound, QueueFull, TooManyJobs, WeightsError
from duostyle.job import Job
from duostyle.jobs.queue import ActiveJob
from tests.support.contract import ENDS
from tests.support.fake_engine import FakeEngine
from tests.support.harness import rig, soon

NO_IMAGE = "sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("content", "styles", "params", "field"),
    [
        (None, [], None, "content"),
        (5, [], None, "content"),
        (NO_IMAGE, None, None, "styles"),
        (NO_IMAGE, [], None, "styles"),
        (NO_IMAGE, [NO_IMAGE] * 5, None, "styles"),
        (NO_IMAGE, [NO_IMAGE, "x"], None, "styles.1"),
        (NO_IMAGE, [NO_IMAGE], 7, "params"),
        (NO_IMAGE, [NO_IMAGE], {"size": 1}, "params.size"),
    ],
)
async def test_a_bad_order_names_the_field(
    tmp_path: Path, content: object, styles: object, params: object, field: str
) -> None:
    async with rig(tmp_path) as built:
        with pytest.raises(BadRequest) as caught:
            await built.jobs.commands.submit(content=content, styles=styles, params=params, client="c")
        assert caught.value.field == field


async def test_unknown_images_are_not_found(tmp_path: Path) -> None:
    async with rig(tmp_path) as built:
        with pytest.raises(NotFound) as caught:
            await built.jobs.commands.submit(content=built.content, styles=[NO_IMAGE], params=None, client="c")
        assert caught.value.field == "styles.0"


async def test_limits_per_client_and_of_the_queue(tmp_path: Path) -> None:
    async with rig(tmp_path, FakeEngine(gated=True), max_jobs_per_client=2, max_queue=3) as built:
        held = built.watch()
        running = await built.submit("a")
        await built.jobs.queries.watch(held.outbox, running.job, None)
        await held.until_begun()
        await built.submit("a")
        with pytest.raises(TooManyJobs):
            await built.submit("a")
        await built.submit("b")
        await built.submit("b")
        with pytest.raises(QueueFull):
            await built.submit("c")


async def test_many_submits_at_once_cannot_pass_the_limit(tmp_path: Path) -> None:
    async with rig(tmp_path, FakeEngine(gated=True), max_jobs_per_client=3) as built:
        done = await asyncio.gather(*(built.submit() for _ in range(10)), return_exceptions=True)
        assert sum(isinstance(one, TooManyJobs) for one in done) == 7


async def test_what_a_client_began_is_finished_without_it(tmp_path: Path) -> None:
    async with rig(tmp_path, FakeEngine(gated=True)) as built:
        submitting = asyncio.create_task(built.submit())
        for _ in range(3):
            await asyncio.sleep(0)
        submitting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await submitting
        await soon(built.jobs.until_settled())
        rows = await built.store.jobs()
        assert [row.id for row in rows] == list(built.jobs.registry.active)


async def test_an_engine_that_could_not_be_loaded_takes_no_jobs_and_leaves_the_old_ones(tmp_path: Path) -> None:
    async with rig(tmp_path, FakeEngine(gated=True)) as built:
        earlier = await built.submit()
    engine = FakeEngine()
    engine.load_error = DeviceUnavailable("the GPU is gone")
    async with rig(tmp_path, engine) as built:
        with pytest.raises(DeviceUnavailable):
            await soon(built.engine_thread.until_loaded())
        for _ in range(2):
            with pytest.raises(DeviceUnavailable) as caught:
                await built.submit()
        assert len(traceback.extract_tb(caught.value.__traceback__)) < 20
        assert await built.status(earlier.job) == "queued"
        assert not built.jobs.ready
    async with rig(tmp_path) as built:
        ear = built.watch()
        await built.jobs.queries.watch(ear.outbox, earlier.job, None)
        if await built.status(earlier.job) != "completed":
            await ear.until("completed")


async def test_jobs_taken_before_the_engine_failed_to_load_stay_queued_and_say_why(tmp_path: Path) -> None:
    engine = FakeEngine()
    engine.loading.clear()
    async with rig(tmp_path, engine) as built:
        first, second = await built.submit(), await built.submit()
        ear = built.watch()
        await built.jobs.queries.watch(ear.outbox, second.job, None)
        before = await ear.next()
        assert (before["status"], before["position"], before["error"]) == ("queued", 2, None)
        engine.load_error = WeightsError("the weights are damaged")
        engine.loading.set()
        (told,) = await ear.until("queued")
        assert (told["job"], told["position"]) == (second.job, 2)
        assert told["error"] == {"code": "weights_unavailable", "message": "the weights are damaged"}
        state = await built.jobs.queries.state(first.job)
        assert (state["status"], state["position"], state["error"]) == ("queued", 1, told["error"])
        # they can still be taken back
        assert await soon(built.jobs.commands.cancel(first.job, first.key))
        (told,) = await ear.until("queued")
        assert (told["position"], told["error"]["code"]) == (1, "weights_unavailable")
        assert (await built.jobs.queries.state(first.job))["error"] is None
    async with rig(tmp_path) as built:
        ear = built.watch()
        await built.jobs.queries.watch(ear.outbox, second.job, None)
        if await built.status(second.job) != "completed":
            await ear.until("completed")
        assert (await built.jobs.queries.state(second.job))["error"] is None


async def test_a_job_that_is_stored_while_loading_fails_is_told_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = FakeEngine()
    engine.loading.clear()
    async with rig(tmp_path, engine) as built:
        add, ear = built.jobs.registry.add, built.watch()

        async def add_while_loading_fails(job: Job) -> ActiveJob:
            active = await add(job)
            engine.load_error = WeightsError("the weights are damaged")
            engine.loading.set()
            with pytest.raises(WeightsError):
                await soon(built.engine_thread.until_loaded())
            return active

        monkeypatch.setattr(built.jobs.registry, "add", add_while_loading_fails)
        await built.jobs.commands.submit(
            content=built.content,
            styles=[built.style],
            params=None,
            client="c",
            answer=lambda accepted: built.hub.subscribe(ear.outbox, accepted.job, None),
        )
        (told,) = await ear.until("queued")
        assert told["error"]["code"] == "weights_unavailable"


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"masks": "person"}, "params.masks"),
        ({"protect": "person"}, "params.protect"),
        ({"protect": "background"}, "params.protect"),
    ],
)
async def test_a_content_without_people_is_refused(tmp_path: Path, params: dict[str, Any], field: str) -> None:
    engine = FakeEngine()
    async with rig(tmp_path, engine) as built:
        await soon(built.engine_thread.until_loaded())
        engine.people = False
        with pytest.raises(BadRequest) as caught:
            await built.submit(styles=2, **params)
        assert caught.value.field == field
        engine.people = True
        await built.submit(styles=2, **params)


async def test_a_missing_image_to_protect_is_named(tmp_path: Path) -> None:
    async with rig(tmp_path) as built:
        with pytest.raises(NotFound) as caught:
            await built.submit(protect="sha256:" + "0" * 64)
        assert caught.value.field == "params.protect"


async def test_what_is_protected_reaches_the_engine_after_the_masks(tmp_path: Path) -> None:
    engine = FakeEngine(steps=1, gated=True)
    async with rig(tmp_path, engine) as built:
        accepted = await built.submit(styles=2, masks=[built.content, None], protect=built.style)
        ear = built.watch()
        await built.jobs.queries.watch(ear.outbox, accepted.job, None)
        await ear.until_begun()
        masks = engine.painters[0].masks
        assert [mask is not None for mask in masks] == [True, False, True]
        await soon(built.jobs.commands.update(accepted.job, accepted.key, {"protect": None}))
        engine.release()
        await ear.until(*ENDS)
        assert [mask is not None for mask in engine.painters[0].masks] == [True, False]


async def test_people_are_looked_for_when_a_running_job_asks_for_them(tmp_path: Path) -> None:
    engine = FakeEngine(steps=1, gated=True)
    engine.people = False
    async with rig(tmp_path, engine) as built:
        accepted = await built.submit()
        ear = built.watch()
        await built.jobs.queries.watch(ear.outbox, accepted.job, None)
        await ear.until_begun()
        with pytest.raises(BadRequest) as caught:
            await soon(built.jobs.commands.update(accepted.job, accepted.key, {"protect": "person"}))
        assert caught.value.field == "params.protect"
