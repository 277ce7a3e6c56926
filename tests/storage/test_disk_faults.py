"""A disk that is full or read-only: nobody's work is lost, everybody is told, and it recovers by itself.

The faults are real where they can be: SQLite refuses by itself (`query_only`, `max_page_count`), files fail at the
system calls that write them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from duostyle.errors import BadRequest, StorageUnavailable
from duostyle.storage.store import Store
from tests.storage.conftest import Disk
from tests.support.harness import PROBE_S, soon
from tests.support.stored_jobs import checked, job, job_id, jobs_of

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.fixture
async def store(tmp_path: Path, disk: Disk) -> Any:
    made = Store(tmp_path, probe_every_s=PROBE_S)
    await made.open()
    yield made
    await made.close()


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


async def test_a_folder_that_cannot_be_used_at_the_start_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    store = Store(tmp_path / "file" / "data")
    with pytest.raises(BadRequest, match="data folder") as caught:
        await store.open()
    assert caught.value.field == "data_dir"
    await store.close()
