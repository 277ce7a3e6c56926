"""Why a data folder cannot be used, in words, and whether it could be: nothing here changes it."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from pathlib import Path

from duostyle.errors import BadRequest
from duostyle.storage.database_file import check_file, damage_text, is_damage

# Below this a few paintings fill the disk.
SCARCE_BYTES = 2**28


def why_unusable(folder: Path, error: BaseException | None) -> str:
    """One sentence for `error`, which using `folder` raised: where rights are missing it names the folder, its owner
    and who tried."""
    blocked = _blocked(folder)
    if blocked is not None:
        return blocked
    if isinstance(error, PermissionError):
        return _not_ours(folder)
    if isinstance(error, OSError):
        return f"the data folder {folder} cannot be used: {error.strerror or error}"
    if is_damage(error):
        return damage_text(folder, error)
    return f"the data folder {folder} cannot be used: {error}"


def problems_of(folder: Path, database: str) -> list[str]:
    """What would keep a server from starting on `folder`, and a disk that is nearly full; sentences, empty when all is
    well. A folder that does not exist is fine where it can be made. `database` is the name of its database."""
    blocked = _blocked(folder)
    if blocked is not None:
        return [blocked]
    existing = _nearest(folder)
    problems: list[str] = []
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        problems.append(why_unusable(folder, error))
    free_bytes = shutil.disk_usage(existing).free
    if free_bytes < SCARCE_BYTES:
        problems.append(f"the disk of the data folder {folder} is nearly full: {free_bytes / 2**20:.0f} MB are free")
    try:
        check_file(folder / database)
    except BadRequest as error:
        problems.append(error.message)
    except OSError as error:
        problems.append(why_unusable(folder, error))
    return problems


def _blocked(folder: Path) -> str | None:
    """What is in the way when there is no such folder that this process may write to."""
    existing = _nearest(folder)
    if not existing.is_dir():
        return f"the data folder {folder} cannot be used: {existing} is not a folder"
    if not os.access(existing, os.W_OK | os.X_OK):
        return _not_ours(folder)
    return None


def _not_ours(folder: Path) -> str:
    existing = _nearest(folder)
    text = f"the data folder {folder} cannot be written"
    if not hasattr(os, "geteuid"):
        return text
    found = existing.stat()
    where = "it" if existing == folder.absolute() else str(existing)
    owner = f"user {found.st_uid} (rights {stat.S_IMODE(found.st_mode):o})"
    return f"{text}: {where} belongs to {owner}, and duostyle runs as user {os.geteuid()}"


def _nearest(folder: Path) -> Path:
    """`folder`, or the nearest one above it that exists."""
    return next(path for path in (folder.absolute(), *folder.absolute().parents) if os.path.lexists(path))
