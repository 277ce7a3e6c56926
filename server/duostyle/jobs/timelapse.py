"""Records the time-lapse of each job while it paints, and shows it: its frames, one of them, or an animation of all.

Pictures that watchers want are used first; with nobody watching, the engine is asked for one, but only so often that
taking them costs no more than MAX_SHARE of its time. When a job has as many frames or bytes as it may, every second
frame goes and the next ones come half as often. While the disk cannot be written, frames are left out.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from duostyle.errors import DuostyleError, NotAvailable, NotFinished, NotFound, StorageUnavailable
from duostyle.executor.pools import HelperPools
from duostyle.executor.task import StepReport
from duostyle.imaging import animation
from duostyle.imaging.animation import ANIMATION_FORMATS, AnimationFormat
from duostyle.jobs.registry import JobContext, Registry
from duostyle.logs import about_job
from duostyle.metrics import Metrics
from duostyle.picture import Picture, fit
from duostyle.settings import Settings
from duostyle.storage.store import Store
from duostyle.storage.timelapse_frames import Frame

_log = logging.getLogger(__name__)
# The largest share of the engine's time spent on pictures that only the time-lapse wants.
MAX_SHARE = 0.01
_FIRST_INTERVAL_S = 0.2
# A picture that comes a little early is taken: waiting for the next one would leave a gap.
_NEARLY = 0.9
_QUALITY = 80


@dataclass(eq=False, slots=True)
class Recording:
    """The time-lapse of one running job. From `ask_at` on a picture is wanted; the engine thread asks `wants`."""

    interval_s: float = _FIRST_INTERVAL_S
    recorded_at: float = -math.inf
    ask_at: float = -math.inf
    frames: list[Frame] = field(default_factory=list)
    next_number: int = 0
    begun: bool = False
    broken: bool = False
    last: Picture | None = None
    writing: asyncio.Task[None] | None = None

    def wants(self, now: float) -> bool:
        """Whether to take a picture now. True only once: its arrival on the loop sets when the next is due."""
        due = now >= self.ask_at
        if due:
            self.ask_at = math.inf
        return due


class TimelapseRecorder:
    """Records all running jobs. `clock` counts seconds. All methods run on the loop."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        pools: HelperPools,
        metrics: Metrics,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._store, self._pools, self._metrics = store, pools, metrics
        self._clock = clock
        self._recordings: dict[str, Recording] = {}
        self._on = settings.timelapse_frames > 0

    def __len__(self) -> int:
        """How many jobs are being recorded."""
        return len(self._recordings)

    def recording(self, job: str) -> Recording:
        """The job's recording, made on first use; `finish` ends it."""
        return self._recordings.setdefault(job, Recording(ask_at=-math.inf if self._on else math.inf))

    def offer(self, job: str, report: StepReport) -> None:
        """A picture was taken, whoever wanted it: record it when one is due. Does not wait."""
        recording, picture = self._recordings.get(job), report.picture
        if recording is None or picture is None or not self._on:
            return
        now = self._clock()
        recording.ask_at = now + max(recording.interval_s, report.picture_s / MAX_SHARE)
        if (
            self._store.outage.lasts
            or now < recording.recorded_at + _NEARLY * recording.interval_s
            or picture == recording.last
            or recording.writing is not None
        ):
            return
        recording.recorded_at, recording.last = now, picture
        self._write(job, recording, picture, step=report.picture_step, elapsed_s=report.step.elapsed_s)

    async def finish(self, job: str, picture: Picture | None, *, step: int, elapsed_s: float) -> None:
        """The job ends: its last picture, if there is one, closes the recording. Returns when all is written."""
        recording = self._recordings.get(job)
        if recording is None:
            return
        recording.ask_at = math.inf
        if recording.writing is not None:
            await recording.writing
        if picture is not None and picture != recording.last and self._on:
            await self._write(job, recording, picture, step=step, elapsed_s=elapsed_s)
        self._recordings.pop(job, None)

    async def stop(self) -> None:
        """Wait for what is being written."""
        writing = [recording.writing for recording in self._recordings.values() if recording.writing is not None]
        if writing:
            await asyncio.wait(writing)

    def _write(
        self, job: str, recording: Recording, picture: Picture, *, step: int, elapsed_s: float
    ) -> asyncio.Task[None]:
        task = asyncio.create_task(self._record(job, recording, picture, step, elapsed_s))
        recording.writing = task
        task.add_done_callback(lambda _: setattr(recording, "writing", None))
        return task

    async def _record(self, job: str, recording: Recording, picture: Picture, step: int, elapsed_s: float) -> None:
        if recording.broken:
            return
        try:
            jpeg = await self._pools.encode_jpeg(picture, self._settings.timelapse_px, _QUALITY)
            if not recording.begun:
                recording.frames = await self._store.with_timelapses(lambda timelapses: timelapses.begin(job, step))
                recording.next_number, recording.begun = (
                    1 + max((frame.number for frame in recording.frames), default=-1),
                    True,
                )
            width, height = fit(picture.width, picture.height, self._settings.timelapse_px)
            await self._make_room(job, recording, len(jpeg))
            frame = Frame(recording.next_number, step, width, height, round(elapsed_s, 3), len(jpeg))
            await self._store.with_timelapses(lambda timelapses: timelapses.append(job, frame, jpeg))
        except StorageUnavailable:
            # a full disk may have room again soon, and the log has it already; what was written is read again
            recording.begun = False
            return
        except Exception:
            with about_job(job):
                _log.exception("a time-lapse frame could not be recorded; the recording of this job stops")
            recording.broken, recording.ask_at = True, math.inf
            return
        recording.frames.append(frame)
        recording.next_number += 1
        self._metrics.timelapse_frames.inc()

    async def _make_room(self, job: str, recording: Recording, new_bytes: int) -> None:
        kept, interval_s = recording.frames, recording.interval_s
        # of an even number every second one leaves room for the new one at the same interval
        most = max(1, self._settings.timelapse_frames // 2 * 2)
        most_bytes = self._settings.timelapse_bytes
        while kept and (len(kept) >= most or sum(frame.bytes for frame in kept) + new_bytes > most_bytes):
            kept = kept[::2] if len(kept) > 1 else []
            interval_s *= 2
        if kept is not recording.frames:
            await self._store.with_timelapses(lambda timelapses: timelapses.keep(job, kept))
            recording.frames, recording.interval_s = list(kept), interval_s


class TimelapseViews:
    """What anybody who knows a job's id may see of its time-lapse. All methods run on the loop and raise NotFound when
    there is no such job, NotAvailable when this server records nothing."""

    def __init__(self, context: JobContext, registry: Registry) -> None:
        self._recorded = context.settings.timelapse_frames > 0
        self._store, self._pools, self._registry = context.store, context.pools, registry
        self._animating: dict[tuple[str, str], asyncio.Task[bytes]] = {}
        # it takes seconds of a helper thread: one at a time, so that uploads keep the other
        self._one_animation = asyncio.Semaphore(1)

    async def contents(self, job_id: str) -> dict[str, Any]:
        """The content of `timelapse.json`."""
        ended = await self._ended(job_id)
        frames = await self._store.with_timelapses(lambda timelapses: timelapses.frames(job_id))
        return {
            "job": job_id,
            "count": len(frames),
            "ended": ended,
            "fps": animation.FRAMES_PER_S,
            "formats": self._formats,
            "width": frames[-1].width if frames else 0,
            "height": frames[-1].height if frames else 0,
            "frames": [
                {
                    "n": frame.number,
                    "step": frame.step,
                    "width": frame.width,
                    "height": frame.height,
                    "elapsed_s": frame.elapsed_s,
                    "bytes": frame.bytes,
                }
                for frame in frames
            ],
        }

    async def frame(self, job_id: str, number: int) -> bytes:
        """One frame as JPEG."""
        await self._ended(job_id)
        jpeg = await self._store.with_timelapses(lambda timelapses: timelapses.picture(job_id, number))
        if jpeg is None:
            raise NotFound("the time-lapse has no such frame", field="n", got=number)
        return jpeg

    async def animation(self, job_id: str, format: AnimationFormat) -> bytes:
        """The whole recording as an animation, made once. Raises NotFinished; NotAvailable also for the format."""
        ended, formats = await self._ended(job_id), self._formats
        if format not in formats:
            message = "this server cannot make MP4 files: PyAV is not installed"
            raise NotAvailable(message, field="format", limit=formats, got=format)
        if not ended:
            raise NotFinished("the job has not ended, so there is no animation yet; timelapse.json lists its frames")
        kept = await self._store.with_timelapses(lambda timelapses: timelapses.animation(job_id, format))
        if kept is not None:
            return kept
        task = self._animating.get((job_id, format))
        if task is None:
            task = self._animating[job_id, format] = asyncio.create_task(self._animate(job_id, format))
            task.add_done_callback(lambda done: self._animated(job_id, format, done))
        # the first caller may go away; others wait for the same animation
        return await asyncio.shield(task)

    async def _animate(self, job: str, format: AnimationFormat) -> bytes:
        async with self._one_animation:
            frames = await self._store.with_timelapses(lambda timelapses: timelapses.pictures(job))
            if not frames:
                raise NotFinished("no frames of this job were recorded")
            data = await self._pools.offload(animation.mp4 if format == "mp4" else animation.webp, frames)
        try:
            await self._store.with_timelapses(lambda timelapses: timelapses.save_animation(job, format, data))
        except (OSError, DuostyleError):
            # it can be made again
            with about_job(job):
                _log.warning("a time-lapse animation could not be stored", exc_info=True)
        return data

    def _animated(self, job: str, format: AnimationFormat, task: asyncio.Task[bytes]) -> None:
        del self._animating[job, format]
        if not task.cancelled():
            # retrieved, so that asyncio does not warn when no caller waits any more
            task.exception()

    async def _ended(self, job_id: str) -> bool:
        """Whether the job has ended. Raises NotFound, NotAvailable."""
        job = await self._registry.recall(job_id)
        if not self._recorded:
            raise NotAvailable("this server does not record time-lapses")
        return job.status.ended

    @property
    def _formats(self) -> list[AnimationFormat]:
        """The animations that this server can make."""
        return [format for format in ANIMATION_FORMATS if format != "mp4" or animation.has_mp4()]
