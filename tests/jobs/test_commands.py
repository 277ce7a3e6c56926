"""Cancel, pause, resume, update and delete, alone and against each other."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from duostyle.errors import BadRequest, Forbidden, NotAvailable, NotFinished, NotFound
from duostyle.imaging import decode as images
from tests.support.contract import ENDS
from tests.support.fake_engine import FakeEngine, picture_of
from tests.support.harness import rig, soon

NO_IMAGE = "sha256:" + "0" * 64


async def test_cancelling_a_waiting_job_leaves_the_running_one_alone(tmp_path: Path) -> None:
    async with rig(tmp_path, FakeEngine(steps=2, gated=True)) as built:
        first, second = await built.submit(), await built.submit()
        ear = built.watch()
        await built.jobs.queries.watch(ear.outbox, first.job, None)
        await built.jobs.queries.watch(ear.outbox, second.job, None)
        assert await soon(built.jobs.commands.cancel(second.job, second.key))
        built.engine.release(2)
        ends = [(await ear.until(*ENDS))[-1] for _ in range(2)]
        assert [(end["job"], end["type"]) for end in ends] == [(second.job, "cancelled"), (first.job, "completed")]
        assert ends[0]["partial"] is False


async def test_cancelling_the_running_job_keeps_the_best_so_far(tmp_path: Path) -> None:
    async with rig(tmp_path, FakeEngine(steps=5, gated=True)) as built:
        accepted = await built.submit()
        ear = built.watch()
        await built.jobs.queries.watch(ear.outbox, accepted.job, None)
        built.engine.release(2)
        while True:
            if (await ear.next()).get("step") == 2:
                break
        assert await soon(built.jobs.commands.cancel(accepted.job, accepted.key))
        end = (await ear.until(*ENDS))[-1]
        assert (end["type"], end["partial"], end["step"]) == ("cancelled", True, 2)
        assert not await soon(built.jobs.commands.cancel(accepted.job, accepted.key)), "it has ended already"
        with pytest.raises(NotFinished):
            await built.jobs.queries.result(accepted.job, "png")
        png = await soon(built.jobs.queries.result(accepted.job, "png", partial=True))
        assert images.decode(png) == picture_of(2)


async def test_a_job_cancelled_while_it_was_paused_has_8_bits(tmp_path: Path) -> None:
    async with rig(tmp_path, FakeEngine(steps=5, gated=True)) as built:
        accepted, other = await built.submit(), await built.submit()
        ear = built.watch()
        await built.jobs.queries.watch(ear.outbox, accepted.job, None)
        built.engine.release()
        while (await ear.next()).get("step") != 1:
            pass
        await soon(built.jobs.commands.pause(accepted.job, accepted.key))
        await built.jobs.queries.watch(ear.outbox, other.job, None)
        # the engine has let go of it when the next one begins
        while (heard := await ear.next())["type"] != "started" or heard["job"] != other.job:
            pass
        assert await soon(built.jobs.commands.cancel(accepted.job, accepted.key))
        await ear.until(*ENDS)
        result = built.jobs.queries.result
        assert images.decode(await soon(result(accepted.job, "tiff", partial=True))) == picture_of(1)
        with pytest.raises(NotAvailable):
            await soon(result(accepted.job, "tiff", partial=True, depth=16))


async def test_of_many_cancels_at_once_exactly_one_wins(tmp_path: Path) -> None:
    async with rig(tmp_path, FakeEngine(gated=True)) as built:
        accepted = await built.submit()
        ear = built.watch()
        await built.jobs.queries.watch(ear.outbox, accepted.job, None)
        won = await soon(asyncio.gather(*(built.jobs.commands.cancel(accepted.job, accepted.key) for _ in range(8))))
        assert sorted(won) == [False] * 7 + [True]
        heard = await ear.until(*ENDS)
        assert [message["type"] for message in heard if message["type"] in ENDS] == ["cancelled"]
        assert ear.quiet()


async def test_a_cancel_that_races_completion_ends_the_job_once(tmp_path: Path) -> None:
    for _ in range(10):
        async with rig(tmp_path, FakeEngine(steps=1, gated=True)) as built:
            accepted = await built.submit()
            ear = built.watch()
            await built.jobs.queries.watch(ear.outbox, accepted.job, None)
            built.engine.release()
            won = await soon(built.jobs.commands.cancel(accepted.job, accepted.key))
            end = (await ear.until(*ENDS))[-1]
            assert end["type"] == ("cancelled" if won else "completed")
            assert await built.status(accepted.job) == end["type"]
            assert ear.quiet()


async def test_a_paused_job_lets_the_next_run_and_goes_on_where_it_stood(tmp_path: Path) -> None:
    async with rig(tmp_path, FakeEngine(steps=3, gated=True)) as built:
        first, second = await built.submit(), await built.submit()
        ear = built.watch()
        await built.jobs.queries.watch(ear.outbox, first.job, None)
        await built.jobs.queries.watch(ear.outbox, second.job, None)
        built.engine.release()
        while (await ear.next()).get("step") != 1:
            pass
        await soon(built.jobs.commands.pause(first.job, first.key))
        assert (await built.jobs.queries.state(first.job))["status"] == "paused"
        started = (await ear.until("started"))[-1]
        assert started["job"] == second.job
        built.engine.release(3)
        ended = (await ear.until(*ENDS))[-1]
        assert (ended["job"], ended["type"]) == (second.job, "completed")
        await soon(built.jobs.commands.resume(first.job, first.key))
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
        await built.jobs.queries.watch(ear.outbox, accepted.job, None)
        await ear.until_begun()
        await soon(built.jobs.commands.pause(accepted.job, accepted.key))
        await soon(built.jobs.commands.resume(accepted.job, accepted.key))
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
        await built.jobs.queries.watch(ear.outbox, second.job, None)
        await soon(built.jobs.commands.pause(first.job, first.key))
        await ear.until_begun()
        assert await soon(built.jobs.commands.cancel(first.job, first.key))
        assert await built.status(first.job) == "cancelled"
        assert await built.status(second.job) == "running"


async def test_a_waiting_job_can_be_paused(tmp_path: Path) -> None:
    async with rig(tmp_path, FakeEngine(steps=1, gated=True)) as built:
        # the first job leaves the queue only when there is an engine for it
        await soon(built.engine_thread.until_loaded())
        await built.submit()
        second, third = await built.submit(), await built.submit()
        await soon(built.jobs.commands.pause(second.job, second.key))
        assert (await built.jobs.queries.state(second.job))["position"] is None
        assert (await built.jobs.queries.state(third.job))["position"] == 1
        await soon(built.jobs.commands.resume(second.job, second.key))
        assert (await built.jobs.queries.state(second.job))["position"] == 1, "what comes back goes to the front"
        assert (await built.jobs.queries.state(third.job))["position"] == 2


async def test_update_reaches_the_engine_and_the_watchers(tmp_path: Path) -> None:
    async with rig(tmp_path, FakeEngine(steps=5, gated=True)) as built:
        accepted = await built.submit()
        ear = built.watch()
        await built.jobs.queries.watch(ear.outbox, accepted.job, None)
        await ear.until_begun()
        order: list[str] = []
        await soon(
            built.jobs.commands.update(
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
        assert (await built.jobs.queries.state(accepted.job))["params"]["style_weight"] == 33.0
        with pytest.raises(BadRequest, match="ended"):
            await built.jobs.commands.update(accepted.job, accepted.key, {"style_weight": 1.0})


async def test_of_changes_around_a_pause_the_last_one_counts(tmp_path: Path) -> None:
    async with rig(tmp_path, FakeEngine(steps=3, gated=True)) as built:
        accepted, commands = await built.submit(), built.jobs.commands
        ear = built.watch()
        await built.jobs.queries.watch(ear.outbox, accepted.job, None)
        built.engine.release()
        await ear.until("progress")
        await soon(commands.pause(accepted.job, accepted.key))
        # the engine stands and does not take this up any more
        await soon(commands.update(accepted.job, accepted.key, {"style_weight": 3.0}))
        other = await built.submit()
        await built.jobs.queries.watch(ear.outbox, other.job, None)
        while (heard := (await ear.until("started"))[-1])["job"] != other.job:
            assert heard["job"] == accepted.job
        await soon(commands.update(accepted.job, accepted.key, {"style_weight": 4.0}))
        await soon(commands.resume(accepted.job, accepted.key))
        built.engine.release(5)
        for _ in range(2):
            await ear.until(*ENDS)
        assert [painter.params.style_weight for painter in built.engine.painters] == [20.0, 20.0, 4.0]


async def test_a_bad_update_changes_nothing(tmp_path: Path) -> None:
    async with rig(tmp_path, FakeEngine(gated=True)) as built:
        accepted = await built.submit()
        with pytest.raises(BadRequest) as caught:
            await built.jobs.commands.update(accepted.job, accepted.key, {"style_weight": 5.0, "size": 64})
        assert caught.value.field == "params.size"
        with pytest.raises(NotFound) as missing:
            await built.jobs.commands.update(accepted.job, accepted.key, {"masks": [NO_IMAGE]})
        assert missing.value.field == "params.masks.0"
        assert (await built.jobs.queries.state(accepted.job))["params"]["style_weight"] == 20.0


async def test_steering_needs_the_key(tmp_path: Path) -> None:
    async with rig(tmp_path, FakeEngine(gated=True)) as built:
        accepted = await built.submit()
        commands = built.jobs.commands
        for steer in (
            commands.cancel(accepted.job, "wrong"),
            commands.update(accepted.job, "wrong", {"style_weight": 1.0}),
            commands.pause(accepted.job, "wrong"),
            commands.resume(accepted.job, "wrong"),
            commands.delete(accepted.job, "wrong"),
        ):
            with pytest.raises(Forbidden):
                await steer
        with pytest.raises(NotFound):
            await commands.cancel("nosuchjob", accepted.key)
        row = await built.store.job(accepted.job)
        assert row is not None
        assert accepted.key.encode() not in row.key_hash


async def test_delete_forgets_a_running_job(tmp_path: Path) -> None:
    async with rig(tmp_path, FakeEngine(gated=True)) as built:
        accepted = await built.submit()
        ear = built.watch()
        await built.jobs.queries.watch(ear.outbox, accepted.job, None)
        await ear.until_begun()
        await soon(built.jobs.commands.delete(accepted.job, accepted.key))
        assert (await ear.until(*ENDS))[-1]["type"] == "cancelled"
        with pytest.raises(NotFound):
            await built.jobs.queries.state(accepted.job)
        assert await built.store.job(accepted.job) is None
