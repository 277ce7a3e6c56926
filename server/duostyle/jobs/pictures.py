"""Decoded pictures on demand: of uploads, masks and results, and the newest of a painting in progress."""

from __future__ import annotations

import asyncio

from duostyle.errors import BadRequest, DuostyleError, NotFinished, NotFound
from duostyle.executor.engine_thread import Worker
from duostyle.imaging import decode as images
from duostyle.imaging.decode import DECODE_PX
from duostyle.imaging.encode import encode
from duostyle.job import Job, JobStatus
from duostyle.jobs.queue import Entry
from duostyle.live.hub import Hub
from duostyle.params import StyleParams
from duostyle.picture import Picture, StoredImage
from duostyle.storage.store import Store

_PATIENCE_S = 30.0


class Pictures:
    def __init__(self, store: Store, worker: Worker, hub: Hub) -> None:
        self._store, self._worker, self._hub = store, worker, hub

    async def known(self, image_id: str, field: str) -> StoredImage:
        """What is known of a stored picture. Raises NotFound naming the field."""
        row = await self._store.image(image_id)
        if row is None:
            raise NotFound(f"{field}: no such image; upload it first", field=field, got=image_id)
        return row

    async def of_image(self, image_id: str, *, max_px: int) -> Picture:
        """A stored picture, decoded off the loop. Raises NotFound, CorruptImage."""
        data = await self._store.image_bytes(image_id)
        if data is None:
            raise NotFound("an image of this job is gone", got=image_id)
        return await self._worker.offload(images.decode, data, max_px=max_px)

    async def masks(self, params: StyleParams) -> tuple[Picture | None, ...]:
        """The masks that `params` names, decoded; empty when there are none or a mode makes them.

        Raises NotFound, CorruptImage, and BadRequest naming a mask that is black all over.
        """
        if not isinstance(params.masks, list):
            return ()
        masks: list[Picture | None] = [None] * len(params.masks)
        for index, image_id in enumerate(params.masks):
            if image_id is not None:
                mask = masks[index] = await self.of_image(image_id, max_px=max(DECODE_PX, params.size))
                check_mask(mask, f"params.masks.{index}")
        return tuple(masks)

    async def png_of_result(self, job: Job) -> bytes:
        """An ended job's picture as stored. Raises NotFound."""
        png = await self._store.result(job.id)
        if png is None:
            raise NotFound("the result of this job is gone", field="job")
        return png

    async def of_result(self, job: Job) -> Picture:
        """An ended job's picture. Raises NotFound."""
        return await self._worker.offload(images.decode, await self.png_of_result(job))

    async def keep_of_paused(self, job: Job, picture: Picture) -> None:
        """Keep where a paused job stands, in the place of its later result. Raises StorageUnavailable."""
        png = await self._worker.offload(encode, picture, "png")
        await self._store.save_result(job.id, png)

    async def show_paused(self, entry: Entry) -> None:
        """Bring back what `keep_of_paused` kept in an earlier process, if it is there."""
        job = entry.job
        try:
            entry.best = await self.of_result(job)
        except DuostyleError:
            return
        job.frame_seq = job.next_seq()
        self._hub.picture(job.id, entry.best, seq=job.frame_seq, step=job.step)
        entry.pictured.set()

    async def newest(self, entry: Entry) -> Picture:
        """An unfinished job's newest picture; waits for the first one. Raises NotFinished when there is none."""
        topic = self._hub.topic(entry.job.id)
        if entry.job.status is JobStatus.RUNNING:
            self._hub.ask(entry.job.id)
        if topic.picture is None and entry.job.status is JobStatus.RUNNING:
            try:
                async with asyncio.timeout(_PATIENCE_S):
                    await entry.pictured.wait()
            except TimeoutError:
                raise NotFinished("the job shows no picture yet") from None
        if topic.picture is None:
            raise NotFinished("the job has no picture yet")
        return topic.picture


def check_mask(mask: Picture, field: str) -> None:
    """Raises BadRequest when the mask leaves its style no place: leaving the style out says that better."""
    if mask.is_black:
        raise BadRequest(
            f"{field}: the mask is black all over, so its style would go nowhere",
            field=field,
            limit="some of it grey or white; null takes what the others leave",
            got="black",
        )
