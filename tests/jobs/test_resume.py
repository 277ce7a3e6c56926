"""Jobs that go on from a checkpoint: after a pause, a stop, a crash."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from duostyle.engine.api import Checkpoint
from duostyle.errors import StorageUnavailable
from duostyle.imaging import decode as images
from duostyle.jobs.commands import Accepted
from duostyle.storage.checkpoints import CheckpointFiles
from duostyle.storage.files import Folder
from tests.support.fake_engine import FakeEngine, picture_of
from tests.support.harness import Ear, Rig, rig, soon

EVERY: dict[str, Any] = {"checkpoint_evaluations": 1}


async def begun(built: Rig, steps: int, **params: Any) -> tuple[Accepted, Ear]:
    """A job of nine steps that has made some of them, each of them kept."""
    accepted = await built.submit(**({"iterations": 9} | params))
    ear = built.watch()
    await built.jobs.queries.watch(ear.outbox, accepted.job, None)
    for step in range(1, steps + 1):
        built.engine.release()
        await made(ear, step)
        await kept(built, accepted.job, step)
    return accepted, ear


async def made(ear: Ear, step: int) -> None:
    while (await ear.next()).get("step") != step:
        pass


async def crash(built: Rig, left: Path) -> None:
    """Copy what a process that is killed now leaves behind; half-written files would vanish meanwhile."""
    await soon(built.jobs.until_settled())
    shutil.copytree(built.settings.state_dir, left)


async def kept(built: Rig, job: str, step: int) -> None:
    """Wait until the checkpoint of this step is on the disk and its job's row is saved."""
    while True:
        await soon(built.jobs.until_settled())
        checkpoint = await built.store.checkpoints.load(job)
        if checkpoint is not None and checkpoint.step >= step:
            return


async def heard(ear: Ear, *types: str) -> dict[str, Any]:
    return (await ear.until(*types))[-1]


async def watch(built: Rig, job: str) -> Ear:
    ear = built.watch()
    await built.jobs.queries.watch(ear.outbox, job, None)
    return ear


async def test_a_stopped_server_goes_on_where_it_stood(tmp_path: Path) -> None:
    async with rig(tmp_path, FakeEngine(gated=True)) as built:
        # no checkpoint is due: the stop itself takes one
        accepted = await built.submit(iterations=5)
        ear = await watch(built, accepted.job)
        built.engine.release(3)
        await made(ear, 3)
    engine = FakeEngine(gated=True)
    async with rig(tmp_path, engine) as built:
        ear = await watch(built, accepted.job)
        assert (await heard(ear, "started"))["resumed_from_step"] == 3
        state = await built.jobs.queries.state(accepted.job)
        assert (state["status"], state["step"], state["resumed_from_step"]) == ("running", 3, 3)
        engine.release(2)
        assert (await heard(ear, "completed"))["step"] == 5
        assert [painter.began_at for painter in engine.painters] == [3]
        assert await built.store.checkpoints.load(accepted.job) is None, "an ended job needs no checkpoint"


async def test_a_crash_costs_what_came_after_the_last_checkpoint(tmp_path: Path) -> None:
    engine = FakeEngine(gated=True)
    async with rig(tmp_path / "before", engine, checkpoint_evaluations=2) as built:
        first, ear = await begun(built, 0)
        waiting = await built.submit(iterations=1)
        engine.release(2)
        await made(ear, 2)
        await kept(built, first.job, 2)
        engine.release()
        await made(ear, 3)
        await crash(built, tmp_path / "after")
        engine.release(7)
        await heard(ear, "completed")
    engine = FakeEngine(gated=True)
    async with rig(tmp_path / "after", engine) as built:
        ear = await watch(built, first.job)
        assert (await heard(ear, "started"))["resumed_from_step"] == 2
        assert (await built.jobs.queries.state(waiting.job))["position"] == 1
        row = await built.store.job(first.job)
        assert row is not None
        assert row.starts == 2, "the run before never came back"
        engine.release(8)
        assert (await heard(ear, "completed"))["step"] == 9


async def test_what_gets_further_is_never_given_up(tmp_path: Path) -> None:
    folder = tmp_path / "0"
    async with rig(folder, FakeEngine(gated=True), **EVERY) as built:
        accepted, _ = await begun(built, 1)
        await crash(built, tmp_path / "1")
    for number in range(1, 6):
        async with rig(tmp_path / str(number), FakeEngine(gated=True), **EVERY) as built:
            ear = await watch(built, accepted.job)
            built.engine.release()
            await made(ear, number + 1)
            await kept(built, accepted.job, number + 1)
            await crash(built, tmp_path / str(number + 1))
    # and what does not, is: the process dies three times in the same evaluation
    for number in range(6, 10):
        async with rig(tmp_path / str(number), FakeEngine(gated=True)) as built:
            ear = await watch(built, accepted.job)
            if number < 8:
                await heard(ear, "started")
                await crash(built, tmp_path / str(number + 1))
            else:
                assert await built.status(accepted.job) == "failed"
                break


async def test_a_paused_job_holds_no_painter_and_goes_on_from_the_disk(tmp_path: Path) -> None:
    engine = FakeEngine(gated=True)
    async with rig(tmp_path, engine) as built:
        accepted, ear = await begun(built, 0)
        other = await built.submit(iterations=1)
        engine.release(2)
        await made(ear, 2)
        await soon(built.jobs.commands.pause(accepted.job, accepted.key))
        other_ear = await watch(built, other.job)
        # only then has the engine let go of the first job, which would take the turn
        await other_ear.until_begun()
        engine.release()
        await heard(other_ear, "completed")
        assert built.jobs.registry.active[accepted.job].task is None
        await soon(built.jobs.commands.update(accepted.job, accepted.key, {"style_weight": 3.0}))
        await soon(built.jobs.commands.resume(accepted.job, accepted.key))
        assert (await heard(ear, "started"))["resumed_from_step"] == 2
        engine.release(7)
        assert (await heard(ear, "completed"))["step"] == 9
        assert [painter.began_at for painter in engine.painters] == [0, 0, 2]
        assert engine.painters[2].params.style_weight == 3.0


async def test_a_paused_job_stays_paused_over_a_restart(tmp_path: Path) -> None:
    async with rig(tmp_path, FakeEngine(gated=True), **EVERY) as built:
        accepted, _ = await begun(built, 2)
        await soon(built.jobs.commands.pause(accepted.job, accepted.key))
        # the engine has let go of it when the next one starts
        other = await built.submit(iterations=1)
        await (await watch(built, other.job)).until_begun()
    engine = FakeEngine(steps=9)
    async with rig(tmp_path, engine) as built:
        other = await built.submit()
        await heard(await watch(built, other.job), "completed")
        state = await built.jobs.queries.state(accepted.job)
        assert (state["status"], state["step"], state["position"]) == ("paused", 2, None)
        assert await soon(built.jobs.queries.frame(accepted.job)), "its picture is there again"
        ear = await watch(built, accepted.job)
        await soon(built.jobs.commands.resume(accepted.job, accepted.key))
        assert (await heard(ear, "completed"))["step"] == 9
        assert engine.painters[-1].began_at == 2


async def test_a_paused_job_cancelled_after_a_restart_keeps_its_picture(tmp_path: Path) -> None:
    async with rig(tmp_path, FakeEngine(gated=True), **EVERY) as built:
        accepted, _ = await begun(built, 2)
        await soon(built.jobs.commands.pause(accepted.job, accepted.key))
        # the engine has let go of it when the next one starts
        other = await built.submit(iterations=1)
        await (await watch(built, other.job)).until_begun()
    async with rig(tmp_path, FakeEngine()) as built:
        assert await soon(built.jobs.commands.cancel(accepted.job, accepted.key))
        assert images.decode(await built.jobs.queries.result(accepted.job, "png", partial=True)) == picture_of(2)


async def test_paused_while_nothing_can_be_written_it_stays_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def failing(job_id: str, checkpoint: Checkpoint) -> None:
        raise StorageUnavailable("full")

    engine = FakeEngine(gated=True)
    async with rig(tmp_path, engine, **EVERY) as built:
        monkeypatch.setattr(built.store.checkpoints, "save", failing)
        accepted = await built.submit(iterations=4)
        ear = await watch(built, accepted.job)
        engine.release(2)
        await made(ear, 2)
        await soon(built.jobs.commands.pause(accepted.job, accepted.key))
        other = await built.submit(iterations=1)
        other_ear = await watch(built, other.job)
        # only then has the engine let go of the first job, which would take the turn
        await other_ear.until_begun()
        engine.release()
        await heard(other_ear, "completed")
        await soon(built.jobs.commands.resume(accepted.job, accepted.key))
        engine.release(2)
        await heard(ear, "completed")
        assert [painter.step for painter in engine.painters] == [4, 1]


@pytest.mark.parametrize("damage", ["cut short", "of another engine"])
async def test_a_checkpoint_that_cannot_be_used_means_to_begin_afresh(tmp_path: Path, damage: str) -> None:
    async with rig(tmp_path, FakeEngine(gated=True), **EVERY) as built:
        accepted, _ = await begun(built, 3)
        shutil.copytree(tmp_path / "checkpoints", tmp_path / "kept")
    (file,) = (tmp_path / "checkpoints").iterdir()
    if damage == "cut short":
        file.write_bytes(file.read_bytes()[:-1])
    else:
        files = CheckpointFiles(Folder(tmp_path / "checkpoints"))
        await files.save(accepted.job, Checkpoint({"step": 3, "made_by": "other"}, {}))
        await files.close()
    engine = FakeEngine()
    async with rig(tmp_path, engine) as built:
        ear = await watch(built, accepted.job)
        assert (await heard(ear, "completed"))["step"] == 9
        assert [painter.began_at for painter in engine.painters] == [0]
        assert (await built.jobs.queries.state(accepted.job))["resumed_from_step"] is None


async def test_cancelled_and_deleted_jobs_leave_no_checkpoint(tmp_path: Path) -> None:
    engine = FakeEngine(gated=True)
    async with rig(tmp_path, engine, **EVERY) as built:
        first, _ = await begun(built, 2)
        assert await soon(built.jobs.commands.cancel(first.job, first.key))
        assert await built.store.checkpoints.load(first.job) is None
        assert await built.jobs.queries.result(first.job, "png", partial=True)
        second, ear = await begun(built, 2)
        await soon(built.jobs.commands.pause(second.job, second.key))
        await heard(ear, "paused")
        await soon(built.jobs.commands.delete(second.job, second.key))
        assert await built.store.checkpoints.load(second.job) is None
        assert built.store.checkpoints.jobs() == set()


async def test_a_resumed_job_that_is_cancelled_at_once_keeps_its_picture(tmp_path: Path) -> None:
    async with rig(tmp_path, FakeEngine(gated=True), **EVERY) as built:
        accepted, _ = await begun(built, 3)
    async with rig(tmp_path, FakeEngine(gated=True)) as built:
        ear = await watch(built, accepted.job)
        await heard(ear, "started")
        assert await soon(built.jobs.commands.cancel(accepted.job, accepted.key))
        assert images.decode(await built.jobs.queries.result(accepted.job, "png", partial=True)) == picture_of(3)
