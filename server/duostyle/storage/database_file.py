"""The database's file as a whole: its version, who has it open, whether it is one at all. The tables: `database`."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from duostyle.errors import BadRequest, StorageUnavailable

# of the tables
VERSION = 4
# The head of a database file, from the description of its format: sqlite.org/fileformat.html.
_MAGIC, _VERSION_AT = b"SQLite format 3\0", 60

# The errors of SQLite that come from the disk; all others are bugs of ours.
_OF_THE_DISK = {
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_BUSY,
}


@contextlib.contextmanager
def storage_errors() -> Iterator[None]:
    """Errors of the disk, of files and tables alike -> StorageUnavailable."""
    try:
        yield
    except (OSError, sqlite3.DatabaseError) as error:
        # the low byte is the kind, the rest is the detail
        code = 0 if isinstance(error, OSError) else getattr(error, "sqlite_errorcode", 0) & 0xFF
        if not isinstance(error, OSError) and code not in _OF_THE_DISK:
            raise
        raise StorageUnavailable("the server cannot use its data folder at the moment; try again later") from error


def is_damage(error: BaseException | None) -> bool:
    """Whether an error of SQLite says that the file itself is not what it should be."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return isinstance(error, sqlite3.DatabaseError) and code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)


def damage_text(folder: Path, reason: object) -> str:
    """What to say, and to do, when the database in `folder` is damaged."""
    return (
        f"the database in the data folder {folder} is damaged ({reason}): restore a backup, or move the folder away "
        "to begin with an empty one"
    )


def check_file(path: Path) -> None:
    """Raise BadRequest where `Database(path)` would, without changing anything; fine when there is no such file.

    Raises OSError when it cannot be read.
    """
    if not path.exists():
        return
    with path.open("rb") as file:
        head = file.read(_VERSION_AT + 4)
    if head and not head.startswith(_MAGIC):
        raise BadRequest(damage_text(path.parent, "file is not a database"), field="data_dir")
    check_version(path, int.from_bytes(head[_VERSION_AT:], "big"))
    if _lock_file(path).exists():
        locked(path).close()


def locked(path: Path) -> sqlite3.Connection:
    """What keeps other servers off this database until it is closed, or the process ends in whatever way.

    An open transaction on a file of its own, since that of the database must stay open to those who only read. Raises
    BadRequest when another server has it.
    """
    lock = sqlite3.connect(_lock_file(path), isolation_level=None, check_same_thread=False, timeout=0)
    try:
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        lock.close()
        if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
            text = f"the data folder {path.parent} is in use by another server"
            raise BadRequest(text, field="data_dir") from None
        raise
    return lock


def _lock_file(path: Path) -> Path:
    return path.with_suffix(".lock")


def check_version(path: Path, version: int) -> None:
    """Raises BadRequest when a newer version of duostyle wrote the database."""
    if version > VERSION:
        raise BadRequest(f"{path} was written by a newer version of duostyle", field="data_dir")


def identity(path: Path) -> tuple[int, int]:
    """What distinguishes this file from another of the same name. Raises OSError when it is gone."""
    found = path.stat()
    return found.st_dev, found.st_ino
