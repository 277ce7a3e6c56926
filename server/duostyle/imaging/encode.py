"""Pictures to bytes, and back out of a PNG the text that was put into it. Every function here blocks."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any, Literal

from PIL import Image, PngImagePlugin

from duostyle.imaging.pixels import laid_over
from duostyle.picture import Picture, fit

Format = Literal["jpeg", "png", "webp", "tiff"]


def encode(
    picture: Picture,
    format: Format,
    *,
    quality: int = 90,
    max_px: int | None = None,
    text: Mapping[str, str] | None = None,
) -> bytes:
    """`picture` as a file, its longest side at most `max_px`: `quality` 1..100 for jpeg and webp, `text` for png.

    What is transparent stays so, but in a jpeg, where it is laid on white.
    """
    image = Image.frombytes("RGB", (picture.width, picture.height), picture.rgb)
    if picture.alpha is not None:
        alpha = Image.frombytes("L", image.size, picture.alpha)
        if format == "jpeg":
            image = laid_over(image, alpha, "white")
        else:
            image.putalpha(alpha)
    target = fit(*image.size, max_px)
    if image.size != target:
        image = image.resize(target, Image.Resampling.LANCZOS, reducing_gap=3.0)
    out = io.BytesIO()
    image.save(out, format, **_options(format, quality, text))
    return out.getvalue()


def png_text(data: bytes, key: str) -> bytes | None:
    """A text that `encode` put into a PNG; None when `data` is no PNG or has none."""
    try:
        with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
            text = image.info.get(key)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    return text.encode() if isinstance(text, str) else None


def _options(format: Format, quality: int, text: Mapping[str, str] | None) -> dict[str, Any]:
    if format == "jpeg":
        # a painting has strong colours side by side: full colour resolution when high quality is requested
        return {"quality": quality, "subsampling": "4:4:4" if quality >= 90 else "4:2:0"}
    if format == "webp":
        return {"quality": quality}
    if format == "tiff":
        return {"compression": "tiff_adobe_deflate"}
    chunks = PngImagePlugin.PngInfo()
    for key, value in (text or {}).items():
        chunks.add_itxt(key, value)
    return {"pnginfo": chunks}
