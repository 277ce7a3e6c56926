"""From the queue to the engine: gives one job after another to the engine and reports its progress."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import Iterator
from dataclasses import replace

from duostyle.engine.api import Checkpoint, Plan, Request
from duostyle.errors import DuostyleError, InternalError, OutOfMemory, StorageUnavailable
from duostyle.executor.task import RunOutcome, StepReport, Task
from duostyle.imaging.encode import encode
from duostyle.job import Job
from duostyle.jobs.checkpointer import Checkpointer
from duostyle.jobs.completion import Completion
from duostyle.jobs.pictures import load_request, load_result
from duostyle.jobs.queue import ActiveJob, Event, JobQueue, Phase
from duostyle.jobs.registry import JobContext, Registry
from duostyle.jobs.timelapse import TimelapseRecorder
from duostyle.logs import about_job
from duostyle.picture import Picture
from duostyle.protocol.outgoing import Progress, Started, round_costs, significant

_log = logging.getLogger(__name__)
# Attempts when a picture cannot be read although the disk seems to work; then the job fails and blocks no others.
_MAX_FAILED_STARTS = 5
_SIZE_STEP_PX = 64


class Runner:
    """Takes jobs from the queue, one at a time. All methods run on the loop; the engine thread only asks a task's
    `wants_picture` and `wants_checkpoint`."""

    def __init__(
        self,
        context: JobContext,
        registry: Registry,
        queue: JobQueue,
        completion: Completion,
        recorder: TimelapseRecorder,
        checkpointer: Checkpointer,
    ) -> None:
        self._context, self._registry, self._queue = context, registry, queue
        self._completion, self._recorder, self._checkpointer = completion, recorder, checkpointer
        self._draining = False
        self._work: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._work = asyncio.create_task(self._run())

    async def stop(self, within_s: float) -> None:
        """Interrupt the running job, which stays queued in the store, even when the engine does not release it."""
        self._draining = True
        work, self._work = self._work, None
        if work is None:
            return
        running = self._queue.running
        if running is None:
            work.cancel()
        else:
            running.control.cancel()
        done, _ = await asyncio.wait({work}, timeout=within_s)
        if not done:
            work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work
        if not done and running is not None:
            # the engine holds on to this job and dies with the process
            with _logged("an interrupted job could not be saved"):
                if running.phase is Phase.CANCELLING:
                    self._completion.begin(running, RunOutcome("cancelled"))
                elif running.alive:
                    await self._interrupt(running)

    async def show_paused(self, active: ActiveJob) -> None:
        """Bring back the picture of a paused job that an earlier process kept, if it is there."""
        with contextlib.suppress(DuostyleError):
            active.best = await load_result(self._context, active.job)
            self._show(active, active.best, active.job.step)

    async def _run(self) -> None:
        try:
            await self._context.engine_thread.until_loaded()
        except DuostyleError as error:
            self._queue.hold(error.as_dict())
            return
        while not self._draining:
            # a job begins only when that can be stored, and its result as well
            await self._context.store.outage.until_over()
            active = await self._queue.next()
            with about_job(active.job.id), _logged("a job could not be painted"):
                await self._paint(active)
            self._queue.done()

    async def _paint(self, active: ActiveJob) -> None:
        job = active.job
        _log.info("a job is painted", extra={"waited_s": round(time.time() - job.created_at, 3)})
        active.apply(Event.TAKE)
        job.started_at = job.started_at or time.time()
        self._queue.announce()
        try:
            outcome = await self._on_engine(active)
        except StorageUnavailable as error:
            if active.alive and (self._draining or active.failed_starts < _MAX_FAILED_STARTS):
                self._put_back(active)
                return
            outcome = _failed(error)
        except DuostyleError as error:
            outcome = _failed(error)
        except Exception:
            _log.exception("a job could not be prepared")
            outcome = _failed(InternalError("the job could not be prepared"))
        if outcome.steering is not None:
            job.steering = outcome.steering
        if active.alive and self._draining and outcome.how in ("paused", "cancelled"):
            await self._interrupt(active, outcome.checkpoint)
        elif active.alive and outcome.how == "paused":
            await self._suspend(active, outcome)
        else:
            if outcome.error is not None and outcome.error["code"] == OutOfMemory.code:
                outcome = replace(outcome, error=too_large(job.params.size).as_dict())
            await asyncio.shield(self._completion.begin(active, outcome))

    async def _suspend(self, active: ActiveJob, outcome: RunOutcome) -> None:
        active.best = outcome.picture or active.best
        if outcome.picture is not None:
            self._show(active, outcome.picture, active.job.step)
        # last, because the job may be resumed or end while this is stored
        active.apply(Event.LET_GO)
        active.job.starts -= 1
        await self._registry.save_or_later(active.job)

    async def _interrupt(self, active: ActiveJob, checkpoint: Checkpoint | None = None) -> None:
        """The next process goes on with the job, from here or from the last checkpoint before."""
        if active.with_runner:
            active.apply(Event.LET_GO)
            active.job.starts -= 1
        if checkpoint is not None:
            await self._checkpointer.keep(active.job.id, checkpoint)
        if active.alive:
            await self._registry.save_or_later(active.job)

    def _put_back(self, active: ActiveJob) -> None:
        """The store failed before the engine had the job: it waits, first in the queue, and nothing is lost."""
        active.failed_starts += 1
        active.apply(Event.LET_GO)
        active.job.starts -= 1
        if active.phase is Phase.WAITING:
            self._queue.add_first(active)

    async def _on_engine(self, active: ActiveJob) -> RunOutcome:
        job = active.job
        # stored before the engine has it: a job that kills the process must not be tried forever
        job.starts += 1
        await self._context.store.save_job(job)
        if active.task is None:
            # what waits there is in the job's parameters already
            active.control.take_update()
            request = await load_request(self._context, job)
            active.task = self._make_task(active, request, await self._context.store.checkpoints.load(job.id))
        else:
            self._tell_started(job)
        while True:
            outcome = await self._context.engine_thread.run(active.task)
            stored = await self._set_aside(active, outcome)
            # unless it was resumed after the engine released it and before this task knew
            if outcome.how != "paused" or active.phase is not Phase.PAINTING or self._draining:
                break
        if stored and active.alive:
            # frees everything the engine held for it
            active.task = None
        return outcome

    async def _set_aside(self, active: ActiveJob, outcome: RunOutcome) -> bool:
        """Whether a job that stays paused can go on from what is on the disk."""
        if outcome.how != "paused" or outcome.checkpoint is None:
            return False
        if active.phase is not Phase.PAUSING or self._draining:
            return False
        if not await self._checkpointer.keep(active.job.id, outcome.checkpoint):
            return False
        if outcome.picture is not None:
            # stored in place of the later result, for watchers after a restart
            png = await self._context.pools.offload(encode, outcome.picture, "png")
            with contextlib.suppress(StorageUnavailable):
                await self._context.store.save_result(active.job.id, png)
        return True

    def _make_task(self, active: ActiveJob, request: Request, checkpoint: Checkpoint | None) -> Task:
        job_id, clock = active.job.id, self._context.hub.clock
        topic, recording = self._context.hub.topic(job_id), self._recorder.recording(job_id)
        watch = self._checkpointer.watch(0 if checkpoint is None else checkpoint.step)
        return Task(
            request,
            active.control,
            on_begin=lambda plan: self._on_begin(active, plan),
            on_step=lambda report: self._on_step(active, report),
            wants_picture=lambda: topic.due_at <= (now := clock()) or recording.wants(now),
            wants_checkpoint=watch.wants,
            on_checkpoint=lambda taken: self._checkpointer.offer(job_id, watch, taken, lambda: self._on_kept(active)),
            checkpoint=checkpoint,
        )

    # What a task calls, in the order in which things happened on the engine thread.

    def _on_begin(self, active: ActiveJob, plan: Plan) -> None:
        """The engine has prepared the painting."""
        job = active.job
        job.width, job.height, job.levels, job.total_steps = plan.width, plan.height, plan.levels, plan.total_steps
        job.step, job.resumed_from_step = plan.step, plan.step or None
        if not plan.step:
            # the checkpoint that it was to continue from could not be used
            job.costs, job.elapsed_s, job.steering = None, 0.0, None
        if active.phase is Phase.PAINTING:
            self._tell_started(job)

    def _on_step(self, active: ActiveJob, report: StepReport) -> None:
        """One evaluation or several are done."""
        job, step, hub, metrics = active.job, report.step, self._context.hub, self._context.metrics
        job.step, job.total_steps, job.level, job.levels = step.step, step.total_steps, step.level, step.levels
        job.width, job.height = step.width, step.height
        job.steering = report.steering
        job.costs = round_costs(step.costs.as_dict())
        job.elapsed_s, job.eta_s = round(step.elapsed_s, 3), significant(step.eta_s, 3)
        job.next_seq()
        metrics.evaluations.inc(report.evaluations)
        metrics.evaluation_s.observe(step.step_s)
        seconds = step.elapsed_s + step.eta_s
        self._queue.estimate.expect(job.params, megapixels=active.megapixels, steps=step.total_steps, seconds=seconds)
        if not active.alive:
            return
        if report.picture is not None:
            self._show(active, report.picture, report.picture_step)
            self._recorder.offer(job.id, report)
        if active.phase is Phase.PAINTING and hub.watched(job.id):
            hub.send_progress(job.id, Progress(job=job.id, seq=job.seq, **step.numbers()).text())
        self._queue.announce_now_and_then()

    async def _on_kept(self, active: ActiveJob) -> None:
        """A checkpoint is on the disk."""
        if active.with_runner:
            # the job has made progress, so earlier crashes no longer count against it
            active.job.starts = min(active.job.starts, 1)
            await self._registry.save_or_later(active.job)

    def _tell_started(self, job: Job) -> None:
        """Tell watchers that painting has started."""
        fields = {
            name: getattr(job, name) for name in ("total_steps", "levels", "width", "height", "resumed_from_step")
        }
        self._context.hub.drop_outdated(job.id)
        self._context.hub.tell(job.id, Started(job=job.id, **fields).text())

    def _show(self, active: ActiveJob, picture: Picture, step: int) -> None:
        """Show the newest picture, that after `step` steps; an unchanged one is not sent again."""
        job, hub = active.job, self._context.hub
        if hub.topic(job.id).picture == picture:
            hub.keep_picture(job.id)
        else:
            # a paused job's picture comes after its last step: a seq of its own
            job.frame_seq = job.seq if job.seq > job.frame_seq else job.next_seq()
            hub.set_picture(job.id, picture, seq=job.frame_seq, step=step)
        active.shown.set()


def too_large(size_px: int) -> OutOfMemory:
    """For a painting of this size; suggests half the pixels, rounded to the steps of the page's slider."""
    smaller_px = int(size_px * math.sqrt(0.5)) // _SIZE_STEP_PX * _SIZE_STEP_PX
    if smaller_px < _SIZE_STEP_PX:
        return OutOfMemory(
            f"the server does not have enough memory even for {size_px} px", field="params.size", got=size_px
        )
    message = f"a size of {size_px} px does not fit into the server's memory; try {smaller_px} px or less"
    return OutOfMemory(message, field="params.size", limit=smaller_px, got=size_px)


def _failed(error: DuostyleError) -> RunOutcome:
    return RunOutcome("failed", error=error.as_dict())


@contextlib.contextmanager
def _logged(message: str) -> Iterator[None]:
    """Keep an unforeseen error from ending the task that serves every job; it goes to the log."""
    try:
        yield
    except Exception:
        _log.exception(message)
