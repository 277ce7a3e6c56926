"""The one place where a job ends: result, time-lapse, final frame, store, terminal message, counts - in this order."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

from duostyle.errors import InternalError, StorageUnavailable
from duostyle.executor.engine_thread import Worker
from duostyle.imaging.encode import encode
from duostyle.job import Job, JobStatus
from duostyle.jobs.checkpointer import Keeper
from duostyle.jobs.estimate import Estimate
from duostyle.jobs.queue import Entry
from duostyle.jobs.registry import Archive
from duostyle.jobs.timelapse import Timelapses
from duostyle.live.hub import Hub
from duostyle.metrics import Metrics
from duostyle.picture import Picture
from duostyle.protocol.outgoing import Cancelled, Completed, Failed
from duostyle.recipe import recipe_text
from duostyle.storage.store import Store

_log = logging.getLogger(__name__)


class Endings:
    """`live` holds every unfinished job; `wall` gives unix seconds."""

    def __init__(
        self,
        *,
        store: Store,
        archive: Archive,
        hub: Hub,
        worker: Worker,
        metrics: Metrics,
        estimate: Estimate,
        timelapses: Timelapses,
        keeper: Keeper,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._store, self._archive = store, archive
        self._hub, self._worker, self._metrics = hub, worker, metrics
        self._estimate, self._timelapses, self._keeper = estimate, timelapses, keeper
        self.wall = wall
        self.live: dict[str, Entry] = {}

    async def finish(
        self,
        entry: Entry,
        *,
        picture: Picture | None = None,
        report: dict[str, Any] | None = None,
        error: dict[str, Any] | None = None,
    ) -> None:
        """End the job as `entry.verdict` says, whoever set it; `picture` is the best so far. Called once per job.

        Nobody is told of an end that is not stored: while the disk is full this waits, with the result in memory. When
        the server stops meanwhile, the job stays unfinished, and the next process goes on with it.
        """
        status = entry.verdict or JobStatus.FAILED
        entry.task = entry.best = None
        ended = dataclasses.replace(entry.job)
        try:
            if picture is not None and not entry.forget:
                try:
                    await self._save_result(ended, picture, partial=status is not JobStatus.COMPLETED)
                except StorageUnavailable:
                    raise
                except Exception:
                    _log.exception("a result could not be saved")
                    if status is JobStatus.COMPLETED:
                        status, error = JobStatus.FAILED, InternalError("the result could not be saved").as_dict()
            last = None if entry.forget else picture
            await self._timelapses.finish(ended.id, last, step=ended.step, elapsed_s=ended.elapsed_s)
            if picture is not None:
                ended.frame_seq = ended.next_seq()
                self._hub.picture(ended.id, picture, seq=ended.frame_seq, step=ended.step, final=True)
            if report is not None:
                ended.report = report
                ended.elapsed_s = round(float(report.get("elapsed_s") or ended.elapsed_s), 3)
            ended.error = error if status is JobStatus.FAILED else None
            ended.ended_at, ended.eta_s = self.wall(), None
            ended.next_seq()
            ended.move(status)
            if entry.forget:
                await self._archive.until_done(lambda: self._archive.forget(ended.id))
            else:
                await self._archive.save_end(ended)
            self._tell(entry, ended)
        except StorageUnavailable:
            _log.error("the server stops before the end of a job could be stored: the next start goes on with it")
        entry.pictured.set()
        entry.ended.set()

    def _tell(self, entry: Entry, ended: Job) -> None:
        """What is stored is true now, and may be known."""
        entry.job = ended
        self._hub.end(ended.id, _end_text(ended))
        self.live.pop(ended.id, None)
        self._keeper.discard(ended.id)
        if not entry.forget:
            self._archive.keep(ended)
        self._count_end(entry)

    def count(self) -> None:
        """Set the gauges of unfinished jobs."""
        statuses = [entry.job.status for entry in self.live.values()]
        self._metrics.jobs_waiting.set(statuses.count(JobStatus.QUEUED))
        self._metrics.jobs_running.set(statuses.count(JobStatus.RUNNING))
        self._metrics.jobs_paused.set(statuses.count(JobStatus.PAUSED))

    async def _save_result(self, job: Job, picture: Picture, *, partial: bool) -> None:
        text = recipe_text(job.params, job.content, job.styles, job.steering)
        png = await self._worker.offload(encode, picture, "png", text=text)
        await self._archive.until_done(lambda: self._store.save_result(job.id, png))
        job.has_result, job.partial = True, partial

    def _count_end(self, entry: Entry) -> None:
        job = entry.job
        self._metrics.jobs_ended.labels(job.status.value).inc()
        if job.status is JobStatus.COMPLETED:
            self._metrics.job_s.observe(job.elapsed_s)
            self._estimate.learn(job.params, megapixels=entry.megapixels, steps=job.total_steps, seconds=job.elapsed_s)
        self.count()


@contextlib.contextmanager
def logged(message: str) -> Iterator[None]:
    """Keep an unforeseen error from ending the task that serves every job; it goes to the log."""
    try:
        yield
    except Exception:
        _log.exception(message)


def _end_text(job: Job) -> str:
    facts: dict[str, Any] = {"job": job.id, "seq": job.seq, "elapsed_s": job.elapsed_s, "step": job.step}
    facts |= {"total_steps": job.total_steps, "costs": job.costs, "report": job.measured}
    if job.status is JobStatus.COMPLETED:
        return Completed(**facts).text()
    if job.status is JobStatus.CANCELLED:
        return Cancelled(**facts, partial=job.partial).text()
    return Failed(**facts, partial=job.partial, error=job.error or InternalError("the job failed").as_dict()).text()
