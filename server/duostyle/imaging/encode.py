"""Pictures to bytes. Pillow writes 8 bits per channel, libvips TIFFs and 16 bits. Every function here blocks."""

from __future__ import annotations

import io
from typing import Any, Literal

import pyvips
from PIL import Image

from duostyle.imaging.label import INCH_MM, Label, exif, png_chunks, srgb_profile
from duostyle.imaging.pixels import laid_over
from duostyle.picture import USUAL_DPI, Picture, fit

Format = Literal["jpeg", "png", "webp", "tiff"]
# formats that can have 16 bits per channel
DEEP_FORMATS: tuple[Format, ...] = ("png", "tiff")
# The lower 8 of 16 bits are close to noise: more effort takes time and saves nothing.
_PNG_EFFORT = 3


def encode(
    picture: Picture,
    format: Format,
    *,
    quality: int = 90,
    max_px: int | None = None,
    label: Label | None = None,
) -> bytes:
    """`picture` as a file, its longest side at most `max_px`: `quality` 1..100 for jpeg and webp.

    What is transparent stays so, but in a jpeg, where it is laid on white. Without a `label` there is nothing in the
    file but pixels, where the format allows that.
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
    if format == "tiff":
        return _by_vips(pyvips.Image.new_from_array(image), format, label)
    out = io.BytesIO()
    image.save(out, format, **_options(format, quality), **_marks(format, label))
    return out.getvalue()


def encode_deep(picture: Picture, format: Format, *, label: Label | None = None) -> bytes:
    """`picture` as a file of one of DEEP_FORMATS with 16 bits per channel. Raises ValueError when it has 8."""
    if picture.deep is None:
        raise ValueError("the picture has 8 bits per channel")
    size = picture.width, picture.height
    image = pyvips.Image.new_from_memory(picture.deep, *size, 3, "ushort").copy(interpretation="rgb16")
    if picture.alpha is not None:
        alpha = pyvips.Image.new_from_memory(picture.alpha, *size, 1, "uchar")
        # 255 becomes 65535
        image = image.bandjoin((alpha * 257).cast("ushort"))
    return _by_vips(image, format, label)


def relabel(png: bytes, format: Format, *, label: Label) -> bytes:
    """A PNG that `encode_deep` made, as another of DEEP_FORMATS or with another label."""
    return _by_vips(pyvips.Image.pngload_buffer(png), format, label)


def _options(format: Format, quality: int) -> dict[str, Any]:
    if format == "jpeg":
        # a painting has strong colours side by side: full colour resolution when high quality is requested
        return {"quality": quality, "subsampling": "4:4:4" if quality >= 90 else "4:2:0"}
    return {"quality": quality} if format == "webp" else {}


def _marks(format: Format, label: Label | None) -> dict[str, Any]:
    if label is None:
        return {}
    if format == "png":
        return {"pnginfo": png_chunks(label), "dpi": (label.dpi, label.dpi)}
    # WebP has its resolution in Exif alone
    density = {"dpi": (label.dpi, label.dpi)} if format == "jpeg" else {}
    return {"icc_profile": srgb_profile(), "exif": exif(label, jpeg=format == "jpeg"), **density}


def _by_vips(image: pyvips.Image, format: Format, label: Label | None) -> bytes:
    """`format` is one of DEEP_FORMATS."""
    pixels_per_mm = (label.dpi if label else USUAL_DPI) / INCH_MM
    image = image.copy(xres=pixels_per_mm, yres=pixels_per_mm)
    texts = dict(label.text) if label else {}
    if format == "tiff":
        texts = {"image-description": label.lines()} if label and texts else {}
    else:
        texts = {f"png-comment-{number}-{key}": text for number, (key, text) in enumerate(texts.items())}
    for name, text in texts.items():
        image.set_type(pyvips.GValue.gstr_type, name, text)
    # its own Exif repeats the resolution
    options: dict[str, Any] = {"keep": "other", **({"profile": "srgb"} if label else {})}
    if format == "tiff":
        saved = image.tiffsave_buffer(compression="deflate", predictor="horizontal", resunit="inch", **options)
    else:
        saved = image.pngsave_buffer(compression=_PNG_EFFORT, filter="sub", **options)
    return bytes(saved)
