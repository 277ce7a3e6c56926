"""Time-lapses are recorded at a bounded price in frames, bytes and time, with and without watchers."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path
from typing import Any

import pytest

from duostyle.engine.api import Costs, Step
from duostyle.errors import StorageUnavailable
from duostyle.executor.task import StepReport
from duostyle.imaging import decode as images
from duostyle.jobs.timelapse import MAX_SHARE, TimelapseRecorder
from duostyle.storage.timelapse_frames import Frame, TimelapseFrames
from tests.support.clock import Clock
from tests.support.fake_engine import FakeEngine, picture_of
from tests.support.harness import Rig, rig, soon

JOB = "j" * 22


def report_of(step: int, picture_s: float = 0.0, size: tuple[int, int] = (8, 6)) -> StepReport:
    costs = Costs(1.0, 0.5, (0.5,), 0.0)
    numbers = Step(step, 100, 1, 1, *size, costs, 1.0, float(step), 1.0, lambda: picture_of(step, *size))
    return StepReport(numbers, picture_of(step, *size), step, 1, picture_s)


class Recorded:
    """A recorder on a store and helpers of a rig, with a clock of its own."""

    def __init__(self, built: Rig) -> None:
        self.built, self.clock = built, Clock(100.0)
        self.recorder = TimelapseRecorder(built.settings, built.store, built.pools, built.metrics, clock=self.clock)
        self.recording = self.recorder.recording(JOB)

    async def offer(self, step: int, after_s: float = 10.0, **options: Any) -> None:
        self.clock.now += after_s
        self.recorder.offer(JOB, report_of(step, **options))
        if self.recording.writing is not None:
            await soon(self.recording.writing)

    async def steps(self) -> list[int]:
        frames = await self.built.store.with_timelapses(lambda timelapses: timelapses.frames(JOB))
        assert frames == self.recording.frames
        return [frame.step for frame in frames]


async def test_pictures_become_frames_that_can_be_read(tmp_path: Path) -> None:
    async with rig(tmp_path, timelapse_px=64) as built:
        recorded = Recorded(built)
        await recorded.offer(40, size=(128, 96))
        frame = recorded.recording.frames[0]
        assert (frame.number, frame.step, frame.width, frame.height, frame.elapsed_s) == (0, 40, 64, 48, 40.0)
        jpeg = await built.store.with_timelapses(lambda timelapses: timelapses.picture(JOB, 0))
        assert jpeg is not None
        shown = images.decode(jpeg)
        assert (shown.width, shown.height) == (64, 48)
        assert abs(shown.rgb[0] - 40) <= 3
        assert built.metrics.registry.get_sample_value("duostyle_timelapse_frames_total") == 1


async def test_equal_pictures_and_too_early_ones_are_left_out(tmp_path: Path) -> None:
    async with rig(tmp_path) as built:
        recorded = Recorded(built)
        await recorded.offer(1)
        await recorded.offer(2, after_s=0.1)
        await recorded.offer(3, after_s=0.1)
        await recorded.offer(3, after_s=0.3)
        await recorded.offer(4, after_s=0.1)
        assert await recorded.steps() == [1, 3, 4]


async def test_a_full_one_is_thinned_and_goes_on_half_as_often(tmp_path: Path) -> None:
    async with rig(tmp_path, timelapse_frames=4) as built:
        recorded = Recorded(built)
        for step in range(1, 6):
            await recorded.offer(step, after_s=0.2)
        assert await recorded.steps() == [1, 3, 5]
        await recorded.offer(6, after_s=0.2)
        assert await recorded.steps() == [1, 3, 5], "the interval has doubled"
        await recorded.offer(7, after_s=0.2)
        await recorded.offer(9, after_s=0.4)
        assert await recorded.steps() == [1, 5, 9]
        assert [frame.number for frame in recorded.recording.frames] == [0, 4, 6], "numbers are not used again"


async def test_a_thousand_pictures_stay_within_frames_and_bytes(tmp_path: Path) -> None:
    async with rig(tmp_path, timelapse_frames=7) as built:
        recorded = Recorded(built)
        for step in range(1, 201):
            await recorded.offer(step, after_s=0.2)
            assert len(recorded.recording.frames) <= 7
        steps = await recorded.steps()
        assert 4 <= len(steps) <= 7
        gaps = [later - earlier for earlier, later in itertools.pairwise(steps)]
        assert max(gaps) <= 1.2 * min(gaps), "evenly spread over the painting"


async def test_bytes_are_bounded_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with rig(tmp_path, timelapse_bytes=2**20) as built:
        recorded = Recorded(built)

        async def encode(*_: Any) -> bytes:
            return b"x" * 300_000

        monkeypatch.setattr(built.pools, "encode_jpeg", encode)
        for step in range(1, 20):
            await recorded.offer(step)
            assert sum(frame.bytes for frame in recorded.recording.frames) <= 2**20
        assert 2 <= len(await recorded.steps()) <= 3


async def test_asking_costs_at_most_its_share(tmp_path: Path) -> None:
    async with rig(tmp_path) as built:
        recorded = Recorded(built)
        assert recorded.recording.wants(recorded.clock()), "the first picture at once"
        assert not recorded.recording.wants(recorded.clock() + 1e9), "until it has come, no other is asked for"
        await recorded.offer(1, picture_s=0.05)
        now = recorded.clock()
        assert not recorded.recording.wants(now + 0.99 * 0.05 / MAX_SHARE)
        assert recorded.recording.wants(now + 0.05 / MAX_SHARE)
        # a picture that others wanted comes for free and is recorded earlier
        await recorded.offer(2, after_s=0.3, picture_s=0.05)
        assert await recorded.steps() == [1, 2]


async def test_a_job_painted_again_drops_what_it_overtakes(tmp_path: Path) -> None:
    async with rig(tmp_path) as built:
        first = Recorded(built)
        for step in (1, 5, 9):
            await first.offer(step)
        again = Recorded(built)
        await again.offer(6)
        assert await again.steps() == [1, 5, 6]
        assert [frame.number for frame in again.recording.frames] == [0, 1, 2]


async def test_a_full_disk_leaves_out_frames_and_the_recording_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    full, room = [False], TimelapseFrames.append

    def append(self: TimelapseFrames, job: str, frame: Frame, jpeg: bytes) -> None:
        if full[0]:
            # as a disk that vanishes while it writes: half a record stays
            with (tmp_path / "timelapses" / f"{job}.frames").open("ab") as file:
                file.write(b"DSF1half")
            raise OSError(28, "No space left on device")
        room(self, job, frame, jpeg)

    async def still_full() -> None:
        if full[0]:
            raise StorageUnavailable("full")

    monkeypatch.setattr(TimelapseFrames, "append", append)
    async with rig(tmp_path) as built:
        monkeypatch.setattr(built.store.outage, "_probe", still_full)
        recorded = Recorded(built)
        await recorded.offer(1)
        full[0] = True
        for step in (2, 3, 4):
            await recorded.offer(step)
        full[0] = False
        await soon(built.store.outage.until_over())
        await recorded.offer(5)
        assert await recorded.steps() == [1, 5]
        pictures = await built.store.with_timelapses(lambda timelapses: timelapses.pictures(JOB))
        assert len(pictures) == 2
    reasons = [vars(record).get("reason", "") for record in caplog.records]
    assert ["No space left on device" in reason for reason in reasons].count(True) == 1, "the log has it once"


async def test_a_bug_ends_the_recording_not_the_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(TimelapseFrames, "append", full)
    async with rig(tmp_path, FakeEngine(steps=3)) as built:
        accepted = await built.submit()
        await built_until_ended(built, accepted.job)
        assert await built.status(accepted.job) == "completed"
        assert await built.store.with_timelapses(lambda timelapses: timelapses.frames(accepted.job)) == []
    assert caplog.text.count("a time-lapse frame could not be recorded") == 1


async def built_until_ended(built: Rig, job: str) -> None:
    ear = built.watch()
    await built.jobs.queries.watch(ear.outbox, job, None)
    if await built.status(job) not in ("completed", "cancelled", "failed"):
        await ear.until("completed", "cancelled", "failed")
    built.hub.disconnect(ear.outbox)


async def test_an_unwatched_job_has_its_first_and_its_last_picture(tmp_path: Path) -> None:
    async with rig(tmp_path, FakeEngine(steps=30)) as built:
        accepted = await built.submit()
        await built_until_ended(built, accepted.job)
        frames = await built.store.with_timelapses(lambda timelapses: timelapses.frames(accepted.job))
        assert (frames[0].step, frames[-1].step) == (1, 30)
        assert built.engine.pictures_taken < 30, "not one a step"
        assert len(built.jobs.recorder) == 0


async def test_a_cancelled_job_keeps_its_frames(tmp_path: Path) -> None:
    async with rig(tmp_path, FakeEngine(steps=30, gated=True)) as built:
        accepted = await built.submit()
        ear = built.watch()
        await built.jobs.queries.watch(ear.outbox, accepted.job, None)
        built.engine.release(4)
        while (await ear.next()).get("step") != 4:
            pass
        await soon(built.jobs.commands.cancel(accepted.job, accepted.key))
        frames = await built.store.with_timelapses(lambda timelapses: timelapses.frames(accepted.job))
        assert (frames[0].step, frames[-1].step) == (1, 4)


async def test_deleting_leaves_no_file(tmp_path: Path) -> None:
    async with rig(tmp_path, FakeEngine(steps=30, gated=True)) as built:
        ended, running = await built.submit(), await built.submit()
        built.engine.release(31)
        await built_until_ended(built, ended.job)
        for accepted in (ended, running):
            await soon(built.jobs.commands.delete(accepted.job, accepted.key))
        assert await built.store.with_timelapses(lambda timelapses: timelapses.jobs()) == set()
        assert list((tmp_path / "timelapses").iterdir()) == []


async def test_a_server_that_records_nothing_asks_for_nothing(tmp_path: Path) -> None:
    async with rig(tmp_path, FakeEngine(steps=5), timelapse_frames=0) as built:
        accepted = await built.submit()
        await built_until_ended(built, accepted.job)
        assert built.engine.pictures_taken == 0
        assert await built.store.with_timelapses(lambda timelapses: timelapses.jobs()) == set()


async def test_stopping_waits_for_what_is_written(tmp_path: Path) -> None:
    async with rig(tmp_path) as built:
        recorded = Recorded(built)
        recorded.recorder.offer(JOB, report_of(1))
        await soon(recorded.recorder.stop())
        assert await recorded.steps() == [1]
        await asyncio.wait_for(recorded.recorder.stop(), 5)
