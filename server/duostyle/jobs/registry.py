"""Every active job and the most recently ended ones; writes jobs to the store."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from duostyle.errors import EngineError, NotFound, StorageUnavailable
from duostyle.executor.engine_thread import EngineThread
from duostyle.executor.pools import HelperPools
from duostyle.job import Job, JobStatus
from duostyle.jobs.queue import ActiveJob, Phase
from duostyle.live.hub import Hub
from duostyle.logs import about_job
from duostyle.metrics import Metrics
from duostyle.settings import Settings
from duostyle.storage.store import Store

_log = logging.getLogger(__name__)
_ENDED_AT_HAND = 1000
# The seq in the store is that of the last change of status; clients may have seen later ones. No run has more events.
_SEQ_GAP = 20_000
# A job that has killed the process this often is given up.
MAX_STARTS = 3

T = TypeVar("T")


class Background:
    """Work that is completed even when its caller is gone. All methods run on the loop."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    async def surely(self, work: Coroutine[Any, Any, T]) -> T:
        """Complete `work` even when the caller is cancelled. Raises what it raises."""
        return await asyncio.shield(self.start(work))

    async def settle(self, within_s: float | None = None) -> None:
        """Wait for all of it; what takes longer than `within_s` is cancelled, since the process is about to end."""
        if self._tasks:
            _, late = await asyncio.wait(set(self._tasks), timeout=within_s)
            for task in late:
                task.cancel()

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        # the caller may be gone: retrieve the error so that asyncio does not warn
        if not task.cancelled():
            task.exception()


@dataclass(frozen=True, slots=True)
class JobContext:
    """What the parts of `jobs` need of the rest of the server. `hub.clock` counts seconds for all of them."""

    settings: Settings
    store: Store
    hub: Hub
    engine_thread: EngineThread
    pools: HelperPools
    metrics: Metrics
    background: Background = field(init=False, default_factory=Background)


class Registry:
    """`active` holds every job that has not ended. All methods run on the loop."""

    def __init__(self, store: Store, metrics: Metrics) -> None:
        self._store = store
        self.active: dict[str, ActiveJob] = {}
        self._ended: OrderedDict[str, Job] = OrderedDict()
        self._late: dict[str, Job] = {}
        self._catching_up: asyncio.Task[None] | None = None
        metrics.jobs_waiting.set_function(lambda: self._count(JobStatus.QUEUED))
        metrics.jobs_running.set_function(lambda: self._count(JobStatus.RUNNING))
        metrics.jobs_paused.set_function(lambda: self._count(JobStatus.PAUSED))

    @property
    def late_saves(self) -> int:
        """How many jobs wait to be saved until the store works again."""
        return len(self._late)

    @property
    def images_in_use(self) -> frozenset[str]:
        """Ids of the pictures that active jobs need: retention must keep them."""
        jobs = [active.job for active in self.active.values()]
        masks = {mask for job in jobs for _, mask in job.params.uploaded_masks()}
        return frozenset({image for job in jobs for image in (job.content, *job.styles)} | masks)

    async def add(self, job: Job) -> ActiveJob:
        """A new job, which counts from now on and is durable when this returns. Raises StorageUnavailable."""
        active = self.active[job.id] = ActiveJob(job)
        try:
            await self._store.save_job(job)
        except Exception:
            del self.active[job.id]
            raise
        return active

    async def save_or_later(self, job: Job) -> None:
        """Durable when it returns, or as soon as the store works again: a running job never waits for the disk."""
        try:
            await self._store.save_job(job)
        except StorageUnavailable:
            self._postpone(job)

    async def save_end(self, ended: Job) -> None:
        """Durable when it returns, however long that takes. Raises StorageUnavailable when the server stops."""
        self._late.pop(ended.id, None)
        await self.until_done(lambda: self._store.save_job(ended))

    async def until_done(self, work: Callable[[], Awaitable[None]]) -> None:
        """Try `work` until the store takes it. Raises StorageUnavailable only when the server stops meanwhile."""
        while True:
            try:
                return await work()
            except StorageUnavailable:
                await self._store.outage.until_over()
                if self._store.outage.abandoned:
                    raise

    def end(self, active: ActiveJob, ended: Job) -> None:
        """The job is among the ended ones from now on, or gone when it is to be forgotten."""
        active.job = ended
        self.active.pop(ended.id, None)
        if not active.forget:
            self._keep(ended)

    async def forget(self, job_id: str) -> None:
        """Remove the job, its result and the uploads that no other job uses. Raises StorageUnavailable."""
        self._late.pop(job_id, None)
        await self._store.forget_job(job_id)
        self._ended.pop(job_id, None)

    def at_hand(self, job_id: str) -> Job:
        """A job in memory. Raises NotFound; `recall` brings back those that ended long ago."""
        active = self.active.get(job_id)
        job = active.job if active is not None else self._ended.get(job_id)
        if job is None:
            raise NotFound("no such job", field="job")
        return job

    async def recall(self, job_id: str) -> Job:
        """The job, from the store if need be. Raises NotFound."""
        if job_id not in self.active and job_id not in self._ended:
            job = await self._store.job(job_id)
            if job is not None and job.status.ended:
                self._keep(job)
        return self.at_hand(job_id)

    async def recover(self, now: float) -> list[ActiveJob]:
        """Take up the active jobs of an earlier process, oldest first; ended ones are cached.

        Paused ones stay paused, all others wait again, those with a checkpoint before those that never began. A job
        during whose evaluations the process died for the third time has failed at `now` (unix seconds).
        """
        begun = self._store.checkpoints.jobs()
        found: list[Job] = []
        for job in await self._store.jobs():
            if job.status.ended:
                self._keep(job)
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
                # not a normal change of status: the process that painted it is gone
                job.status = JobStatus.QUEUED
            if job.id not in begun:
                job.begin_anew()
            await self.save_or_later(job)
            found.append(job)
        found.sort(key=lambda job: job.id not in begun)
        self.active.update((job.id, ActiveJob(job)) for job in found)
        return list(self.active.values())

    async def _give_up(self, job: Job, now: float) -> None:
        message = f"the server died {job.starts} times while painting this job; the picture may be too large"
        job.error, job.ended_at = EngineError(message).as_dict(), now
        job.move(JobStatus.FAILED)
        with about_job(job.id):
            _log.error("a job was given up: the process died while painting it", extra={"times": job.starts})
        await self.save_or_later(job)
        self._store.checkpoints.discard(job.id)
        self._keep(job)

    def _count(self, status: JobStatus) -> int:
        return sum(active.job.status is status for active in self.active.values())

    def _keep(self, ended: Job) -> None:
        """Cache an ended job; the least recently used ones are dropped from memory."""
        self._ended[ended.id] = ended
        self._ended.move_to_end(ended.id)
        while len(self._ended) > _ENDED_AT_HAND:
            self._ended.popitem(last=False)

    def _postpone(self, job: Job) -> None:
        active = self.active.get(job.id)
        if active is not None and active.phase is Phase.FINISHING:
            # outdated by the job's end, after which it must never be written
            return
        self._late[job.id] = job
        if self._catching_up is None or self._catching_up.done():
            self._catching_up = asyncio.create_task(self._catch_up())

    async def _catch_up(self) -> None:
        while self._late and not self._store.outage.abandoned:
            await self._store.outage.until_over()
            for job in list(self._late.values()):
                # unless it ended or was forgotten while another was saved
                if self._late.pop(job.id, None) is not None:
                    await self.save_or_later(job)
