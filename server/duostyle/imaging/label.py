"""What the file of a painting says beside its pixels: sRGB, the resolution, and texts such as its parameters.

EXIF: CIPA DC-008 (Exif 3.0). The chunks of PNG: https://www.w3.org/TR/png-3/, 11.3.2.
"""

from __future__ import annotations

import enum
import io
from collections.abc import Mapping
from dataclasses import dataclass, field

import pyvips
from PIL import Image, PngImagePlugin

from duostyle.picture import USUAL_DPI

INCH_MM = 25.4
# sRGB for readers of the sRGB chunk, and for those that know only gamma and primaries, as PNG 11.3.2.5 has them: the
# inverse of 2.2, and x and y of white, red, green and blue, times 100,000.
_PERCEPTUAL, _GAMMA = 0, 45_455
_PRIMARIES = (31_270, 32_900, 64_000, 33_000, 30_000, 60_000, 15_000, 6_000)
_INCH, _SRGB = 2, 1
_ASCII = b"ASCII\0\0\0"
# of the texts; Exif must fit into one segment of a JPEG, which has 64 KiB
_MOST_JPEG_BYTES = 65_000


class _Tag(enum.IntEnum):
    DESCRIPTION = 0x010E
    X_RESOLUTION = 0x011A
    Y_RESOLUTION = 0x011B
    RESOLUTION_UNIT = 0x0128
    EXIF = 0x8769
    VERSION = 0x9000
    COMMENT = 0x9286
    COLOUR_SPACE = 0xA001


@dataclass(frozen=True, slots=True)
class Label:
    """`dpi` is MIN_DPI to MAX_DPI pixels per inch; `text`, by key, ASCII without line breaks, as `json.dumps` gives
    it."""

    dpi: int = USUAL_DPI
    text: Mapping[str, str] = field(default_factory=dict)

    def lines(self, *, most_bytes: int | None = None) -> str:
        """The texts as lines `key: text`, for formats that have room for one; without those for which `most_bytes` is
        too little."""
        kept = ""
        for key, text in self.text.items():
            line = f"{key}: {text}\n"
            if most_bytes is None or len(kept) + len(line) <= most_bytes:
                kept += line
        return kept


def srgb_profile() -> bytes:
    """The ICC profile of sRGB, 480 bytes."""
    return bytes(pyvips.Operation.call("profile_load", "srgb"))


def png_chunks(label: Label) -> PngImagePlugin.PngInfo:
    """Colour and texts; Pillow writes the resolution itself."""
    chunks = PngImagePlugin.PngInfo()
    chunks.add(b"sRGB", bytes([_PERCEPTUAL]))
    chunks.add(b"gAMA", _GAMMA.to_bytes(4, "big"))
    chunks.add(b"cHRM", b"".join(number.to_bytes(4, "big") for number in _PRIMARIES))
    for key, value in label.text.items():
        chunks.add_itxt(key, value)
    return chunks


def exif(label: Label, *, jpeg: bool) -> bytes:
    """Resolution, sRGB and the texts as Exif; with `jpeg` no text for which a JPEG lacks the room."""
    tags = Image.Exif()
    tags[_Tag.X_RESOLUTION] = tags[_Tag.Y_RESOLUTION] = float(label.dpi)
    tags[_Tag.RESOLUTION_UNIT] = _INCH
    own: dict[int, object] = {_Tag.VERSION: b"0300", _Tag.COLOUR_SPACE: _SRGB}
    lines = label.lines(most_bytes=_MOST_JPEG_BYTES if jpeg else None)
    if lines:
        # Exif wants the type "undefined", and Pillow writes bytes as another
        own[_Tag.COMMENT] = [bytearray(_ASCII + lines.encode("ascii"))]
    tags[_Tag.EXIF] = own
    return tags.tobytes()


def read_text(data: bytes, key: str) -> bytes | None:
    """A text that the file of a painting was given; None when `data` is no PNG, JPEG, WebP or TIFF, or has none."""
    try:
        with Image.open(io.BytesIO(data), formats=["PNG", "JPEG", "WEBP", "TIFF"]) as image:
            own = image.info.get(key)
            if isinstance(own, str):
                return own.encode()
            tags = image.getexif()
            lines = tags.get(_Tag.DESCRIPTION) or _comment(tags.get_ifd(_Tag.EXIF).get(_Tag.COMMENT))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    for line in lines.splitlines() if isinstance(lines, str) else ():
        name, colon, text = line.partition(": ")
        if colon and name == key:
            return text.encode()
    return None


def _comment(value: object) -> str | None:
    """What a comment of Exif says; other characters than ASCII are not ours."""
    if isinstance(value, bytes) and value.startswith(_ASCII):
        return value[len(_ASCII) :].decode("ascii", "replace")
    return None
