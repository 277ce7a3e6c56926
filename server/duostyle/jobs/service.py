"""The jobs as the web sees them: put together, started and stopped here.

`commands` change a job, `queries` look at it, `timelapses` show its recording, `previews` show what one might become.
`queue` decides who is next, `runner` gives it to the engine, `completion` ends it; `registry` holds the active ones.
"""

from __future__ import annotations

import asyncio
import contextlib
import time

from duostyle.jobs.checkpointer import Checkpointer
from duostyle.jobs.commands import Commands
from duostyle.jobs.completion import Completion
from duostyle.jobs.previews import Previews
from duostyle.jobs.queries import Queries
from duostyle.jobs.queue import JobQueue, Phase
from duostyle.jobs.registry import JobContext, Registry
from duostyle.jobs.runner import Runner
from duostyle.jobs.timelapse import TimelapseRecorder, TimelapseViews

_STOP_S = 3.0


class JobService:
    """All jobs of one server. All methods run on the loop."""

    def __init__(self, context: JobContext) -> None:
        self._context, clock = context, context.hub.clock
        self.registry = Registry(context.store, context.metrics)
        queue = self._queue = JobQueue(context.hub)
        recorder = TimelapseRecorder(context.settings, context.store, context.pools, context.metrics, clock=clock)
        checkpointer = Checkpointer(context.settings, context.store, context.metrics, clock=clock)
        completion = Completion(context, self.registry, queue, recorder)
        self.recorder, self._checkpointer = recorder, checkpointer
        self._runner = Runner(context, self.registry, queue, completion, recorder, checkpointer)
        self.commands = Commands(context, self.registry, queue, completion)
        self.queries = Queries(context, self.registry, queue)
        self.previews = Previews(context)
        self.timelapses = TimelapseViews(context, self.registry)

    @property
    def ready(self) -> bool:
        """The model is loaded, its thread lives, and jobs are taken."""
        engine_thread = self._context.engine_thread
        return engine_thread.loaded and engine_thread.alive and not self.commands.closed

    async def start(self) -> None:
        """Queue the active jobs of an earlier process again, those that had begun first, and start painting."""
        for active in await self.registry.recover(time.time()):
            if active.phase is Phase.WAITING:
                self._queue.add(active)
            elif active.job.step:
                await self._runner.show_paused(active)
        self._runner.start()

    async def stop(self, within_s: float = _STOP_S) -> None:
        """Take no more jobs; interrupt the running one, which stays queued in the store. May be called again."""
        self.commands.close()
        clock = asyncio.get_running_loop().time
        ends_at = clock() + within_s
        self._context.store.outage.abandon()
        await self._runner.stop(within_s)
        await self.until_settled(max(0.1, ends_at - clock()))

    async def until_settled(self, within_s: float | None = None) -> None:
        """Wait for all that is being changed and written; give up on what takes longer than `within_s`."""
        await self._context.background.settle(within_s)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self.recorder.stop()
                await self._checkpointer.stop()
