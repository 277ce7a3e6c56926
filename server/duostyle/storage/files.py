"""Files that exist completely or not at all: written beside their target, flushed to the disk, then renamed."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path

_TEMPORARY = ".writing-"
_OWNER_ONLY = 0o600


def write_atomically(path: Path, data: bytes | Iterable[bytes | memoryview], *, mode: int = 0o666) -> None:
    """Durable when it returns, with the rights `mode` less the umask. `data` may come in pieces.

    Raises OSError (a full disk, say) and then leaves what was there before.
    """
    temporary = _beside(path)
    try:
        _fill(temporary, data, mode)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    # Without this the rename itself may be lost with the power. Some systems cannot open a folder.
    with contextlib.suppress(OSError):
        descriptor = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


class Folder:
    """One flat folder of files that only its owner may read. Names are the caller's and must hold no separator."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def prepare(self) -> None:
        """Create the folder (0700) and remove what an earlier process left half-written."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        for leftover in self.path.glob(_TEMPORARY + "*"):
            leftover.unlink(missing_ok=True)

    def write(self, name: str, data: bytes | Iterable[bytes | memoryview]) -> None:
        """As `write_atomically`."""
        write_atomically(self.path / name, data, mode=_OWNER_ONLY)

    def probe(self, size_bytes: int) -> None:
        """Write and remove a file of this size. Raises OSError when `write` would."""
        temporary = _beside(self.path / "probe")
        try:
            _fill(temporary, b"\0" * size_bytes, _OWNER_ONLY)
        finally:
            # nothing can be removed from a folder that is gone or read-only
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)

    def read(self, name: str) -> bytes | None:
        """The whole file, or None when there is none."""
        try:
            return (self.path / name).read_bytes()
        except FileNotFoundError:
            return None

    def remove(self, name: str) -> None:
        (self.path / name).unlink(missing_ok=True)

    def names(self) -> Iterator[str]:
        """Names of the whole files."""
        return (entry.name for entry in self.path.iterdir() if not entry.name.startswith(_TEMPORARY))

    def size_bytes(self, name: str) -> int:
        """Size of a file, 0 when there is none."""
        try:
            return (self.path / name).stat().st_size
        except FileNotFoundError:
            return 0


def _beside(path: Path) -> Path:
    return path.with_name(f"{_TEMPORARY}{secrets.token_hex(8)}")


def _fill(path: Path, data: bytes | Iterable[bytes | memoryview], mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), mode)
    with open(descriptor, "wb") as file:
        file.writelines((data,) if isinstance(data, bytes) else data)
        file.flush()
        os.fsync(file.fileno())
