"""PNG: by Pillow, and by libvips where it is so large that it must be reduced while it is decoded."""

from __future__ import annotations

import io
import math
import struct
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from duostyle.imaging.colour import CodePoints, Declaration, Gamma, IccProfile
from duostyle.imaging.files import vips
from duostyle.imaging.files.png_file import PALETTE, PngFile, read
from duostyle.imaging.files.source import Loaded, Size, Source, missing
from duostyle.imaging.pixels import eight_bit, orientation

# Pictures of more pixels are read row by row; below it Pillow is as good, and quicker to begin.
_LARGE_PX = 25_000_000
_PILLOW_BYTES = 12
# The code points of sRGB, which stand for the chunk of that name.
_SRGB = CodePoints(1, 13)
# A fixed point number of gAMA and cHRM.
_ONE = 100_000
# A colour of PNG is RGB: H.273 calls that matrix 0.
_RGB_MATRIX = 0
_COLOURS = {0: 1, 2: 3, PALETTE: 3, 4: 1, 6: 3}


def opened(data: bytes) -> Source:
    """Raises CorruptImage, and whatever Pillow and libvips raise on damaged bytes."""
    file = read(data)
    image = PngImageFile(io.BytesIO(file.plain()))
    # Pillow would decode all pixels to look behind them for what `plain` has in front.
    image.info.setdefault("exif", b"")
    size = image.size
    by_rows = math.prod(size) > _LARGE_PX and file.ended and not file.interlaced

    def load(target: Size) -> Loaded:
        if by_rows:
            alpha = file.colour_type >= 4 or b"tRNS" in file.ancillary
            pixels = vips.opened(file.with_transparency(), "png")
            return Loaded(vips.loaded(pixels, target, colours=_COLOURS.get(file.colour_type, 3), alpha=alpha))
        if file.ended:
            return Loaded(_with_alpha(image, file))
        whole, share = file.repaired()
        return Loaded(_with_alpha(PngImageFile(io.BytesIO(whole)), file), missing(share))

    return Source(
        size,
        load,
        declared=_declared(file),
        # Without this chunk Pillow would decode the whole picture to look for one behind the pixels.
        orientation=orientation(image) if b"eXIf" in file.ancillary else 1,
        # A file that was cut off is decompressed once more, to see how much of it there is.
        held_bytes=0 if by_rows else _PILLOW_BYTES if file.ended else _PILLOW_BYTES + 2 * file.pixel_bytes,
    )


def _declared(file: PngFile) -> Sequence[Declaration]:
    """In the order of precedence of https://www.w3.org/TR/png-3/, 4.3; what cannot be understood gives way."""
    declared: list[Declaration] = []
    cicp = file.ancillary.get(b"cICP", b"")
    if len(cicp) == 4 and cicp[2] == _RGB_MATRIX:
        declared.append(CodePoints(cicp[0], cicp[1], bool(cicp[3])))
    if file.profile:
        declared.append(IccProfile(file.profile))
    if b"sRGB" in file.ancillary:
        declared.append(_SRGB)
    exponent, primaries = _fixed(file, b"gAMA", 1), _fixed(file, b"cHRM", 8)
    if exponent or primaries:
        declared.append(Gamma(exponent[0] if exponent else None, primaries or None))
    return declared


def _fixed(file: PngFile, chunk: bytes, count: int) -> tuple[float, ...]:
    body = file.ancillary.get(chunk, b"")
    return tuple(value / _ONE for value in struct.unpack(f">{count}I", body)) if len(body) == 4 * count else ()


def _with_alpha(image: Image.Image, file: PngFile) -> Image.Image:
    """8 bits per channel; the one transparent colour, if any, as alpha."""
    transparent = file.transparent_colour
    if transparent is None:
        return eight_bit(image)
    alpha = _alpha(image, file, transparent)
    pixels = eight_bit(image)
    pixels.putalpha(alpha)
    return pixels


def _alpha(image: Image.Image, file: PngFile, transparent: tuple[int, ...]) -> Image.Image:
    """An L picture: 0 where `image` has the transparent colour, compared at the depth of the file, else 255."""
    if file.depth == 16 and image.mode == "RGB":
        # Pillow keeps the high bytes. Read in the other byte order it keeps the low ones.
        low_bytes = PngImageFile(io.BytesIO(file.plain() if file.ended else file.repaired()[0]))
        low_bytes.tile = [tile._replace(args="RGB;16L") for tile in low_bytes.tile]
        match = _equal(image, [value >> 8 for value in transparent])
        match &= _equal(low_bytes, [value & 255 for value in transparent])
    elif image.mode == "RGB":
        match = _equal(image, transparent)
    else:
        # Pillow spreads 1, 2 and 4 bits over 0 to 255.
        spread = 255 // ((1 << file.depth) - 1) if file.depth < 8 else 1
        match = np.asarray(image.convert("L") if image.mode == "1" else image) == transparent[0] * spread
    return Image.fromarray(np.where(match, np.uint8(0), np.uint8(255)))


def _equal(image: Image.Image, colour: Sequence[int]) -> NDArray[np.bool_]:
    """Where a picture has this colour; channel by channel, to bound memory."""
    match = np.ones((image.height, image.width), np.bool_)
    for channel, value in enumerate(colour):
        match &= np.asarray(image.getchannel(channel)) == value
    return match
