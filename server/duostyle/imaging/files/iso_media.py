"""What the boxes of an AVIF say of its colours, its depth and its crop, which Pillow does not tell.

Boxes: ISO/IEC 14496-12 and 23008-12 (HEIF); av1C: https://aomediacodec.github.io/av1-isobmff/#av1codecconfigurationbox-syntax
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from duostyle.imaging.colour import CodePoints

_MAX_BOXES = 10_000
# A bit of the third byte of an av1C box.
_HIGH_BITDEPTH = 0x40


class Aperture(NamedTuple):
    """The part of a picture that is shown, in px from its top left, before it is turned."""

    left: int
    top: int
    right: int
    bottom: int


class _Box(NamedTuple):
    kind: bytes
    body: memoryview


class AvifProperties:
    """The properties of the primary picture; none where the boxes cannot be read."""

    def __init__(self, data: bytes) -> None:
        try:
            meta = _inside(memoryview(data), b"meta")[4:]
            self._boxes, self._coded = _properties(meta), _configurations(meta)
        except (LookupError, struct.error):
            self._boxes, self._coded = [], []

    @property
    def deep(self) -> bool:
        """Whether any picture in the file has more than 8 bits a sample, or that is not said where it should be."""
        return not self._coded or any(len(body) < 3 or body[2] & _HIGH_BITDEPTH for body in self._coded)

    @property
    def code_points(self) -> CodePoints | None:
        """Of the first `colr` box of kind `nclx`. The decoder has made the full range of the samples."""
        for kind, body in self._boxes:
            if kind == b"colr" and bytes(body[:4]) == b"nclx" and len(body) >= 8:
                return CodePoints(*struct.unpack_from(">HH", body, 4))
        return None

    def aperture(self, width: int, height: int) -> Aperture | None:
        """What the `clap` box leaves of a picture of this size in px; None for all of it, or where it is senseless."""
        for kind, body in self._boxes:
            if kind != b"clap" or len(body) < 32:
                continue
            wide, wide_by, high, high_by, x, x_by, y, y_by = struct.unpack_from(">IIIIiIiI", body)
            if 0 in (wide_by, high_by, x_by, y_by):
                return None
            left = (width - wide / wide_by) / 2 + x / x_by
            top = (height - high / high_by) / 2 + y / y_by
            shown = Aperture(round(left), round(top), round(left + wide / wide_by), round(top + high / high_by))
            fits = 0 <= shown.left < shown.right <= width and 0 <= shown.top < shown.bottom <= height
            return shown if fits and shown != (0, 0, width, height) else None
        return None


def _properties(meta: memoryview) -> list[_Box]:
    """Those of the primary item, in order. Raises LookupError, struct.error."""
    containers = _inside(meta, b"iprp")
    properties = list(_boxes(_inside(containers, b"ipco")))
    own = _associated(_inside(meta, b"pitm"), _inside(containers, b"ipma"))
    found = [properties[number - 1] for number in own if 0 < number <= len(properties)]
    if not any(box.kind == b"colr" for box in found):
        # A picture that is made of tiles may have its colours at those.
        found += [box for box in properties if box.kind == b"colr"]
    return found


def _configurations(meta: memoryview) -> list[memoryview]:
    """Of the codec, for each kind of item: the tiles of a picture and its alpha are items of their own. Raises
    LookupError, struct.error."""
    properties = _inside(_inside(meta, b"iprp"), b"ipco")
    return [box.body for box in _boxes(properties) if box.kind == b"av1C"]


def _associated(primary: memoryview, associations: memoryview) -> list[int]:
    """The numbers, from 1 on, of the primary item's properties. Raises LookupError, struct.error."""
    (item,) = struct.unpack_from(">H" if primary[0] == 0 else ">I", primary, 4)
    version, large = associations[0], associations[3] & 1
    (count,) = struct.unpack_from(">I", associations, 4)
    at = 8
    for _ in range(min(count, _MAX_BOXES)):
        (number,) = struct.unpack_from(">H" if version < 1 else ">I", associations, at)
        at += 2 if version < 1 else 4
        length, at = associations[at], at + 1
        entries = struct.unpack_from(f">{length}{'H' if large else 'B'}", associations, at)
        at += length * (2 if large else 1)
        if number == item:
            return [entry & (0x7FFF if large else 0x7F) for entry in entries]
    raise LookupError(item)


def _inside(data: memoryview, kind: bytes) -> memoryview:
    """The body of the first box of this kind. Raises LookupError, struct.error."""
    for box in _boxes(data):
        if box.kind == kind:
            return box.body
    raise LookupError(kind)


def _boxes(data: memoryview) -> Iterator[_Box]:
    at = 0
    for _ in range(_MAX_BOXES):
        if at + 8 > len(data):
            return
        length, kind = struct.unpack_from(">I4s", data, at)
        head = 8
        if length == 1:
            length, head = struct.unpack_from(">Q", data, at + 8)[0], 16
        elif length == 0:
            length = len(data) - at
        if length < head:
            return
        yield _Box(kind, data[at + head : at + length])
        at += length
