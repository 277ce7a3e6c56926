"""Uploaded bytes to checked sRGB pictures and back; the only room that knows Pillow. Every function here blocks.

The format is told from the first bytes, not from a name, and only that one decoder is tried. The size in pixels is read
from the header and capped before anything is decompressed. Of several frames or pages the first counts.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from PIL import Image, ImageCms, PngImagePlugin, features

from server.errors import CorruptImage, DuostyleError, ImageTooLarge, UnsupportedFormat
from server.picture import Picture

Format = Literal["jpeg", "png", "webp", "tiff"]

# Some builds of Pillow lack AVIF.
FORMATS = ("jpeg", "png", "webp", "gif", "tiff", *(("avif",) if features.check("avif") else ()))
# The longest side that a JPEG can hold, so that every accepted picture can be shown again.
MAX_SIDE_PX = 65_500

_MAGIC = (
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"II*\x00", "tiff"),
    (b"MM\x00*", "tiff"),
)
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
# A progressive JPEG of a few KiB may ask for a full pass over the picture per scan; real ones have about ten.
_MAX_SCANS, _START_OF_SCAN = 100, b"\xff\xda"
_ORIENTATION = 0x0112
_TILE_WIDTH, _TILE_LENGTH = 322, 323


@dataclass(frozen=True, slots=True)
class Checked:
    """What is known of a picture that decodes: `width` and `height` in px after orientation, `bytes` as uploaded."""

    id: str
    width: int
    height: int
    format: str
    bytes: int


def check(data: bytes, *, max_bytes: int, max_pixels: int) -> Checked:
    """Read the header, apply the caps, then decode once in full.

    Raises ImageTooLarge, UnsupportedFormat, CorruptImage.
    """
    if len(data) > max_bytes:
        raise ImageTooLarge(f"the picture has more than {max_bytes} bytes", limit=max_bytes, got=len(data))
    kind = sniff(data)
    if kind == "jpeg" and data.count(_START_OF_SCAN) > _MAX_SCANS:
        raise CorruptImage("the picture has too many scans", limit=_MAX_SCANS)
    with _Damage():
        image = _open(data, kind)
        _cap(image, max_pixels)
        image.load()
        # After load, because Pillow turns a TIFF upright by itself and then forgets the orientation.
        width, height = image.size
        if _orientation(image) >= 5:
            width, height = height, width
        if image.mode in ("I", "F"):
            raise UnsupportedFormat("32-bit pixels are not supported", limit="8 or 16 bits per channel", got=image.mode)
    return Checked(image_id(data), width, height, kind, len(data))


def image_id(data: bytes) -> str:
    """`sha256:` and 64 hex digits of these bytes."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def sniff(data: bytes) -> str:
    """The format by the first bytes. Raises UnsupportedFormat."""
    for magic, name in _MAGIC:
        if data.startswith(magic):
            return name
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    if "avif" in FORMATS and _brands(data) & _AVIF_BRANDS:
        return "avif"
    raise UnsupportedFormat("this is not a picture in a supported format", limit=list(FORMATS))


def decode(data: bytes, *, max_px: int | None = None) -> Picture:
    """The picture upright, in 8-bit sRGB over white, its longest side at most `max_px` (never enlarged).

    Raises UnsupportedFormat, CorruptImage. The caps of `check` are not applied again.
    """
    kind = sniff(data)
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
        orientation = _orientation(image)
        image = _over_white(_eight_bit(image))
        if image.size != target:
            image = image.resize(target, Image.Resampling.LANCZOS, reducing_gap=3.0)
        image = _to_srgb(image, profile)
        image = _upright(image, orientation)
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


def _brands(data: bytes) -> set[bytes]:
    """The brands that the first box of an ISO media file claims; HEIC shares everything else with AVIF."""
    if data[4:8] != b"ftyp":
        return set()
    names = data[8:12] + data[16 : min(int.from_bytes(data[:4], "big"), 256)]
    return {names[at : at + 4] for at in range(0, len(names), 4)}


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
        raise ImageTooLarge(f"the picture has more than {max_pixels} pixels", limit=max_pixels, got=f"{width}x{height}")
    if max(width, height) > MAX_SIDE_PX:
        raise ImageTooLarge(
            f"the picture is longer than {MAX_SIDE_PX} pixels", limit=MAX_SIDE_PX, got=max(width, height)
        )
    # A tile is allocated whole, however small the picture that it is part of.
    tags: Mapping[int, Any] = getattr(image, "tag_v2", {})
    tile = int(tags.get(_TILE_WIDTH, 0)) * int(tags.get(_TILE_LENGTH, 0))
    if tile > max_pixels:
        raise ImageTooLarge(f"a tile of the picture has more than {max_pixels} pixels", limit=max_pixels, got=tile)


def _orientation(image: Image.Image) -> int:
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # metadata is not worth losing the picture
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    turn = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }.get(orientation)
    return image if turn is None else image.transpose(turn)


def _target_size(size: tuple[int, int], max_px: int | None) -> tuple[int, int]:
    longest = max(size)
    if max_px is None or longest <= max_px:
        return size
    return max(1, round(size[0] * max_px / longest)), max(1, round(size[1] * max_px / longest))


def _eight_bit(image: Image.Image) -> Image.Image:
    """To a mode of 8 bits per channel; Pillow alone would clip 16-bit grey to white."""
    if image.mode.startswith("I;16"):
        return image.point(lambda value: value * (1 / 257) + 0.5).convert("L")
    if image.mode in ("I", "F"):
        raise UnsupportedFormat("32-bit pixels are not supported", limit="8 or 16 bits per channel", got=image.mode)
    if image.mode == "P":
        return image.convert("RGBA" if "transparency" in image.info else "RGB")
    if image.mode in ("RGB", "L") and "transparency" in image.info:
        return image.convert("RGBA" if image.mode == "RGB" else "LA")
    simple = {"1": "L", "La": "LA", "PA": "RGBA", "RGBa": "RGBA", "RGBX": "RGB", "YCbCr": "RGB", "HSV": "RGB"}
    wanted = simple.get(image.mode)
    return image if wanted is None else image.convert(wanted)


def _over_white(image: Image.Image) -> Image.Image:
    if image.mode not in ("LA", "RGBA"):
        return image
    flat = Image.new(image.mode.rstrip("A"), image.size, "white")
    flat.paste(image.convert(flat.mode), mask=image.getchannel("A"))
    return flat


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            target = ImageCms.createProfile("sRGB")
            converted = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
        except (ImageCms.PyCMSError, OSError, ValueError):
            pass  # a damaged profile, or one for another colour space: show the picture as if it had none
        else:
            return cast("Image.Image", converted)
    return image.convert("RGB")
