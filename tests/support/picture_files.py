"""Pictures as files, made to order: what the tests of everything that decodes share."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Sequence
from typing import Any

import av
import numpy as np
from PIL import Image

from duostyle.imaging import decode as images
from duostyle.picture import Picture, StoredImage

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def saved(image: Image.Image, format: str = "PNG", **options: Any) -> bytes:
    """By Pillow; `heic` and `heif` by `heif` below."""
    if format == "heic":
        return heif(image)
    if format == "heif":
        return heif(image, brand=b"mif1")
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def check(data: bytes, *, max_bytes: int = 2**20, max_pixels: int = 10**6) -> StoredImage:
    return images.check(data, max_bytes=max_bytes, max_pixels=max_pixels)


def pixel(picture: Picture, x: int, y: int) -> tuple[int, ...]:
    at = (y * picture.width + x) * 3
    return tuple(picture.rgb[at : at + 3])


def near(got: tuple[int, ...], wanted: tuple[int, ...], by: int) -> bool:
    return all(abs(a - b) <= by for a, b in zip(got, wanted, strict=True))


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, depth: int, colour: int, rows: bytes, extra: bytes = b"") -> bytes:
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    body = png_chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + header + extra + body + png_chunk(b"IEND", b"")


def box(kind: bytes, *parts: bytes, full: int | None = None) -> bytes:
    """A box of an ISO media file; `full` is its version and flags where it has them."""
    body = (b"" if full is None else struct.pack(">I", full)) + b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def code_points(primaries: int, transfer: int, matrix: int = 6) -> bytes:
    """The box of an ISO media file that tells colours by the numbers of ITU-T H.273, of full range."""
    return box(b"colr", b"nclx" + struct.pack(">HHHB", primaries, transfer, matrix, 0x80))


def clean_aperture(size: tuple[int, int], corner: tuple[int, int], coded: tuple[int, int]) -> bytes:
    """The box that cuts `size` px out of `coded` ones; it stores how far their centres are apart, in halves."""
    across, down = (2 * corner[side] + size[side] - coded[side] for side in (0, 1))
    return box(b"clap", struct.pack(">IIIIiIiI", size[0], 1, size[1], 1, across, 2, down, 2))


def heif(
    image: Image.Image,
    *,
    depth: int = 8,
    properties: Sequence[bytes] = (),
    colours: bytes | None = None,
    brand: bytes = b"heic",
) -> bytes:
    """Lossless HEVC of 8 or 10 bits in a HEIF of our own making; `properties` are boxes such as irot."""
    # x265 codes nothing smaller; the container then says what to cut out
    coded = Image.new("RGB", (max(64, image.width), max(64, image.height)))
    coded.paste(image, (0, 0))
    configuration, sample = _hevc(coded, depth)
    own = [box(b"hvcC", configuration), box(b"ispe", struct.pack(">II", *coded.size), full=0)]
    own.append(code_points(1, 13) if colours is None else colours)
    if coded.size != image.size:
        own.append(clean_aperture(image.size, (0, 0), coded.size))
    own += properties
    numbers = bytes(number | (0x80 if number == 1 else 0) for number in range(1, len(own) + 1))
    associations = box(b"ipma", struct.pack(">IHB", 1, 1, len(own)), numbers, full=0)

    def meta(offset: int) -> bytes:
        return box(
            b"meta",
            box(b"hdlr", struct.pack(">I4s12x", 0, b"pict"), b"\0", full=0),
            box(b"pitm", struct.pack(">H", 1), full=0),
            box(b"iloc", struct.pack(">BBHHHHII", 0x44, 0, 1, 1, 0, 1, offset, len(sample)), full=0),
            box(
                b"iinf", struct.pack(">H", 1), box(b"infe", struct.pack(">HH4sx", 1, 0, b"hvc1"), full=2 << 24), full=0
            ),
            box(b"iprp", box(b"ipco", *own), associations),
            full=0,
        )

    start = box(b"ftyp", brand, bytes(4), brand)
    return start + meta(len(start) + len(meta(0)) + 8) + box(b"mdat", sample)


def _hevc(image: Image.Image, depth: int) -> tuple[bytes, bytes]:
    """The body of an hvcC box, and the one picture coded by x265: 4:4:4, full range, the matrix of BT.601."""
    matrix = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])
    values = np.asarray(image.convert("RGB")) @ matrix.T + (0, 128, 128)
    most, kind = 2**depth - 1, np.uint8 if depth == 8 else np.uint16
    planes = np.clip(np.round(values * (most / 255)), 0, most).astype(kind)
    out = io.BytesIO()
    pixels = "yuv444p" if depth == 8 else "yuv444p10le"
    with av.open(out, "w", format="mp4") as file:
        parameters = "lossless=1:info=0:log-level=none:bframes=0:frame-threads=1:pools=none"
        stream = file.add_stream("libx265", rate=1, options={"x265-params": parameters, "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = image.width, image.height, pixels
        stream.codec_context.color_range = 2
        frame = av.VideoFrame(image.width, image.height, pixels)
        for number, plane in enumerate(frame.planes):
            padded = np.zeros((image.height, plane.line_size // planes.itemsize), kind)
            padded[:, : image.width] = planes[..., number]
            plane.update(padded.tobytes())
        frame.pts = 0
        file.mux([*stream.encode(frame), *stream.encode(None)])
    data = out.getvalue()
    return _body(data, b"hvcC"), _body(data, b"mdat")


def _body(data: bytes, kind: bytes) -> bytes:
    at = data.index(kind)
    return data[at + 4 : at - 4 + int.from_bytes(data[at - 4 : at], "big")]
