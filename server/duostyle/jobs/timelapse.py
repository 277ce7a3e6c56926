"""Records the time-lapse of each job while it paints. `cinema` shows it.

Pictures that watchers want are used first; with nobody watching the engine is asked for one, but only so often that
taking them costs no more than MAX_SHARE of its time. When a job has as many frames or bytes as it may, every second
frame goes and the next ones come half as often. Trouble with the disk ends a job's recording, never the job.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from duostyle.executor.engine_thread import Worker
from duostyle.executor.task import Glimpse
from duostyle.metrics import Metrics
from duostyle.picture import Picture, fit
from duostyle.settings import Settings
from duostyle.storage.store import Store
from duostyle.storage.timelapse_frames import Frame

_log = logging.getLogger(__name__)
# Of the engine's time for taking pictures that nobody but the time-lapse wants.
MAX_SHARE = 0.01
_FIRST_INTERVAL_S = 0.2
# A picture that comes a little early is taken: waiting for the next one would leave a gap.
_NEARLY = 0.9
_QUALITY = 80


@dataclass(eq=False, slots=True)
class Take:
    """The recording of one running job. From `ask_at` on a picture is wanted; the engine thread asks `wants`."""

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
        """Whether to take a picture now. Says so once: the picture's arrival on the loop sets when the next is due."""
        due = now >= self.ask_at
        if due:
            self.ask_at = math.inf
        return due


class Timelapses:
    """The recordings of all running jobs. `clock` counts seconds. All methods run on the loop."""

    def __init__(
        self,
        *,
        settings: Settings,
        store: Store,
        worker: Worker,
        metrics: Metrics,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._store, self._worker, self._metrics = store, worker, metrics
        self._clock = clock
        self._takes: dict[str, Take] = {}
        self._on = settings.timelapse_frames > 0

    def take(self, job: str) -> Take:
        """The job's recording, made on first use; `finish` ends it."""
        return self._takes.setdefault(job, Take(ask_at=-math.inf if self._on else math.inf))

    def offer(self, job: str, glimpse: Glimpse) -> None:
        """A picture was taken, whoever wanted it: record it when it is time. Nothing is waited for."""
        take, picture = self._takes.get(job), glimpse.picture
        if take is None or picture is None or not self._on:
            return
        now = self._clock()
        take.ask_at = now + max(take.interval_s, glimpse.picture_s / MAX_SHARE)
        if now < take.recorded_at + _NEARLY * take.interval_s or picture == take.last or take.writing is not None:
            return
        take.recorded_at, take.last = now, picture
        self._write(job, take, picture, step=glimpse.picture_step, elapsed_s=glimpse.step.elapsed_s)

    async def finish(self, job: str, picture: Picture | None, *, step: int, elapsed_s: float) -> None:
        """The job ends: its last picture, if there is one, closes the recording. Returns when all is written."""
        take = self._takes.get(job)
        if take is None:
            return
        take.ask_at = math.inf
        if take.writing is not None:
            await take.writing
        if picture is not None and picture != take.last and self._on:
            await self._write(job, take, picture, step=step, elapsed_s=elapsed_s)
        self._takes.pop(job, None)

    async def stop(self) -> None:
        """Wait for what is being written."""
        writing = [take.writing for take in self._takes.values() if take.writing is not None]
        if writing:
            await asyncio.wait(writing)

    def _write(self, job: str, take: Take, picture: Picture, *, step: int, elapsed_s: float) -> asyncio.Task[None]:
        task = asyncio.create_task(self._record(job, take, picture, step, elapsed_s))
        take.writing = task
        task.add_done_callback(lambda _: setattr(take, "writing", None))
        return task

    async def _record(self, job: str, take: Take, picture: Picture, step: int, elapsed_s: float) -> None:
        if take.broken:
            return
        try:
            jpeg = await self._worker.encode_preview(picture, self._settings.timelapse_px, _QUALITY)
            if not take.begun:
                take.frames = await self._store.with_timelapses(lambda timelapses: timelapses.begin(job, step))
                take.next_number, take.begun = 1 + max((frame.number for frame in take.frames), default=-1), True
            width, height = fit(picture.width, picture.height, self._settings.timelapse_px)
            await self._make_room(job, take, len(jpeg))
            frame = Frame(take.next_number, step, width, height, round(elapsed_s, 3), len(jpeg))
            await self._store.with_timelapses(lambda timelapses: timelapses.append(job, frame, jpeg))
        except Exception:
            _log.exception("the time-lapse of a job ends here")
            take.broken, take.ask_at = True, math.inf
            return
        take.frames.append(frame)
        take.next_number += 1
        self._metrics.timelapse_frames.inc()

    async def _make_room(self, job: str, take: Take, new_bytes: int) -> None:
        kept, interval_s = take.frames, take.interval_s
        # of an even number every second one leaves room for the new one at the same distance
        most = max(1, self._settings.timelapse_frames // 2 * 2)
        most_bytes = self._settings.timelapse_bytes
        while kept and (len(kept) >= most or sum(frame.bytes for frame in kept) + new_bytes > most_bytes):
            kept = kept[::2] if len(kept) > 1 else []
            interval_s *= 2
        if kept is not take.frames:
            await self._store.with_timelapses(lambda timelapses: timelapses.keep(job, kept))
            take.frames, take.interval_s = list(kept), interval_s
