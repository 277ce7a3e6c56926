"""Jobs in the store: what is recovered at start, the last ended jobs at hand (no pictures)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator

from duostyle.errors import EngineError, NotFound, StorageUnavailable
from duostyle.job import Job, JobStatus
from duostyle.storage.store import Store

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
        await self._store.save_job(job)

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
            job = await self._store.job(job_id)
            if job is not None and job.status.ended:
                self.keep(job)
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
        begun = self._store.checkpoints.jobs()
        for job in await self._store.jobs():
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
            if job.id not in begun:
                job.begin_anew()
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
        self._store.checkpoints.discard(job.id)
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
