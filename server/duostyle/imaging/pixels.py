"""Converts every kind of pixel to the one that is painted with: upright, 8-bit sRGB, without transparency."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any, Literal, cast

import numpy as np
from PIL import Image, ImageCms

from duostyle.imaging.png_file import PngFile

_ORIENTATION = 0x0112
# Tags of TIFF: https://www.itu.int/itudoc/itu-t/com16/tiff-fx/docs/tiff6.pdf
_BITS_PER_SAMPLE, _PHOTOMETRIC, _SAMPLE_FORMAT = 258, 262, 339
# Converted at a time, to bound memory.
_STRIP_ROWS = 64

# What shows through transparent pixels.
Backdrop = Literal["white", "black"]


def orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 to 8; 1 (upright) where there is none that can be read."""
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # metadata is not worth losing the picture
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def upright(image: Image.Image, orientation: int) -> Image.Image:
    """Turned and mirrored as this EXIF orientation (1 to 8) asks; 5 and above swap the sides."""
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


def eight_bit(image: Image.Image, png: PngFile | None = None) -> Image.Image:
    """To a mode of 8 bits per channel: L, LA, RGB, RGBA, CMYK or LAB.

    `png` has the chunks of the file that the picture came from, when that was a PNG.
    """
    if png is not None and png.transparent_colour is not None:
        alpha = _alpha(image, png, png.transparent_colour)
        flat = eight_bit(image)
        flat.putalpha(alpha)
        return flat
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return _grey(image)
    if image.mode == "P":
        return image.convert("RGBA" if "transparency" in image.info else "RGB")
    if image.mode in ("RGB", "L") and "transparency" in image.info:
        return image.convert("RGBA" if image.mode == "RGB" else "LA")
    simple = {"1": "L", "La": "LA", "PA": "RGBA", "RGBa": "RGBA", "RGBX": "RGB", "YCbCr": "RGB", "HSV": "RGB"}
    wanted = simple.get(image.mode)
    return image if wanted is None else image.convert(wanted)


def _grey(image: Image.Image) -> Image.Image:
    """An L picture of grey with more than 8 bits: Pillow alone would clip it to white.

    Up to 16 bits without sign, black is 0 and white is the largest number of that many bits. Other numbers do not say
    where white is: for floats that are all within 0 to 1 it is 1; else black is the least and white the greatest number
    in the picture. What is no number is black.
    """
    tags: Mapping[int, Any] = getattr(image, "tag_v2", {})
    values = np.asarray(image)
    if image.mode == "I" and tags.get(_SAMPLE_FORMAT, (1,))[0] == 1:
        # Pillow reads 32 bits without sign as with sign.
        values = values.view(np.uint32)
    if image.mode.startswith("I;16"):
        black, white = 0.0, float((1 << tags.get(_BITS_PER_SAMPLE, (16,))[0]) - 1)
    else:
        finite = values[np.isfinite(values)]
        black, white = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
        if image.mode == "F" and black >= 0 and white <= 1:
            black, white = 0.0, 1.0
        elif black == white:
            black, white = min(black, 0.0), max(black, 1.0)
    grey = np.empty(values.shape, np.uint8)
    for top in range(0, len(values), _STRIP_ROWS):
        strip = (values[top : top + _STRIP_ROWS].astype(np.float64) - black) * (255 / (white - black))
        grey[top : top + _STRIP_ROWS] = np.clip(np.nan_to_num(strip) + 0.5, 0, 255)
    # Pillow inverts "white is zero" at up to 8 bits only.
    return Image.fromarray(255 - grey if tags.get(_PHOTOMETRIC) == 0 else grey)


def _alpha(image: Image.Image, png: PngFile, transparent: tuple[int, ...]) -> Image.Image:
    """An L picture: 0 where `image` has the transparent colour, compared at the depth of the file, else 255."""
    if png.depth == 16 and image.mode == "RGB":
        # Pillow keeps the high bytes. Read in the other byte order it keeps the low ones.
        low_bytes = Image.open(io.BytesIO(png.whole()), formats=["png"])
        low_bytes.tile = [tile._replace(args="RGB;16L") for tile in low_bytes.tile]
        high = np.all(np.asarray(image) == [value >> 8 for value in transparent], axis=2)
        match = high & np.all(np.asarray(low_bytes) == [value & 255 for value in transparent], axis=2)
    elif image.mode == "RGB":
        match = np.all(np.asarray(image) == transparent, axis=2)
    else:
        # Pillow spreads 1, 2 and 4 bits over 0 to 255.
        spread = 255 // ((1 << png.depth) - 1) if png.depth < 8 else 1
        match = np.asarray(image.convert("L") if image.mode == "1" else image) == transparent[0] * spread
    return Image.fromarray(np.where(match, 0, 255).astype(np.uint8))


def flatten(image: Image.Image, backdrop: Backdrop) -> Image.Image:
    """LA as L and RGBA as RGB, laid over the backdrop; other modes as they are."""
    if image.mode not in ("LA", "RGBA"):
        return image
    flat = Image.new(image.mode.rstrip("A"), image.size, backdrop)
    flat.paste(image.convert(flat.mode), mask=image.getchannel("A"))
    return flat


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """As RGB, from the colours of an ICC `profile` when there is one that fits."""
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
