"""Every kind of pixel as 8 bits per channel; alpha, and the way up."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops

_ORIENTATION, _BITS_PER_SAMPLE = 0x0112, 258
# Converted at a time, to bound memory.
_STRIP_ROWS = 64
_WITH_ALPHA = ("LA", "RGBA")

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


def eight_bit(image: Image.Image) -> Image.Image:
    """To a mode of 8 bits per channel: L, LA, RGB, RGBA, CMYK or LAB.

    Pillow alone would clip 16 bits to white. Deeper numbers are taken by their own range.
    """
    if image.mode.startswith("I;16"):
        # A TIFF may have 12 bits.
        bits = getattr(image, "tag_v2", {}).get(_BITS_PER_SAMPLE, (16,))[0]
        return _in_strips(np.asarray(image)[..., np.newaxis], 0, (1 << bits) - 1)
    if image.mode in ("I", "F"):
        return by_own_range(np.asarray(image)[..., np.newaxis])
    if image.mode == "P":
        return image.convert("RGBA" if "transparency" in image.info else "RGB")
    if image.mode in ("RGB", "L") and "transparency" in image.info:
        return image.convert("RGBA" if image.mode == "RGB" else "LA")
    simple = {"1": "L", "La": "LA", "PA": "RGBA", "RGBa": "RGBA", "RGBX": "RGB", "YCbCr": "RGB", "HSV": "RGB"}
    wanted = simple.get(image.mode)
    return image if wanted is None else image.convert(wanted)


def by_own_range(samples: NDArray[Any], *, alpha: bool = False) -> Image.Image:
    """An L, LA, RGB, RGBA or CMYK picture of (height, width, channels) numbers that do not say where white is.

    For floats that are all within 0 to 1 it is 1; else black is the least and white the greatest number in the picture,
    of the colours and of `alpha`, the last channel, each by itself. What is no number is black.
    """
    colours = samples.shape[2] - alpha
    if not alpha:
        return _in_strips(samples, *_range_of(samples))
    flat = _in_strips(samples[..., :colours], *_range_of(samples[..., :colours]))
    if flat.mode == "CMYK":
        flat = flat.convert("RGB")
    least, most = _range_of(samples[..., colours:])
    flat.putalpha(_in_strips(samples[..., colours:], min(0.0, least) if least == most else least, most))
    return flat


def _range_of(samples: NDArray[Any]) -> tuple[float, float]:
    finite = samples[np.isfinite(samples)]
    black, white = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    if samples.dtype.kind == "f" and black >= 0 and white <= 1:
        return 0.0, 1.0
    return (min(black, 0.0), max(black, 1.0)) if black == white else (black, white)


def _in_strips(samples: NDArray[Any], black: float, white: float) -> Image.Image:
    levels = np.empty(samples.shape, np.uint8)
    for top in range(0, len(samples), _STRIP_ROWS):
        strip = (samples[top : top + _STRIP_ROWS].astype(np.float64) - black) * 255 / (white - black)
        levels[top : top + _STRIP_ROWS] = np.clip(np.nan_to_num(strip) + 0.5, 0, 255)
    mode = {1: "L", 3: "RGB", 4: "CMYK"}[samples.shape[2]]
    return Image.frombytes(mode, (samples.shape[1], samples.shape[0]), levels.tobytes())


def is_transparent(alpha: Image.Image) -> bool:
    """Whether any pixel of an alpha is not opaque."""
    return alpha.getextrema()[0] != 255


def without_alpha(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """The colours, and the alpha as an L picture where there is any."""
    if image.mode not in _WITH_ALPHA:
        return image, None
    return image.convert(image.mode.rstrip("A")), image.getchannel("A")


def laid_over(image: Image.Image, alpha: Image.Image, backdrop: Backdrop) -> Image.Image:
    """The RGB picture over the backdrop, where `alpha` is not 255; it is changed itself."""
    image.paste(backdrop, (0, 0, *image.size), ImageChops.invert(alpha))
    return image
