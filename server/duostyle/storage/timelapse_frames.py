"""The recorded frames of jobs, one file per job: small JPEGs one after another, each with its number and checksum.

Blocking, and called from the store's thread only. A record that was cut off by a crash or a full disk is not read; it
and everything after it are dropped when the file is next rewritten.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from duostyle.imaging.animation import ANIMATION_FORMATS, AnimationFormat
from duostyle.storage.files import Folder

# mark, number, step, width, height, elapsed seconds, bytes and CRC-32 of the JPEG that follows
_HEAD = struct.Struct(">4sIIHHfII")
_MARK = b"DSF1"
_FRAMES = ".frames"


@dataclass(frozen=True, slots=True)
class Frame:
    """One recorded frame. `number` counts from 0 and is never used again for another frame of the job, so a picture by
    its number never changes. `step` and `elapsed_s` are those of the painting, `width` and `height` in px."""

    number: int
    step: int
    width: int
    height: int
    elapsed_s: float
    bytes: int


class TimelapseFrames:
    """`JOB.frames` and the animations made of it, `JOB.webp` and `JOB.mp4`. Job ids are checked by the caller."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    def jobs(self) -> set[str]:
        """Ids of the jobs that have any file here."""
        return {name.rpartition(".")[0] for name in self._folder.names()}

    def size_bytes(self, job: str) -> int:
        """The size of the job's frames and animations in bytes."""
        return sum(self._folder.size_bytes(job + extension) for extension in _extensions())

    def remove(self, job: str) -> None:
        for extension in _extensions():
            self._folder.remove(job + extension)

    def begin(self, job: str, step: int) -> list[Frame]:
        """The frames of an earlier process before `step`; later ones, and all animations, are removed."""
        for format in ANIMATION_FORMATS:
            self._folder.remove(f"{job}.{format}")
        found = self.frames(job)
        kept = [frame for frame in found if frame.step < step]
        if kept != found or self._folder.size_bytes(job + _FRAMES) != sum(_HEAD.size + frame.bytes for frame in found):
            self.keep(job, kept)
        return kept

    def frames(self, job: str) -> list[Frame]:
        """All whole frames, in order."""
        return [frame for frame, _ in self._records(job, bodies=False)]

    def pictures(self, job: str) -> list[bytes]:
        """The JPEGs of all whole frames, in order."""
        return [body for _, body in self._records(job, bodies=True)]

    def picture(self, job: str, number: int) -> bytes | None:
        """The JPEG of one frame, None when there is no such frame (any more)."""
        for frame, crc, file in self._heads(job):
            if frame.number == number:
                return _body(frame, crc, file)
        return None

    def append(self, job: str, frame: Frame, jpeg: bytes) -> None:
        """Add a frame. Raises OSError, and then leaves what was there before.

        Not flushed to the disk: a time-lapse is not worth waiting for, and its checksum reveals a torn end.
        """
        path = self._folder.path / (job + _FRAMES)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o600)
        with open(descriptor, "ab", buffering=0) as file:
            before = os.fstat(descriptor).st_size
            try:
                record = memoryview(_record(frame, jpeg))
                while record:
                    record = record[file.write(record) :]
            except OSError:
                file.truncate(before)
                raise

    def keep(self, job: str, frames: Sequence[Frame]) -> None:
        """Keep only these frames. Raises OSError, and then leaves what was there before."""
        if not frames:
            self._folder.remove(job + _FRAMES)
            return
        numbers = {frame.number for frame in frames}
        records = [_record(frame, body) for frame, body in self._records(job, bodies=True) if frame.number in numbers]
        self._folder.write(job + _FRAMES, b"".join(records))

    def animation(self, job: str, format: AnimationFormat) -> bytes | None:
        """The kept animation, None when there is none."""
        return self._folder.read(f"{job}.{format}")

    def save_animation(self, job: str, format: AnimationFormat, data: bytes) -> None:
        """Keep an animation, unless the job's frames are gone by now. Raises OSError."""
        if (self._folder.path / (job + _FRAMES)).exists():
            self._folder.write(f"{job}.{format}", data)

    def _records(self, job: str, *, bodies: bool) -> Iterator[tuple[Frame, bytes]]:
        for frame, crc, file in self._heads(job):
            if not bodies:
                yield frame, b""
                continue
            body = _body(frame, crc, file)
            if body is None:
                return
            yield frame, body

    def _heads(self, job: str) -> Iterator[tuple[Frame, int, BinaryIO]]:
        """Each frame with the CRC-32 of its JPEG and the file standing at it; the reader may move it."""
        path = self._folder.path / (job + _FRAMES)
        if not path.exists():
            return
        with open(path, "rb") as file:
            end, at = os.fstat(file.fileno()).st_size, 0
            while True:
                file.seek(at)
                head = file.read(_HEAD.size)
                if len(head) < _HEAD.size:
                    return
                mark, number, step, width, height, elapsed_s, size, crc = _HEAD.unpack(head)
                at += _HEAD.size + size
                if mark != _MARK or at > end:
                    return
                yield Frame(number, step, width, height, round(elapsed_s, 3), size), crc, file


def _extensions() -> tuple[str, ...]:
    return (_FRAMES, *(f".{format}" for format in ANIMATION_FORMATS))


def _record(frame: Frame, jpeg: bytes) -> bytes:
    numbers = (frame.number, frame.step, frame.width, frame.height, frame.elapsed_s, len(jpeg), zlib.crc32(jpeg))
    return _HEAD.pack(_MARK, *numbers) + jpeg


def _body(frame: Frame, crc: int, file: BinaryIO) -> bytes | None:
    """The JPEG behind the head that was just read, None when it is damaged."""
    body = file.read(frame.bytes)
    return body if zlib.crc32(body) == crc else None
