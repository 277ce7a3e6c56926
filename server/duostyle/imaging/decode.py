"""Uploaded bytes to checked sRGB pictures and back. Every function here blocks.

The format is told from the first bytes (`formats`), and only that one decoder is tried. The size in pixels is read
from the header and capped before anything is decompressed. Of several frames or pages the first counts.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from typing import Any, Literal

from PIL import Image, PngImagePlugin

from duostyle.errors import CorruptImage, DuostyleError, ImageTooLarge
from duostyle.imaging import formats, pixels
from duostyle.picture import Picture, StoredImage

Format = Literal["jpeg", "png", "webp", "tiff"]

# The longest side that a JPEG can hold, so that every accepted picture can be shown again.
MAX_SIDE_PX = 65_500

_TILE_WIDTH, _TILE_LENGTH = 322, 323


def check(data: bytes, *, max_bytes: int, max_pixels: int) -> StoredImage:
    """Read the header, apply the caps, then decode once in full.

    Raises ImageTooLarge, UnsupportedFormat, CorruptImage.
    """
    if len(data) > max_bytes:
        raise ImageTooLarge(
            f"the picture has more than {max_bytes} bytes", limit=max_bytes, got=len(data), reached="max_upload_bytes"
        )
    kind = formats.sniff(data)
    formats.check_scans(data, kind)
    with _Damage():
        image = _open(data, kind)
        _cap(image, max_pixels)
        image.load()
        # After load, because Pillow turns a TIFF upright by itself and then forgets the orientation.
        width, height = image.size
        if pixels.orientation(image) >= 5:
            width, height = height, width
        pixels.refuse_32_bit(image)
    return StoredImage(image_id(data), width, height, kind, len(data))


def image_id(data: bytes) -> str:
    """`sha256:` and 64 hex digits of these bytes."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def png_text(data: bytes, key: str) -> bytes | None:
    """A text that `encode` put into a PNG; None when `data` is no PNG or has none."""
    try:
        with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
            text = image.info.get(key)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    return text.encode() if isinstance(text, str) else None


def decode(data: bytes, *, max_px: int | None = None) -> Picture:
    """The picture upright, in 8-bit sRGB over white, its longest side at most `max_px` (never enlarged).

    Raises UnsupportedFormat, CorruptImage. The caps of `check` are not applied again.
    """
    kind = formats.sniff(data)
    with _Damage():
        image = _open(data, kind)
        target = _target_size(image.size, max_px)
        # A JPEG decoder can shrink by 2, 4 or 8 while it decodes; never below the target.
        image.draft(None, target)
        image.load()
        if kind == "tiff":
            # Pillow has turned it upright by itself, which may have swapped its sides.
            target = _target_size(image.size, max_px)
        profile = image.info.get("icc_profile")
        orientation = pixels.orientation(image)
        image = pixels.over_white(pixels.eight_bit(image))
        if image.size != target:
            image = image.resize(target, Image.Resampling.LANCZOS, reducing_gap=3.0)
        image = pixels.to_srgb(image, profile)
        image = pixels.upright(image, orientation)
        return Picture(image.width, image.height, image.tobytes())


def encode(
    picture: Picture,
    format: Format,
    *,
    quality: int = 90,
    max_px: int | None = None,
    text: Mapping[str, str] | None = None,
) -> bytes:
    """`picture` as a file, its longest side at most `max_px`: `quality` 1..100 for jpeg and webp, `text` for png."""
    image = Image.frombytes("RGB", (picture.width, picture.height), picture.rgb)
    target = _target_size(image.size, max_px)
    if image.size != target:
        image = image.resize(target, Image.Resampling.LANCZOS, reducing_gap=3.0)
    options: dict[str, Any] = {}
    if format == "jpeg":
        # Strong colours beside each other are what a painting is made of: keep them at full resolution when asked
        # for quality.
        options = {"quality": quality, "subsampling": "4:4:4" if quality >= 90 else "4:2:0"}
    elif format == "webp":
        options = {"quality": quality}
    elif format == "tiff":
        options = {"compression": "tiff_adobe_deflate"}
    elif text:
        chunks = PngImagePlugin.PngInfo()
        for key, value in text.items():
            chunks.add_itxt(key, value)
        options = {"pnginfo": chunks}
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


class _Damage:
    """Turns whatever a decoder raises on damaged or hostile bytes into an error of ours."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None or isinstance(error, DuostyleError) or not isinstance(error, Exception):
            return
        if isinstance(error, (Image.DecompressionBombError, Image.DecompressionBombWarning)):
            raise ImageTooLarge("the picture has too many pixels") from None
        # Decoders raise OSError, SyntaxError, ValueError, struct.error, IndexError and more on damaged bytes.
        raise CorruptImage("the picture is damaged and does not decode") from error


def _open(data: bytes, kind: str) -> Image.Image:
    return Image.open(io.BytesIO(data), formats=[kind])


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
            f"the picture is longer than {MAX_SIDE_PX} pixels",
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


def _target_size(size: tuple[int, int], max_px: int | None) -> tuple[int, int]:
    longest = max(size)
    if max_px is None or longest <= max_px:
        return size
    return max(1, round(size[0] * max_px / longest)), max(1, round(size[1] * max_px / longest))
