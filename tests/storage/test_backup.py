"""Copies of a data folder: of one in use, whole or not at all, and never over something."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from pathlib import Path

import pytest

from duostyle.cli import main as cli
from duostyle.errors import BadRequest
from duostyle.storage import backup
from duostyle.storage.backup import copy_data_folder
from duostyle.storage.store import DATABASE_FILE
from tests.support.fake_engine import FakeEngine
from tests.support.harness import rig, soon


async def test_a_copy_of_a_folder_in_use_has_its_jobs_pictures_and_results(tmp_path: Path) -> None:
    async with rig(tmp_path / "data", FakeEngine(steps=3)) as built:
        done = await built.submit()
        ear = built.watch()
        await built.jobs.queries.watch(ear.outbox, done.job, None)
        if await built.status(done.job) != "completed":
            await ear.until("completed")
        result = await built.store.result(done.job)
        content = await built.store.image_bytes(built.content)
        assert result
        assert await asyncio.to_thread(copy_data_folder, tmp_path / "data", tmp_path / "copy") == 1
        # what comes afterwards is not in it
        await built.submit()
    async with rig(tmp_path / "copy") as restored:
        assert await restored.status(done.job) == "completed"
        assert await restored.store.result(done.job) == result
        assert await restored.store.image_bytes(built.content) == content
        assert len(restored.jobs.registry.active) == 0
    assert (tmp_path / "copy" / DATABASE_FILE).stat().st_mode & 0o077 == 0


async def test_what_changes_between_files_and_database_is_copied_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with rig(tmp_path / "data"):
        pass
    images, results = tmp_path / "data" / "images", tmp_path / "data" / "results"
    (images / "stays").write_bytes(b"old")
    (images / "goes").write_bytes(b"gone")
    copy_database = backup._copy_database

    def meanwhile(source: Path, target: Path) -> int:
        (images / "stays").write_bytes(b"newer")
        (images / "goes").unlink()
        (results / "comes").write_bytes(b"new")
        return copy_database(source, target)

    monkeypatch.setattr(backup, "_copy_database", meanwhile)
    copy_data_folder(tmp_path / "data", tmp_path / "copy")
    found = {path.name: path.read_bytes() for path in (tmp_path / "copy").glob("*/*")}
    assert found.items() >= {"stays": b"newer", "goes": b"gone", "comes": b"new"}.items()


async def test_nothing_is_left_of_a_copy_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with rig(tmp_path / "data"):
        pass

    def full(source: Path, target: Path) -> int:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(backup, "_copy_database", full)
    with pytest.raises(OSError, match="No space left"):
        copy_data_folder(tmp_path / "data", tmp_path / "copy")
    assert os.listdir(tmp_path / "copy") == []
    # a copy that was killed is no hindrance
    (tmp_path / "copy" / ".copying" / "images").mkdir(parents=True)
    monkeypatch.undo()
    copy_data_folder(tmp_path / "data", tmp_path / "copy")
    assert (tmp_path / "copy" / DATABASE_FILE).is_file()


async def test_backup_and_restore_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with rig(tmp_path / "data", FakeEngine(gated=True)) as built:
        waiting = await built.submit()
        assert (
            await asyncio.to_thread(
                cli.main, ["backup", str(tmp_path / "kept"), "--data-dir", str(built.settings.data_dir)]
            )
            == 0
        )
    (tmp_path / "new").mkdir()
    restore = ["restore", str(tmp_path / "kept"), "--data-dir", str(tmp_path / "new")]
    assert cli.main(restore) == 0
    assert capsys.readouterr().out.count("copied 1 job from") == 2
    async with rig(tmp_path / "new") as restored:
        ear = restored.watch()
        await restored.jobs.queries.watch(ear.outbox, waiting.job, None)
        if await restored.status(waiting.job) != "completed":
            await soon(ear.until("completed"))
    # never over something
    assert cli.main(restore) == 2
    assert "is not empty" in capsys.readouterr().err


def test_what_is_no_data_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="not a data folder"):
        copy_data_folder(tmp_path, tmp_path / "copy")
    (tmp_path / DATABASE_FILE).write_bytes(b"no database at all" * 100)
    with pytest.raises(BadRequest, match="cannot be read"):
        copy_data_folder(tmp_path, tmp_path / "copy")
    (tmp_path / DATABASE_FILE).unlink()
    with sqlite3.connect(tmp_path / DATABASE_FILE) as sql:
        sql.execute("PRAGMA user_version = 99")
    sql.close()
    with pytest.raises(BadRequest, match="newer version"):
        copy_data_folder(tmp_path, tmp_path / "copy")
    assert not (tmp_path / "copy" / DATABASE_FILE).exists()
