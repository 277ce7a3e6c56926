"""Jobs, uploads and results that outlive the process: one thread owns the database and the files.

This is one of the places where work passes between threads. Every method is asynchronous; its work runs on the
store's own thread, one thing after the other, and the result comes back through a future.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import errno
import logging
import os
import shutil
import time
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ParamSpec, TypeVar

from duostyle.errors import BadRequest, StorageUnavailable
from duostyle.job import JOB_ID, Job
from duostyle.params import IMAGE_ID
from duostyle.picture import StoredImage
from duostyle.storage.checkpoints import CheckpointFiles
from duostyle.storage.database import Database
from duostyle.storage.database_file import storage_errors
from duostyle.storage.files import Folder
from duostyle.storage.inspection import why_unusable
from duostyle.storage.outage import Outage, Sleep
from duostyle.storage.retention import Limits, Retention, deep_file, image_file, result_file
from duostyle.storage.timelapse_frames import TimelapseFrames

_log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

DATABASE_FILE = "duostyle.sqlite"
FOLDERS = ("images", "results", "timelapses", "checkpoints")
# How many removals a sweep makes before other work gets its turn.
_PORTION = 50
_PROBE_EVERY_S = 2.0
# The disk counts as full below this: a picture or a page of the database would not fit.
_PROBE_BYTES = 2**18
# The size of a trial write while nothing is known to be wrong.
_LOOK_BYTES = 2**12


class Store:
    """The data folder: `duostyle.sqlite`, `images/` named by their hash; `results/`, `timelapses/` and `checkpoints/`
    named by their job.

    Methods that need the disk raise StorageUnavailable when it fails.
    """

    def __init__(
        self,
        folder: Path,
        *,
        clock: Callable[[], float] = time.time,
        probe_every_s: float = _PROBE_EVERY_S,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        """`clock` gives unix seconds; `sleep` waits between two looks at the folder. Nothing is touched before
        `open`."""
        self._folder = folder
        self._clock = clock
        self._folders = {name: Folder(folder / name) for name in FOLDERS}
        self._images, self._results = self._folders["images"], self._folders["results"]
        self._timelapses = TimelapseFrames(self._folders["timelapses"])
        self.checkpoints = CheckpointFiles(self._folders["checkpoints"])
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="duostyle-store")
        self._opened: Retention | None = None
        # A folder that accepts small files is not healthy while a large one does not fit.
        self._needed_bytes = _PROBE_BYTES
        self.outage = Outage(self._probe, every_s=probe_every_s, sleep=sleep)

    async def open(self) -> None:
        """Create what is missing and repair what a crash left. Raises BadRequest when the folder cannot be used."""
        try:
            await self._submit(self._open)
        except StorageUnavailable as error:
            raise BadRequest(why_unusable(self._folder, error.__cause__), field="data_dir") from error

    async def close(self) -> None:
        """Finish all earlier calls, then close. Nothing may be called afterwards."""
        self.outage.abandon()
        with contextlib.suppress(StorageUnavailable):
            await self._submit(self._close)
        await self.checkpoints.close()
        self._thread.shutdown()

    async def put_image(
        self, data: bytes, image: StoredImage, *, key_hash: bytes | None = None
    ) -> tuple[StoredImage, bool]:
        """Keep a checked picture; True when it was not there before. Durable when it returns.

        Whoever has the key of this hash can delete it again.
        """
        return await self._on_thread(self._put_image, data, image, key_hash)

    async def give_up_image(self, image_id: str, key_hash: bytes, *, in_use: Collection[str] = ()) -> bool:
        """Remove an upload unless somebody else uploaded it too, or a job uses it. False when it has no such key.

        `in_use` are pictures of jobs that are not stored yet.
        """
        used = frozenset(in_use)
        return await self._on_thread(lambda: self._retention.give_up(image_id, key_hash, in_use=used))

    async def image(self, image_id: str) -> StoredImage | None:
        """What is known of a picture; None when there is none with that id."""
        if not IMAGE_ID.fullmatch(image_id):
            return None
        return await self._on_thread(lambda: self._database.image(image_id))

    async def image_bytes(self, image_id: str) -> bytes | None:
        """The bytes as uploaded; None when there is no picture with that id."""
        if not IMAGE_ID.fullmatch(image_id):
            return None
        return await self._on_thread(self._images.read, image_file(image_id))

    async def keep_images(self, image_ids: Iterable[str]) -> None:
        """These pictures (the gallery's) are never removed, whether anything uses them or not."""
        self._retention.kept = frozenset(image_ids)

    async def save_job(self, job: Job) -> None:
        """Insert or replace; durable when it returns. A job keeps the place in the order that it first had."""
        # it may change while the thread writes
        snapshot = dataclasses.replace(job)
        await self._on_thread(lambda: self._database.save_job(snapshot))

    async def jobs(self) -> list[Job]:
        """All jobs that this version can read, oldest first."""
        return await self._on_thread(lambda: self._database.jobs())

    async def job(self, job_id: str) -> Job | None:
        """One job; None when there is none with that id that this version can read."""
        if not JOB_ID.fullmatch(job_id):
            return None
        return await self._on_thread(lambda: self._database.job(job_id))

    async def save_result(self, job_id: str, png: bytes, deep: bytes | None = None) -> None:
        """Keep a job's picture, replacing an earlier one whole, and `deep`, a PNG of it with 16 bits per channel.

        Raises ValueError on an id that is no job id.
        """
        if not JOB_ID.fullmatch(job_id):
            raise ValueError("not a job id")
        if deep is not None:
            await self._on_thread(self._write, self._results, deep_file(job_id), deep)
        await self._on_thread(self._write, self._results, result_file(job_id), png)

    async def result(self, job_id: str) -> bytes | None:
        """The job's picture as a PNG; None when there is none."""
        if not JOB_ID.fullmatch(job_id):
            return None
        return await self._on_thread(self._results.read, result_file(job_id))

    async def deep_result(self, job_id: str) -> bytes | None:
        """The job's picture as a PNG with 16 bits per channel; None when there is none."""
        if not JOB_ID.fullmatch(job_id):
            return None
        return await self._on_thread(self._results.read, deep_file(job_id))

    async def with_timelapses(self, work: Callable[[TimelapseFrames], T]) -> T:
        """Call `work` with the recorded frames, on the store's thread. Raises what it raises."""
        return await self._on_thread(work, self._timelapses)

    async def forget_job(self, job_id: str) -> None:
        """Remove the job, its result, and its pictures, unless another job uses them or they were uploaded again."""
        await self._on_thread(lambda: self._retention.forget(job_id))

    async def sweep(
        self,
        *,
        keep_days: float,
        max_bytes: int,
        keep_uploads_days: float | None = None,
        max_jobs: int = 10**9,
        keep_images: Collection[str] = (),
    ) -> int:
        """Remove ended jobs older than `keep_days` and unused uploads older than `keep_uploads_days` (or as long), then
        the oldest until the limits are kept.

        `max_jobs` counts ended jobs. Active jobs, their pictures and `keep_images` stay. Returns how many jobs and
        pictures went.
        """
        uploads_days = keep_days if keep_uploads_days is None else keep_uploads_days
        limits, kept = Limits(keep_days, uploads_days, max_jobs, max_bytes), frozenset(keep_images)

        def portion() -> int:
            return self._retention.sweep(limits, now=self._clock(), keep_images=kept, most=_PORTION)

        await self._on_thread(lambda: self._retention.repair())
        removed, last = 0, _PORTION
        while last == _PORTION:
            # other work gets its turn in between
            last = await self._on_thread(portion)
            removed += last
        return removed

    async def _on_thread(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Raises StorageUnavailable when the disk fails; `outage` lasts from then on."""
        try:
            return await self._submit(work, *args, **kwargs)
        except StorageUnavailable as error:
            self.outage.begin(error)
            raise

    async def _submit(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        def guarded() -> T:
            with storage_errors():
                return work(*args, **kwargs)

        return await asyncio.wrap_future(self._thread.submit(guarded))

    async def watch(self, every_s: float) -> None:
        """Look at the folder every `every_s` seconds, since it may fill up or vanish while nobody writes: `outage`
        begins then. Never returns."""

        def look() -> None:
            self._database.check_present()
            self._results.probe(_LOOK_BYTES)
            if shutil.disk_usage(self._folder).free < _PROBE_BYTES:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        await self.outage.watch(lambda: self._submit(look), every_s)

    async def _probe(self) -> None:
        def probe() -> None:
            self._results.probe(self._needed_bytes)
            self._database.probe()
            self._needed_bytes = _PROBE_BYTES

        await self._submit(probe)

    @property
    def _database(self) -> Database:
        return self._retention.database

    @property
    def _retention(self) -> Retention:
        if self._opened is None:
            raise RuntimeError("the store is not open")
        return self._opened

    def _open(self) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        database = Database(self._folder / DATABASE_FILE)
        # Only after the lock is ours: another server's half-written files are none of our business.
        for folder in self._folders.values():
            folder.prepare()
        self._opened = retention = Retention(
            database,
            images=self._images,
            results=self._results,
            timelapses=self._timelapses,
            checkpoints=self.checkpoints,
        )
        try:
            with storage_errors():
                retention.repair()
                self.checkpoints.keep_only(database.active_jobs())
        except StorageUnavailable as error:
            # a full disk, perhaps: until the next start repairs the folder, the rows hide what is wrong
            _log.warning("the data folder could not be repaired", extra={"reason": str(error.__cause__)})

    def _close(self) -> None:
        if self._opened is not None:
            self._opened.database.close()
            self._opened = None

    def _put_image(self, data: bytes, image: StoredImage, key_hash: bytes | None) -> tuple[StoredImage, bool]:
        new = self._database.image(image.id) is None
        # A file that was lost is there again, whatever the row says.
        if new or self._images.size_bytes(image_file(image.id)) != len(data):
            self._write(self._images, image_file(image.id), data)
        self._database.put_image(image, self._clock())
        if key_hash is not None:
            self._database.hold_image(image.id, key_hash)
        return image, new

    def _write(self, folder: Folder, name: str, data: bytes) -> None:
        try:
            folder.write(name, data)
        except OSError:
            self._needed_bytes = max(self._needed_bytes, len(data))
            raise
