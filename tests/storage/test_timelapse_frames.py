"""Recorded frames come back whole and in order, whatever happened to the end of their file."""

from __future__ import annotations

import functools
import os
from pathlib import Path

import pytest

from duostyle.storage.files import Folder
from duostyle.storage.store import Store
from duostyle.storage.timelapse_frames import Frame, TimelapseFrames
from tests.support.clock import Clock
from tests.support.stored_jobs import DAY_S, job, job_id, put

JOB = "j" * 22


def frame(number: int, data: bytes, step: int | None = None) -> Frame:
    return Frame(number, number * 10 if step is None else step, 64, 48, number / 4, len(data))


@pytest.fixture
def timelapses(tmp_path: Path) -> TimelapseFrames:
    return TimelapseFrames(Folder(tmp_path))


def fill(timelapses: TimelapseFrames, count: int = 3) -> list[Frame]:
    frames = [frame(number, bytes([number]) * (number + 1)) for number in range(count)]
    for one in frames:
        timelapses.append(JOB, one, bytes([one.number]) * one.bytes)
    return frames


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / f"{JOB}.frames"


def test_what_was_appended_is_read(timelapses: TimelapseFrames, path: Path) -> None:
    frames = fill(timelapses)
    assert timelapses.frames(JOB) == frames
    assert timelapses.pictures(JOB) == [b"\0", b"\1\1", b"\2\2\2"]
    assert timelapses.picture(JOB, 1) == b"\1\1"
    assert timelapses.picture(JOB, 3) is None
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_job_without_frames_has_none(timelapses: TimelapseFrames) -> None:
    assert (
        timelapses.frames(JOB),
        timelapses.pictures(JOB),
        timelapses.picture(JOB, 0),
        timelapses.animation(JOB, "webp"),
    ) == (
        [],
        [],
        None,
        None,
    )
    assert (timelapses.jobs(), timelapses.size_bytes(JOB)) == (set(), 0)
    timelapses.remove(JOB)


@pytest.mark.parametrize("lost", [1, 3, 4, 17, 30])
def test_a_torn_end_costs_one_frame(timelapses: TimelapseFrames, path: Path, lost: int) -> None:
    """The last record has 31 bytes: 28 of head and 3 of picture."""
    frames = fill(timelapses)
    os.truncate(path, path.stat().st_size - lost)
    assert timelapses.frames(JOB) == frames[:2]
    assert len(timelapses.pictures(JOB)) == 2
    # what is recorded next is read again
    kept = timelapses.begin(JOB, step=1000)
    assert kept == frames[:2]
    timelapses.append(JOB, frame(7, b"new"), b"new")
    assert timelapses.pictures(JOB) == [b"\0", b"\1\1", b"new"]


def test_a_damaged_picture_is_not_shown(timelapses: TimelapseFrames, path: Path) -> None:
    fill(timelapses)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    assert timelapses.picture(JOB, 2) is None
    assert timelapses.pictures(JOB) == [b"\0", b"\1\1"]


def test_foreign_bytes_are_not_frames(timelapses: TimelapseFrames, path: Path) -> None:
    path.write_bytes(b"\xff" * 1000)
    assert timelapses.frames(JOB) == []


def test_only_the_kept_ones_stay(timelapses: TimelapseFrames) -> None:
    frames = fill(timelapses, 4)
    timelapses.keep(JOB, frames[::2])
    assert timelapses.frames(JOB) == [frames[0], frames[2]]
    assert timelapses.pictures(JOB) == [b"\0", b"\2\2\2"]
    timelapses.keep(JOB, [])
    assert timelapses.jobs() == set()


def test_a_job_that_begins_again_keeps_what_came_before(timelapses: TimelapseFrames) -> None:
    frames = fill(timelapses, 4)
    timelapses.save_animation(JOB, "webp", b"made")
    assert timelapses.begin(JOB, step=20) == frames[:2]
    assert timelapses.frames(JOB) == frames[:2]
    assert timelapses.animation(JOB, "webp") is None, "an animation of other frames"


def test_a_full_disk_leaves_what_was_there(timelapses: TimelapseFrames, monkeypatch: pytest.MonkeyPatch) -> None:
    frames = fill(timelapses)

    class Full:
        def __init__(self, descriptor: int, *_: object, **__: object) -> None:
            self.file = os.fdopen(descriptor, "ab", buffering=0)

        def __enter__(self) -> Full:
            return self

        def __exit__(self, *_: object) -> None:
            self.file.close()

        def truncate(self, size: int) -> None:
            self.file.truncate(size)

        def write(self, data: memoryview) -> int:
            if len(data) < 20:
                raise OSError(28, "No space left on device")
            return self.file.write(data[:20])

    with monkeypatch.context() as patch:
        patch.setattr("duostyle.storage.timelapse_frames.open", Full, raising=False)
        with pytest.raises(OSError, match="No space"):
            timelapses.append(JOB, frame(9, b"more"), b"more")
    assert timelapses.frames(JOB) == frames
    timelapses.append(JOB, frame(10, b"more"), b"more")
    assert timelapses.pictures(JOB)[-1] == b"more"


def test_animations_go_with_their_frames(timelapses: TimelapseFrames) -> None:
    fill(timelapses)
    frames_bytes = timelapses.size_bytes(JOB)
    timelapses.save_animation(JOB, "mp4", b"made")
    assert timelapses.animation(JOB, "mp4") == b"made"
    assert timelapses.size_bytes(JOB) == frames_bytes + 4
    timelapses.remove(JOB)
    assert timelapses.jobs() == set()
    timelapses.save_animation(JOB, "mp4", b"made")
    assert timelapses.jobs() == set(), "the job was forgotten while the animation was made"


def append_kilobyte(timelapses: TimelapseFrames, *, job: str) -> None:
    timelapses.append(job, frame(0, b"x" * 972), b"x" * 972)


async def test_retention_counts_and_removes_them(tmp_path: Path) -> None:
    clock = Clock(1_000_000.0)
    store = Store(tmp_path, clock=clock)
    await store.open()
    content = await put(store, b"content")
    for number, name in enumerate(("old", "new", "live")):
        status = "running" if name == "live" else "completed"
        await store.save_job(job(name, content, status=status, created_at=float(number), ended_at=float(number)))
        await store.with_timelapses(functools.partial(append_kilobyte, job=job_id(name)))
    clock.now = 10.0
    # three files of 1000 bytes and a picture of 7: one has to go
    assert await store.sweep(keep_days=1, max_bytes=2500) == 1
    assert await store.with_timelapses(lambda timelapses: timelapses.jobs()) == {job_id("new"), job_id("live")}
    await store.forget_job(job_id("new"))
    assert await store.with_timelapses(lambda timelapses: timelapses.jobs()) == {job_id("live")}
    clock.now = 10 * DAY_S
    await store.sweep(keep_days=1, max_bytes=0)
    assert await store.with_timelapses(lambda timelapses: timelapses.jobs()) == {job_id("live")}, (
        "an unfinished job's frames stay"
    )
    await store.close()


async def test_frames_without_a_job_are_removed_at_start(tmp_path: Path) -> None:
    store = Store(tmp_path)
    await store.open()
    await store.with_timelapses(lambda timelapses: timelapses.append("lost", frame(0, b"x"), b"x"))
    await store.close()
    store = Store(tmp_path)
    await store.open()
    assert await store.with_timelapses(lambda timelapses: timelapses.jobs()) == set()
    await store.close()
