"""A sweep is done in portions, which let other work in between and cost the same however much there is."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from duostyle.picture import StoredImage
from duostyle.storage.checkpoints import CheckpointFiles
from duostyle.storage.database import Database
from duostyle.storage.files import Folder
from duostyle.storage.retention import Limits, Retention
from duostyle.storage.store import Store
from duostyle.storage.timelapse_frames import TimelapseFrames
from tests.support.clock import Clock
from tests.support.harness import GUARD_S
from tests.support.stored_jobs import DAY_S, job, jobs_of


async def test_a_long_sweep_lets_others_in_between(store: Store, clock: Clock) -> None:
    for number in range(120):
        await store.save_job(job(f"j{number}", "c", status="failed", ended_at=clock.now + number))
    sweeping = asyncio.create_task(store.sweep(keep_days=30, max_bytes=10**9, max_jobs=5))
    async with asyncio.timeout(GUARD_S):
        while len(left := await store.jobs()) == 120:
            pass
    assert len(left) == 70, "the first portion is all that one has to wait for"
    assert await sweeping == 115
    assert await jobs_of(store) == [f"j{number}" for number in range(115, 120)]


def rows_of_a_portion(folder: Path, monkeypatch: pytest.MonkeyPatch, *, jobs: int) -> int:
    """How many rows the removal of ten jobs or pictures reads, of so many jobs and twice as many pictures."""
    read = 0
    connect = sqlite3.connect

    def counting(cursor: sqlite3.Cursor, row: tuple[Any, ...]) -> tuple[Any, ...]:
        nonlocal read
        read += 1
        return row

    def connect_counted(*args: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*args, **options)
        connection.row_factory = counting
        return connection

    with monkeypatch.context() as patch:
        patch.setattr(sqlite3, "connect", connect_counted)
        database = Database(folder / f"{jobs}.sqlite")
    for number in range(jobs):
        used, unused = (StoredImage(f"{number}{kind}", 4, 3, "png", 9) for kind in "uf")
        database.put_image(used, now=0.0)
        database.put_image(unused, now=0.0)
        database.save_job(job(f"j{number}", used.id, status="failed", ended_at=float(-number)))
    folders = {name: Folder(folder / name) for name in ("images", "results", "timelapses", "checkpoints")}
    for each in folders.values():
        each.prepare()
    checkpoints = CheckpointFiles(folders["checkpoints"])
    retention = Retention(
        database,
        images=folders["images"],
        results=folders["results"],
        timelapses=TimelapseFrames(folders["timelapses"]),
        checkpoints=checkpoints,
    )
    read = 0
    limits = Limits(keep_days=1.0, keep_uploads_days=1.0, max_jobs=1, max_bytes=0)
    assert retention.sweep(limits, now=DAY_S / 2, keep_images=frozenset(), most=10) == 10
    assert retention.sweep(limits, now=9 * DAY_S, keep_images=frozenset(), most=10) == 10
    database.close()
    return read


def test_a_portion_reads_no_more_rows_of_many_jobs_than_of_few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few = rows_of_a_portion(tmp_path, monkeypatch, jobs=20)
    assert few > 20, "the rows of two portions are counted"
    assert rows_of_a_portion(tmp_path, monkeypatch, jobs=200) == few
