"""The newest checkpoint of each active job, one file each.

They are large (`docs/engine.md`), so a thread of their own writes and reads them: the database and the uploads do not
wait.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Collection

from duostyle.engine.api import Checkpoint, CheckpointRefused
from duostyle.engine.checkpoint_format import decode, encode
from duostyle.logs import about_job
from duostyle.storage.database_file import storage_errors
from duostyle.storage.files import Folder
from duostyle.threads import quiet_pool

_log = logging.getLogger(__name__)
_EXTENSION = ".checkpoint"


class CheckpointFiles:
    """Job ids are checked by the caller. Calls are carried out in order."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._thread = quiet_pool(1, "duostyle-checkpoints")

    def jobs(self) -> frozenset[str]:
        """Ids of the jobs that have a checkpoint. Blocking, as is `keep_only`."""
        return frozenset(name.removesuffix(_EXTENSION) for name in self._folder.names())

    def keep_only(self, job_ids: Collection[str]) -> None:
        """Remove what a crash left of other jobs."""
        for job_id in self.jobs() - frozenset(job_ids):
            self._folder.remove(job_id + _EXTENSION)

    async def save(self, job_id: str, checkpoint: Checkpoint) -> None:
        """Replace the job's checkpoint whole; durable when it returns. Raises StorageUnavailable."""
        await asyncio.wrap_future(self._thread.submit(self._save, job_id, checkpoint))

    async def load(self, job_id: str) -> Checkpoint | None:
        """The job's checkpoint; None when there is none or it is damaged. Raises StorageUnavailable."""
        return await asyncio.wrap_future(self._thread.submit(self._load, job_id))

    def discard(self, job_id: str) -> None:
        """Remove the job's checkpoint, if there is one, after all earlier calls. Does not wait."""
        # closed: what is left of an ended job is removed at the next start
        with contextlib.suppress(RuntimeError):
            self._thread.submit(self._discard, job_id)

    async def close(self) -> None:
        """Finish all earlier calls. Nothing may be called afterwards."""
        await asyncio.wrap_future(self._thread.submit(lambda: None))
        self._thread.shutdown()

    def _save(self, job_id: str, checkpoint: Checkpoint) -> None:
        with storage_errors():
            self._folder.write(job_id + _EXTENSION, encode(checkpoint))

    def _load(self, job_id: str) -> Checkpoint | None:
        with storage_errors():
            data = self._folder.read(job_id + _EXTENSION)
        if data is None:
            return None
        try:
            return decode(data)
        except CheckpointRefused as refusal:
            with about_job(job_id):
                _log.warning("a job starts over without its checkpoint", extra={"reason": str(refusal)})
            self._discard(job_id)
            return None

    def _discard(self, job_id: str) -> None:
        try:
            self._folder.remove(job_id + _EXTENSION)
        except OSError:
            with about_job(job_id):
                _log.warning("a checkpoint that is no longer needed could not be removed")
