"""A disk that is full or read-only: nobody's work is lost, everybody is told, and it mends itself.

The faults are real where they can be: SQLite refuses by itself (`query_only`, `max_page_count`), files fail at the
system calls that write them.
"""

from __future__ import annotations

import asyncio
import errno
import math
import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from duostyle.errors import BadRequest, StorageUnavailable
from duostyle.imaging import decode as images
from duostyle.storage.store import Store
from tests.support.contract import ENDS
from tests.support.fake_engine import FakeEngine, picture_of
from tests.support.harness import GUARD_S, PROBE_S, Ear, Rig, rig, soon
from tests.support.stored_jobs import checked, job, job_id, jobs_of


class Disk:
    """`largest_bytes` bounds the files that fit on it (0: full). `forbid` and `allow` the database's writes."""

    def __init__(self) -> None:
        self.largest_bytes: float = math.inf
        self.refused = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._fsync, self._connect = os.fsync, sqlite3.connect
        self._database: sqlite3.Connection | None = None

    @property
    def full(self) -> bool:
        return self.largest_bytes == 0

    @full.setter
    def full(self, full: bool) -> None:
        self.largest_bytes = 0 if full else math.inf

    def fsync(self, descriptor: int) -> None:
        if self.full or os.fstat(descriptor).st_size > self.largest_bytes:
            self._loop.call_soon_threadsafe(self.refused.set)
            raise OSError(errno.ENOSPC, "No space left on device")
        self._fsync(descriptor)

    def connect(self, *args: Any, **options: Any) -> sqlite3.Connection:
        self._database = self._connect(*args, **options)
        return self._database

    async def execute(self, store: Store, sql: str) -> Any:
        """The first value that this gives, on the store's own connection and after what it was asked for before."""
        await store.jobs()
        assert self._database is not None
        return (self._database.execute(sql).fetchone() or [None])[0]

    async def forbid(self, store: Store) -> None:
        await self.execute(store, "PRAGMA query_only = 1")

    async def allow(self, store: Store) -> None:
        await self.execute(store, "PRAGMA query_only = 0")


@pytest.fixture
async def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    disk = Disk()
    monkeypatch.setattr(os, "fsync", disk.fsync)
    monkeypatch.setattr(sqlite3, "connect", disk.connect)
    return disk


@pytest.fixture
async def store(tmp_path: Path, disk: Disk) -> Any:
    made = Store(tmp_path, probe_every_s=PROBE_S)
    await made.open()
    yield made
    await made.close()


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("CRITICAL")


async def first_step(built: Rig, ear: Ear) -> None:
    """The job is on the engine, also when it was before it was watched."""
    built.engine.release(1)
    await ear.until("progress")


async def until_ended(built: Rig, job_id: str) -> str:
    ear = built.watch()
    await built.jobs.queries.watch(ear.outbox, job_id, None)
    status = (await ear.until("state"))[-1]["status"]
    return str(status if status in ENDS else (await ear.until(*ENDS))[-1]["type"])


async def test_a_full_disk_refuses_files_and_mends_itself(store: Store, disk: Disk) -> None:
    disk.full = True
    with pytest.raises(StorageUnavailable):
        await store.put_image(b"abc", checked(b"abc"))
    assert store.outage.lasts
    assert await store.image(checked(b"abc").id) is None, "no row without a file"
    disk.full = False
    await soon(store.outage.until_over())
    assert (await store.put_image(b"abc", checked(b"abc")))[1]


async def test_a_read_only_database_refuses_and_mends_itself(store: Store, disk: Disk) -> None:
    await store.save_job(job("j1", "c"))
    await disk.forbid(store)
    for write in (store.save_job(job("j2", "c")), store.forget_job(job_id("j1")), store.put_image(b"a", checked(b"a"))):
        with pytest.raises(StorageUnavailable):
            await write
    assert await jobs_of(store) == ["j1"], "reading goes on"
    assert store.outage.lasts
    await disk.allow(store)
    await soon(store.outage.until_over())
    await store.save_job(job("j2", "c"))
    assert await jobs_of(store) == ["j1", "j2"]


async def test_a_database_without_room_keeps_what_it_has(store: Store, disk: Disk) -> None:
    pages = await disk.execute(store, "PRAGMA page_count")
    await disk.execute(store, f"PRAGMA max_page_count = {pages}")
    saved: list[str] = []

    async def save_many() -> None:
        for number in range(500):
            await store.save_job(job(f"j{number}", "c", steering={"text": "x" * 500}))
            saved.append(f"j{number}")

    with pytest.raises(StorageUnavailable):
        await save_many()
    assert await jobs_of(store) == saved
    await disk.execute(store, "PRAGMA max_page_count = 1000000")
    await store.save_job(job("last", "c"))
    assert await jobs_of(store) == [*saved, "last"]


async def test_it_is_not_well_while_what_failed_would_fail_again(store: Store, disk: Disk) -> None:
    disk.largest_bytes = 300_000
    with pytest.raises(StorageUnavailable):
        await store.save_result(job_id("j1"), b"x" * 400_000)
    for _ in range(2):
        disk.refused.clear()
        await soon(disk.refused.wait())
    assert store.outage.lasts, "a probe of the size that failed"
    disk.largest_bytes = 500_000
    await soon(store.outage.until_over())
    await store.save_result(job_id("j1"), b"x" * 400_000)


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
        state = built.jobs.queries.state(first.job)
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
        assert built.jobs.queries.state(accepted.job)["status"] == "running"
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
        assert list(built.jobs.registry.unfinished) == [accepted.job], "what could not be stored was not accepted"
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
        assert [built.jobs.queries.state(job.job)["position"] for job in jobs[1:]] == [1, 2]
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


async def test_a_folder_that_cannot_be_used_at_the_start_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    store = Store(tmp_path / "file" / "data")
    with pytest.raises(BadRequest, match="data folder") as caught:
        await store.open()
    assert caught.value.field == "data_dir"
    await store.close()
