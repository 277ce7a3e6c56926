"""Shows what `timelapse` recorded: which frames there are, one of them, or all as a film. Films are made once."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from duostyle.errors import DuostyleError, NotAvailable, NotFinished, NotFound
from duostyle.executor.engine_thread import Worker
from duostyle.imaging import animation as film
from duostyle.imaging.animation import ANIMATION_FORMATS, AnimationFormat
from duostyle.settings import Settings
from duostyle.storage.store import Store

_log = logging.getLogger(__name__)


class Cinema:
    """`ended` of the methods tells whether the job has ended; that it exists is the caller's to check."""

    def __init__(self, *, settings: Settings, store: Store, worker: Worker) -> None:
        self._recorded = settings.timelapse_frames > 0
        self._store, self._worker = store, worker
        self._filming: dict[tuple[str, str], asyncio.Task[bytes]] = {}
        # a film takes seconds of a helper thread: one at a time, so that uploads keep the other
        self._one_film = asyncio.Semaphore(1)

    async def contents(self, job: str, *, ended: bool) -> dict[str, Any]:
        """What `timelapse.json` says. Raises NotAvailable when this server records nothing."""
        self._check_recorded()
        frames = await self._store.with_timelapses(lambda timelapses: timelapses.frames(job))
        return {
            "job": job,
            "count": len(frames),
            "ended": ended,
            "fps": film.FRAMES_PER_S,
            "formats": self.formats,
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

    @property
    def formats(self) -> list[AnimationFormat]:
        """The films that this server can make."""
        return [format for format in ANIMATION_FORMATS if format != "mp4" or film.has_mp4()]

    async def frame(self, job: str, number: int) -> bytes:
        """One frame as JPEG. Raises NotFound, NotAvailable."""
        self._check_recorded()
        jpeg = await self._store.with_timelapses(lambda timelapses: timelapses.picture(job, number))
        if jpeg is None:
            raise NotFound("the time-lapse has no such frame", field="n", got=number)
        return jpeg

    async def film(self, job: str, format: AnimationFormat, *, ended: bool) -> bytes:
        """The whole recording as an animation, made once. Raises NotAvailable, NotFinished."""
        self._check_recorded()
        if format not in self.formats:
            raise NotAvailable(
                "this server makes no MP4 (PyAV is not installed there)", field="format", limit=self.formats, got=format
            )
        if not ended:
            raise NotFinished("the film is made when the job has ended; timelapse.json lists the frames so far")
        kept = await self._store.with_timelapses(lambda timelapses: timelapses.animation(job, format))
        if kept is not None:
            return kept
        task = self._filming.get((job, format))
        if task is None:
            task = self._filming[job, format] = asyncio.create_task(self._make_film(job, format))
            task.add_done_callback(lambda done: self._filmed(job, format, done))
        # whoever asked first may go away; others wait for the same film
        return await asyncio.shield(task)

    async def _make_film(self, job: str, format: AnimationFormat) -> bytes:
        async with self._one_film:
            frames = await self._store.with_timelapses(lambda timelapses: timelapses.pictures(job))
            if not frames:
                raise NotFinished("no frame of this job was recorded")
            data = await self._worker.offload(film.mp4 if format == "mp4" else film.webp, frames)
        try:
            await self._store.with_timelapses(lambda timelapses: timelapses.save_animation(job, format, data))
        except (OSError, DuostyleError):
            # it can be made again
            _log.warning("a time-lapse film could not be kept", exc_info=True)
        return data

    def _filmed(self, job: str, format: AnimationFormat, task: asyncio.Task[bytes]) -> None:
        del self._filming[job, format]
        if not task.cancelled():
            # told to whoever waited, if anybody still does
            task.exception()

    def _check_recorded(self) -> None:
        if not self._recorded:
            raise NotAvailable("this server records no time-lapse")
