"""Reads a PNG chunk by chunk, so that a decoder is given only what makes the pixels: https://www.w3.org/TR/png-3/.

An ancillary chunk whose checksum is wrong counts as absent, as in browsers; text of any size is left out.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from duostyle.errors import CorruptImage

SIGNATURE = b"\x89PNG\r\n\x1a\n"
PALETTE = 3
# Of a file that was cut off at least this share of the rows must be there.
LEAST_SHARE = 0.95

_CHANNELS = {0: 1, 2: 3, PALETTE: 1, 4: 2, 6: 4}
_COLOUR_CHUNKS = frozenset({b"cICP", b"iCCP", b"sRGB", b"gAMA", b"cHRM"})
_KEPT = frozenset({b"tRNS", b"eXIf", *_COLOUR_CHUNKS})
_ORIENTED = (b"eXIf",)
_WITH_TRANSPARENCY = (b"eXIf", b"tRNS")
_MAX_CHUNKS = 100_000
# What a few KiB may become: text is decompressed only to refuse a bomb, since other programs are given these files too.
_MAX_TEXT_BYTES, _MAX_TEXTS_BYTES, _MAX_PROFILE_BYTES = 2**20, 2**24, 2**22
# Where Adam7 begins and how far apart its pixels are, for each pass: x, y, step in x, step in y.
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_INTERLACED_AT, _UP = 12, b"\x02"


@dataclass(frozen=True, slots=True)
class PngFile:
    """The chunks of a PNG. `ancillary` has the first of each kind that says something of the pixels; `ended` is false
    for a file that was cut off."""

    header: bytes
    palette: bytes | None
    ancillary: Mapping[bytes, bytes]
    pixels: tuple[bytes, ...] = field(repr=False)
    ended: bool

    @property
    def depth(self) -> int:
        """Bits per channel, or per palette index."""
        return self.header[8]

    @property
    def colour_type(self) -> int:
        """0 grey, 2 RGB, 3 palette, 4 grey with alpha, 6 RGB with alpha."""
        return self.header[9]

    @property
    def transparent_colour(self) -> tuple[int, ...] | None:
        """The one colour that is transparent, at the file's depth: one value for grey, three for RGB."""
        body, channels = self.ancillary.get(b"tRNS", b""), {0: 1, 2: 3}.get(self.colour_type, 0)
        if not channels or len(body) < 2 * channels:
            return None
        # The specification has the bits above the depth ignored.
        return tuple(value & ((1 << self.depth) - 1) for value in struct.unpack(f">{channels}H", body[: 2 * channels]))

    @property
    def profile(self) -> bytes | None:
        """The ICC profile. Raises CorruptImage for a bomb; one that is damaged counts as none."""
        _, _, packed = self.ancillary.get(b"iCCP", b"").partition(b"\0")
        return _inflated(packed[1:], _MAX_PROFILE_BYTES, "colour profile") if packed[:1] == b"\0" else None

    @property
    def interlaced(self) -> bool:
        """Whether its rows come in several passes."""
        return self.header[_INTERLACED_AT] != 0

    @property
    def pixel_bytes(self) -> float:
        """Of a pixel before compression."""
        return self.depth * _CHANNELS.get(self.colour_type, 1) / 8

    def plain(self) -> bytes:
        """A PNG of the same pixels that a decoder reads nothing more into, but for the alpha of a palette."""
        return self._written(self.pixels, _ORIENTED if self.colour_type != PALETTE else _WITH_TRANSPARENCY)

    def with_transparency(self) -> bytes:
        """As `plain`, with the one colour that is transparent."""
        return self._written(self.pixels, _WITH_TRANSPARENCY)

    def repaired(self) -> tuple[bytes, float]:
        """As `plain`, for a file that was cut off, and the share of its rows that is missing.

        The last row that is there stands for those. Decompresses all pixels: the size must have been checked. Raises
        CorruptImage when too much is missing.
        """
        wanted = self._size_of_rows()
        try:
            rows = zlib.decompressobj().decompress(b"".join(self.pixels), max(wanted, 1))
        except zlib.error:
            rows = b""
        row = wanted // max(1, self._height)
        there = len(rows) // max(1, row)
        share = 0.0
        if len(rows) < wanted:
            if self.interlaced or there < LEAST_SHARE * self._height:
                raise CorruptImage("the picture is cut off: too much of it is missing")
            rows = rows[: there * row] + (_UP + bytes(row - 1)) * (self._height - there)
            share = 1 - there / self._height
        kept = _ORIENTED if self.colour_type != PALETTE else _WITH_TRANSPARENCY
        return self._written((zlib.compress(rows, 1),), kept), share

    @property
    def _height(self) -> int:
        return int.from_bytes(self.header[4:8], "big")

    def _size_of_rows(self) -> int:
        """Of the pixels before compression, in bytes, with the byte that names each row's filter."""
        width, height = int.from_bytes(self.header[:4], "big"), self._height
        bits = self.depth * _CHANNELS.get(self.colour_type, 1)
        passes = _ADAM7 if self.interlaced else ((0, 0, 1, 1),)
        size = 0
        for x, y, step_x, step_y in passes:
            columns, rows = -(-max(0, width - x) // step_x), -(-max(0, height - y) // step_y)
            size += rows * (1 + -(-columns * bits // 8)) if columns else 0
        return size

    def _written(self, pixels: tuple[bytes, ...], kept: tuple[bytes, ...]) -> bytes:
        chunks = [(b"IHDR", self.header)]
        if self.palette is not None:
            chunks.append((b"PLTE", self.palette))
        chunks += [(kind, self.ancillary[kind]) for kind in kept if kind in self.ancillary]
        chunks += [(b"IDAT", body) for body in pixels]
        return SIGNATURE + b"".join(_chunk(kind, body) for kind, body in (*chunks, (b"IEND", b"")))


def read(data: bytes) -> PngFile:
    """Raises CorruptImage for what no decoder could read, and for compressed text or a profile that is a bomb."""
    header, palette, ended, text_bytes = b"", None, False, 0
    ancillary: dict[bytes, bytes] = {}
    pixels: list[bytes] = []
    for kind, body, intact in _chunks(data):
        if kind == b"IDAT":
            pixels.append(body)
        elif kind == b"IEND":
            ended = True
        elif kind in (b"IHDR", b"PLTE"):
            if not intact:
                raise CorruptImage("the picture is damaged: a checksum is wrong")
            header, palette = (body, palette) if kind == b"IHDR" else (header, body)
        elif kind in (b"zTXt", b"iTXt"):
            text_bytes += _text_bytes(kind, body)
            if text_bytes > _MAX_TEXTS_BYTES:
                raise CorruptImage("the picture has too much compressed text", limit=_MAX_TEXTS_BYTES)
        elif intact and kind in _KEPT:
            ancillary.setdefault(kind, body)
    if len(header) != 13:
        raise CorruptImage("the picture is damaged: it has no header")
    return PngFile(header, palette, ancillary, tuple(pixels), ended)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes, bool]]:
    """Kind, contents and whether the checksum is right; the last of a file that was cut off has what there is."""
    at = len(SIGNATURE)
    for _ in range(_MAX_CHUNKS):
        if at + 8 > len(data):
            return
        size, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        body, checksum = data[at + 8 : at + 8 + size], data[at + 8 + size : at + 12 + size]
        # The pixels have a checksum of their own.
        intact = kind == b"IDAT" or int.from_bytes(checksum, "big") == zlib.crc32(body, zlib.crc32(kind))
        yield kind, body, intact and len(checksum) == 4
        if kind == b"IEND":
            return
        at += 12 + size
    raise CorruptImage("the picture has too many chunks", limit=_MAX_CHUNKS)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(body, zlib.crc32(kind)).to_bytes(4, "big")


def _text_bytes(kind: bytes, body: bytes) -> int:
    """How much compressed text becomes; 0 for plain text. Raises CorruptImage for a bomb."""
    _, _, rest = body.partition(b"\0")
    if kind == b"zTXt":
        packed = rest[1:]
    elif rest[:1] == b"\x01":
        packed = rest[2:].partition(b"\0")[2].partition(b"\0")[2]
    else:
        return 0
    return len(_inflated(packed, _MAX_TEXT_BYTES, "text") or b"")


def _inflated(packed: bytes, limit: int, what: str) -> bytes | None:
    """None when it is damaged. Raises CorruptImage for more than `limit` bytes."""
    unpacker = zlib.decompressobj()
    try:
        body = unpacker.decompress(packed, limit + 1)
    except zlib.error:
        return None
    if len(body) > limit:
        raise CorruptImage(f"the {what} in the picture is too large", limit=limit)
    return body if unpacker.eof else None
