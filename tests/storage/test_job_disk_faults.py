"""Jobs on a disk that fails: nothing is lost, and nobody waits for it."""

from __future__ import annotations

import asyncio
import errno
from pathlib import Path

import pytest

from duostyle.errors import StorageUnavailable
from duostyle.imaging import decode as images
from tests.storage.conftest import Disk
from tests.support.contract import ENDS
from tests.support.fake_engine import FakeEngine, picture_of
from tests.support.harness import GUARD_S, Ear, Rig, rig, soon

pytestmark = pytest.mark.usefixtures("quiet")


async def first_step(built: Rig, ear: Ear) -> None:
    """The job is on the engine, also when it was before it was watched."""
    built.engine.release(1)
    await ear.until("progress")


async def until_ended(built: Rig, job_id: str) -> str:
    ear = built.watch()
    await built.jobs.queries.watch(ear.outbox, job_id, None)
    status = (await ear.until("state"))[-1]["status"]
    return str(status if status in ENDS else (await ear.until(*ENDS))[-1]["type"])


async def test_a_result_made_while_the_disk_is_full_is_kept_and_written(tmp_path: Path, disk: Disk) -> None:
    async with rig(tmp_path, FakeEngine(steps=3, gated=True)) as built:
        first, second = await built.submit(), await built.submit()
        ear = built.watch()
        await built.jobs.queries.watch(ear.outbox, first.job, None)
        await first_step(built, ear)
        disk.full = True
        built.engine.release(2)
        # a frame of the time-lapse may be refused before the last step is made
        while (await ear.next()).get("step") != 3:
            pass
        await soon(disk.refused.wait())
        await soon(built.store.outage.until_begun())
        state = await built.jobs.queries.state(first.job)
        assert (state["status"], state["step"]) == ("running", 3), "nobody is told of an end that is not stored"
        row = await built.store.job(first.job)
        assert row is not None
        assert (row.status, row.has_result) == ("running", False)
        disk.full = False
        heard = await ear.until(*ENDS)
        assert [message["type"] for message in heard if message["type"] in ENDS] == ["completed"]
        assert images.decode(await built.jobs.queries.result(first.job, "png")) == picture_of(3)
        built.engine.release(3)
        assert await until_ended(built, second.job) == "completed"
        assert len(built.engine.painters) == 2, "painted once each"


@pytest.mark.parametrize("end", ["completed", "cancelled"])
async def test_an_end_that_the_database_refuses_comes_later(tmp_path: Path, disk: Disk, end: str) -> None:
    async with rig(tmp_path, FakeEngine(steps=2, gated=True)) as built:
        accepted = await built.submit()
        ear = built.watch()
        await built.jobs.queries.watch(ear.outbox, accepted.job, None)
        await first_step(built, ear)
        await disk.forbid(built.store)
        if end == "cancelled":
            assert await soon(built.jobs.commands.cancel(accepted.job, accepted.key)), "whoever cancels need not wait"
        built.engine.release(1)
        await soon(built.store.outage.until_begun())
        assert (await built.jobs.queries.state(accepted.job))["status"] == "running"
        await disk.allow(built.store)
        assert (await ear.until(*ENDS))[-1]["type"] == end
        row = await built.store.job(accepted.job)
        assert row is not None
        assert (row.status, row.has_result) == (end, True)


async def test_a_running_job_is_steered_while_nothing_can_be_stored(tmp_path: Path, disk: Disk) -> None:
    async with rig(tmp_path, FakeEngine(steps=3, gated=True)) as built:
        accepted = await built.submit()
        ear = built.watch()
        await built.jobs.queries.watch(ear.outbox, accepted.job, None)
        await first_step(built, ear)
        await disk.forbid(built.store)
        with pytest.raises(StorageUnavailable):
            await built.submit()
        assert list(built.jobs.registry.active) == [accepted.job], "what could not be stored was not accepted"
        built.engine.release(1)
        while (await ear.next()).get("step") != 2:
            pass
        await soon(built.jobs.commands.update(accepted.job, accepted.key, {"style_weight": 3.0}))
        await soon(built.jobs.commands.pause(accepted.job, accepted.key))
        await ear.until("paused")
        await soon(built.jobs.commands.resume(accepted.job, accepted.key))
        await disk.allow(built.store)
        await soon(built.store.outage.until_over())
        row = None
        async with asyncio.timeout(GUARD_S):
            while row is None or row.params.style_weight != 3.0:
                row = await built.store.job(accepted.job)
        assert row.status in ("queued", "running"), "what was decided meanwhile is stored"
        built.engine.release(1)
        assert (await ear.until(*ENDS))[-1]["type"] == "completed"


async def test_a_job_that_cannot_begin_stays_first_in_line(tmp_path: Path, disk: Disk) -> None:
    async with rig(tmp_path, FakeEngine(steps=2, gated=True)) as built:
        jobs = [await built.submit() for _ in range(3)]
        ear = built.watch()
        await built.jobs.queries.watch(ear.outbox, jobs[0].job, None)
        await first_step(built, ear)
        await disk.forbid(built.store)
        assert await soon(built.jobs.commands.cancel(jobs[0].job, jobs[0].key))
        await soon(built.store.outage.until_begun())
        assert [(await built.jobs.queries.state(job.job))["position"] for job in jobs[1:]] == [1, 2]
        await disk.allow(built.store)
        built.engine.release(4)
        assert await until_ended(built, jobs[0].job) == "cancelled"
        for accepted in jobs[1:]:
            assert await until_ended(built, accepted.job) == "completed"
        rows = await built.store.jobs()
        assert [row.starts for row in rows[1:]] == [1, 1], "a disk that failed is not counted as a death"


async def test_pictures_that_cannot_be_read_for_a_while_fail_no_job(
    tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures, real = [OSError(errno.EIO, "Input/output error")] * 2, Path.read_bytes

    def read_bytes(self: Path) -> bytes:
        if failures:
            raise failures.pop()
        return real(self)

    async with rig(tmp_path, FakeEngine(steps=1)) as built:
        monkeypatch.setattr(Path, "read_bytes", read_bytes)
        accepted = await built.submit()
        assert await until_ended(built, accepted.job) == "completed"
        failures += [OSError(errno.EIO, "Input/output error")] * 10**4
        accepted = await built.submit()
        ear = built.watch()
        await built.jobs.queries.watch(ear.outbox, accepted.job, None)
        end = (await ear.until("failed"))[-1]
        assert end["error"]["code"] == "storage_unavailable", "but not for ever: others wait"


async def test_a_forgotten_job_is_not_saved_again_later(tmp_path: Path, disk: Disk) -> None:
    async with rig(tmp_path, FakeEngine(steps=3, gated=True)) as built:
        accepted = await built.submit()
        ear = built.watch()
        await built.jobs.queries.watch(ear.outbox, accepted.job, None)
        await first_step(built, ear)
        await disk.forbid(built.store)
        await soon(built.jobs.commands.update(accepted.job, accepted.key, {"style_weight": 3.0}))
        with pytest.raises(StorageUnavailable):
            await soon(built.jobs.commands.delete(accepted.job, accepted.key))
        await disk.allow(built.store)
        assert (await ear.until(*ENDS))[-1]["type"] == "cancelled"
        assert await built.store.jobs() == []
        assert built.jobs.registry.late_saves == 0


async def test_a_stop_does_not_wait_for_the_disk(tmp_path: Path, disk: Disk) -> None:
    engine = FakeEngine(steps=2, gated=True)
    async with rig(tmp_path, engine) as built:
        accepted = await built.submit()
        ear = built.watch()
        await built.jobs.queries.watch(ear.outbox, accepted.job, None)
        await first_step(built, ear)
        disk.full = True
        engine.release(1)
        await soon(built.store.outage.until_begun())
    # the rig has stopped, within its patience
    disk.full = False
    async with rig(tmp_path, FakeEngine(steps=2)) as built:
        assert await until_ended(built, accepted.job) == "completed", "painted again, told once"
