"""The tables of jobs and uploads: plain SQL on one connection, called from one thread. No files, no asyncio."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from duostyle.errors import BadRequest, StorageUnavailable

_VERSION = 3
_SCHEMA = """
CREATE TABLE images (
    id TEXT PRIMARY KEY, width INTEGER NOT NULL, height INTEGER NOT NULL, format TEXT NOT NULL,
    bytes INTEGER NOT NULL, touched_at REAL NOT NULL
);
CREATE TABLE jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, key_hash BLOB NOT NULL, client TEXT NOT NULL,
    content TEXT NOT NULL, styles TEXT NOT NULL, params TEXT NOT NULL, status TEXT NOT NULL,
    created_at REAL NOT NULL, started_at REAL, ended_at REAL,
    width INTEGER NOT NULL, height INTEGER NOT NULL, step INTEGER NOT NULL, total_steps INTEGER NOT NULL,
    elapsed_s REAL NOT NULL, seq INTEGER NOT NULL, costs TEXT, error TEXT,
    has_result INTEGER NOT NULL, partial INTEGER NOT NULL, report TEXT, starts INTEGER NOT NULL DEFAULT 0,
    steering TEXT
);
CREATE TABLE uses (
    job TEXT NOT NULL REFERENCES jobs(id) ON DELETE CASCADE, image TEXT NOT NULL, PRIMARY KEY (job, image)
);
CREATE INDEX uses_by_image ON uses(image);
"""
# What brings a file of this version to the next one.
_UPGRADES = {
    1: "ALTER TABLE jobs ADD COLUMN starts INTEGER NOT NULL DEFAULT 0;",
    2: "ALTER TABLE jobs ADD COLUMN steering TEXT;",
}


# What the disk does to SQLite; every other error of its is a bug of ours.
_OF_THE_DISK = {
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_CORRUPT,
}


@contextlib.contextmanager
def storage_errors() -> Iterator[None]:
    """Errors of the disk, of files and tables alike -> StorageUnavailable."""
    try:
        yield
    except (OSError, sqlite3.DatabaseError) as error:
        # the low byte is the kind, the rest tells where
        code = 0 if isinstance(error, OSError) else getattr(error, "sqlite_errorcode", 0) & 0xFF
        if not isinstance(error, OSError) and code not in _OF_THE_DISK:
            raise
        raise StorageUnavailable("the server cannot use its data folder at the moment; try again later") from error


@dataclass(frozen=True, slots=True)
class ImageRow:
    """An uploaded picture: size in px after orientation, `bytes` as uploaded."""

    id: str
    width: int
    height: int
    format: str
    bytes: int


@dataclass(frozen=True, slots=True)
class JobRow:
    """All that outlives the process about a job. Times are unix seconds, `status` a JobStatus value.

    `starts` counts the runs on the engine that never came back.
    """

    id: str
    key_hash: bytes
    client: str
    content: str
    styles: tuple[str, ...]
    params: dict[str, Any]
    status: str
    created_at: float
    started_at: float | None
    ended_at: float | None
    width: int
    height: int
    step: int
    total_steps: int
    elapsed_s: float
    seq: int
    costs: dict[str, Any] | None
    error: dict[str, Any] | None
    has_result: bool
    partial: bool
    report: dict[str, Any] | None
    starts: int = 0
    steering: dict[str, Any] | None = None


_COLUMNS = [field.name for field in dataclasses.fields(JobRow)]
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM jobs"  # noqa: S608
_UPSERT = (
    f"INSERT INTO jobs ({', '.join(_COLUMNS)}) VALUES ({', '.join(':' + name for name in _COLUMNS)}) "  # noqa: S608
    f"ON CONFLICT(id) DO UPDATE SET {', '.join(f'{name} = :{name}' for name in _COLUMNS[1:])}"
)
_JSON = ("styles", "params", "costs", "error", "report", "steering")


class Database:
    """One open database file. Every write is durable when it returns."""

    def __init__(self, path: Path) -> None:
        """Open or create. Raises BadRequest when another server has it open or a newer version wrote it."""
        self._sql = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            self._sql.execute("PRAGMA busy_timeout = 0")
            # Two servers on one folder would paint each other's jobs: the lock is held for the life of the process.
            self._sql.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._sql.execute("PRAGMA journal_mode = WAL")
            self._sql.execute("PRAGMA synchronous = FULL")
            self._sql.execute("PRAGMA foreign_keys = ON")
            # What is deleted is overwritten, not just unlinked from the tables.
            self._sql.execute("PRAGMA secure_delete = ON")
            self._prepare(path)
        except sqlite3.OperationalError as error:
            self._sql.close()
            if "locked" in str(error):
                raise BadRequest(f"another server uses the data folder {path.parent}", field="data_dir") from None
            raise
        except BaseException:
            self._sql.close()
            raise

    def _prepare(self, path: Path) -> None:
        (version,) = self._sql.execute("PRAGMA user_version").fetchone()
        if version > _VERSION:
            raise BadRequest(f"{path} was written by a newer version of duostyle", field="data_dir")
        if version == 0:
            self._sql.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {_VERSION}; COMMIT;")
            return
        for old in range(version, _VERSION):
            self._sql.executescript(f"BEGIN IMMEDIATE; {_UPGRADES[old]} PRAGMA user_version = {old + 1}; COMMIT;")

    def close(self) -> None:
        self._sql.close()

    def scrub(self) -> None:
        """What was deleted is gone from the log of changes too."""
        self._sql.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def probe(self) -> None:
        """Write something that changes nothing. Raises what every write would raise now."""
        self._sql.execute(f"PRAGMA user_version = {_VERSION}")

    def put_image(self, row: ImageRow, now: float) -> None:
        """Insert, or note that it was uploaded again at `now` (unix seconds)."""
        self._sql.execute(
            "INSERT INTO images VALUES (?, ?, ?, ?, ?, ?) "
            "ON CONFLICT(id) DO UPDATE SET touched_at = excluded.touched_at",
            (row.id, row.width, row.height, row.format, row.bytes, now),
        )

    def image(self, image_id: str) -> ImageRow | None:
        row = self._sql.execute(
            "SELECT id, width, height, format, bytes FROM images WHERE id = ?", (image_id,)
        ).fetchone()
        return None if row is None else ImageRow(*row)

    def images(self) -> list[str]:
        return [image_id for (image_id,) in self._sql.execute("SELECT id FROM images")]

    def remove_image(self, image_id: str) -> None:
        self._sql.execute("DELETE FROM images WHERE id = ?", (image_id,))

    def unused_images(self, untouched_since: float) -> list[tuple[str, float, int]]:
        """Pictures of no job, not uploaded again after `untouched_since`: (id, when, bytes)."""
        return self._sql.execute(
            "SELECT id, touched_at, bytes FROM images WHERE touched_at <= ? "
            "AND NOT EXISTS (SELECT 1 FROM uses WHERE uses.image = images.id) ORDER BY touched_at",
            (untouched_since,),
        ).fetchall()

    def image_bytes_total(self) -> int:
        (total,) = self._sql.execute("SELECT coalesce(sum(bytes), 0) FROM images").fetchone()
        return int(total)

    def save_job(self, row: JobRow) -> None:
        """Insert or replace, with the pictures it uses; a job keeps its place in the order."""
        values = {name: getattr(row, name) for name in _COLUMNS}
        for name in _JSON:
            values[name] = None if values[name] is None else json.dumps(values[name])
        masks = row.params.get("masks")
        used = {row.content, *row.styles}
        if isinstance(masks, list):
            used.update(mask for mask in masks if mask is not None)
        self._sql.execute("BEGIN IMMEDIATE")
        try:
            self._sql.execute(_UPSERT, values)
            self._sql.execute("DELETE FROM uses WHERE job = ?", (row.id,))
            self._sql.executemany("INSERT INTO uses VALUES (?, ?)", [(row.id, image) for image in sorted(used)])
            self._sql.execute("COMMIT")
        except BaseException:
            # a full disk has ended the transaction already
            if self._sql.in_transaction:
                self._sql.execute("ROLLBACK")
            raise

    def jobs(self) -> list[JobRow]:
        """All jobs, in the order they were first saved."""
        return [_job(row) for row in self._sql.execute(_SELECT + " ORDER BY number")]

    def job(self, job_id: str) -> JobRow | None:
        row = self._sql.execute(_SELECT + " WHERE id = ?", (job_id,)).fetchone()
        return None if row is None else _job(row)

    def used_by(self, job_id: str) -> list[str]:
        return [image for (image,) in self._sql.execute("SELECT image FROM uses WHERE job = ?", (job_id,))]

    def lost_results(self, job_ids: Iterable[str]) -> None:
        """These jobs have no result any more."""
        self._sql.executemany("UPDATE jobs SET has_result = 0 WHERE id = ?", [(job_id,) for job_id in job_ids])

    def remove_job(self, job_id: str) -> None:
        self._sql.execute("DELETE FROM jobs WHERE id = ?", (job_id,))


def _job(row: tuple[Any, ...]) -> JobRow:
    values = dict(zip(_COLUMNS, row, strict=True))
    for name in _JSON:
        values[name] = None if values[name] is None else json.loads(values[name])
    values["styles"] = tuple(values["styles"])
    values["has_result"], values["partial"] = bool(values["has_result"]), bool(values["partial"])
    return JobRow(**values)
