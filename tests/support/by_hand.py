"""Picture files read by their specifications alone: an oracle that is none of the libraries that write them."""

from __future__ import annotations

import struct
import zlib
from typing import Any

_TYPES = {1: "B", 2: "s", 3: "H", 4: "I", 5: "II", 7: "s"}


def png_chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """Kind and body of each, in order; every checksum is looked at."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, chunks = 8, []
    while at < len(data):
        (size,) = struct.unpack_from(">I", data, at)
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
        assert struct.unpack_from(">I", data, at + 8 + size) == (zlib.crc32(kind + body),)
        chunks.append((kind, body))
        at += 12 + size
    return chunks


def png_samples(data: bytes) -> tuple[int, int, list[int]]:
    """Width, height and the samples of an RGB or RGBA PNG of 16 bits, its rows unfiltered or of the filters Sub and
    Up."""
    chunks = png_chunks(data)
    width, height, depth, colour, *rest = struct.unpack(">IIBBBBB", dict(chunks)[b"IHDR"])
    assert (depth, rest) == (16, [0, 0, 0])
    channels = {2: 3, 6: 4}[colour]
    size = 2 * channels
    rows = zlib.decompress(b"".join(body for kind, body in chunks if kind == b"IDAT"))
    before, samples = bytearray(size * width), b""
    for y in range(height):
        start = y * (size * width + 1)
        filtered, row = rows[start], bytearray(rows[start + 1 : start + 1 + size * width])
        assert filtered in (0, 1, 2)
        for at in range(len(row)):
            left = row[at - size] if at >= size else 0
            row[at] = (row[at] + (0, left, before[at])[filtered]) % 256
        before, samples = row, samples + row
    return width, height, list(struct.unpack(f">{channels * width * height}H", samples))


def jpeg_segments(data: bytes) -> list[tuple[int, bytes]]:
    """Marker and body of each up to the first scan."""
    assert data[:2] == b"\xff\xd8"
    at, segments = 2, []
    while data[at + 1] != 0xDA:
        assert data[at] == 0xFF
        (size,) = struct.unpack_from(">H", data, at + 2)
        segments.append((data[at + 1], data[at + 4 : at + 2 + size]))
        at += 2 + size
    return segments


def webp_chunks(data: bytes) -> dict[bytes, bytes]:
    assert data[:4] + data[8:12] == b"RIFFWEBP"
    assert struct.unpack_from("<I", data, 4) == (len(data) - 8,)
    at, chunks = 12, {}
    while at < len(data):
        (size,) = struct.unpack_from("<I", data, at + 4)
        chunks[data[at : at + 4]] = data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    return chunks


def tiff_tags(data: bytes, *, at: int | None = None) -> dict[int, tuple[int, Any]]:
    """Type and values of each tag, of the first directory or of that `at` an offset; a text is bytes, a fraction a
    float. Exif is a TIFF without pixels."""
    order = {b"II*\0": "<", b"MM\0*": ">"}[data[:4]]
    start = struct.unpack_from(f"{order}I", data, 4)[0] if at is None else at
    tags: dict[int, tuple[int, Any]] = {}
    for number in range(struct.unpack_from(f"{order}H", data, start)[0]):
        entry = start + 2 + 12 * number
        tag, kind, count = struct.unpack_from(f"{order}HHI", data, entry)
        form = f"{order}{count}s" if _TYPES[kind] == "s" else order + _TYPES[kind] * count
        place = entry + 8 if struct.calcsize(form) <= 4 else struct.unpack_from(f"{order}I", data, entry + 8)[0]
        values: tuple[Any, ...] = struct.unpack_from(form, data, place)
        if kind == 5:
            values = tuple(values[n] / values[n + 1] for n in range(0, len(values), 2))
        tags[tag] = kind, values[0] if len(values) == 1 else values
    return tags


def exif_tags(data: bytes) -> dict[int, tuple[int, Any]]:
    """The tags of Exif, those of its own directory among them."""
    tags = tiff_tags(data)
    return tags | tiff_tags(data, at=tags[0x8769][1])


def tiff_samples(data: bytes) -> tuple[int, int, list[int]]:
    """Width, height and the samples of an RGB TIFF of 16 bits in strips, compressed by deflate with differences."""
    tags = {tag: value for tag, (_, value) in tiff_tags(data).items()}
    # bits, compression, photometric interpretation, planes, predictor
    assert [tags[tag] for tag in (258, 259, 262, 284, 317)] == [(16, 16, 16), 8, 2, 1, 2]
    width, height = tags[256], tags[257]
    strips, sizes = (value if isinstance(value, tuple) else (value,) for value in (tags[273], tags[279]))
    rows = b"".join(zlib.decompress(data[at : at + size]) for at, size in zip(strips, sizes, strict=True))
    samples = list(struct.unpack(f"{'<' if data[:2] == b'II' else '>'}{3 * width * height}H", rows))
    for at in range(len(samples)):
        if at % (3 * width) >= 3:
            samples[at] = (samples[at] + samples[at - 3]) % 2**16
    return width, height, samples
