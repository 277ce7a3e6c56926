from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from server import formats, images
from server.errors import BadRequest, EngineError, Forbidden, NotFinished, NotFound, QueueFull, TooManyJobs
from server.protocol import FrameOptions
from tests.fakes import FakeEngine, image_bytes, picture_of
from tests.rig import Rig, rig, soon

ENDS = ("completed", "failed", "cancelled")
NO_IMAGE = "sha256:" + "0" * 64


async def test_a_job_runs_and_its_result_is_the_engines_picture(tmp_path: Path) -> None:
    async with rig(tmp_path, FakeEngine(steps=3, gated=True)) as built:
        accepted = await built.submit()
        ear = built.watch()
        await built.scheduler.watch(ear.mailbox, accepted.job, None)
        built.engine.release(3)
        heard = await ear.until(*ENDS)
        assert heard[0]["type"] == "state"
        assert [message["type"] for message in heard if message["type"] != "progress"][1:] == ["started", "completed"]
        assert heard[-1]["step"] == 3
        assert ear.quiet()
        png = await soon(built.scheduler.result(accepted.job, "png"))
        assert images.decode(png) == picture_of(3)
        state = built.scheduler.state(accepted.job)
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
        await built.scheduler.watch(ear.mailbox, accepted.job, None)
        state = (await ear.until("state"))[-1]
        assert (state["content"], state["styles"], state["report"]) == (built.content, [built.style] * 2, None)
        built.engine.release(5)
        assert (await ear.until("completed"))[-1]["report"] == measured
        assert built.scheduler.state(accepted.job)["report"] == measured
    async with rig(tmp_path) as built:
        assert built.scheduler.state(accepted.job)["report"] == measured, "also in the next process"


async def test_cancelling_a_waiting_job_leaves_the_running_one_alone(tmp_path: Path) -> None:
    async with rig(tmp_path, FakeEngine(steps=2, gated=True)) as built:
        first, second = await built.submit(), await built.submit()
        ear = built.watch()
        await built.scheduler.watch(ear.mailbox, first.job, None)
        await built.scheduler.watch(ear.mailbox, second.job, None)
        assert await soon(built.scheduler.cancel(second.job, second.key))
        built.engine.release(2)
        ends = [(await ear.until(*ENDS))[-1] for _ in range(2)]
        assert [(end["job"], end["type"]) for end in ends] == [(second.job, "cancelled"), (first.job, "completed")]
        assert ends[0]["partial"] is False


async def test_cancelling_the_running_job_keeps_the_best_so_far(tmp_path: Path) -> None:
    async with rig(tmp_path, FakeEngine(steps=5, gated=True)) as built:
        accepted = await built.submit()
        ear = built.watch()
        await built.scheduler.watch(ear.mailbox, accepted.job, None)
        built.engine.release(2)
        while True:
            if (await ear.next()).get("step") == 2:
                break
        assert await soon(built.scheduler.cancel(accepted.job, accepted.key))
        end = (await ear.until(*ENDS))[-1]
        assert (end["type"], end["partial"], end["step"]) == ("cancelled", True, 2)
        assert not await soon(built.scheduler.cancel(accepted.job, accepted.key)), "it has ended already"
        with pytest.raises(NotFinished):
            await built.scheduler.result(accepted.job, "png")
        png = await soon(built.scheduler.result(accepted.job, "png", partial=True))
        assert images.decode(png) == picture_of(2)


async def test_of_many_cancels_at_once_exactly_one_wins(tmp_path: Path) -> None:
    async with rig(tmp_path, FakeEngine(gated=True)) as built:
        accepted = await built.submit()
        ear = built.watch()
        await built.scheduler.watch(ear.mailbox, accepted.job, None)
        won = await soon(asyncio.gather(*(built.scheduler.cancel(accepted.job, accepted.key) for _ in range(8))))
        assert sorted(won) == [False] * 7 + [True]
        heard = await ear.until(*ENDS)
        assert [message["type"] for message in heard if message["type"] in ENDS] == ["cancelled"]
        assert ear.quiet()


async def test_a_cancel_that_races_completion_ends_the_job_once(tmp_path: Path) -> None:
    for _ in range(10):
        async with rig(tmp_path, FakeEngine(steps=1, gated=True)) as built:
            accepted = await built.submit()
            ear = built.watch()
            await built.scheduler.watch(ear.mailbox, accepted.job, None)
            built.engine.release()
            won = await soon(built.scheduler.cancel(accepted.job, accepted.key))
            end = (await ear.until(*ENDS))[-1]
            assert end["type"] == ("cancelled" if won else "completed")
            assert await built.status(accepted.job) == end["type"]
            assert ear.quiet()


async def test_a_paused_job_lets_the_next_run_and_goes_on_where_it_stood(tmp_path: Path) -> None:
    async with rig(tmp_path, FakeEngine(steps=3, gated=True)) as built:
        first, second = await built.submit(), await built.submit()
        ear = built.watch()
        await built.scheduler.watch(ear.mailbox, first.job, None)
        await built.scheduler.watch(ear.mailbox, second.job, None)
        built.engine.release()
        while (await ear.next()).get("step") != 1:
            pass
        await soon(built.scheduler.pause(first.job, first.key))
        assert built.scheduler.state(first.job)["status"] == "paused"
        started = (await ear.until("started"))[-1]
        assert started["job"] == second.job
        built.engine.release(3)
        ended = (await ear.until(*ENDS))[-1]
        assert (ended["job"], ended["type"]) == (second.job, "completed")
        await soon(built.scheduler.resume(first.job, first.key))
        built.engine.release(2)
        heard = await ear.until(*ENDS)
        assert "resumed" in [message["type"] for message in heard]
        assert (heard[-1]["job"], heard[-1]["type"]) == (first.job, "completed")
        # the engine kept nothing of a paused job: it goes on from its checkpoint
        assert [(painter.began_at, painter.step) for painter in built.engine.painters] == [(0, 1), (0, 3), (1, 3)]


async def test_pause_and_resume_before_the_engine_noticed(tmp_path: Path) -> None:
    async with rig(tmp_path, FakeEngine(steps=2, gated=True)) as built:
        accepted = await built.submit()
        ear = built.watch()
        await built.scheduler.watch(ear.mailbox, accepted.job, None)
        await ear.until("started")
        await soon(built.scheduler.pause(accepted.job, accepted.key))
        await soon(built.scheduler.resume(accepted.job, accepted.key))
        built.engine.release(2)
        heard = [message["type"] for message in await ear.until(*ENDS)]
        assert [kind for kind in heard if kind in ("paused", "resumed", "completed")] == [
            "paused",
            "resumed",
            "completed",
        ]


async def test_a_paused_job_can_be_cancelled_while_another_runs(tmp_path: Path) -> None:
    async with rig(tmp_path, FakeEngine(steps=3, gated=True)) as built:
        first, second = await built.submit(), await built.submit()
        ear = built.watch()
        await built.scheduler.watch(ear.mailbox, second.job, None)
        await soon(built.scheduler.pause(first.job, first.key))
        await ear.until("started")
        assert await soon(built.scheduler.cancel(first.job, first.key))
        assert await built.status(first.job) == "cancelled"
        assert await built.status(second.job) == "running"


async def test_a_waiting_job_can_be_paused(tmp_path: Path) -> None:
    async with rig(tmp_path, FakeEngine(steps=1, gated=True)) as built:
        await built.submit()
        second, third = await built.submit(), await built.submit()
        await soon(built.scheduler.pause(second.job, second.key))
        assert built.scheduler.state(second.job)["position"] is None
        assert built.scheduler.state(third.job)["position"] == 1
        await soon(built.scheduler.resume(second.job, second.key))
        assert built.scheduler.state(second.job)["position"] == 1, "what comes back goes to the front"
        assert built.scheduler.state(third.job)["position"] == 2


async def test_update_reaches_the_engine_and_the_watchers(tmp_path: Path) -> None:
    async with rig(tmp_path, FakeEngine(steps=5, gated=True)) as built:
        accepted = await built.submit()
        ear = built.watch()
        await built.scheduler.watch(ear.mailbox, accepted.job, None)
        await ear.until("started")
        order: list[str] = []
        await soon(
            built.scheduler.update(
                accepted.job,
                accepted.key,
                {"style_weight": 33.0, "iterations": 2},
                answer=lambda: order.append("ok" if ear.quiet() else "late"),
            )
        )
        assert order == ["ok"]
        assert (await ear.until("updated"))[-1]["params"] == {"style_weight": 33.0, "iterations": 2}
        built.engine.release(2)
        assert (await ear.until(*ENDS))[-1]["step"] == 2, "iterations shortened"
        assert built.engine.painters[0].params.style_weight == 33.0
        assert built.scheduler.state(accepted.job)["params"]["style_weight"] == 33.0
        with pytest.raises(BadRequest, match="ended"):
            await built.scheduler.update(accepted.job, accepted.key, {"style_weight": 1.0})


async def test_a_bad_update_changes_nothing(tmp_path: Path) -> None:
    async with rig(tmp_path, FakeEngine(gated=True)) as built:
        accepted = await built.submit()
        with pytest.raises(BadRequest) as caught:
            await built.scheduler.update(accepted.job, accepted.key, {"style_weight": 5.0, "size": 64})
        assert caught.value.field == "params.size"
        with pytest.raises(NotFound) as missing:
            await built.scheduler.update(accepted.job, accepted.key, {"masks": [NO_IMAGE]})
        assert missing.value.field == "params.masks.0"
        assert built.scheduler.state(accepted.job)["params"]["style_weight"] == 20.0


async def test_masks_are_decoded_for_the_engine(tmp_path: Path) -> None:
    async with rig(tmp_path, FakeEngine(steps=2, gated=True)) as built:
        mask = await built.put(image_bytes((255, 255, 255), (4, 4)))
        accepted = await built.submit(styles=2, masks=[mask, None])
        ear = built.watch()
        await built.scheduler.watch(ear.mailbox, accepted.job, None)
        await ear.until("started")
        first, second = built.engine.painters[0].request.masks
        assert first is not None
        assert (first.width, first.rgb[:3], second) == (4, b"\xff\xff\xff", None)
        await soon(built.scheduler.update(accepted.job, accepted.key, {"masks": [None, mask]}))
        built.engine.release(2)
        await ear.until(*ENDS)
        assert built.engine.painters[0].masks == (None, first)


async def test_steering_needs_the_key(tmp_path: Path) -> None:
    async with rig(tmp_path, FakeEngine(gated=True)) as built:
        accepted = await built.submit()
        scheduler = built.scheduler
        for steer in (
            scheduler.cancel(accepted.job, "wrong"),
            scheduler.update(accepted.job, "wrong", {"style_weight": 1.0}),
            scheduler.pause(accepted.job, "wrong"),
            scheduler.resume(accepted.job, "wrong"),
            scheduler.delete(accepted.job, "wrong"),
        ):
            with pytest.raises(Forbidden):
                await steer
        with pytest.raises(NotFound):
            await scheduler.cancel("nosuchjob", accepted.key)
        row = await built.store.job(accepted.job)
        assert row is not None
        assert accepted.key.encode() not in row.key_hash


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
            await built.scheduler.submit(content=content, styles=styles, params=params, client="c")
        assert caught.value.field == field


async def test_unknown_images_are_not_found(tmp_path: Path) -> None:
    async with rig(tmp_path) as built:
        with pytest.raises(NotFound) as caught:
            await built.scheduler.submit(content=built.content, styles=[NO_IMAGE], params=None, client="c")
        assert caught.value.field == "styles.0"


async def test_limits_per_client_and_of_the_queue(tmp_path: Path) -> None:
    async with rig(tmp_path, FakeEngine(gated=True), max_jobs_per_client=2, max_queue=3) as built:
        held = built.watch()
        running = await built.submit("a")
        await built.scheduler.watch(held.mailbox, running.job, None)
        await held.until("started")
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


async def test_a_failure_ends_that_job_only(tmp_path: Path) -> None:
    engine = FakeEngine(steps=3)
    engine.fail_at, engine.error = 2, EngineError("it went wrong")
    async with rig(tmp_path, engine) as built:
        ear = built.watch()
        first = await built.submit()
        await built.scheduler.watch(ear.mailbox, first.job, None)
        if await built.status(first.job) != "failed":
            await ear.until(*ENDS)
        state = built.scheduler.state(first.job)
        assert state["status"] == "failed"
        assert state["error"]["code"] == "engine_failed"
        engine.fail_at = 0
        second = await built.submit()
        await built.scheduler.watch(ear.mailbox, second.job, None)
        if await built.status(second.job) != "completed":
            await ear.until("completed")


async def test_a_job_whose_image_is_gone_fails(tmp_path: Path) -> None:
    async with rig(tmp_path, FakeEngine(gated=True)) as built:
        ear = built.watch()
        await built.submit()
        second = await built.submit()
        await built.scheduler.watch(ear.mailbox, second.job, None)
        (tmp_path / "images" / built.style.removeprefix("sha256:")).unlink()
        built.engine.release(5)
        end = (await ear.until(*ENDS))[-1]
        assert (end["type"], end["error"]["code"]) == ("failed", "not_found")


async def test_positions_are_told_when_the_line_moves(tmp_path: Path) -> None:
    async with rig(tmp_path, FakeEngine(steps=1, gated=True)) as built:
        first, second, third = await built.submit(), await built.submit(), await built.submit()
        ear = built.watch()
        await built.scheduler.watch(ear.mailbox, third.job, None)
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
        await built.scheduler.watch(ear.mailbox, first.job, None)
        built.engine.release(4)
        await ear.until(*ENDS)
        again = await built.submit()
        # the fake engine says one second a step
        assert again.eta_s == pytest.approx(4.0)


async def test_unfinished_jobs_come_back_after_a_restart(tmp_path: Path) -> None:
    async with rig(tmp_path, FakeEngine(gated=True)) as built:
        first, second, third = await built.submit(), await built.submit(), await built.submit()
        ear = built.watch()
        await built.scheduler.watch(ear.mailbox, first.job, None)
        built.engine.release()
        heard = await ear.until("progress")
        await soon(built.scheduler.pause(third.job, third.key))
        seen = heard[-1]["seq"]
    async with rig(tmp_path, FakeEngine(gated=True)) as built:
        states = [built.scheduler.state(accepted.job) for accepted in (first, second, third)]
        assert states[0]["status"] in ("queued", "running")
        assert [state["status"] for state in states[1:]] == ["queued", "paused"]
        assert states[1]["position"] == states[0]["position"] + 1
        assert states[0]["seq"] > seen, "seq never falls, not even over a restart"
        assert await soon(built.scheduler.cancel(third.job, third.key)), "the key outlives the process"


async def test_runs_that_never_came_back_are_counted_durably(tmp_path: Path) -> None:
    async def stored(built: Rig, job: str) -> tuple[str, int]:
        row = await built.store.job(job)
        assert row is not None
        return row.status, row.starts

    async with rig(tmp_path, FakeEngine(gated=True)) as built:
        accepted = await built.submit()
        ear = built.watch()
        await built.scheduler.watch(ear.mailbox, accepted.job, None)
        built.engine.release()
        await ear.until("progress")
        assert await stored(built, accepted.job) == ("running", 1), "were the process to die now, this would count"
        await soon(built.scheduler.pause(accepted.job, accepted.key))
        await soon(built.scheduler.resume(accepted.job, accepted.key))
        built.engine.release()
        await ear.until("progress")
        assert await stored(built, accepted.job) == ("running", 1), "a pause is not a death"
    async with rig(tmp_path, FakeEngine(gated=True)) as built:
        built.engine.release(100)
        ear = built.watch()
        await built.scheduler.watch(ear.mailbox, accepted.job, None)
        heard = await ear.until("completed", "state")
        if heard[-1]["type"] == "state" and heard[-1]["status"] != "completed":
            await ear.until("completed")
        assert await stored(built, accepted.job) == ("completed", 1), "nor is a polite stop"


async def test_delete_forgets_a_running_job(tmp_path: Path) -> None:
    async with rig(tmp_path, FakeEngine(gated=True)) as built:
        accepted = await built.submit()
        ear = built.watch()
        await built.scheduler.watch(ear.mailbox, accepted.job, None)
        await ear.until("started")
        await soon(built.scheduler.delete(accepted.job, accepted.key))
        assert (await ear.until(*ENDS))[-1]["type"] == "cancelled"
        with pytest.raises(NotFound):
            await built.scheduler.recall(accepted.job)
        assert await built.store.job(accepted.job) is None


async def test_an_ended_job_shows_its_last_frame_to_who_comes_late(tmp_path: Path) -> None:
    async with rig(tmp_path, FakeEngine(steps=2)) as built:
        accepted = await built.submit()
        early = built.watch()
        await built.scheduler.watch(early.mailbox, accepted.job, None)
        if await built.status(accepted.job) != "completed":
            await early.until("completed")
        late = built.watch()
        await soon(built.scheduler.watch(late.mailbox, accepted.job, FrameOptions(64, 10.0)))
        state, frame = await late.next(), await late.next()
        assert (state["type"], state["status"]) == ("state", "completed")
        assert (frame["type"], frame["final"], frame["seq"]) == ("frame", True, state["frame_seq"])
        assert not late.mailbox.subscriptions or late.mailbox.take(built.hub.clock()) is None
        await soon(built.scheduler.watch(late.mailbox, accepted.job, FrameOptions(64, 10.0), state["seq"]))
        assert (await late.next())["type"] == "state"
        assert late.quiet(), "what it has seen is not sent again"


async def test_the_newest_frame_over_http(tmp_path: Path) -> None:
    async with rig(tmp_path, FakeEngine(steps=3, gated=True)) as built:
        accepted = await built.submit()
        ear = built.watch()
        await built.scheduler.watch(ear.mailbox, accepted.job, None)
        waiting = await built.submit()
        while built.scheduler.state(accepted.job)["status"] != "running":
            await ear.next()
        with pytest.raises(NotFinished):
            await built.scheduler.frame(waiting.job)
        asking = asyncio.create_task(built.scheduler.frame(accepted.job))
        await asyncio.sleep(0)
        built.engine.release()
        assert formats.sniff(await soon(asking)) == "jpeg"
        assert built.engine.pictures_taken == 1


async def test_nobody_watches_nobody_pays(tmp_path: Path) -> None:
    async with rig(tmp_path, FakeEngine(steps=20), timelapse_frames=0) as built:
        accepted = await built.submit()
        ear = built.watch()
        await built.scheduler.watch(ear.mailbox, accepted.job, None)
        if await built.status(accepted.job) != "completed":
            await ear.until("completed")
        assert built.engine.pictures_taken == 0


async def test_ended_jobs_leave_no_pictures_behind(tmp_path: Path) -> None:
    async with rig(tmp_path, FakeEngine(steps=2)) as built:
        for _ in range(20):
            accepted = await built.submit()
            ear = built.watch()
            await built.scheduler.watch(ear.mailbox, accepted.job, None)
            if await built.status(accepted.job) != "completed":
                await ear.until("completed")
            built.hub.disconnect(ear.mailbox)
        assert built.scheduler._endings.live == {}
        assert built.hub._topics == {}
        assert built.metrics.registry.get_sample_value("duostyle_jobs_ended_total", {"status": "completed"}) == 20


async def test_what_a_client_began_is_finished_without_it(tmp_path: Path) -> None:
    async with rig(tmp_path, FakeEngine(gated=True)) as built:
        submitting = asyncio.create_task(built.submit())
        for _ in range(3):
            await asyncio.sleep(0)
        submitting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await submitting
        await soon(asyncio.gather(*built.scheduler._changes))
        rows = await built.store.jobs()
        assert [row.id for row in rows] == list(built.scheduler._endings.live)


@pytest.mark.parametrize("seed", range(5))
async def test_whatever_is_done_each_job_ends_exactly_once(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    async with rig(tmp_path, FakeEngine(steps=6, gated=True)) as built:
        jobs, ears = [], []
        reasons = {"the job has ended"}
        for _ in range(6):
            job = await built.submit()
            ear = built.watch()
            await built.scheduler.watch(ear.mailbox, job.job, FrameOptions(64, 10.0))
            jobs.append(job)
            ears.append(ear)

        async def meddle(moves: list[tuple[int, str]]) -> None:
            for which, move in moves:
                job = jobs[which]
                try:
                    if move == "update":
                        await built.scheduler.update(job.job, job.key, {"style_weight": 3.0})
                    else:
                        await getattr(built.scheduler, move)(job.job, job.key)
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
            assert ear.mailbox.subscriptions == {}
            assert ear.quiet()
        assert built.scheduler._endings.live == {}
