"""What anybody who knows a job's id may see of it: its state, its frames, its result. No key is needed."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from duostyle.errors import NotAvailable, NotFinished, NotFound
from duostyle.imaging.encode import Format, encode, relabel
from duostyle.imaging.label import Label
from duostyle.job import JobStatus
from duostyle.jobs.pictures import load_result, stored_result
from duostyle.jobs.queue import ActiveJob, JobQueue
from duostyle.jobs.registry import JobContext, Registry
from duostyle.live.outbox import Outbox
from duostyle.picture import USUAL_DPI, Depth, Picture
from duostyle.protocol import outgoing
from duostyle.protocol.frames import FrameOptions
from duostyle.recipe import recipe_text

_RESULT_QUALITY, _FRAME_QUALITY = 95, 85
_FIRST_PICTURE_S = 30.0


class Queries:
    """Looks at active jobs in memory and at ended ones in the store. All methods run on the loop."""

    def __init__(self, context: JobContext, registry: Registry, queue: JobQueue) -> None:
        self._context, self._registry, self._queue = context, registry, queue

    async def state(self, job_id: str) -> dict[str, Any]:
        """The fields of the `state` message without `type`. Raises NotFound."""
        await self._registry.recall(job_id)
        return self._state(job_id)

    def _state(self, job_id: str) -> dict[str, Any]:
        """The state of a job in memory, without waiting: a watcher must miss nothing that happens after it."""
        job, active = self._registry.at_hand(job_id), self._registry.active.get(job_id)
        position, eta_s = (None, None) if active is None else self._queue.place(active)
        state = job.state(position=position, eta_s=eta_s)
        return state | {"error": self._queue.error} if job.status is JobStatus.QUEUED else state

    async def watch(self, outbox: Outbox, job_id: str, frames: FrameOptions | None, after: int | None = None) -> None:
        """Post the `state` snapshot; the last frame follows and, while the job lives, all that happens to it.

        Raises NotFound, TooManyRequests (too many jobs watched on one connection).
        """
        job = await self._registry.recall(job_id)
        picture = None
        if job.status.ended and frames is not None and job.has_result and job.frame_seq > (after or 0):
            with contextlib.suppress(NotFound):
                picture = await load_result(self._context, job)
        state, hub = self._state(job_id), self._context.hub
        if job_id in self._registry.active:
            hub.subscribe(outbox, job_id, frames, after)
        elif picture is not None and frames is not None and job_id not in outbox.subscriptions:
            hub.show(outbox, job_id, picture, frames, seq=state["frame_seq"], step=state["step"], after=after)
        outbox.post(outgoing.text("state", **state))

    async def result(
        self,
        job_id: str,
        format: Format,
        *,
        partial: bool = False,
        depth: Depth | None = None,
        dpi: int = USUAL_DPI,
    ) -> bytes:
        """The finished picture; with `partial` the best so far. A TIFF has 16 bits per channel unless `depth` is 8
        or there is no such picture.

        Raises NotFound, NotFinished, and NotAvailable when `depth` is 16 and there is no such picture.
        """
        job, offload = await self._registry.recall(job_id), self._context.pools.offload
        active = self._registry.active.get(job_id)
        if active is not None:
            if not partial:
                raise NotFinished("the job has not finished; add partial=1 to get the best picture so far")
            if depth == 16:
                raise _only_8_bits("16 bits per channel are available only once the job has ended")
            return await offload(encode, await self._newest(active), format, quality=_RESULT_QUALITY, label=Label(dpi))
        if not job.has_result or (job.partial and not partial):
            raise NotFinished("the job ended without a finished picture")
        label = Label(dpi, recipe_text(job.params, job.content, job.styles, job.steering))
        as_stored = format == "png" and dpi == USUAL_DPI
        if depth == 16 or (format == "tiff" and depth is None):
            deep = await self._context.store.deep_result(job_id)
            if deep is not None:
                return deep if as_stored else await offload(relabel, deep, format, label=label)
            if depth == 16:
                raise _only_8_bits("this picture was kept with 8 bits per channel")
        if as_stored:
            return await stored_result(self._context, job)
        picture = await load_result(self._context, job)
        return await offload(encode, picture, format, quality=_RESULT_QUALITY, label=label)

    async def frame(self, job_id: str) -> bytes:
        """The newest picture as JPEG. Raises NotFound, NotFinished when there is none yet."""
        job = await self._registry.recall(job_id)
        active = self._registry.active.get(job_id)
        if active is not None:
            picture = await self._newest(active)
        elif job.has_result:
            picture = await load_result(self._context, job)
        else:
            raise NotFinished("the job ended without a picture")
        max_px = self._context.settings.max_frame_px
        return await self._context.pools.encode_jpeg(picture, max_px, _FRAME_QUALITY)

    async def _newest(self, active: ActiveJob) -> Picture:
        """An active job's newest picture; waits for the first one. Raises NotFinished when there is none."""
        topic, running = self._context.hub.topic(active.job.id), active.job.status is JobStatus.RUNNING
        if running:
            self._context.hub.ask(active.job.id)
        if topic.picture is None and running:
            try:
                async with asyncio.timeout(_FIRST_PICTURE_S):
                    await active.shown.wait()
            except TimeoutError:
                raise NotFinished("the job has no picture yet") from None
        if topic.picture is None:
            raise NotFinished("the job has no picture yet")
        return topic.picture


def _only_8_bits(message: str) -> NotAvailable:
    return NotAvailable(message, field="depth", limit=8, got=16)
