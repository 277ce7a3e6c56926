"""Admission of new jobs: what was asked for is checked, room is made sure of, and the job is stored and put in line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from duostyle.errors import InternalError, QueueFull, ShuttingDown, StorageUnavailable, TooManyJobs
from duostyle.job import Job, JobStatus, hash_key, new_id, new_key
from duostyle.jobs.completion import Endings
from duostyle.jobs.pictures import Pictures
from duostyle.jobs.queue import Entry, Line
from duostyle.jobs.registry import Archive
from duostyle.jobs.request import parse_order
from duostyle.settings import Settings


@dataclass(frozen=True, slots=True)
class Accepted:
    """`position` in the line (1: next), `eta_s` until the picture is ready, None while unknown."""

    job: str
    key: str
    position: int
    eta_s: float | None


class Intake:
    """`close` before the end: no more jobs then."""

    def __init__(
        self, *, settings: Settings, archive: Archive, pictures: Pictures, endings: Endings, line: Line
    ) -> None:
        self._settings, self._archive = settings, archive
        self._pictures, self._endings, self._line = pictures, endings, line
        self.closed = False

    def close(self) -> None:
        self.closed = True

    async def submit(
        self, content: Any, styles: Any, params: Any, client: str, answer: Callable[[Accepted], None]
    ) -> Accepted:
        """The fields came as JSON. `answer` is called before the job can begin.

        Raises BadRequest, NotAvailable, NotFound, CorruptImage, TooManyJobs, QueueFull, ShuttingDown,
        StorageUnavailable.
        """
        self._check_room(client)
        order = parse_order(content, styles, params, max_size_px=self._settings.max_size_px)
        rows = {field: await self._pictures.known(image, field) for field, image in order.pictures()}
        await self._pictures.masks(order.params)
        # others were admitted while the pictures were looked up
        self._check_room(client)
        key = new_key()
        job = Job(
            id=new_id(),
            key_hash=hash_key(key),
            client=client,
            content=order.content,
            styles=order.styles,
            params=order.params,
            created_at=self._endings.wall(),
            pixels=(rows["content"].width, rows["content"].height),
        )
        entry = self._endings.live[job.id] = Entry(job)
        try:
            await self._archive.save(job)
        except StorageUnavailable:
            del self._endings.live[job.id]
            raise
        except Exception as error:
            del self._endings.live[job.id]
            raise InternalError("the job could not be stored") from error
        self._line.add(entry)
        position, eta_s = self._line.place(entry)
        entry.told = (position or 1, eta_s)
        accepted = Accepted(job.id, key, *entry.told)
        answer(accepted)
        self._endings.count()
        return accepted

    def _check_room(self, client: str) -> None:
        if self.closed:
            raise ShuttingDown("the server is about to stop")
        jobs = [entry.job for entry in self._endings.live.values()]
        if sum(job.client == client for job in jobs) >= self._settings.max_jobs_per_client:
            raise TooManyJobs(
                "too many unfinished jobs of this client",
                limit=self._settings.max_jobs_per_client,
                reached="max_jobs_per_client",
            )
        # a paused job waits as well, and holds memory
        if sum(job.status is not JobStatus.RUNNING for job in jobs) >= self._settings.max_queue:
            raise QueueFull("the queue is full", limit=self._settings.max_queue, reached="max_queue")
