"""A picture file that was opened: its header has been read, its pixels have not been decoded."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from PIL import Image

from duostyle.imaging.colour import Declaration, IccProfile
from duostyle.imaging.pixels import eight_bit, orientation

Size = tuple[int, int]


class Loaded(NamedTuple):
    """Pixels of 8 bits per channel, in mode L, LA, RGB, RGBA, CMYK or LAB, before they are turned upright; and what was
    repaired, in words."""

    image: Image.Image
    notes: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """`size` in px and `load` are of the picture before it is turned as the EXIF `orientation` asks.

    `load` gets the least size that is wanted, may give any larger one, and raises whatever its decoder raises.
    `held_bytes` is the memory for each pixel that decoding takes however small the picture is wanted: 0 when it is
    reduced while it is decoded. `piece_px` is the size of the largest piece that is decoded whole.
    """

    size: Size
    load: Callable[[Size], Loaded]
    declared: Sequence[Declaration] = ()
    orientation: int = 1
    held_bytes: float = 0
    piece_px: int = 0


def of_pillow(image: Image.Image, *, held_bytes: float) -> Source:
    """Of a picture that Pillow opened and decodes whole."""
    return Source(
        image.size,
        lambda _: Loaded(eight_bit(image)),
        declared=profile_in(image),
        orientation=orientation(image),
        held_bytes=held_bytes,
    )


def profile_in(image: Image.Image) -> Sequence[Declaration]:
    """The ICC profile that Pillow found, if any."""
    profile = image.info.get("icc_profile")
    return (IccProfile(profile),) if isinstance(profile, bytes) and profile else ()


def missing(share: float) -> Sequence[str]:
    """The note on a picture of which this share, 0 to 1, is missing."""
    return (f"{math.ceil(share * 100)} % of the picture is missing at its end",) if share > 0 else ()
