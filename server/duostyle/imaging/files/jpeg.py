"""JPEG: Pillow decodes it; before, its segments show where it ends, how often it would be decoded and what is missing.

Markers and segments: ITU-T T.81, annex B.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from duostyle.errors import CorruptImage
from duostyle.imaging.colour import ADOBE_RGB, Declaration
from duostyle.imaging.files.source import Loaded, Size, Source, missing, profile_in
from duostyle.imaging.pixels import eight_bit, orientation

# Of a file that was cut off at least this share of the rows must be there.
LEAST_SHARE = 0.95

# A progressive JPEG of a few KiB may ask for a full pass over the picture per scan; real ones have about ten.
_MAX_SCANS = 100
_MAX_SEGMENTS = 20_000
_END = b"\xff\xd9"
# Within the data of a scan 0 follows an 0xff that is no marker, and restart markers belong to the data.
_MARKER = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")
_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})
_END_OF_IMAGE, _START_OF_SCAN = 0xD9, 0xDA
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# Coefficients of a block; a scan has some of them, to some precision.
_COEFFICIENTS = 64
# Put in place of what is missing, to see how far the picture does not depend on it; with every restart marker, since a
# decoder skips to the next one.
_NOISE = b"".join(bytes(range(1, 250)) + bytes((0xFF, 0xD0 + restart)) for restart in range(8))


# Pillow holds 4 bytes for a pixel; so many of them are left of a large picture, however large it is wanted.
_HELD_PX = 80_000_000
# libjpeg holds the coefficients of a picture with several scans.
_COEFFICIENT_BYTES = 2
# EXIF: where the tags of interoperability stand, and what they say of a picture in Adobe RGB.
_INTEROPERABILITY, _INDEX, _ADOBE_RGB = 0xA005, 1, "R03"


def opened(data: bytes) -> Source:
    """Raises CorruptImage, and whatever Pillow raises on damaged bytes."""
    file = read(data)
    image = JpegImageFile(io.BytesIO(file.data))
    size = image.size

    def load(target: Size) -> Loaded:
        whole, share = file.whole()
        reduced = image if file.ended else JpegImageFile(io.BytesIO(whole))
        reduced.draft(None, _shrunk(size, target))
        return Loaded(eight_bit(reduced), missing(share))

    held_bytes = _COEFFICIENT_BYTES * file.samples if file.scans > 1 else 0
    return Source(size, load, _declared(image), orientation(image), held_bytes)


def _shrunk(size: Size, target: Size) -> Size:
    """A decoder can shrink by 2, 4 or 8 while it decodes; not below the target, if there is room for it."""
    by = 1
    while by < 8 and (
        min(size[0] // target[0], size[1] // target[1]) >= 2 * by or math.prod(size) > _HELD_PX * by * by
    ):
        by *= 2
    return max(1, size[0] // by), max(1, size[1] // by)


def _declared(image: Image.Image) -> Sequence[Declaration]:
    """Its profile; without one a camera may say Adobe RGB in its EXIF (DCF 2.0)."""
    declared = profile_in(image)
    try:
        index = image.getexif().get_ifd(_INTEROPERABILITY).get(_INDEX)
    except Exception:  # metadata is not worth losing the picture
        return declared
    return declared or ((ADOBE_RGB,) if index == _ADOBE_RGB else ())


@dataclass(frozen=True, slots=True)
class JpegFile:
    """`data` ends where the picture does: phones put videos and further pictures behind it. `ended` is false for a file
    that was cut off; `whole_scans` tells whether the scans of every coefficient have begun, but for its last bit.
    `block_rows` of the picture are stored together; `samples` of all components stand for one pixel, 1 to 4."""

    data: bytes
    ended: bool
    whole_scans: bool
    block_rows: int
    samples: float
    scans: int

    def whole(self) -> tuple[bytes, float]:
        """The file with an end, and the share of the picture that is missing and shows as grey.

        Decodes the file when it was cut off, at an eighth. Raises CorruptImage when too much is missing.
        """
        if self.ended:
            return self.data, 0.0
        share = self._share() if self.whole_scans else 0.0
        if share < LEAST_SHARE:
            raise CorruptImage("the picture is cut off: too much of it is missing")
        return self.data + _END, 1 - share

    def _share(self) -> float:
        """How much of the picture is there: as far as it looks the same whatever follows the cut."""
        one, other = (_eighth(self.data + tail + _END) for tail in (b"", _NOISE))
        differs = np.any(one != other, axis=2)
        rows = np.flatnonzero(np.any(differs, axis=1))
        if not rows.size:
            return 1.0
        first = int(rows[0])
        # The blocks of this row that come before the cut, in as many rows as are stored together.
        columns = int(np.argmax(differs[first])) * min(self.block_rows, len(differs) - first)
        return float((first * differs.shape[1] + columns) / differs.size)


def read(data: bytes) -> JpegFile:
    """Raises CorruptImage for a file that would be decoded over and over."""
    at, scans, block_rows, samples = 2, 0, 1, 1.0
    # Per component the precision, in bits that are missing, to which each coefficient is there.
    missing: dict[int, list[int | None]] = {}
    for _ in range(_MAX_SEGMENTS):
        found = _MARKER.search(data, at)
        if found is None and not missing:
            # Pillow would look for a picture in these bytes one by one.
            raise CorruptImage("the picture is damaged: it has no frame")
        if found is None:
            return JpegFile(data, False, _all_there(missing), block_rows, samples, scans)
        marker, at = found[1][0], found.end()
        if marker == _END_OF_IMAGE:
            return JpegFile(data[:at], True, True, block_rows, samples, scans)
        if marker in _ALONE:
            continue
        size = int.from_bytes(data[at : at + 2], "big")
        if at + size > len(data):
            return JpegFile(data[: found.start()], False, _all_there(missing), block_rows, samples, scans)
        body = data[at + 2 : at + size]
        if marker in _FRAMES and len(body) >= 6 and len(body) >= 6 + 3 * body[5]:
            sampling = [(body[7 + 3 * index] >> 4, body[7 + 3 * index] & 15) for index in range(body[5])]
            missing = {body[6 + 3 * index]: [None] * _COEFFICIENTS for index in range(body[5])}
            block_rows = max((rows for _, rows in sampling), default=1)
            most = max((columns for columns, _ in sampling), default=1) * block_rows
            samples = sum(columns * rows for columns, rows in sampling) / max(1, most)
        if marker == _START_OF_SCAN:
            scans += 1
            if scans > _MAX_SCANS:
                raise CorruptImage("the picture has too many scans", limit=_MAX_SCANS)
            _note_scan(body, missing)
        at += max(2, size)
    raise CorruptImage("the picture has too many segments", limit=_MAX_SEGMENTS)


def _note_scan(body: bytes, missing: dict[int, list[int | None]]) -> None:
    count = body[0] if body else 0
    if len(body) < 4 + 2 * count:
        return
    first, last, precision = body[1 + 2 * count : 4 + 2 * count]
    for name in body[1 : 1 + 2 * count : 2]:
        for coefficient in range(first, min(last, _COEFFICIENTS - 1) + 1):
            if name in missing:
                missing[name][coefficient] = precision & 15


def _all_there(missing: dict[int, list[int | None]]) -> bool:
    return bool(missing) and all(bits is not None and bits <= 1 for component in missing.values() for bits in component)


def _eighth(data: bytes) -> np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]:
    """Decoded to one pixel per block."""
    image = JpegImageFile(io.BytesIO(data))
    image.draft(None, (1, 1))
    pixels = np.asarray(image)
    return pixels.reshape(*pixels.shape[:2], -1)
