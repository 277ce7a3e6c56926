"""What is kept and what goes: by age, number and bytes, oldest first, and never what an active job needs.

Runs on the store's thread, on its database and folders.
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass

from duostyle.storage.checkpoints import CheckpointFiles
from duostyle.storage.database import Database, Unused
from duostyle.storage.files import Folder
from duostyle.storage.timelapse_frames import TimelapseFrames

_DAY_S = 86_400.0
# An upload this young may be about to be used, so others are removed first.
_FRESH_S = 3600.0


@dataclass(frozen=True, slots=True)
class Limits:
    """Ended jobs are kept for `keep_days`, at most `max_jobs` of them, uploads that no job uses for
    `keep_uploads_days`; `max_bytes` in all."""

    keep_days: float
    keep_uploads_days: float
    max_jobs: int
    max_bytes: int


def image_file(image_id: str) -> str:
    """The name of a picture's file."""
    return image_id.removeprefix("sha256:")


def result_file(job_id: str) -> str:
    """The name of a job's picture."""
    return job_id + ".png"


def deep_file(job_id: str) -> str:
    """The name of a job's picture with 16 bits per channel; jobs of earlier versions have none."""
    return job_id + ".16.png"


class Retention:
    """`kept` are pictures (the gallery's) that are never removed, whether anything uses them or not."""

    def __init__(
        self,
        database: Database,
        *,
        images: Folder,
        results: Folder,
        timelapses: TimelapseFrames,
        checkpoints: CheckpointFiles,
    ) -> None:
        self.database = database
        self._images, self._results, self._timelapses, self._checkpoints = images, results, timelapses, checkpoints
        self.kept: frozenset[str] = frozenset()
        # what `repair` counted, less what was removed since
        self._bytes = 0

    def repair(self) -> None:
        """Remove files without a row and rows without a file: a crash left them, or a disk that was read-only.

        Counts the bytes of all files on the way.
        """
        images, files = self.database.images(), set(self._images.names())
        self._bytes = 0
        for image_id, size in images.items():
            if image_file(image_id) in files:
                self._bytes += size
            else:
                self.database.remove_image(image_id)
        for name in files - {image_file(image_id) for image_id in images}:
            self._images.remove(name)
        jobs, results = self.database.results(), set(self._results.names())
        self.database.lost_results(
            job for job, has_result in jobs.items() if has_result and result_file(job) not in results
        )
        for name in results - {file for job in jobs for file in (result_file(job), deep_file(job))}:
            self._results.remove(name)
        for job in self._timelapses.jobs() - jobs.keys():
            self._timelapses.remove(job)
        self._bytes += sum(map(self._results.size_bytes, self._results.names()))
        self._bytes += sum(map(self._timelapses.size_bytes, self._timelapses.jobs()))

    def forget(self, job_id: str) -> None:
        """Remove the job and all that is its own, so that nothing of it can be read from the disk's files."""
        created_at = self.database.created_at(job_id)
        if created_at is None:
            return
        for image in self._remove_job(job_id):
            if image.touched_at <= created_at and image.id not in self.kept:
                self._remove_image(image)
        self.database.scrub()

    def give_up(self, image_id: str, key_hash: bytes, *, in_use: frozenset[str]) -> bool:
        """Remove this hold on an upload, and the upload when nobody else holds it and no job uses it, be it stored or
        `in_use`; False when there is no such hold."""
        if not self.database.give_up_image(image_id, key_hash):
            return False
        free = self.database.free_image(image_id)
        if free is not None and image_id not in self.kept | in_use:
            self._remove_image(free)
            self.database.scrub()
        return True

    def sweep(self, limits: Limits, *, now: float, keep_images: frozenset[str], most: int) -> int:
        """Remove at most `most` jobs and pictures that the limits do not allow, oldest first; how many went.

        Comes after `repair`. Reads no more rows than it may remove, and those of the pictures of the jobs that go.
        """
        kept = keep_images | self.kept
        too_old, spare = now - limits.keep_days * _DAY_S, now - _FRESH_S
        untouched = now - limits.keep_uploads_days * _DAY_S
        count, jobs = self.database.ended_jobs_total(), self.database.ended_jobs(most=most)
        found = self.database.unused_images(untouched_since=max(untouched, spare), most=most + len(kept))
        images = [image for image in found if image.id not in kept]
        removed = 0
        while removed < most:
            full = self._bytes > limits.max_bytes
            touched_at = images[0].touched_at if images else math.inf
            ended_at, job = jobs[0] if jobs else (math.inf, "")
            if touched_at <= untouched or (full and touched_at <= min(spare, ended_at)):
                self._remove_image(heapq.heappop(images))
            elif job and (full or ended_at < too_old or count > limits.max_jobs):
                jobs.pop(0)
                count -= 1
                for freed in self._remove_job(job):
                    if freed.id not in kept:
                        heapq.heappush(images, freed)
            else:
                break
            removed += 1
        return removed

    def _remove_job(self, job_id: str) -> list[Unused]:
        """Returns the pictures that no job uses any more."""
        unused = self.database.used_only_by(job_id)
        pictures = result_file(job_id), deep_file(job_id)
        self._bytes -= sum(map(self._results.size_bytes, pictures)) + self._timelapses.size_bytes(job_id)
        # The row first: a file without a row is removed at the next start, a row without a file would be wrong.
        self.database.remove_job(job_id)
        for name in pictures:
            self._results.remove(name)
        self._timelapses.remove(job_id)
        self._checkpoints.discard(job_id)
        return unused

    def _remove_image(self, image: Unused) -> None:
        self.database.remove_image(image.id)
        self._images.remove(image_file(image.id))
        self._bytes -= image.bytes
