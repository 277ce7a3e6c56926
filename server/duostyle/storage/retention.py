"""What is kept and what goes: by age, number and bytes, oldest first, and never what an unfinished job needs.

Runs on the store's thread, on its database and folders.
"""

from __future__ import annotations

from dataclasses import dataclass

from duostyle.job import JobStatus
from duostyle.storage.checkpoints import Shelf
from duostyle.storage.database import Database
from duostyle.storage.files import Folder
from duostyle.storage.timelapse_frames import Reels

_DAY_S = 86_400.0
# An upload this young may be about to be used: room is made elsewhere.
_FRESH_S = 3600.0


@dataclass(frozen=True, slots=True)
class Limits:
    """Ended jobs and unused uploads are kept for `keep_days`, at most `max_jobs` ended jobs, `max_bytes` in all."""

    keep_days: float
    max_jobs: int
    max_bytes: int


def image_file(image_id: str) -> str:
    """The name of a picture's file."""
    return image_id.removeprefix("sha256:")


class Retention:
    """`kept` are pictures (the gallery's) that are never removed, whatever uses them or not."""

    def __init__(self, database: Database, *, images: Folder, results: Folder, reels: Reels, shelf: Shelf) -> None:
        self._database = database
        self._images, self._results, self._reels, self._shelf = images, results, reels, shelf
        self.kept: frozenset[str] = frozenset()

    def mend(self) -> None:
        """Remove files without a row and rows without a file: a crash left them, or a disk that was read-only."""
        rows, files = set(self._database.images()), set(self._images.names())
        for image_id in rows:
            if image_file(image_id) not in files:
                self._database.remove_image(image_id)
        for name in files - {image_file(image_id) for image_id in rows}:
            self._images.remove(name)
        jobs, results = self._database.jobs(), set(self._results.names())
        self._database.lost_results(job.id for job in jobs if job.has_result and job.id + ".png" not in results)
        for name in results - {job.id + ".png" for job in jobs}:
            self._results.remove(name)
        for job_id in self._reels.jobs() - {job.id for job in jobs}:
            self._reels.remove(job_id)

    def forget(self, job_id: str) -> None:
        """Remove the job and all that is its own, so that nothing of it can be read from the disk's files."""
        job = self._database.job(job_id)
        if job is None:
            return
        used = set(self._database.used_by(job_id))
        self._remove_job(job_id)
        unused = {image_id for image_id, _, _ in self._database.unused_images(job.created_at)}
        for image_id in (used & unused) - self.kept:
            self._remove_image(image_id)
        self._database.scrub()

    def sweep(self, limits: Limits, *, now: float, keep_images: frozenset[str], most: int) -> int:
        """Remove at most `most` jobs and pictures that the limits do not allow, oldest first; how many went."""
        kept = keep_images | self.kept
        oldest = now - limits.keep_days * _DAY_S
        jobs = [job for job in self._database.jobs() if JobStatus(job.status).ended]
        ended = sorted((job.ended_at or job.created_at, job.id) for job in jobs)
        results = {name: self._results.size_bytes(name) for name in self._results.names()}
        reels = {job_id: self._reels.size_bytes(job_id) for job_id in self._reels.jobs()}
        removed = 0
        while removed < most:
            total = self._database.image_bytes_total() + sum(results.values()) + sum(reels.values())
            full = total > limits.max_bytes
            old = [row for row in self._database.unused_images(oldest) if row[0] not in kept]
            spare = [row for row in self._database.unused_images(now - _FRESH_S) if row[0] not in kept] if full else []
            if old:
                self._remove_image(old[0][0])
            elif spare and (not ended or spare[0][1] <= ended[0][0]):
                self._remove_image(spare[0][0])
            elif ended and (full or ended[0][0] < oldest or len(ended) > limits.max_jobs):
                _, job_id = ended.pop(0)
                self._remove_job(job_id)
                results.pop(job_id + ".png", None)
                reels.pop(job_id, None)
            else:
                break
            removed += 1
        return removed

    def _remove_job(self, job_id: str) -> None:
        # The row first: a file without a row is removed at the next start, a row without a file would be a lie.
        self._database.remove_job(job_id)
        self._results.remove(job_id + ".png")
        self._reels.remove(job_id)
        self._shelf.discard(job_id)

    def _remove_image(self, image_id: str) -> None:
        self._database.remove_image(image_id)
        self._images.remove(image_file(image_id))
