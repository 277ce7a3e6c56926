"""The tables of jobs and uploads: plain SQL on one connection, called from one thread. No files, no asyncio.

The columns of a job, their types and what is JSON follow from the fields of `Job`.
"""

from __future__ import annotations

import errno
import json
import logging
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, NamedTuple, get_args

from pydantic import ValidationError

from duostyle.job import Job, JobStatus, stored_types
from duostyle.picture import StoredImage
from duostyle.storage.database_file import VERSION, check_version, identity, locked

_log = logging.getLogger(__name__)
# How a field's type is stored; all others are JSON in a TEXT.
_SQL_TYPES = {str: "TEXT", JobStatus: "TEXT", bytes: "BLOB", int: "INTEGER", bool: "INTEGER", float: "REAL"}


def _alternatives(kind: Any) -> set[Any]:
    return set(get_args(kind)) if isinstance(kind, UnionType) else {kind}


def _declaration(kind: Any) -> str:
    """The SQL type of a field's column."""
    kinds = _alternatives(kind)
    (plain,) = kinds - {NoneType}
    return _SQL_TYPES.get(plain, "TEXT") + ("" if NoneType in kinds else " NOT NULL")


_COLUMNS = stored_types()
_JSON = [name for name, kind in _COLUMNS.items() if not _alternatives(kind) - {NoneType} <= _SQL_TYPES.keys()]
_NAMES = ", ".join(_COLUMNS)
_UPSERT = (
    f"INSERT INTO jobs ({_NAMES}) VALUES ({', '.join(':' + name for name in _COLUMNS)}) "  # noqa: S608
    f"ON CONFLICT(id) DO UPDATE SET {', '.join(f'{name} = :{name}' for name in _COLUMNS if name != 'id')}"
)
_ENDED = f"status IN ({', '.join(repr(status.value) for status in JobStatus if status.ended)})"

# Who uploaded a picture may give it up again: it goes with the last of its holds, each known by the hash of a key.
_HOLDS = """
CREATE TABLE holds (
    image TEXT NOT NULL REFERENCES images(id) ON DELETE CASCADE, key_hash BLOB NOT NULL, PRIMARY KEY (image, key_hash)
);
"""
# Of one picture; the oldest give way.
_MOST_HOLDS = 100
_SCHEMA = f"""
CREATE TABLE images (
    id TEXT PRIMARY KEY, width INTEGER NOT NULL, height INTEGER NOT NULL, format TEXT NOT NULL,
    bytes INTEGER NOT NULL, touched_at REAL NOT NULL
);
CREATE TABLE jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    {", ".join(f"{name} {_declaration(kind)}" for name, kind in _COLUMNS.items())},
    UNIQUE (id)
);
CREATE TABLE uses (
    job TEXT NOT NULL REFERENCES jobs(id) ON DELETE CASCADE, image TEXT NOT NULL, PRIMARY KEY (job, image)
);
CREATE INDEX uses_by_image ON uses(image);
{_HOLDS}
"""
# Upgrades a file of this version to the next one.
_UPGRADES = {
    1: "ALTER TABLE jobs ADD COLUMN starts INTEGER NOT NULL DEFAULT 0;",
    2: "ALTER TABLE jobs ADD COLUMN steering TEXT;",
    3: _HOLDS,
}


# How long a write waits for another program that uses the database, in seconds.
_BUSY_S = 5.0
_NO_FILE = (0, 0)


class Unused(NamedTuple):
    """A picture that no job uses; `touched_at`: when it was last uploaded, in unix seconds."""

    touched_at: float
    id: str
    bytes: int


class Database:
    """One open database file. Every write is durable when it returns."""

    def __init__(self, path: Path) -> None:
        """Open or create. Raises BadRequest when another server has it open or a newer version wrote it."""
        # Two servers on one folder would paint each other's jobs.
        self._lock = locked(path)
        self._path, self._file = path, _NO_FILE
        try:
            # Others may read while this process writes: a backup does.
            self._sql = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=_BUSY_S)
            try:
                self._prepare()
            except BaseException:
                self._sql.close()
                raise
        except BaseException:
            self._lock.close()
            raise
        self._file = identity(path)

    def _prepare(self) -> None:
        self._sql.execute("PRAGMA journal_mode = WAL")
        self._sql.execute("PRAGMA synchronous = FULL")
        self._sql.execute("PRAGMA foreign_keys = ON")
        # What is deleted is overwritten, not just unlinked from the tables.
        self._sql.execute("PRAGMA secure_delete = ON")
        (version,) = self._sql.execute("PRAGMA user_version").fetchone()
        check_version(self._path, version)
        if version == 0:
            self._sql.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;")
            return
        for old in range(version, VERSION):
            self._sql.executescript(f"BEGIN IMMEDIATE; {_UPGRADES[old]} PRAGMA user_version = {old + 1}; COMMIT;")

    def close(self) -> None:
        self._sql.close()
        self._lock.close()

    def scrub(self) -> None:
        """Truncate the write-ahead log, so that deleted data is gone from it too."""
        self._sql.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def check_present(self) -> None:
        """Raises OSError when the file at its path is gone, or is no longer the one that is open."""
        if identity(self._path) != self._file:
            raise OSError(errno.ESTALE, "another database is in its place; restart the server")

    def probe(self) -> None:
        """Write something that changes nothing. Raises what every write would raise now."""
        self.check_present()
        self._sql.execute(f"PRAGMA user_version = {VERSION}")

    def put_image(self, image: StoredImage, now: float) -> None:
        """Insert, or note that it was uploaded again at `now` (unix seconds)."""
        self._sql.execute(
            "INSERT INTO images VALUES (?, ?, ?, ?, ?, ?) "
            "ON CONFLICT(id) DO UPDATE SET touched_at = excluded.touched_at",
            (image.id, image.width, image.height, image.format, image.bytes, now),
        )

    def image(self, image_id: str) -> StoredImage | None:
        row = self._sql.execute(
            "SELECT id, width, height, format, bytes FROM images WHERE id = ?", (image_id,)
        ).fetchone()
        return None if row is None else StoredImage(*row)

    def images(self) -> dict[str, int]:
        """Ids of all pictures, each with its size in bytes."""
        return dict(self._sql.execute("SELECT id, bytes FROM images"))

    def hold_image(self, image_id: str, key_hash: bytes) -> None:
        """Who has the key may give the picture up."""
        self._sql.execute("INSERT OR IGNORE INTO holds VALUES (?, ?)", (image_id, key_hash))
        self._sql.execute(
            "DELETE FROM holds WHERE image = ?1 AND rowid NOT IN "
            "(SELECT rowid FROM holds WHERE image = ?1 ORDER BY rowid DESC LIMIT ?2)",
            (image_id, _MOST_HOLDS),
        )

    def give_up_image(self, image_id: str, key_hash: bytes) -> bool:
        """Remove this hold on a picture; False when there is none."""
        cursor = self._sql.execute("DELETE FROM holds WHERE image = ? AND key_hash = ?", (image_id, key_hash))
        return cursor.rowcount > 0

    def free_image(self, image_id: str) -> Unused | None:
        """The picture when no job uses it and nobody holds it."""
        row = self._sql.execute(
            "SELECT touched_at, id, bytes FROM images WHERE id = ?1 "
            "AND NOT EXISTS (SELECT 1 FROM uses WHERE image = ?1) "
            "AND NOT EXISTS (SELECT 1 FROM holds WHERE image = ?1)",
            (image_id,),
        ).fetchone()
        return None if row is None else Unused(*row)

    def remove_image(self, image_id: str) -> None:
        self._sql.execute("DELETE FROM images WHERE id = ?", (image_id,))

    def unused_images(self, *, untouched_since: float, most: int) -> list[Unused]:
        """Pictures of no job, not uploaded again after `untouched_since` (unix seconds): the oldest `most`."""
        rows = self._sql.execute(
            "SELECT touched_at, id, bytes FROM images WHERE touched_at <= ? "
            "AND NOT EXISTS (SELECT 1 FROM uses WHERE image = images.id) ORDER BY touched_at, id LIMIT ?",
            (untouched_since, most),
        )
        return [Unused(*row) for row in rows]

    def used_only_by(self, job_id: str) -> list[Unused]:
        """Pictures that no other job uses."""
        rows = self._sql.execute(
            "SELECT touched_at, id, bytes FROM uses JOIN images ON id = image WHERE job = ?1 "
            "AND NOT EXISTS (SELECT 1 FROM uses AS others WHERE others.image = id AND others.job != ?1)",
            (job_id,),
        )
        return [Unused(*row) for row in rows]

    def save_job(self, job: Job) -> None:
        """Insert or replace, with the pictures it uses; a job keeps its place in the order."""
        values = job.stored()
        for name in _JSON:
            values[name] = None if values[name] is None else json.dumps(values[name])
        masks = [mask for _, mask in job.params.mask_ids()]
        used = {job.content, *job.styles, *(mask for mask in masks if mask is not None)}
        self._sql.execute("BEGIN IMMEDIATE")
        try:
            self._sql.execute(_UPSERT, values)
            self._sql.execute("DELETE FROM uses WHERE job = ?", (job.id,))
            self._sql.executemany("INSERT INTO uses VALUES (?, ?)", [(job.id, image) for image in sorted(used)])
            self._sql.execute("COMMIT")
        except BaseException:
            # a full disk has ended the transaction already
            if self._sql.in_transaction:
                self._sql.execute("ROLLBACK")
            raise

    def jobs(self) -> list[Job]:
        """All jobs that this version can read, in the order they were first saved."""
        read = map(_job, self._sql.execute(f"SELECT {_NAMES} FROM jobs ORDER BY number"))  # noqa: S608
        return [job for job in read if job is not None]

    def job(self, job_id: str) -> Job | None:
        """One job; None when there is none with that id that this version can read."""
        row = self._sql.execute(f"SELECT {_NAMES} FROM jobs WHERE id = ?", (job_id,)).fetchone()  # noqa: S608
        return None if row is None else _job(row)

    def results(self) -> dict[str, bool]:
        """Ids of all jobs, also of those that only another version can read, each with whether it has a result."""
        return {job_id: bool(has_result) for job_id, has_result in self._sql.execute("SELECT id, has_result FROM jobs")}

    def active_jobs(self) -> list[str]:
        """Ids of the jobs that have not ended."""
        return [job_id for (job_id,) in self._sql.execute(f"SELECT id FROM jobs WHERE NOT {_ENDED}")]  # noqa: S608

    def created_at(self, job_id: str) -> float | None:
        """In unix seconds; None when there is no such job."""
        row = self._sql.execute("SELECT created_at FROM jobs WHERE id = ?", (job_id,)).fetchone()
        return None if row is None else float(row[0])

    def ended_jobs_total(self) -> int:
        (total,) = self._sql.execute(f"SELECT count(*) FROM jobs WHERE {_ENDED}").fetchone()  # noqa: S608
        return int(total)

    def ended_jobs(self, *, most: int) -> list[tuple[float, str]]:
        """When they ended (unix seconds) and their ids: the oldest `most`."""
        return self._sql.execute(
            f"SELECT coalesce(ended_at, created_at) AS at, id FROM jobs WHERE {_ENDED} ORDER BY at, id LIMIT ?",  # noqa: S608
            (most,),
        ).fetchall()

    def lost_results(self, job_ids: Iterable[str]) -> None:
        """These jobs have no result any more."""
        self._sql.executemany("UPDATE jobs SET has_result = 0 WHERE id = ?", [(job_id,) for job_id in job_ids])

    def remove_job(self, job_id: str) -> None:
        self._sql.execute("DELETE FROM jobs WHERE id = ?", (job_id,))


def _job(row: tuple[Any, ...]) -> Job | None:
    values = dict(zip(_COLUMNS, row, strict=True))
    for name in _JSON:
        values[name] = None if values[name] is None else json.loads(values[name])
    try:
        return Job.from_stored(values)
    except ValidationError:
        # its parameters were different: nothing can be painted from it
        _log.warning("a job that another version stored cannot be read and is ignored")
        return None
