"""What anybody who knows a job's id may see of it: its state, its frames, its result. No keys here."""

from __future__ import annotations

import contextlib
from typing import Any, Literal

from duostyle.errors import NotFinished, NotFound
from duostyle.executor.engine_thread import Worker
from duostyle.imaging.encode import encode
from duostyle.jobs.completion import Endings
from duostyle.jobs.pictures import Pictures
from duostyle.jobs.queue import Line
from duostyle.jobs.registry import Archive
from duostyle.live.hub import Hub
from duostyle.live.outbox import Outbox
from duostyle.protocol import outgoing
from duostyle.protocol.frames import FrameOptions

_RESULT_QUALITY, _FRAME_QUALITY = 95, 85


class Views:
    """Looks at unfinished jobs in memory and at ended ones in the store."""

    def __init__(
        self,
        *,
        archive: Archive,
        endings: Endings,
        line: Line,
        pictures: Pictures,
        hub: Hub,
        worker: Worker,
        max_frame_px: int,
    ) -> None:
        self._archive, self._endings, self._line = archive, endings, line
        self._pictures, self._hub, self._worker = pictures, hub, worker
        self._max_frame_px = max_frame_px

    def state(self, job_id: str) -> dict[str, Any]:
        """The fields of the `state` message without `type`. Raises NotFound; `recall` first brings back old jobs."""
        entry = self._endings.live.get(job_id)
        if entry is None:
            return self._archive.at_hand(job_id).state(position=None, eta_s=None)
        position, eta_s = self._line.place(entry)
        return entry.job.state(position=position, eta_s=eta_s)

    async def recall(self, job_id: str) -> None:
        """Have the job in memory, from the store if need be. Raises NotFound."""
        if job_id not in self._endings.live:
            await self._archive.ended(job_id)

    async def watch(self, outbox: Outbox, job_id: str, frames: FrameOptions | None, after: int | None = None) -> None:
        """Post the `state` snapshot; the last frame follows and, while the job lives, all that happens to it.

        Raises NotFound, TooManyRequests (too many jobs watched on one connection).
        """
        await self.recall(job_id)
        picture = None
        if job_id not in self._endings.live and frames is not None:
            job = self._archive.at_hand(job_id)
            if job.has_result and job.frame_seq > (after or 0):
                with contextlib.suppress(NotFound):
                    picture = await self._pictures.of_result(job)
        state = self.state(job_id)
        watched = outbox.subscriptions.get(job_id)
        if job_id in self._endings.live:
            self._hub.subscribe(outbox, job_id, frames, after)
        elif picture is not None and frames is not None and watched is None:
            self._hub.show(outbox, job_id, picture, frames, seq=state["frame_seq"], step=state["step"], after=after)
        outbox.post(outgoing.text("state", **state))

    async def result(self, job_id: str, format: Literal["png", "jpeg", "webp"], *, partial: bool = False) -> bytes:
        """The finished picture; with `partial` the best so far. Raises NotFound, NotFinished."""
        await self.recall(job_id)
        entry = self._endings.live.get(job_id)
        if entry is not None:
            if not partial:
                raise NotFinished("the job has not finished; ask with partial=1 for the best so far")
            picture = await self._pictures.newest(entry)
        else:
            job = self._archive.at_hand(job_id)
            if not job.has_result or (job.partial and not partial):
                raise NotFinished("the job ended without a finished picture")
            if format == "png":
                return await self._pictures.png_of_result(job)
            picture = await self._pictures.of_result(job)
        return await self._worker.offload(encode, picture, format, quality=_RESULT_QUALITY)

    async def frame(self, job_id: str) -> bytes:
        """The newest preview as JPEG. Raises NotFound, NotFinished when there is none yet."""
        await self.recall(job_id)
        entry = self._endings.live.get(job_id)
        if entry is not None:
            picture = await self._pictures.newest(entry)
        else:
            job = self._archive.at_hand(job_id)
            if not job.has_result:
                raise NotFinished("the job ended without a picture")
            picture = await self._pictures.of_result(job)
        return await self._worker.encode_preview(picture, self._max_frame_px, _FRAME_QUALITY)
