"""What clients may do with jobs: submit, cancel, pause, resume, update, delete. Keys are checked here.

A change to a job is completed even when the client that requested it is gone. A job is changed only by what belongs to
it alone, so that whatever happens to a waiting job cannot touch the running one.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from duostyle.errors import BadRequest, DuostyleError, QueueFull, ShuttingDown, TooManyJobs
from duostyle.executor.task import RunOutcome
from duostyle.imaging.decode import decode_with_alpha, decoder_for
from duostyle.job import Job, JobStatus, hash_key, new_id, new_key
from duostyle.jobs.completion import Completion
from duostyle.jobs.pictures import check_visible, find_image, load_image, load_masks
from duostyle.jobs.queue import ActiveJob, Event, JobQueue
from duostyle.jobs.registry import JobContext, Registry
from duostyle.jobs.request import JobRequest, parse_request
from duostyle.logs import about_job
from duostyle.params import StyleParams, apply_changes, no_people
from duostyle.protocol.outgoing import Paused, Resumed, Updated

_log = logging.getLogger(__name__)
Answer = Callable[[], None]
# How long a caller waits for the engine to let go of a job.
_LET_GO_S = 30.0
# The size of the picture in which people, or anything at all, are looked for; the most time spent on people.
_LOOK_PX, _LOOK_S = 512, 5.0


def _nothing(*_: Any) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Accepted:
    """`position` in the queue (1: next), `eta_s` until the picture is ready, None while unknown."""

    job: str
    key: str
    position: int
    eta_s: float | None


class Commands:
    """All methods run on the loop. `answer` is called when the change is certain, before any watcher is notified."""

    def __init__(self, context: JobContext, registry: Registry, queue: JobQueue, completion: Completion) -> None:
        self._context, self._registry = context, registry
        self._queue, self._completion = queue, completion
        self._settings, self._surely = context.settings, context.background.surely
        self.closed = False

    def close(self) -> None:
        """Take no more jobs."""
        self.closed = True

    async def submit(
        self, *, content: Any, styles: Any, params: Any, client: str, answer: Callable[[Accepted], None] = _nothing
    ) -> Accepted:
        """Queue a job of `client` (its address); the other fields came as JSON. Durable when it returns.

        Raises BadRequest, NotAvailable, NotFound (with the field's path), CorruptImage, TooManyJobs, QueueFull,
        ShuttingDown, StorageUnavailable, and what loading the engine has raised.
        """
        try:
            accepted = await self._surely(self._submit(content, styles, params, client, answer))
        except DuostyleError as error:
            self._context.metrics.jobs_refused.labels(error.code).inc()
            raise
        self._context.metrics.jobs_submitted.inc()
        return accepted

    async def cancel(self, job_id: str, key: str, *, wait: bool = True, answer: Answer = _nothing) -> bool:
        """True when this call cancelled the job, False when it had ended; with `wait` only once that is stored.

        Raises NotFound, Forbidden.
        """
        active = await self._find(job_id, key)
        answer()
        if active is None:
            return False
        won = self._cancel(active)
        if wait:
            await self._until_ended(active)
        return won

    async def delete(self, job_id: str, key: str) -> None:
        """Cancel if need be, then forget the job, its result and its uploads. Raises NotFound, Forbidden."""
        active = await self._find(job_id, key)
        if active is not None:
            active.forget = True
            self._cancel(active)
            await self._until_ended(active)
        # even if its end was being stored already
        await self._surely(self._registry.forget(job_id))

    async def pause(self, job_id: str, key: str, *, answer: Answer = _nothing) -> None:
        """Let the next in the queue run; nothing new when paused already. Raises NotFound, Forbidden, BadRequest."""
        await self._surely(self._pause(await self._find_alive(job_id, key), answer))

    async def resume(self, job_id: str, key: str, *, answer: Answer = _nothing) -> None:
        """Go on, before all others that wait; nothing new when not paused. Raises NotFound, Forbidden, BadRequest."""
        await self._surely(self._resume(await self._find_alive(job_id, key), answer))

    async def update(self, job_id: str, key: str, params: Any, *, answer: Answer = _nothing) -> None:
        """Change live parameters.

        Raises NotFound (also for a mask), Forbidden, BadRequest (also when the job has ended).
        """
        await self._surely(self._update(await self._find_alive(job_id, key), params, answer))

    async def _submit(
        self, content: Any, styles: Any, params: Any, client: str, answer: Callable[[Accepted], None]
    ) -> Accepted:
        self._check_room(client)
        request = parse_request(content, styles, params, max_size_px=self._settings.max_size_px)
        stored = {field: await find_image(self._context, image, field) for field, image in request.pictures()}
        await self._check_people(request.content, request.params)
        if request.params.uploaded_masks():
            await load_masks(self._context, request.params)
        if request.params.transparency == "keep":
            await self._check_visible(request)
        # others were admitted while the pictures were looked up
        self._check_room(client)
        key = new_key()
        job = Job(
            id=new_id(),
            key_hash=hash_key(key),
            client=client,
            content=request.content,
            styles=request.styles,
            params=request.params,
            created_at=time.time(),
            pixels=(stored["content"].width, stored["content"].height),
        )
        accepted = Accepted(job.id, key, *self._queue.add(await self._registry.add(job)))
        with about_job(job.id):
            _log.info("a job was accepted", extra={"position": accepted.position, "styles": len(job.styles)})
        answer(accepted)
        if self._queue.error is not None:
            # the engine turned out not to load while the job was stored
            self._queue.hold(self._queue.error)
        return accepted

    def _cancel(self, active: ActiveJob) -> bool:
        """Decide that the job ends as cancelled, unless its end is decided already: then False."""
        if not active.alive:
            return False
        with_runner = active.with_runner
        active.apply(Event.CANCEL)
        if with_runner:
            # the runner ends it with the best picture as soon as the engine lets go
            active.control.cancel()
        else:
            self._queue.remove(active)
            self._completion.begin(active, RunOutcome("cancelled"))
        return True

    async def _pause(self, active: ActiveJob, answer: Answer) -> None:
        async with active.lock:
            _check_alive(active)
            job, hub = active.job, self._context.hub
            if job.status is JobStatus.PAUSED:
                answer()
                return
            active.apply(Event.PAUSE)
            active.control.pause()
            self._queue.remove(active)
            await self._registry.save_or_later(job)
            answer()
            hub.drop_outdated(job.id)
            hub.tell(job.id, Paused(job=job.id).text())

    async def _resume(self, active: ActiveJob, answer: Answer) -> None:
        async with active.lock:
            _check_alive(active)
            job = active.job
            if job.status is not JobStatus.PAUSED:
                answer()
                return
            active.apply(Event.RESUME)
            active.control.resume()
            waits = not active.with_runner
            await self._registry.save_or_later(job)
            answer()
            self._context.hub.tell(job.id, Resumed(job=job.id).text())
            if waits and active.alive:
                # what has begun goes before what has not
                self._queue.add_first(active)

    async def _update(self, active: ActiveJob, raw: Any, answer: Answer) -> None:
        async with active.lock:
            _check_alive(active)
            job = active.job
            params = apply_changes(job.params, raw, styles=len(job.styles), max_size_px=self._settings.max_size_px)
            masks = None
            if raw.keys() & {"masks", "protect"}:
                await self._check_people(job.content, params)
                for field, mask in params.uploaded_masks():
                    await find_image(self._context, mask, field)
                masks = await load_masks(self._context, params)
                _check_alive(active)
            job.params = params
            if active.with_runner or active.task is not None:
                active.control.update(params, masks)
            await self._registry.save_or_later(job)
            answer()
            values = params.model_dump(mode="json")
            changed = {name: values[name] for name in raw}
            self._context.hub.tell(job.id, Updated(job=job.id, params=changed).text())

    async def _find(self, job_id: str, key: str) -> ActiveJob | None:
        """The active job, None when it has ended. Raises NotFound, Forbidden."""
        (await self._registry.recall(job_id)).check_key(key)
        return self._registry.active.get(job_id)

    async def _find_alive(self, job_id: str, key: str) -> ActiveJob:
        active = await self._find(job_id, key)
        if active is None:
            raise BadRequest("the job has ended", field="job")
        return active

    async def _check_visible(self, request: JobRequest) -> None:
        """Raises BadRequest naming a content or a style that is wholly transparent."""
        named = [("content", request.content), *((f"styles.{i}", style) for i, style in enumerate(request.styles))]
        for field, image_id in named:
            picture = await load_image(self._context, image_id, max_px=_LOOK_PX, decoder=decode_with_alpha)
            check_visible(picture, field)

    async def _check_people(self, content: str, params: StyleParams) -> None:
        """Raises BadRequest when the parameters ask for people and the content has none; while the engine is
        unavailable, the job itself fails with that error."""
        asking = params.asks_for_people()
        if asking is None or not self._context.engine_thread.loaded:
            return
        decoder = decoder_for(params.transparency)
        picture = await load_image(self._context, content, max_px=_LOOK_PX, decoder=decoder)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_S):
                if await self._context.engine_thread.ask(lambda engine, check: engine.has_people(picture)):
                    return
            raise no_people(asking)

    def _check_room(self, client: str) -> None:
        if self.closed:
            raise ShuttingDown("the server is shutting down")
        # what cannot be painted is not taken
        self._context.engine_thread.check_loadable()
        jobs = [active.job for active in self._registry.active.values()]
        limit = self._settings.max_jobs_per_client
        if sum(job.client == client for job in jobs) >= limit:
            message = "this client has too many unfinished jobs"
            raise TooManyJobs(message, limit=limit, reached="max_jobs_per_client")
        # a paused job waits as well, and holds memory
        limit = self._settings.max_queue
        if sum(job.status is not JobStatus.RUNNING for job in jobs) >= limit:
            raise QueueFull("the queue is full", limit=limit, reached="max_queue")

    async def _until_ended(self, active: ActiveJob) -> None:
        # an engine or a disk that hangs must not hang its callers too; the end is decided all the same
        outage = self._context.store.outage
        waits = [asyncio.create_task(one) for one in (active.ended.wait(), outage.until_begun())]
        try:
            await asyncio.wait(waits, timeout=_LET_GO_S, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()


def _check_alive(active: ActiveJob) -> None:
    if not active.alive:
        raise BadRequest("the job has ended", field="job")
