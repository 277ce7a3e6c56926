"""Scalar and colour fields that the painters share: noise, blur, sampling, palettes.

A field is a float32 array of shape (H, W); a colour picture is float32 (H, W, 3) in 0..1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Field = NDArray[np.float32]


def frame(size_px: int, aspect: float) -> tuple[int, int]:
    """Height and width in px of a picture whose longest side is ``size_px``; ``aspect`` is width / height."""
    if aspect >= 1:
        return max(8, round(size_px / aspect)), size_px
    return size_px, max(8, round(size_px * aspect))


def grid(height: int, width: int) -> tuple[Field, Field]:
    """Pixel centres in units of the picture's height: x in 0..aspect, y in 0..1, each (H, W)."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    return (x + 0.5) / height, (y + 0.5) / height


def resize(field: Field, height: int, width: int) -> Field:
    """Bicubic resampling of (h, w) to (height, width)."""
    picture = Image.fromarray(np.ascontiguousarray(field, dtype=np.float32))
    return np.asarray(picture.resize((width, height), Image.Resampling.BICUBIC), dtype=np.float32)


def noise(rng: np.random.Generator, height: int, width: int, cells: float, stretch: float = 1.0) -> Field:
    """Smooth noise, mean 0, deviation 1, ``cells`` bumps along the height; ``stretch`` > 1 lengthens them in x."""
    rows = max(2, round(cells)) + 3
    columns = max(2, round(cells * width / height / stretch)) + 3
    coarse = rng.standard_normal((rows, columns)).astype(np.float32)
    # One cell of margin on each side, cut away, keeps the resampler's clamped border out of the picture.
    step_y, step_x = height / (rows - 3), width / (columns - 3)
    big = resize(coarse, height + 2 * int(step_y) + 2, width + 2 * int(step_x) + 2)
    field = big[int(step_y) : int(step_y) + height, int(step_x) : int(step_x) + width]
    return (field - field.mean()) / (field.std() + 1e-6)


def fbm(
    rng: np.random.Generator,
    height: int,
    width: int,
    cells: float,
    octaves: int = 5,
    gain: float = 0.5,
    stretch: float = 1.0,
) -> Field:
    """Fractal noise, mean 0, deviation 1: ``octaves`` layers, each twice as fine and ``gain`` times as strong."""
    total = np.zeros((height, width), dtype=np.float32)
    for octave in range(octaves):
        fine = cells * 2.0**octave
        if fine > height:
            break
        total += gain**octave * noise(rng, height, width, fine, stretch)
    return (total - total.mean()) / (total.std() + 1e-6)


def blur(field: Field, sigma_px: float) -> Field:
    """Gaussian blur of (H, W) or (H, W, C) with mirrored borders."""
    if sigma_px <= 0:
        return field
    if field.ndim == 3:
        return np.stack([blur(field[..., i], sigma_px) for i in range(field.shape[2])], axis=2)
    pad = min(int(3 * sigma_px) + 1, min(field.shape) - 1)
    padded = np.pad(field, pad, mode="reflect")
    fy = np.fft.fftfreq(padded.shape[0])[:, None]
    fx = np.fft.rfftfreq(padded.shape[1])[None, :]
    transfer = np.exp(-2 * (np.pi * sigma_px) ** 2 * (fx * fx + fy * fy))
    soft = np.fft.irfft2(np.fft.rfft2(padded) * transfer, s=padded.shape)
    return soft[pad:-pad, pad:-pad].astype(np.float32)


def sample(field: Field, y_px: Field, x_px: Field) -> Field:
    """Bilinear look-up of ``field`` (H, W[, C]) at pixel positions; positions outside are clamped to the border."""
    height, width = field.shape[:2]
    y = np.clip(y_px, 0, height - 1.001)
    x = np.clip(x_px, 0, width - 1.001)
    y0, x0 = y.astype(np.int64), x.astype(np.int64)
    fy, fx = (y - y0).astype(np.float32), (x - x0).astype(np.float32)
    if field.ndim == 3:
        fy, fx = fy[..., None], fx[..., None]
    top = field[y0, x0] * (1 - fx) + field[y0, x0 + 1] * fx
    bottom = field[y0 + 1, x0] * (1 - fx) + field[y0 + 1, x0 + 1] * fx
    return top * (1 - fy) + bottom * fy


def step(field: Field, low: float, high: float) -> Field:
    """Smooth step: 0 at ``low``, 1 at ``high`` (which may be the smaller)."""
    t = np.clip((field - low) / (high - low), 0, 1)
    return (t * t * (3 - 2 * t)).astype(np.float32)


def rgb(*codes: str) -> Field:
    """Colours "rrggbb" as an array (N, 3) in 0..1."""
    return np.array([[int(code[i : i + 2], 16) / 255 for i in (0, 2, 4)] for code in codes], dtype=np.float32)


def ramp(colors: Field, t: Field) -> Field:
    """Colour (..., 3) at position ``t`` in 0..1 along the list ``colors`` (N, 3), linear between neighbours."""
    position = np.clip(t, 0, 1) * (len(colors) - 1)
    low = np.minimum(position.astype(np.int64), len(colors) - 2)
    part = (position - low)[..., None].astype(np.float32)
    return colors[low] * (1 - part) + colors[low + 1] * part


def put(picture: Field, mask: Field, color: Field) -> Field:
    """``color`` (3,) or (H, W, 3) laid over ``picture`` where ``mask`` (H, W) in 0..1 says so."""
    return picture + mask[..., None] * (color - picture)


def finish(picture: Field, size_px: int | None = None) -> Image.Image:
    """Picture (H, W, 3) in 0..1 as an RGB image, reduced so that its longest side is ``size_px``."""
    image = Image.fromarray(np.round(np.clip(picture, 0, 1) * 255).astype(np.uint8), mode=None)
    if size_px is not None and max(image.size) != size_px:
        scale = size_px / max(image.size)
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        image = image.resize(size, Image.Resampling.LANCZOS)
    return image
