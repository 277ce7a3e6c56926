"""A copy of a data folder as it was at one moment, also while a server uses it: backup one way, restore the other."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from pathlib import Path

from duostyle.errors import BadRequest
from duostyle.storage.database_file import check_version
from duostyle.storage.store import DATABASE_FILE, FOLDERS

# for a server that writes at this very moment
_BUSY_S = 30.0
# where a copy grows until it is complete
_GROWING = ".copying"
# what an empty folder may have: a copy that was killed, and what file systems put there
_NOTHING = frozenset({_GROWING, "lost+found"})


def copy_data_folder(source: Path, target: Path) -> int:
    """Copy all of a server's data from `source` to `target`; returns the number of jobs in it.

    `target` is no data folder unless the copy is complete. Raises BadRequest when `source` is no data folder, or one of
    a newer version, or when there is something in `target` already; OSError.
    """
    if not (source / DATABASE_FILE).is_file():
        raise BadRequest(f"{source} is not a data folder of duostyle: it has no {DATABASE_FILE}")
    if target.exists() and (not target.is_dir() or {path.name for path in target.iterdir()} - _NOTHING):
        raise BadRequest(f"{target} is not empty; give the name of a new or an empty folder")
    # within the target, which may be a mount, and nothing beside it may be writable
    growing = target / _GROWING
    shutil.rmtree(growing, ignore_errors=True)
    growing.mkdir(mode=0o700, parents=True)
    try:
        # What the database names is either here already, or comes between the two: files are written before their
        # rows, and those that are removed meanwhile stay in the copy.
        _copy_files(source, growing)
        jobs = _copy_database(source / DATABASE_FILE, growing / DATABASE_FILE)
        _copy_files(source, growing)
        # the database comes last: it is what makes this a data folder
        for name in (*FOLDERS, DATABASE_FILE):
            (growing / name).replace(target / name)
    finally:
        shutil.rmtree(growing, ignore_errors=True)
    return jobs


def _copy_files(source: Path, target: Path) -> None:
    """Copy what is not there yet, or has changed since."""
    for name in FOLDERS:
        (target / name).mkdir(mode=0o700, exist_ok=True)
        if not (source / name).is_dir():
            continue
        for file in (source / name).iterdir():
            copy = target / name / file.name
            # a file that vanishes while it is copied
            with contextlib.suppress(FileNotFoundError):
                if not copy.exists() or _version(copy) != _version(file):
                    shutil.copy2(file, copy)


def _version(file: Path) -> tuple[int, int]:
    found = file.stat()
    return found.st_mtime_ns, found.st_size


def _copy_database(source: Path, target: Path) -> int:
    with (
        contextlib.closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True, timeout=_BUSY_S)) as old,
        contextlib.closing(sqlite3.connect(target)) as new,
    ):
        try:
            (version,) = old.execute("PRAGMA user_version").fetchone()
            check_version(source, version)
            old.backup(new)
            (jobs,) = new.execute("SELECT count(*) FROM jobs").fetchone()
        except sqlite3.DatabaseError as error:
            raise BadRequest(f"the database {source} cannot be read: {error}") from None
    target.chmod(0o600)
    return int(jobs)
