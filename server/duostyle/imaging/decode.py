"""Uploaded bytes to checked sRGB pictures. Every function here blocks.

The format is recognised by the first bytes, never by a name, and only that one decoder is tried. The size in pixels is
read from the header and capped before anything is decompressed. Of several frames or pages the first counts. Large
pictures are reduced while they are decoded, where the format allows it.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from typing import NamedTuple

import pyvips
from PIL import Image

from duostyle.errors import CorruptImage, DuostyleError, ImageTooLarge
from duostyle.imaging import colour, pixels
from duostyle.imaging.edges import extended
from duostyle.imaging.files.formats import FORMATS, sniff
from duostyle.imaging.files.opening import opened
from duostyle.imaging.files.source import Size, Source
from duostyle.picture import Picture, StoredImage, fit

__all__ = [
    "DECODE_PX",
    "FORMATS",
    "MAX_SIDE_PX",
    "check",
    "decode",
    "decode_mask",
    "decode_with_alpha",
    "decoder_for",
    "image_id",
    "sniff",
    "style_px",
]

# The longest side that a JPEG can hold, so that every accepted picture can be sent as one.
MAX_SIDE_PX = 65_500
# Pictures up to this side are given to the engine as they are; larger ones are reduced first, to bound memory.
DECODE_PX = 4096
# Pictures of more pixels than this are reduced to it, and to the largest side that is ever painted.
_REDUCED_PIXELS, _LARGEST_PX = 50_000_000, 8192
# What may be held to decode a picture of a kind that cannot be reduced meanwhile: this, or what `max_pixels` of 3 bytes
# take. That makes 62 million pixels of HEIC within the usual limit.
_HELD_BYTES, _HELD_BYTES_PER_PX = 600_000_000, 3
_CHECKED_PX = 1024

HDR_NOTE = "HDR tone-mapped to the range of a display"
TRANSPARENT_NOTE = "transparent parts are laid on white, unless transparency is kept"

# what `decode` and its kin are
Decoder = Callable[..., Picture]


def check(data: bytes, *, max_bytes: int, max_pixels: int) -> StoredImage:
    """Read the header, apply the caps, then decode once in full; `notes` say what was done to the picture.

    Raises ImageTooLarge, UnsupportedFormat, CorruptImage.
    """
    if len(data) > max_bytes:
        raise ImageTooLarge(
            f"the picture is larger than {max_bytes} bytes", limit=max_bytes, got=len(data), reached="max_upload_bytes"
        )
    kind = sniff(data)
    with _Damage():
        source = opened(data, kind)
        _cap(source, max_pixels)
        shown = _shown(source, _CHECKED_PX)
    width, height = source.size if source.orientation < 5 else source.size[::-1]
    notes = [*shown.notes]
    if max(width, height) > (_longest(source.size, None) or MAX_SIDE_PX):
        notes.insert(0, f"reduced from {width * height / 1e6:.0f} Mpx ({width} x {height})")
    if shown.alpha is not None and pixels.is_transparent(shown.alpha):
        notes.append(TRANSPARENT_NOTE)
    return StoredImage(image_id(data), width, height, kind, len(data), tuple(notes))


def image_id(data: bytes) -> str:
    """`sha256:` and 64 hex digits of these bytes."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def decode(data: bytes, *, max_px: int | None = None, backdrop: pixels.Backdrop | None = "white") -> Picture:
    """The picture upright, in 8-bit sRGB over the backdrop, its longest side at most `max_px` (never enlarged).

    Without a backdrop what is transparent stays so, and its colours are those of the nearest visible places. Raises
    UnsupportedFormat, CorruptImage. The caps of `check` are not applied again.
    """
    kind = sniff(data)
    with _Damage():
        source = opened(data, kind)
        image, alpha, _ = _shown(source, max_px)
        visible: bytes | None = None
        if alpha is not None and backdrop is not None:
            image = pixels.laid_over(image, alpha, backdrop)
        elif alpha is not None and pixels.is_transparent(alpha):
            image = extended(image, alpha)
            visible = pixels.upright(alpha, source.orientation).tobytes()
        image = pixels.upright(image, source.orientation)
        return Picture(image.width, image.height, image.tobytes(), alpha=visible)


def decode_mask(data: bytes, *, max_px: int | None = None) -> Picture:
    """As `decode`, but over black, which makes each grey value grey times alpha: what is transparent is not masked."""
    return decode(data, max_px=max_px, backdrop="black")


def decode_with_alpha(data: bytes, *, max_px: int | None = None) -> Picture:
    """As `decode`, but without a backdrop."""
    return decode(data, max_px=max_px, backdrop=None)


def decoder_for(transparency: str) -> Decoder:
    """How contents and styles are decoded for this value of the parameter `transparency`."""
    return decode_with_alpha if transparency == "keep" else decode


def style_px(size: int, scale: float) -> int:
    """The longest side in px that a style is decoded to, for a painting of this size and a stroke scale."""
    return max(DECODE_PX, math.ceil(size * scale))


class _Shown(NamedTuple):
    """RGB in sRGB, an L picture of the alpha where there is any, neither turned; and what was done, in words."""

    image: Image.Image
    alpha: Image.Image | None
    notes: tuple[str, ...]


def _shown(source: Source, max_px: int | None) -> _Shown:
    target = fit(*source.size, _longest(source.size, max_px))
    image, repaired = source.load(target)
    image.load()
    # A picture that was reduced to fit into memory may be smaller already.
    if image.width > target[0] or image.height > target[1]:
        image = image.resize(target, Image.Resampling.LANCZOS, reducing_gap=3.0)
    image, alpha = pixels.without_alpha(image)
    conversion = colour.conversion(image.mode, source.declared)
    notes = (*repaired, HDR_NOTE) if conversion.hdr else tuple(repaired)
    return _Shown(conversion.to_srgb(image), alpha, notes)


def _longest(size: Size, max_px: int | None) -> int | None:
    if math.prod(size) <= _REDUCED_PIXELS:
        return max_px
    largest = min(_LARGEST_PX, int(max(size) * math.sqrt(_REDUCED_PIXELS / math.prod(size))))
    return largest if max_px is None else min(max_px, largest)


class _Damage:
    """A context that turns whatever a decoder raises on damaged or hostile bytes into an error of ours."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None or isinstance(error, DuostyleError) or not isinstance(error, Exception):
            return
        if isinstance(error, (Image.DecompressionBombError, Image.DecompressionBombWarning)):
            raise ImageTooLarge("the picture has too many pixels", reached="max_pixels") from None
        message = "the picture is damaged and cannot be decoded"
        if isinstance(error, pyvips.Error):
            # The last line is of the function that gave up, the first of the one that found the damage.
            reason = next((line.strip() for line in error.detail.splitlines() if line.strip()), "")
            message += f" ({reason})" if reason else ""
        # Decoders raise OSError, SyntaxError, ValueError, struct.error, IndexError and more on damaged bytes.
        raise CorruptImage(message) from error


def _cap(source: Source, max_pixels: int) -> None:
    width, height = source.size
    got = f"{width}x{height}"
    if width * height > max_pixels:
        raise ImageTooLarge(
            f"the picture has more than {max_pixels} pixels; make it smaller, or raise max_pixels of the server",
            limit=max_pixels,
            got=got,
            reached="max_pixels",
        )
    if max(width, height) > MAX_SIDE_PX:
        raise ImageTooLarge(
            f"a side of the picture is longer than {MAX_SIDE_PX} pixels; make it smaller",
            limit=MAX_SIDE_PX,
            got=max(width, height),
            reached="max_side_px",
        )
    held_bytes = max(source.held_bytes, _HELD_BYTES_PER_PX)
    room = max(_HELD_BYTES, max_pixels * _HELD_BYTES_PER_PX)
    whole = int(room / held_bytes)
    if width * height * held_bytes > room:
        enough = math.ceil(width * height * held_bytes / _HELD_BYTES_PER_PX)
        raise ImageTooLarge(
            f"the picture has more than {whole} pixels and is of a kind that cannot be reduced while it is decoded; "
            f"make it smaller, save it as a plain JPEG or PNG, or raise max_pixels of the server to {enough}",
            limit=whole,
            got=got,
            reached="max_pixels",
        )
    # A tile is allocated whole, however small the picture that it is part of.
    if source.piece_px > whole:
        raise ImageTooLarge(
            f"a tile of the picture has more than {whole} pixels; save it with smaller tiles, or without",
            limit=whole,
            got=source.piece_px,
            reached="max_pixels",
        )
