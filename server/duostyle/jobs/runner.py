"""From the line to the engine: decodes a job's pictures, has it painted, and sees to what comes of it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math

from duostyle.engine.api import Checkpoint, Request
from duostyle.errors import DuostyleError, InternalError, OutOfMemory, StorageUnavailable
from duostyle.executor.engine_thread import Worker
from duostyle.executor.task import Ended, Task
from duostyle.imaging.decode import DECODE_PX, style_px
from duostyle.job import JobStatus
from duostyle.jobs.checkpointer import Keeper
from duostyle.jobs.completion import Endings, logged
from duostyle.jobs.narrator import Teller
from duostyle.jobs.pictures import Pictures
from duostyle.jobs.queue import Entry, Line
from duostyle.jobs.registry import Archive
from duostyle.jobs.timelapse import Timelapses
from duostyle.live.hub import Hub
from duostyle.storage.outage import Outage

_log = logging.getLogger(__name__)
# A picture that cannot be read though the disk is said to work: its job does not hold up the others for ever.
_MAX_TROUBLES = 5
_SIZE_STEP_PX = 64


class Dispatcher:
    """Takes entries from the line, one at a time."""

    def __init__(
        self,
        *,
        pictures: Pictures,
        archive: Archive,
        hub: Hub,
        worker: Worker,
        line: Line,
        teller: Teller,
        endings: Endings,
        timelapses: Timelapses,
        keeper: Keeper,
        outage: Outage,
    ) -> None:
        self._pictures, self._archive = pictures, archive
        self._hub, self._worker = hub, worker
        self._line, self._teller = line, teller
        self._endings, self._timelapses, self._keeper = endings, timelapses, keeper
        self._outage = outage
        self._draining = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def stop(self, within_s: float) -> None:
        """Interrupt the running job, which stays queued in the store, also when the engine does not let go of it."""
        self._draining = True
        task, self._task = self._task, None
        if task is None:
            return
        running = self._line.running
        if running is None:
            task.cancel()
        else:
            running.control.cancel()
        done, _ = await asyncio.wait({task}, timeout=within_s)
        if not done:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        if not done and running is not None:
            with logged("an interrupted job could not be saved"):
                await self._leave(running)

    async def _leave(self, entry: Entry) -> None:
        """The engine holds on to this job and dies with the process."""
        if entry.verdict is None:
            await self._interrupt(entry)
        elif not entry.ended.is_set():
            await self._endings.finish(entry)

    async def _interrupt(self, entry: Entry, checkpoint: Checkpoint | None = None) -> None:
        """Not cancelled: the next process goes on with it, from here or from the last checkpoint before."""
        if checkpoint is not None:
            await self._keeper.keep(entry.job.id, checkpoint)
        if entry.job.status is JobStatus.RUNNING:
            entry.job.status = JobStatus.QUEUED
        entry.job.starts -= 1
        await self._archive.save_or_later(entry.job)

    async def _run(self) -> None:
        # a failed load is told by every job's own failure
        with contextlib.suppress(DuostyleError):
            await self._worker.until_loaded()
        while not self._draining:
            # a job begins only when that can be stored, and its result as well
            await self._outage.until_over()
            entry = await self._line.next()
            with logged("a job could not be dispatched"):
                await self._paint(entry)
            self._line.running = None
            self._line.tell()
            self._endings.count()

    async def _paint(self, entry: Entry) -> None:
        job = entry.job
        job.move(JobStatus.RUNNING)
        job.started_at = job.started_at or self._endings.wall()
        entry.on_engine = True
        self._line.tell()
        self._endings.count()
        try:
            ended = await self._on_engine(entry)
        except StorageUnavailable as error:
            if entry.verdict is None and (self._draining or entry.troubles < _MAX_TROUBLES):
                self._put_back(entry)
                return
            ended = Ended("failed", error=error.as_dict())
        except DuostyleError as error:
            ended = Ended("failed", error=error.as_dict())
        except Exception:
            _log.exception("a job could not be prepared")
            ended = Ended("failed", error=InternalError("the job could not be prepared").as_dict())
        entry.on_engine = False
        if ended.steering is not None:
            job.steering = ended.steering
        if entry.verdict is None and ended.how in ("paused", "cancelled"):
            if self._draining:
                await self._interrupt(entry, ended.checkpoint)
                return
            if ended.how == "paused":
                entry.best = ended.picture or entry.best
                if ended.picture is not None:
                    self._teller.show(entry, ended.picture, job.step)
                # last: while this is stored the job may be resumed or end
                job.starts -= 1
                await self._archive.save_or_later(job)
                return
        failure = ended.error
        if failure is not None and failure["code"] == OutOfMemory.code:
            failure = _too_large(job.params.size).as_dict()
        if entry.verdict is None:
            entry.verdict = JobStatus.COMPLETED if ended.how == "done" else JobStatus.FAILED
        await self._endings.finish(entry, picture=ended.picture, report=ended.report, error=failure)

    def _put_back(self, entry: Entry) -> None:
        """The store failed before the engine had the job: it waits, first in line, and nothing is lost."""
        entry.troubles += 1
        entry.on_engine = False
        entry.job.starts -= 1
        if entry.job.status is JobStatus.RUNNING:
            entry.job.move(JobStatus.QUEUED)
            self._line.add(entry, first=True)

    async def _on_engine(self, entry: Entry) -> Ended:
        # stored before the engine has it: a job that kills the process must not be tried for ever
        entry.job.starts += 1
        await self._archive.save(entry.job)
        if entry.task is None:
            entry.begun = True
            request = await self._request(entry)
            entry.task = self._make_task(entry, request, await self._keeper.newest(entry.job.id))
        else:
            self._teller.started(entry)
        ended = await self._worker.run(entry.task)
        kept = await self._set_aside(entry, ended)
        # resumed after the engine had let go and before this was known here
        while ended.how == "paused" and not entry.control.paused and entry.verdict is None and not self._draining:
            ended = await self._worker.run(entry.task)
            kept = await self._set_aside(entry, ended)
        if kept and entry.verdict is None:
            # all that the engine held for it is free again
            entry.task = None
        return ended

    async def _set_aside(self, entry: Entry, ended: Ended) -> bool:
        """Whether a job that stays paused can go on from what is on the disk."""
        if ended.how != "paused" or ended.checkpoint is None or not entry.control.paused or self._draining:
            return False
        if not await self._keeper.keep(entry.job.id, ended.checkpoint):
            return False
        if ended.picture is not None:
            # what watchers see when the process has been another one meanwhile
            with contextlib.suppress(StorageUnavailable):
                await self._pictures.keep_of_paused(entry.job, ended.picture)
        return True

    async def _request(self, entry: Entry) -> Request:
        params = entry.job.params
        content = await self._pictures.of_image(entry.job.content, max_px=max(DECODE_PX, params.size))
        styles = []
        for image_id, scale in zip(entry.job.styles, params.scales_for(len(entry.job.styles)), strict=True):
            styles.append(await self._pictures.of_image(image_id, max_px=style_px(params.size, scale)))
        return Request(content, tuple(styles), params, await self._pictures.masks(params))

    def _make_task(self, entry: Entry, request: Request, checkpoint: Checkpoint | None) -> Task:
        topic, clock = self._hub.topic(entry.job.id), self._hub.clock
        take = self._timelapses.take(entry.job.id)
        watch = self._keeper.watch(0 if checkpoint is None else checkpoint.step)
        return Task(
            request,
            entry.control,
            on_begin=lambda plan: self._teller.begin(entry, plan),
            on_step=lambda glimpse: self._teller.step(entry, glimpse),
            wants_picture=lambda: topic.due_at <= (now := clock()) or take.wants(now),
            wants_checkpoint=watch.wants,
            on_checkpoint=lambda taken: self._keeper.offer(entry.job.id, watch, taken, lambda: self._on_kept(entry)),
            checkpoint=checkpoint,
        )

    async def _on_kept(self, entry: Entry) -> None:
        job = entry.job
        if entry.on_engine and entry.verdict is None:
            # the job gets further, so whatever ends the process now is not what ended it before
            job.starts = min(job.starts, 1)
            await self._archive.save_or_later(job)


def _too_large(size_px: int) -> OutOfMemory:
    """Half the pixels, in steps that the page's slider has, are worth a try."""
    smaller_px = int(size_px * math.sqrt(0.5)) // _SIZE_STEP_PX * _SIZE_STEP_PX
    if smaller_px < _SIZE_STEP_PX:
        return OutOfMemory(f"the server has too little memory even for {size_px} px", field="params.size", got=size_px)
    message = f"{size_px} px do not fit into the server's memory; try a size of {smaller_px} px or less"
    return OutOfMemory(message, field="params.size", limit=smaller_px, got=size_px)
