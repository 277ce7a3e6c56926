"""Why a data folder cannot be used: found before a server starts on it, told when one does, noticed while one runs."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from duostyle.errors import BadRequest, StorageUnavailable
from duostyle.storage.inspection import problems_of, why_unusable
from duostyle.storage.store import DATABASE_FILE, Store
from tests.support.clock import Sleep
from tests.support.harness import soon


async def refusal(folder: Path) -> str:
    """What a server that is started on `folder` says."""
    store = Store(folder)
    try:
        with pytest.raises(BadRequest) as caught:
            await store.open()
        return caught.value.message
    finally:
        await store.close()


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


async def make(folder: Path) -> None:
    store = Store(folder)
    await store.open()
    await store.close()


@pytest.mark.parametrize("data", [b"random bytes that are no database " * 200, b"SQLite format 3\0" + b"\xff" * 8000])
async def test_a_damaged_database_is_one_line(tmp_path: Path, data: bytes) -> None:
    (tmp_path / DATABASE_FILE).write_bytes(data)
    message = await refusal(tmp_path)
    assert str(tmp_path) in message
    assert "restore a backup" in message or "newer version" in message


async def test_the_doctor_finds_a_database_that_is_none(tmp_path: Path) -> None:
    (tmp_path / DATABASE_FILE).write_bytes(b"something else, and more than a hundred bytes of it " * 9)
    (problem,) = problems_of(tmp_path, DATABASE_FILE)
    assert "is damaged (file is not a database): restore a backup" in problem


async def test_a_newer_version_is_found_and_left_alone(tmp_path: Path) -> None:
    await make(tmp_path)
    with sqlite3.connect(tmp_path / DATABASE_FILE) as sql:
        sql.execute("PRAGMA user_version = 99")
    sql.close()
    before = contents(tmp_path)
    assert "newer version" in await refusal(tmp_path)
    (problem,) = problems_of(tmp_path, DATABASE_FILE)
    assert "newer version" in problem
    assert contents(tmp_path) == before


async def test_a_folder_in_use_is_found_and_a_free_one_is_well(tmp_path: Path) -> None:
    store = Store(tmp_path)
    await store.open()
    assert problems_of(tmp_path, DATABASE_FILE) == [f"the data folder {tmp_path} is in use by another server"]
    assert "in use by another server" in await refusal(tmp_path)
    await store.close()
    assert problems_of(tmp_path, DATABASE_FILE) == []


def test_a_folder_of_somebody_else_names_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o755)
    owner = folder.stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: 10001)
    # root may write everywhere, and tests may run as root
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    expected = (
        f"the data folder {folder} cannot be written: it belongs to user {owner} (rights 755), and duostyle runs as "
        "user 10001"
    )
    assert problems_of(folder, DATABASE_FILE) == [expected]
    assert why_unusable(folder, sqlite3.OperationalError("unable to open database file")) == expected
    assert why_unusable(folder / "new", PermissionError(13, "Permission denied")).endswith(
        f"cannot be written: {folder} belongs to user {owner} (rights 755), and duostyle runs as user 10001"
    )


def test_a_disk_that_is_nearly_full_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=5 * 2**20))
    assert problems_of(tmp_path, DATABASE_FILE) == [
        f"the disk of the data folder {tmp_path} is nearly full: 5 MB are free"
    ]


@pytest.fixture
async def watched(tmp_path: Path) -> AsyncIterator[tuple[Store, Sleep]]:
    sleep = Sleep()
    store = Store(tmp_path / "data", sleep=sleep)
    await store.open()
    watching = asyncio.create_task(store.watch(10.0))
    yield store, sleep
    watching.cancel()
    await store.close()


async def test_a_folder_that_vanishes_is_noticed_though_nobody_writes(
    watched: tuple[Store, Sleep], tmp_path: Path
) -> None:
    store, sleep = watched
    (tmp_path / "data").rename(tmp_path / "elsewhere")
    await sleep.pass_s(9.0)
    assert not store.outage.lasts
    await sleep.pass_s(1.0)
    await soon(store.outage.until_begun())
    assert store.outage.reason == "No such file or directory"
    (tmp_path / "elsewhere").rename(tmp_path / "data")
    await sleep.pass_s(2.0)
    await soon(store.outage.until_over())
    assert not store.outage.lasts


async def test_a_disk_that_fills_up_is_noticed_though_nobody_writes(
    watched: tuple[Store, Sleep], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, sleep = watched
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1000))
    await sleep.pass_s(10.0)
    await soon(store.outage.until_begun())
    assert store.outage.reason == "No space left on device"
    await sleep.pass_s(2.0)
    await soon(store.outage.until_over())


async def test_another_folder_in_its_place_is_no_way_out(watched: tuple[Store, Sleep], tmp_path: Path) -> None:
    store, sleep = watched
    shutil.rmtree(tmp_path / "data")
    await make(tmp_path / "data")
    await sleep.pass_s(10.0)
    await soon(store.outage.until_begun())
    assert "restart the server" in store.outage.reason
    with pytest.raises(StorageUnavailable):
        await store._probe()
