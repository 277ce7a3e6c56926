"""When the checkpoint of a job is taken and kept: at intervals while it paints, when it pauses, when the server stops.

A checkpoint that cannot be written costs nothing but itself: the job goes on, and the next one is tried when it is due.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from duostyle.engine.api import Checkpoint, Step
from duostyle.errors import StorageUnavailable
from duostyle.logs import about_job
from duostyle.metrics import Metrics
from duostyle.settings import Settings
from duostyle.storage.store import Store

_log = logging.getLogger(__name__)

OnKept = Callable[[], Awaitable[None]]


@dataclass(eq=False, slots=True)
class Watch:
    """One job on the engine: `wants` is asked on the engine thread after every evaluation.

    `at_s` and `step` are those of the last checkpoint that was taken; `busy` while it is being written.
    """

    every_s: float
    every_evaluations: int
    clock: Callable[[], float]
    at_s: float
    step: int = 0
    busy: bool = False

    def wants(self, step: Step) -> bool:
        """Whether to take a checkpoint now: when the next evaluation would end too late, and none is being written."""
        if self.busy or step.step >= step.total_steps:
            return False
        now = self.clock()
        # the checkpoint was refused and the job started over
        self.step = min(self.step, step.step)
        # it is written while the next evaluations run: those would be lost too
        due = self.every_evaluations - self.every_evaluations // 5
        if step.step - self.step < due and now + step.step_s < self.at_s + self.every_s:
            return False
        self.at_s, self.step, self.busy = now, step.step, True
        return True


class Checkpointer:
    """Takes and writes the checkpoints of jobs. All methods run on the loop. `clock` counts seconds."""

    def __init__(
        self, settings: Settings, store: Store, metrics: Metrics, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._every_s, self._every_evaluations = settings.checkpoint_s, settings.checkpoint_evaluations
        self._store, self._metrics = store, metrics
        self._clock = clock
        self._writing: set[asyncio.Task[None]] = set()

    def watch(self, step: int = 0) -> Watch:
        """A watch for a job that begins, or that goes on after `step` evaluations."""
        return Watch(self._every_s, self._every_evaluations, self._clock, self._clock(), step)

    def offer(self, job_id: str, watch: Watch, checkpoint: Checkpoint, on_kept: OnKept) -> None:
        """Write in the background; `on_kept` once it is durable."""
        task = asyncio.create_task(self._write(job_id, watch, checkpoint, on_kept))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def keep(self, job_id: str, checkpoint: Checkpoint) -> bool:
        """True when it is durable, False when it could not be written."""
        begin = self._clock()
        try:
            await self._store.checkpoints.save(job_id, checkpoint)
        except StorageUnavailable as error:
            with about_job(job_id):
                _log.warning("a checkpoint could not be written", extra={"reason": str(error.__cause__ or error)})
            self._metrics.checkpoints.labels("failed").inc()
            return False
        self._metrics.checkpoints.labels("kept").inc()
        self._metrics.checkpoint_s.observe(self._clock() - begin)
        return True

    async def stop(self) -> None:
        """Wait for what is being written."""
        if self._writing:
            await asyncio.wait(self._writing)

    async def _write(self, job_id: str, watch: Watch, checkpoint: Checkpoint, on_kept: OnKept) -> None:
        try:
            if await self.keep(job_id, checkpoint):
                await on_kept()
        except Exception:
            # nothing awaits this task: an error would be lost
            with about_job(job_id):
                _log.exception("a checkpoint could not be stored")
        finally:
            watch.busy = False
