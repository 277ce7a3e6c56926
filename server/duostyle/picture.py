"""A decoded picture as plain bytes: the one form in which pictures pass between packages."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

# of a file, in bits per channel
Depth = Literal[8, 16]
# Pixels per inch, which a file tells to printers. The usual one is what Exif has for a resolution that is unknown.
USUAL_DPI, MIN_DPI, MAX_DPI = 72, 1, 10_000


@dataclass(frozen=True, slots=True)
class Picture:
    """8-bit sRGB, row by row from the top left: `rgb` holds height x width x 3 bytes.

    `alpha` holds height x width bytes, 0 where the picture is transparent; None where it is opaque all over. The
    colours are not multiplied by it, and go on where nothing is seen of them. `deep` is `rgb` with 16 bits, two bytes
    each, the lower one first; only finished paintings have it.

    Plain bytes on purpose: the event loop and the store must be able to hold one without knowing torch or Pillow.
    """

    width: int
    height: int
    rgb: bytes
    alpha: bytes | None = field(default=None, kw_only=True)
    deep: bytes | None = field(default=None, kw_only=True, compare=False, repr=False)

    def __post_init__(self) -> None:
        if self.width < 1 or self.height < 1 or len(self.rgb) != self.width * self.height * 3:
            raise ValueError(f"{len(self.rgb)} bytes are not a {self.width}x{self.height} RGB picture")
        if self.alpha is not None and len(self.alpha) != self.width * self.height:
            raise ValueError(f"{len(self.alpha)} bytes are not the alpha of a {self.width}x{self.height} picture")
        if self.deep is not None and len(self.deep) != 2 * len(self.rgb):
            raise ValueError(f"{len(self.deep)} bytes are not a {self.width}x{self.height} RGB picture of 16 bits")

    @property
    def is_black(self) -> bool:
        """Every pixel is black: as a mask it would give a style no area at all."""
        return self.rgb == bytes(len(self.rgb))

    @property
    def is_invisible(self) -> bool:
        """Every pixel is transparent."""
        return self.alpha is not None and self.alpha == bytes(len(self.alpha))

    @property
    def held_bytes(self) -> int:
        """What it takes in memory."""
        return len(self.rgb) + len(self.alpha or b"") + len(self.deep or b"")


@dataclass(frozen=True, slots=True)
class StoredImage:
    """What is known of an uploaded picture that decodes: `width` and `height` in px after orientation, `bytes` as
    uploaded, `notes` what was done to show it, as far as that was looked at."""

    id: str
    width: int
    height: int
    format: str
    bytes: int
    notes: tuple[str, ...] = ()


def fit(width: int, height: int, max_px: int | None) -> tuple[int, int]:
    """The size in px after reducing the longest side to at most `max_px`; None reduces nothing."""
    longest = max(width, height)
    if max_px is None or longest <= max_px:
        return width, height
    return max(1, round(width * max_px / longest)), max(1, round(height * max_px / longest))
