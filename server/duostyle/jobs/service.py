"""What clients may do with jobs: submit, look, steer, end. Keys are checked here.

What changes a job is finished even when the client that asked for it is gone. Parts: `intake` (admission), `line` (who
is next), `dispatch` (line to engine), `steering` (cancel, pause, resume, update), `ending` (where jobs end).
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from duostyle.errors import BadRequest, DuostyleError
from duostyle.executor.engine_thread import Worker
from duostyle.job import JobStatus
from duostyle.jobs.checkpointer import Keeper
from duostyle.jobs.commands import Answer, Steering
from duostyle.jobs.completion import Endings
from duostyle.jobs.estimate import Estimate
from duostyle.jobs.intake import Accepted, Intake
from duostyle.jobs.narrator import Teller
from duostyle.jobs.pictures import Pictures
from duostyle.jobs.queries import Views
from duostyle.jobs.queue import Entry, Line
from duostyle.jobs.registry import Archive
from duostyle.jobs.request import masks_of
from duostyle.jobs.runner import Dispatcher
from duostyle.jobs.timelapse import Timelapses
from duostyle.live.hub import Hub
from duostyle.metrics import Metrics
from duostyle.settings import Settings
from duostyle.storage.store import Store

# How long a caller waits for the engine to let go of a job.
_PATIENCE_S = 30.0
_STOP_S = 3.0

__all__ = ["Accepted", "Scheduler"]

T = TypeVar("T")


def _nothing(*_: Any) -> None:
    return None


class Scheduler(Views):
    """`answer` of the steering methods is called when the change is sure, before any watcher hears of it."""

    def __init__(
        self,
        *,
        settings: Settings,
        store: Store,
        hub: Hub,
        worker: Worker,
        metrics: Metrics,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._metrics, self._outage = metrics, store.outage
        estimate, archive = Estimate(), Archive(store)
        line = Line(hub, estimate, clock=clock)
        pictures = Pictures(store, worker, hub)
        self._timelapses = Timelapses(settings=settings, store=store, worker=worker, metrics=metrics, clock=hub.clock)
        self._keeper = Keeper(settings=settings, store=store, metrics=metrics, clock=hub.clock)
        endings = Endings(
            store=store,
            archive=archive,
            hub=hub,
            worker=worker,
            metrics=metrics,
            estimate=estimate,
            timelapses=self._timelapses,
            keeper=self._keeper,
            wall=wall,
        )
        super().__init__(
            archive=archive,
            endings=endings,
            line=line,
            pictures=pictures,
            hub=hub,
            worker=worker,
            max_frame_px=settings.max_frame_px,
        )
        self._dispatcher = Dispatcher(
            pictures=pictures,
            archive=archive,
            hub=hub,
            worker=worker,
            line=line,
            teller=Teller(hub=hub, metrics=metrics, line=line, estimate=estimate, timelapses=self._timelapses),
            endings=endings,
            timelapses=self._timelapses,
            keeper=self._keeper,
            outage=store.outage,
        )
        self._steering = Steering(
            archive=archive,
            hub=hub,
            line=line,
            endings=endings,
            pictures=pictures,
            max_size_px=settings.max_size_px,
            spawn=self._spawn,
        )
        self._intake = Intake(settings=settings, archive=archive, pictures=pictures, endings=endings, line=line)
        self._changes: set[asyncio.Task[Any]] = set()

    @property
    def ready(self) -> bool:
        """The model is loaded, its thread lives, and jobs are taken."""
        return self._worker.loaded and self._worker.alive and not self._intake.closed

    @property
    def images_in_use(self) -> frozenset[str]:
        """Ids of the pictures that unfinished jobs need: not to be swept away."""
        jobs = [entry.job for entry in self._endings.live.values()]
        masks = {mask for job in jobs for _, mask in masks_of(job.params)}
        return frozenset({image for job in jobs for image in (job.content, *job.styles)} | masks)

    async def start(self) -> None:
        """Queue the unfinished jobs of an earlier process again, those that had begun first, then dispatch."""
        for job in await self._archive.recover(self._endings.wall()):
            entry = self._endings.live[job.id] = Entry(job)
            if job.status is not JobStatus.PAUSED:
                self._line.add(entry)
            elif job.step:
                await self._pictures.show_paused(entry)
        self._line.tell()
        self._endings.count()
        self._dispatcher.start()

    def close(self) -> None:
        """Take no more jobs."""
        self._intake.close()

    async def stop(self, within_s: float = _STOP_S) -> None:
        """Take no more jobs; interrupt the running one, which stays queued in the store. May be called again."""
        self.close()
        clock = asyncio.get_running_loop().time
        ends_at = clock() + within_s
        self._archive.give_up()
        await self._dispatcher.stop(within_s)
        if self._changes:
            await asyncio.wait(self._changes, timeout=max(0.1, ends_at - clock()))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.1, ends_at - clock())):
                await self._timelapses.stop()
                await self._keeper.stop()

    async def submit(
        self,
        *,
        content: Any,
        styles: Any,
        params: Any,
        client: str,
        answer: Callable[[Accepted], None] = _nothing,
    ) -> Accepted:
        """Queue a job of `client` (its address). Durable when it returns; `answer` is called before the job can begin.

        Raises BadRequest, NotAvailable, NotFound (with the field's path), TooManyJobs, QueueFull, ShuttingDown,
        StorageUnavailable.
        """
        try:
            accepted = await self._surely(self._intake.submit(content, styles, params, client, answer))
        except DuostyleError as error:
            self._metrics.jobs_refused.labels(error.code).inc()
            raise
        self._metrics.jobs_submitted.inc()
        return accepted

    async def cancel(self, job_id: str, key: str, *, wait: bool = True, answer: Answer = _nothing) -> bool:
        """True when this call cancelled the job, False when it had ended; with `wait` only once that is stored.

        Raises NotFound, Forbidden.
        """
        entry = await self._entry(job_id, key)
        answer()
        if entry is None:
            return False
        won = self._steering.cancel(entry)
        if wait:
            await self._until_ended(entry)
        return won

    async def delete(self, job_id: str, key: str) -> None:
        """Cancel if need be, then forget the job, its result and its uploads. Raises NotFound, Forbidden."""
        entry = await self._entry(job_id, key)
        if entry is not None:
            entry.forget = True
            self._steering.cancel(entry)
            await self._until_ended(entry)
        # also when its end was being stored before this
        await self._surely(self._archive.forget(job_id))

    async def update(self, job_id: str, key: str, params: Any, *, answer: Answer = _nothing) -> None:
        """Change live parameters. Raises NotFound, Forbidden, BadRequest (also when the job has ended)."""
        entry = await self._living(job_id, key)
        await self._surely(self._steering.update(entry, params, answer))

    async def pause(self, job_id: str, key: str, *, answer: Answer = _nothing) -> None:
        """Let the next in line run; nothing new when paused already. Raises NotFound, Forbidden, BadRequest."""
        entry = await self._living(job_id, key)
        await self._surely(self._steering.pause(entry, answer))

    async def resume(self, job_id: str, key: str, *, answer: Answer = _nothing) -> None:
        """Go on, before all others that wait; nothing new when not paused. Raises NotFound, Forbidden, BadRequest."""
        entry = await self._living(job_id, key)
        await self._surely(self._steering.resume(entry, answer))

    async def _entry(self, job_id: str, key: str) -> Entry | None:
        """The unfinished job, None when it has ended. Raises NotFound, Forbidden."""
        await self.recall(job_id)
        entry = self._endings.live.get(job_id)
        (entry.job if entry is not None else self._archive.at_hand(job_id)).check_key(key)
        return entry

    async def _living(self, job_id: str, key: str) -> Entry:
        entry = await self._entry(job_id, key)
        if entry is None:
            raise BadRequest("the job has ended", field="job")
        return entry

    async def _until_ended(self, entry: Entry) -> None:
        # an engine or a disk that hangs must not hang its callers too; the end is decided all the same
        waits = [asyncio.create_task(one) for one in (entry.ended.wait(), self._outage.until_begun())]
        try:
            await asyncio.wait(waits, timeout=_PATIENCE_S, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    def _spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.create_task(work)
        self._changes.add(task)
        task.add_done_callback(self._changed)
        return task

    def _changed(self, task: asyncio.Task[Any]) -> None:
        self._changes.discard(task)
        # whoever asked may be gone: an error that nobody hears is not a warning
        if not task.cancelled():
            task.exception()

    async def _surely(self, work: Coroutine[Any, Any, T]) -> T:
        """Run `work` to its end even when the caller is cancelled."""
        return await asyncio.shield(self._spawn(work))
