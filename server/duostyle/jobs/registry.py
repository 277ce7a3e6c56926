"""Jobs in the store: rows to jobs and back, what is recovered at start, the last ended jobs at hand (no pictures)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator

from pydantic import ValidationError

from duostyle.errors import EngineError, NotFound, StorageUnavailable
from duostyle.job import Job, JobStatus
from duostyle.params import StyleParams
from duostyle.storage.store import JobRow, Store

_log = logging.getLogger(__name__)
_KEPT = 1000
# The seq in the store is that of the last change of status; clients may have seen later ones. No run has more events.
_SEQ_GAP = 20_000
# A job that ended the process this often would do it for ever.
MAX_STARTS = 3


class Archive:
    """All that the scheduler writes to and reads from the store about jobs."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._ended: OrderedDict[str, Job] = OrderedDict()
        self._late: dict[str, Job] = {}
        self._closing: set[str] = set()
        self._catching_up: asyncio.Task[None] | None = None

    async def save(self, job: Job) -> None:
        """Durable when it returns. Raises StorageUnavailable."""
        await self._store.save_job(_row(job))

    async def save_or_later(self, job: Job) -> None:
        """Durable when it returns, or as soon as the store works again: a job that lives is never held up by it."""
        try:
            await self.save(job)
        except StorageUnavailable:
            # what is outdated by the job's end must never be written after it
            if job.id in self._closing:
                return
            self._late[job.id] = job
            if self._catching_up is None or self._catching_up.done():
                self._catching_up = asyncio.create_task(self._catch_up())

    async def save_end(self, job: Job) -> None:
        """Durable when it returns, however long that takes. Raises StorageUnavailable when the server stops."""
        with self._closed(job.id):
            await self.until_done(lambda: self.save(job))

    async def until_done(self, work: Callable[[], Awaitable[None]]) -> None:
        """Try `work` until the store takes it. Raises StorageUnavailable only when the server stops meanwhile."""
        while True:
            try:
                return await work()
            except StorageUnavailable:
                await self._store.outage.until_over()
                if self._store.outage.abandoned:
                    raise

    def give_up(self) -> None:
        """The server stops: nobody waits for the store any longer."""
        self._store.outage.abandon()

    def keep(self, job: Job) -> None:
        """Have an ended job at hand; the least recently used ones are dropped from memory."""
        self._ended[job.id] = job
        self._ended.move_to_end(job.id)
        while len(self._ended) > _KEPT:
            self._ended.popitem(last=False)

    def at_hand(self, job_id: str) -> Job:
        """An ended job in memory. Raises NotFound."""
        job = self._ended.get(job_id)
        if job is None:
            raise NotFound("no such job", field="job")
        return job

    async def ended(self, job_id: str) -> Job:
        """An ended job, from the store if need be. Raises NotFound."""
        if job_id not in self._ended:
            row = await self._store.job(job_id)
            if row is not None and JobStatus(row.status).ended:
                with contextlib.suppress(ValidationError):
                    self.keep(_job(row, _params_of(row)))
        return self.at_hand(job_id)

    async def forget(self, job_id: str) -> None:
        """Remove the job, its result and the uploads that no other job uses."""
        with self._closed(job_id):
            await self._store.forget_job(job_id)
        self._ended.pop(job_id, None)

    async def recover(self, now: float) -> list[Job]:
        """The unfinished jobs of an earlier process, oldest first; ended ones are kept at hand.

        Paused ones stay paused, all others are queued again, those with a checkpoint before those that never began.
        A job during whose evaluations the process died for the third time has failed at `now` (unix seconds).
        """
        unfinished: list[Job] = []
        begun = self._store.shelf.jobs()
        for row in await self._store.jobs():
            try:
                job = _job(row, _params_of(row))
            except ValidationError:
                # of an earlier version, whose parameters were others: nothing can be painted from it
                _log.warning("job of an earlier version left alone")
                continue
            if job.status.ended:
                self.keep(job)
                continue
            job.seq += _SEQ_GAP
            # a job may be paused while its last evaluation runs
            if job.status is not JobStatus.QUEUED and job.starts >= MAX_STARTS:
                await self._give_up(job, now)
                continue
            content = await self._store.image(job.content)
            if content is not None:
                job.pixels = (content.width, content.height)
            if job.status is not JobStatus.PAUSED:
                # the one change that the statuses do not know: the process that painted is gone
                job.status = JobStatus.QUEUED
            job.frame_seq = 0
            if job.id not in begun:
                job.step = job.level = job.width = job.height = 0
                job.elapsed_s, job.eta_s, job.costs, job.started_at = 0.0, None, None, None
                job.steering = None
            await self.save_or_later(job)
            unfinished.append(job)
        return sorted(unfinished, key=lambda job: job.id not in begun)

    async def _give_up(self, job: Job, now: float) -> None:
        message = f"the server died {job.starts} times while it painted this; the picture may be too large for it"
        job.error = EngineError(message).as_dict()
        job.ended_at = now
        job.move(JobStatus.FAILED)
        _log.error("job given up: the process died %d times while it ran", job.starts)
        await self.save_or_later(job)
        self._store.shelf.discard(job.id)
        self.keep(job)

    @contextlib.contextmanager
    def _closed(self, job_id: str) -> Iterator[None]:
        """Whatever of this job waits to be saved is outdated."""
        self._late.pop(job_id, None)
        self._closing.add(job_id)
        try:
            yield
        finally:
            self._closing.discard(job_id)

    async def _catch_up(self) -> None:
        while self._late and not self._store.outage.abandoned:
            await self._store.outage.until_over()
            for job in list(self._late.values()):
                # forgotten, or tried again, while another was saved
                if self._late.pop(job.id, None) is not None:
                    await self.save_or_later(job)


def _params_of(row: JobRow) -> StyleParams:
    return StyleParams.model_validate(row.params)


def _row(job: Job) -> JobRow:
    return JobRow(
        id=job.id,
        key_hash=job.key_hash,
        client=job.client,
        content=job.content,
        styles=job.styles,
        params=job.params.model_dump(mode="json", exclude_unset=True),
        status=job.status.value,
        created_at=job.created_at,
        started_at=job.started_at,
        ended_at=job.ended_at,
        width=job.width,
        height=job.height,
        step=job.step,
        total_steps=job.total_steps,
        elapsed_s=job.elapsed_s,
        seq=job.seq,
        costs=job.costs,
        error=job.error,
        has_result=job.has_result,
        partial=job.partial,
        report=job.report,
        starts=job.starts,
        steering=job.steering,
    )


def _job(row: JobRow, params: StyleParams) -> Job:
    return Job(
        id=row.id,
        key_hash=row.key_hash,
        client=row.client,
        content=row.content,
        styles=row.styles,
        params=params,
        created_at=row.created_at,
        status=JobStatus(row.status),
        started_at=row.started_at,
        ended_at=row.ended_at,
        width=row.width,
        height=row.height,
        step=row.step,
        total_steps=row.total_steps,
        elapsed_s=row.elapsed_s,
        seq=row.seq,
        # the final frame's seq comes right before the end's, see ending
        frame_seq=row.seq - 1 if row.has_result else 0,
        costs=row.costs,
        error=row.error,
        has_result=row.has_result,
        partial=row.partial,
        report=row.report,
        starts=row.starts,
        steering=row.steering,
    )
