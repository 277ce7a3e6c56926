"""Cancel, pause, resume and update of one unfinished job. A job is steered only by what belongs to it alone, so that
whatever happens to a waiting job cannot touch the running one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from duostyle.errors import BadRequest
from duostyle.job import JobStatus
from duostyle.jobs.completion import Endings
from duostyle.jobs.pictures import Pictures
from duostyle.jobs.queue import Entry, Line
from duostyle.jobs.registry import Archive
from duostyle.jobs.request import masks_of
from duostyle.live.hub import Hub
from duostyle.params import apply_changes
from duostyle.protocol.outgoing import Paused, Resumed, Updated

Answer = Callable[[], None]


class Steering:
    """`answer` is called when a change is sure, before any watcher hears of it. `spawn` runs work to its end."""

    def __init__(
        self,
        *,
        archive: Archive,
        hub: Hub,
        line: Line,
        endings: Endings,
        pictures: Pictures,
        max_size_px: int,
        spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
    ) -> None:
        self._archive, self._hub, self._line = archive, hub, line
        self._endings, self._pictures = endings, pictures
        self._max_size_px = max_size_px
        self._spawn = spawn

    def cancel(self, entry: Entry) -> bool:
        """Decide that the job ends as cancelled, unless its end is decided already: then False."""
        if entry.verdict is not None:
            return False
        entry.verdict = JobStatus.CANCELLED
        if entry.on_engine:
            # the dispatcher ends it with the best picture as soon as the engine lets go
            entry.control.cancel()
        else:
            self._line.remove(entry)
            self._spawn(self._endings.finish(entry, picture=entry.best))
        return True

    async def pause(self, entry: Entry, answer: Answer) -> None:
        """Nothing new when paused already. Raises BadRequest when the job has ended."""
        async with entry.lock:
            _check_alive(entry)
            if entry.job.status is JobStatus.PAUSED:
                answer()
                return
            entry.job.move(JobStatus.PAUSED)
            entry.control.pause()
            self._line.remove(entry)
            await self._archive.save_or_later(entry.job)
            answer()
            self._hub.drop_outdated(entry.job.id)
            self._hub.tell(entry.job.id, Paused(job=entry.job.id).text())
            self._endings.count()

    async def resume(self, entry: Entry, answer: Answer) -> None:
        """Nothing new when not paused. Raises BadRequest when the job has ended."""
        async with entry.lock:
            _check_alive(entry)
            job = entry.job
            if job.status is not JobStatus.PAUSED:
                answer()
                return
            entry.control.resume()
            waits = not entry.on_engine
            job.move(JobStatus.QUEUED if waits else JobStatus.RUNNING)
            await self._archive.save_or_later(job)
            answer()
            self._hub.tell(job.id, Resumed(job=job.id).text())
            if waits and entry.verdict is None:
                # what has begun goes before what has not
                entry.told = None
                self._line.add(entry, first=True)
                self._line.tell()
            self._endings.count()

    async def update(self, entry: Entry, raw: Any, answer: Answer) -> None:
        """Change live parameters. Raises BadRequest (also when the job has ended), NotFound for a mask."""
        async with entry.lock:
            _check_alive(entry)
            job = entry.job
            params = apply_changes(job.params, raw, styles=len(job.styles), max_size_px=self._max_size_px)
            masks = None
            if "masks" in raw:
                for field, mask in masks_of(params):
                    await self._pictures.known(mask, field)
                masks = await self._pictures.masks(params)
                _check_alive(entry)
            job.params = params
            if entry.begun:
                entry.control.update(params, masks)
            await self._archive.save_or_later(job)
            answer()
            values = params.model_dump(mode="json")
            changed = {name: values[name] for name in raw}
            self._hub.tell(job.id, Updated(job=job.id, params=changed).text())


def _check_alive(entry: Entry) -> None:
    if entry.verdict is not None:
        raise BadRequest("the job has ended", field="job")
