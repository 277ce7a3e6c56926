"""Data folders of other versions: upgraded, or left alone."""

from __future__ import annotations

import dataclasses
import sqlite3
from pathlib import Path

import pytest

from duostyle.errors import BadRequest
from duostyle.job import stored_types
from duostyle.storage.store import Store
from tests.support.stored_jobs import job, job_id, jobs_of


async def test_a_folder_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "duostyle.sqlite")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    store = Store(tmp_path)
    with pytest.raises(BadRequest, match="newer"):
        await store.open()
    await store.close()


def first_version(folder: Path) -> None:
    """A data folder with one job, as the first version wrote it."""
    connection = sqlite3.connect(folder / "duostyle.sqlite")
    connection.executescript("""
        CREATE TABLE images (
            id TEXT PRIMARY KEY, width INTEGER NOT NULL, height INTEGER NOT NULL, format TEXT NOT NULL,
            bytes INTEGER NOT NULL, touched_at REAL NOT NULL
        );
        CREATE TABLE jobs (
            number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, key_hash BLOB NOT NULL,
            client TEXT NOT NULL, content TEXT NOT NULL, styles TEXT NOT NULL, params TEXT NOT NULL,
            status TEXT NOT NULL, created_at REAL NOT NULL, started_at REAL, ended_at REAL,
            width INTEGER NOT NULL, height INTEGER NOT NULL, step INTEGER NOT NULL, total_steps INTEGER NOT NULL,
            elapsed_s REAL NOT NULL, seq INTEGER NOT NULL, costs TEXT, error TEXT,
            has_result INTEGER NOT NULL, partial INTEGER NOT NULL, report TEXT
        );
        CREATE TABLE uses (
            job TEXT NOT NULL REFERENCES jobs(id) ON DELETE CASCADE, image TEXT NOT NULL, PRIMARY KEY (job, image)
        );
        CREATE INDEX uses_by_image ON uses(image);
        INSERT INTO jobs VALUES (1, 'j1--------------------', x'00ff', '127.0.0.1', 'sha256:c', '["sha256:s"]',
            '{"size": 64}', 'queued', 1000000.0, NULL, NULL, 0, 0, 0, 0, 0.0, 0, NULL, NULL, 0, 0, NULL);
        PRAGMA user_version = 1;
    """)
    connection.close()


async def test_a_folder_of_the_first_version_is_brought_up_to_date(tmp_path: Path) -> None:
    first_version(tmp_path)
    for starts in (0, 1):
        store = Store(tmp_path)
        await store.open()
        row = job("j1", "sha256:c", "sha256:s", starts=starts)
        assert await store.jobs() == [row]
        await store.save_job(dataclasses.replace(row, starts=starts + 1))
        await store.close()


async def test_a_folder_that_was_brought_up_to_date_has_the_columns_of_a_new_one(tmp_path: Path) -> None:
    def columns(folder: Path) -> set[tuple[str, str, int]]:
        connection = sqlite3.connect(folder / "duostyle.sqlite")
        found = {row[1:4] for row in connection.execute("PRAGMA table_info(jobs)")}
        connection.close()
        return found

    first_version(tmp_path)
    for folder in (tmp_path, tmp_path / "new"):
        store = Store(folder)
        await store.open()
        await store.close()
    assert columns(tmp_path) == columns(tmp_path / "new")
    assert {name for name, _, _ in columns(tmp_path)} == {"number", *stored_types()}


async def test_a_job_that_this_version_cannot_read_is_left_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = Store(tmp_path)
    await store.open()
    for name in ("old", "new"):
        await store.save_job(job(name, "c", status="completed", has_result=True))
        await store.save_result(job_id(name), b"png")
    await store.close()
    connection = sqlite3.connect(tmp_path / "duostyle.sqlite")
    connection.execute("UPDATE jobs SET params = ? WHERE id = ?", ('{"brush": 5}', job_id("old")))
    connection.commit()
    connection.close()
    again = Store(tmp_path)
    await again.open()
    assert await jobs_of(again) == ["new"]
    assert await again.job(job_id("old")) is None
    assert "another version" in caplog.text
    assert await again.result(job_id("old")) == b"png"
    await again.forget_job(job_id("old"))
    assert await again.result(job_id("old")) is None
    await again.close()
