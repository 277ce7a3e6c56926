"""Uploaded bytes to checked sRGB pictures. Every function here blocks.

The format is recognised by the first bytes, never by a name, and only that one decoder is tried. The size in pixels is
read from the header and capped before anything is decompressed. Of several frames or pages the first counts.
"""

from __future__ import annotations

import hashlib
import io
import math
from collections.abc import Mapping
from typing import Any

from PIL import Image, features

from duostyle.errors import CorruptImage, DuostyleError, ImageTooLarge, UnsupportedFormat
from duostyle.imaging import jpeg_file, pixels, png_file
from duostyle.imaging.png_file import PngFile
from duostyle.picture import Picture, StoredImage, fit

# The longest side that a JPEG can hold, so that every accepted picture can be sent as one.
MAX_SIDE_PX = 65_500
# Pictures up to this side are given to the engine as they are; larger ones are reduced first, to bound memory.
DECODE_PX = 4096

# Some builds of Pillow lack AVIF.
FORMATS = ("jpeg", "png", "webp", "gif", "tiff", *(("avif",) if features.check("avif") else ()))

_MAGIC = (
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"II*\x00", "tiff"),
    (b"MM\x00*", "tiff"),
)
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_TILE_WIDTH, _TILE_LENGTH = 322, 323


def check(data: bytes, *, max_bytes: int, max_pixels: int) -> StoredImage:
    """Read the header, apply the caps, then decode once in full.

    Raises ImageTooLarge, UnsupportedFormat, CorruptImage.
    """
    if len(data) > max_bytes:
        raise ImageTooLarge(
            f"the picture is larger than {max_bytes} bytes", limit=max_bytes, got=len(data), reached="max_upload_bytes"
        )
    kind = sniff(data)
    with _Damage():
        image, _ = _open(data, kind, max_pixels)
        image.load()
        # After load, because Pillow turns a TIFF upright by itself and then forgets the orientation.
        width, height = image.size
        if pixels.orientation(image) >= 5:
            width, height = height, width
    return StoredImage(image_id(data), width, height, kind, len(data))


def image_id(data: bytes) -> str:
    """`sha256:` and 64 hex digits of these bytes."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def sniff(data: bytes) -> str:
    """The format, recognised by the first bytes. Raises UnsupportedFormat."""
    for magic, name in _MAGIC:
        if data.startswith(magic):
            return name
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    if "avif" in FORMATS and _brands(data) & _AVIF_BRANDS:
        return "avif"
    raise UnsupportedFormat("this is not a picture in a supported format", limit=list(FORMATS))


def decode(data: bytes, *, max_px: int | None = None, backdrop: pixels.Backdrop = "white") -> Picture:
    """The picture upright, in 8-bit sRGB over the backdrop, its longest side at most `max_px` (never enlarged).

    Raises UnsupportedFormat, CorruptImage. The caps of `check` are not applied again.
    """
    kind = sniff(data)
    with _Damage():
        image, png = _open(data, kind)
        target = fit(*image.size, max_px)
        # A JPEG decoder can shrink by 2, 4 or 8 while it decodes; never below the target.
        image.draft(None, target)
        image.load()
        if kind == "tiff":
            # Pillow has rotated it by itself, which may have swapped its sides.
            target = fit(*image.size, max_px)
        profile = image.info.get("icc_profile") if png is None else png.profile
        orientation = pixels.orientation(image)
        image = pixels.flatten(pixels.eight_bit(image, png), backdrop)
        if image.size != target:
            image = image.resize(target, Image.Resampling.LANCZOS, reducing_gap=3.0)
        image = pixels.to_srgb(image, profile)
        image = pixels.upright(image, orientation)
        return Picture(image.width, image.height, image.tobytes())


def decode_mask(data: bytes, *, max_px: int | None = None) -> Picture:
    """As `decode`, but over black, which makes each grey value grey times alpha: what is transparent is not masked."""
    return decode(data, max_px=max_px, backdrop="black")


def style_px(size: int, scale: float) -> int:
    """The longest side in px that a style is decoded to, for a painting of this size and a stroke scale."""
    return max(DECODE_PX, math.ceil(size * scale))


class _Damage:
    """A context that turns whatever a decoder raises on damaged or hostile bytes into an error of ours."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None or isinstance(error, DuostyleError) or not isinstance(error, Exception):
            return
        if isinstance(error, (Image.DecompressionBombError, Image.DecompressionBombWarning)):
            raise ImageTooLarge("the picture has too many pixels") from None
        # Decoders raise OSError, SyntaxError, ValueError, struct.error, IndexError and more on damaged bytes.
        raise CorruptImage("the picture is damaged and cannot be decoded") from error


def _open(data: bytes, kind: str, max_pixels: int | None = None) -> tuple[Image.Image, PngFile | None]:
    """The picture with only its header read, of at most `max_pixels`, and its chunks when it is a PNG."""
    png = png_file.read(data) if kind == "png" else None
    jpeg = jpeg_file.read(data) if kind == "jpeg" else None
    if png is not None:
        data = png.plain()
    elif jpeg is not None:
        data = jpeg.data
    image = Image.open(io.BytesIO(data), formats=[kind])
    if max_pixels is not None:
        _cap(image, max_pixels)
    # What was cut off is decoded to see how much of it there is, and so only after the cap.
    if png is not None and not png.ended:
        image = Image.open(io.BytesIO(png.whole()), formats=[kind])
    if jpeg is not None and not jpeg.ended:
        image = Image.open(io.BytesIO(jpeg.whole()), formats=[kind])
    return image, png


def _cap(image: Image.Image, max_pixels: int) -> None:
    width, height = image.size
    if width * height > max_pixels:
        raise ImageTooLarge(
            f"the picture has more than {max_pixels} pixels",
            limit=max_pixels,
            got=f"{width}x{height}",
            reached="max_pixels",
        )
    if max(width, height) > MAX_SIDE_PX:
        raise ImageTooLarge(
            f"a side of the picture is longer than {MAX_SIDE_PX} pixels",
            limit=MAX_SIDE_PX,
            got=max(width, height),
            reached="max_side_px",
        )
    # A tile is allocated whole, however small the picture that it is part of.
    tags: Mapping[int, Any] = getattr(image, "tag_v2", {})
    tile = int(tags.get(_TILE_WIDTH, 0)) * int(tags.get(_TILE_LENGTH, 0))
    if tile > max_pixels:
        raise ImageTooLarge(
            f"a tile of the picture has more than {max_pixels} pixels", limit=max_pixels, got=tile, reached="max_pixels"
        )


def _brands(data: bytes) -> set[bytes]:
    """The brands that the first box of an ISO media file claims; HEIC shares everything else with AVIF."""
    if data[4:8] != b"ftyp":
        return set()
    names = data[8:12] + data[16 : min(int.from_bytes(data[:4], "big"), 256)]
    return {names[at : at + 4] for at in range(0, len(names), 4)}
