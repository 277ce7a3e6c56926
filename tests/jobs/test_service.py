"""A job from submission to its end, as those who watch it see it."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from duostyle.errors import BadRequest, NotFinished
from duostyle.imaging import decode as images
from duostyle.imaging.decode import sniff
from duostyle.protocol.frames import FrameOptions
from tests.support.contract import ENDS
from tests.support.fake_engine import FakeEngine, picture_of
from tests.support.harness import rig, soon


async def test_a_job_runs_and_its_result_is_the_engines_picture(tmp_path: Path) -> None:
    async with rig(tmp_path, FakeEngine(steps=3, gated=True)) as built:
        accepted = await built.submit()
        ear = built.watch()
        await built.jobs.queries.watch(ear.outbox, accepted.job, None)
        built.engine.release(3)
        heard = await ear.until(*ENDS)
        assert heard[0]["type"] == "state"
        assert [message["type"] for message in heard if message["type"] != "progress"][1:] == ["started", "completed"]
        assert heard[-1]["step"] == 3
        assert ear.quiet()
        png = await soon(built.jobs.queries.result(accepted.job, "png"))
        assert images.decode(png) == picture_of(3)
        state = await built.jobs.queries.state(accepted.job)
        assert (state["status"], state["step"], state["position"]) == ("completed", 3, None)
        assert state["seq"] == heard[-1]["seq"]
        row = await built.store.job(accepted.job)
        assert row is not None
        assert (row.status, row.has_result, row.partial) == ("completed", True, False)


async def test_the_end_and_the_state_tell_what_was_asked_and_measured(tmp_path: Path) -> None:
    measured = {"share": [0.25, 0.75], "evaluations": 5}
    async with rig(tmp_path, FakeEngine(steps=5, gated=True)) as built:
        accepted = await built.submit(styles=2)
        ear = built.watch()
        await built.jobs.queries.watch(ear.outbox, accepted.job, None)
        state = (await ear.until("state"))[-1]
        assert (state["content"], state["styles"], state["report"]) == (built.content, [built.style] * 2, None)
        built.engine.release(5)
        assert (await ear.until("completed"))[-1]["report"] == measured
        assert (await built.jobs.queries.state(accepted.job))["report"] == measured
    async with rig(tmp_path) as built:
        assert (await built.jobs.queries.state(accepted.job))["report"] == measured, "also in the next process"


async def test_an_ended_job_shows_its_last_frame_to_who_comes_late(tmp_path: Path) -> None:
    async with rig(tmp_path, FakeEngine(steps=2)) as built:
        accepted = await built.submit()
        early = built.watch()
        await built.jobs.queries.watch(early.outbox, accepted.job, None)
        if await built.status(accepted.job) != "completed":
            await early.until("completed")
        late = built.watch()
        await soon(built.jobs.queries.watch(late.outbox, accepted.job, FrameOptions(64, 10.0)))
        state, frame = await late.next(), await late.next()
        assert (state["type"], state["status"]) == ("state", "completed")
        assert (frame["type"], frame["final"], frame["seq"]) == ("frame", True, state["frame_seq"])
        assert not late.outbox.subscriptions or late.outbox.take(built.hub.clock()) is None
        await soon(built.jobs.queries.watch(late.outbox, accepted.job, FrameOptions(64, 10.0), state["seq"]))
        assert (await late.next())["type"] == "state"
        assert late.quiet(), "what it has seen is not sent again"


async def test_the_newest_frame_over_http(tmp_path: Path) -> None:
    async with rig(tmp_path, FakeEngine(steps=3, gated=True)) as built:
        accepted = await built.submit()
        ear = built.watch()
        await built.jobs.queries.watch(ear.outbox, accepted.job, None)
        waiting = await built.submit()
        while (await built.jobs.queries.state(accepted.job))["status"] != "running":
            await ear.next()
        with pytest.raises(NotFinished):
            await built.jobs.queries.frame(waiting.job)
        asking = asyncio.create_task(built.jobs.queries.frame(accepted.job))
        await asyncio.sleep(0)
        built.engine.release()
        assert sniff(await soon(asking)) == "jpeg"
        assert built.engine.pictures_taken == 1


async def test_nobody_watches_nobody_pays(tmp_path: Path) -> None:
    async with rig(tmp_path, FakeEngine(steps=20), timelapse_frames=0) as built:
        accepted = await built.submit()
        ear = built.watch()
        await built.jobs.queries.watch(ear.outbox, accepted.job, None)
        if await built.status(accepted.job) != "completed":
            await ear.until("completed")
        assert built.engine.pictures_taken == 0


async def test_ended_jobs_leave_no_pictures_behind(tmp_path: Path) -> None:
    async with rig(tmp_path, FakeEngine(steps=2)) as built:
        for _ in range(20):
            accepted = await built.submit()
            ear = built.watch()
            await built.jobs.queries.watch(ear.outbox, accepted.job, None)
            if await built.status(accepted.job) != "completed":
                await ear.until("completed")
            built.hub.disconnect(ear.outbox)
        assert built.jobs.registry.active == {}
        assert not built.hub.active_jobs
        assert built.metrics.registry.get_sample_value("duostyle_jobs_ended_total", {"status": "completed"}) == 20


@pytest.mark.parametrize("seed", range(5))
async def test_whatever_is_done_each_job_ends_exactly_once(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    async with rig(tmp_path, FakeEngine(steps=6, gated=True)) as built:
        jobs, ears = [], []
        reasons = {"the job has ended"}
        for _ in range(6):
            job = await built.submit()
            ear = built.watch()
            await built.jobs.queries.watch(ear.outbox, job.job, FrameOptions(64, 10.0))
            jobs.append(job)
            ears.append(ear)

        async def meddle(moves: list[tuple[int, str]]) -> None:
            for which, move in moves:
                job = jobs[which]
                try:
                    if move == "update":
                        await built.jobs.commands.update(job.job, job.key, {"style_weight": 3.0})
                    else:
                        await getattr(built.jobs.commands, move)(job.job, job.key)
                except BadRequest as error:
                    reasons.add(error.message)

        moves = [
            (chance.randrange(6), chance.choice(["pause", "resume", "resume", "update", "cancel"])) for _ in range(90)
        ]
        built.engine.release(100)
        await soon(asyncio.gather(*(meddle(moves[start::5]) for start in range(5))))
        for job in jobs:
            await meddle([(jobs.index(job), "resume")])
        assert reasons == {"the job has ended"}, "the only reason to refuse"
        for job, ear in zip(jobs, ears, strict=True):
            heard = await ear.until(*ENDS)
            assert heard[-1]["job"] == job.job
            assert await built.status(job.job) == heard[-1]["type"]
            assert ear.outbox.subscriptions == {}
            assert ear.quiet()
        assert built.jobs.registry.active == {}
