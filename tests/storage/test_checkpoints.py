"""Checkpoint files: whole, newest only, and gone with their job."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from duostyle.engine.api import Array, Checkpoint
from duostyle.errors import StorageUnavailable
from duostyle.storage.checkpoints import CheckpointFiles
from duostyle.storage.files import Folder
from duostyle.storage.store import Store
from tests.support.harness import soon


def made(step: int) -> Checkpoint:
    return Checkpoint({"step": step}, {"x": Array((2,), memoryview(bytes([step]) * 8))})


@pytest.fixture
async def checkpoints(tmp_path: Path) -> AsyncIterator[CheckpointFiles]:
    folder = Folder(tmp_path / "checkpoints")
    folder.prepare()
    built = CheckpointFiles(folder)
    yield built
    await soon(built.close())


async def test_the_newest_comes_back(checkpoints: CheckpointFiles) -> None:
    assert await checkpoints.load("a") is None
    for step in (1, 2):
        await checkpoints.save("a", made(step))
    await checkpoints.save("b", made(9))
    back = await checkpoints.load("a")
    assert back is not None
    assert (back.step, bytes(back.arrays["x"].data)) == (2, b"\2" * 8)
    assert checkpoints.jobs() == {"a", "b"}


async def test_discarded_after_what_was_asked_for_before(checkpoints: CheckpointFiles) -> None:
    await checkpoints.save("a", made(1))
    checkpoints.discard("a")
    checkpoints.discard("never there")
    assert await checkpoints.load("a") is None


@pytest.mark.parametrize("keep", [0, 1, 40, -1])
async def test_a_broken_file_is_nothing_and_goes(
    checkpoints: CheckpointFiles, tmp_path: Path, keep: int, caplog: pytest.LogCaptureFixture
) -> None:
    await checkpoints.save("a", made(1))
    (file,) = (tmp_path / "checkpoints").iterdir()
    file.write_bytes(file.read_bytes()[:keep])
    assert await checkpoints.load("a") is None
    assert "starts over" in caplog.text
    assert not file.exists()


async def test_a_disk_that_fails_leaves_the_one_before(
    checkpoints: CheckpointFiles, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    await checkpoints.save("a", made(1))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StorageUnavailable):
        await checkpoints.save("a", made(2))
    monkeypatch.undo()
    back = await checkpoints.load("a")
    assert back is not None
    assert back.step == 1
    assert len(list((tmp_path / "checkpoints").iterdir())) == 1


async def test_the_store_keeps_only_those_of_unfinished_jobs(tmp_path: Path) -> None:
    store = Store(tmp_path)
    await store.open()
    await store.checkpoints.save("gone", made(1))
    await store.close()
    again = Store(tmp_path)
    await again.open()
    assert again.checkpoints.jobs() == set()
    await again.close()
