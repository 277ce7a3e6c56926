"""The one place where a job ends: result, time-lapse, final frame, store, terminal message, counts - in this order."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import time
from typing import Any

from duostyle.errors import InternalError, StorageUnavailable
from duostyle.executor.task import RunOutcome
from duostyle.imaging.encode import encode, encode_deep
from duostyle.imaging.label import Label
from duostyle.job import Job, JobStatus
from duostyle.jobs.queue import ActiveJob, Event, JobQueue, Phase
from duostyle.jobs.registry import JobContext, Registry
from duostyle.jobs.timelapse import TimelapseRecorder
from duostyle.logs import about_job
from duostyle.picture import Picture
from duostyle.protocol.outgoing import Cancelled, Completed, Failed
from duostyle.recipe import recipe_text

_log = logging.getLogger(__name__)
_ENDS = {"done": JobStatus.COMPLETED, "cancelled": JobStatus.CANCELLED, "failed": JobStatus.FAILED}


class Completion:
    """Ends jobs, each once. All methods run on the loop."""

    def __init__(self, context: JobContext, registry: Registry, queue: JobQueue, recorder: TimelapseRecorder) -> None:
        self._context, self._registry = context, registry
        self._queue, self._recorder = queue, recorder

    def begin(self, active: ActiveJob, outcome: RunOutcome) -> asyncio.Task[None]:
        """End the job as `outcome` says, or as cancelled when its submitter has cancelled it.

        No end is announced before it is stored: while the disk is full this waits, with the result in memory. When
        the server stops meanwhile, the job stays active, and the next process goes on with it.

        Raises InternalError when the job is ending already.
        """
        status = JobStatus.CANCELLED if active.phase is Phase.CANCELLING else _ENDS[outcome.how]
        active.apply(Event.END)
        best = outcome.picture or active.best
        active.task = active.best = None
        return self._context.background.start(self._finish(active, status, dataclasses.replace(outcome, picture=best)))

    async def _finish(self, active: ActiveJob, status: JobStatus, outcome: RunOutcome) -> None:
        with about_job(active.job.id):
            try:
                self._tell(active, await self._stored_end(active, status, outcome))
            except StorageUnavailable:
                _log.error("the end of a job could not be stored before the shutdown; it continues at the next start")
            except Exception:
                _log.exception("ending a job failed")
        active.shown.set()
        active.ended.set()

    async def _stored_end(self, active: ActiveJob, status: JobStatus, outcome: RunOutcome) -> Job:
        """The job as it has ended, durable when this returns. Raises StorageUnavailable when the server stops."""
        ended, picture, error = dataclasses.replace(active.job), outcome.picture, outcome.error
        if picture is not None and not active.forget:
            ended.has_result = await self._save_result(ended, picture)
            if not ended.has_result and status is JobStatus.COMPLETED:
                status, error = JobStatus.FAILED, InternalError("the result could not be encoded").as_dict()
        ended.partial = ended.has_result and status is not JobStatus.COMPLETED
        last = None if active.forget else picture
        await self._recorder.finish(ended.id, last, step=ended.step, elapsed_s=ended.elapsed_s)
        if picture is not None:
            ended.frame_seq = ended.next_seq()
            # watchers see 8 bits, and a topic may outlive its job
            shown = dataclasses.replace(picture, deep=None)
            self._context.hub.set_picture(ended.id, shown, seq=ended.frame_seq, step=ended.step, final=True)
        if outcome.report is not None:
            ended.report = outcome.report
            ended.elapsed_s = round(float(outcome.report.get("elapsed_s") or ended.elapsed_s), 3)
        ended.error = error if status is JobStatus.FAILED else None
        ended.ended_at, ended.eta_s = time.time(), None
        ended.next_seq()
        ended.move(status)
        if active.forget:
            await self._registry.until_done(lambda: self._registry.forget(ended.id))
        else:
            await self._registry.save_end(ended)
        return ended

    async def _save_result(self, job: Job, picture: Picture) -> bool:
        """False when the picture cannot be encoded. Raises StorageUnavailable when the server stops."""
        label = Label(text=recipe_text(job.params, job.content, job.styles, job.steering))
        offload, deep = self._context.pools.offload, None
        try:
            png = await offload(encode, picture, "png", label=label)
            if picture.deep is not None:
                deep = await offload(encode_deep, picture, "png", label=label)
        except Exception:
            _log.exception("a result could not be encoded")
            return False
        await self._registry.until_done(lambda: self._context.store.save_result(job.id, png, deep))
        return True

    def _tell(self, active: ActiveJob, ended: Job) -> None:
        """Announce the end, which is stored now."""
        self._context.hub.end(ended.id, _end_text(ended))
        self._registry.end(active, ended)
        self._context.store.checkpoints.discard(ended.id)
        error = {} if ended.error is None else {"error": ended.error["code"]}
        facts = {"status": ended.status.value, "steps": ended.step, "elapsed_s": round(ended.elapsed_s, 3)}
        _log.info("a job has ended", extra=facts | error)
        metrics = self._context.metrics
        metrics.jobs_ended.labels(ended.status.value).inc()
        if ended.status is JobStatus.COMPLETED:
            metrics.job_s.observe(ended.elapsed_s)
            self._queue.estimate.learn(
                ended.params, megapixels=active.megapixels, steps=ended.total_steps, seconds=ended.elapsed_s
            )


def _end_text(job: Job) -> str:
    facts: dict[str, Any] = {"job": job.id, "seq": job.seq, "elapsed_s": job.elapsed_s, "step": job.step}
    facts |= {"total_steps": job.total_steps, "costs": job.costs, "report": job.measured}
    if job.status is JobStatus.COMPLETED:
        return Completed(**facts).text()
    if job.status is JobStatus.CANCELLED:
        return Cancelled(**facts, partial=job.partial).text()
    return Failed(**facts, partial=job.partial, error=job.error or InternalError("the job failed").as_dict()).text()
