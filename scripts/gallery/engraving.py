"""A hand-coloured engraving: mountains, a lake and a moon, shaded only by lines that swell and cross."""

from __future__ import annotations

import numpy as np
from PIL import Image

from gallery.fields import blur, fbm, finish, frame, grid, noise, put, ramp, rgb, step

ASPECT = 1.3
INK = rgb("1a1626")[0]
RANGES = [(0.43, 0.20, 2.0), (0.53, 0.17, 2.6), (0.66, 0.12, 3.4)]
LAKE = 0.70


def paint_picture(size_px: int) -> Image.Image:
    """Paint at ``size_px`` on the longest side."""
    rng = np.random.default_rng(1514)
    final_height, final_width = frame(size_px, ASPECT)
    height, width = final_height * 2, final_width * 2
    x, y = grid(height, width)
    tone, form, wash, sky = _scene(rng, x, y)
    wobble = 0.6 * noise(rng, height, width, 14) + 0.25 * noise(rng, height, width, 50)
    swell = 0.10 * noise(rng, height, width, 35) + 0.07 * noise(rng, height, width, 120)
    dark = np.clip(1 - tone, 0, 1)
    ink = np.zeros_like(x)
    # Each set of lines starts at its own darkness; together they cross.
    for turn, pitch, start, gain in [
        (0.55, 0.0115, 0.10, 1.0),
        (-0.75, 0.0115, 0.36, 0.85),
        (1.45, 0.0095, 0.58, 0.8),
        (0.05, 0.0080, 0.74, 0.7),
    ]:
        across = x * np.sin(turn) + y * np.cos(turn) + 0.085 * form
        ink = np.maximum(ink, _lines(across / pitch + 0.12 * wobble, (dark - start) * gain + swell, height) * (1 - sky))
    moon = np.hypot(x - 0.98, y - 0.20)
    ink = np.maximum(ink, _lines(moon / 0.0125 + 0.10 * wobble, 1.15 * (dark - 0.10) + swell, height) * sky)
    level = y + 0.003 * np.sin(40 * x + 9 * wobble)
    ink = np.maximum(ink, _lines(level / 0.0120 + 0.08 * wobble, 1.0 * (dark - 0.30) + swell, height) * sky)
    contour = np.hypot(*np.gradient(blur(tone, 1.2))) * height / 1182
    ink = np.maximum(ink, step(contour + 0.02 * swell, 0.12, 0.16))
    ink = step(blur(ink, 0.7) + 0.09 * noise(rng, height, width, 240), 0.38, 0.62)

    fibre = fbm(rng, height, width, 120, 3)
    stain = fbm(rng, height, width, 3, 4)
    paper = rgb("efe0bd")[0] * (1 + 0.025 * fibre + 0.035 * stain)[..., None]
    picture = paper * (1 - 0.80 * (1 - wash))
    picture = put(picture, 0.93 * ink, INK)
    return finish(picture, size_px)


def _lines(phase, strength, height):
    """Lines one unit of ``phase`` apart whose share of the pitch is ``strength`` (none below 0, solid at 1)."""
    apart = np.abs(np.mod(phase, 1) - 0.5) * 2
    half = np.clip(strength, 0, 0.92)
    soft = 0.16
    return step(apart - half, soft * 0.5, -soft * 0.5) * step(strength, 0.02, 0.07)


def _scene(rng, x, y):
    """Tone (0 black, 1 white), relief that bends the lines, wash of colour (H, W, 3), and the sky's mask."""
    height, width = x.shape
    cloud = fbm(rng, height, width, 3.0, 5, stretch=2.0)
    r = np.hypot(x - 0.98, y - 0.20)
    tone = 0.40 + 0.42 * np.exp(-((r / 0.30) ** 2)) + 0.26 * step(cloud, -0.2, 1.0) - 0.12 * y
    tone = np.where(r < 0.095, 1.0, tone)
    wash = ramp(rgb("fff2c0", "ffd890", "f0a878", "a8b8c0", "6f9ab0"), r * 1.1 + 0.06 * cloud)
    form = 0.35 * cloud
    sky = np.ones_like(x)
    tints = [rgb("7f9fc0", "d8c8c8", "a8a0c8"), rgb("5f8f9a", "e0b890", "8f7fa0"), rgb("5f8f5a", "e0c070", "8a7a4a")]
    for index, (base, rise, rate) in enumerate(RANGES):
        rough = fbm(rng, height, width, 5 + 2 * index, 6, 0.55)
        ridge_noise = fbm(rng, height, width, 4 + index, 6, 0.5)[height // 2]
        peaks = np.abs(np.sin(rate * x + 1.7 * index + 0.5)) * 0.9 + 0.28 * ridge_noise[None, :]
        top = base - rise * peaks + 0.02
        depth = y - top
        inside = step(depth, -0.0012, 0.0012)
        crags = np.abs(rough)
        relief = 1.1 * crags + 1.6 * peaks - 2.0 * depth
        gy, gx = np.gradient(blur(relief, height / 170))
        light = (0.75 * gx - 0.35 * gy) * height / 34
        haze = 0.16 * (2 - index)
        lit = np.clip(0.40 + 0.50 * light + haze * 0.6 + 0.05 * rough, 0.10, 0.97)
        lit = np.where((depth < 0.07 + 0.04 * rough) & (light > -0.1) & (index < 2), np.maximum(lit, 0.85), lit)
        tone = tone * (1 - inside) + inside * lit
        bulge = blur(relief, height / 45)
        form = form * (1 - inside) + inside * (0.55 * bulge + 0.3 * index)
        wash = put(wash, inside, ramp(tints[index], np.clip(0.5 + 0.35 * light + 0.12 * rough, 0, 1)))
        sky = sky * (1 - inside)
    lake = step(y + 0.012 * np.sin(7 * x + 1), LAKE, LAKE + 0.003) * step(y - 0.035 * np.sin(5 * x + 4), 0.92, 0.917)
    ripple = fbm(rng, height, width, 10, 4, stretch=9)
    path = np.exp(-(((x - 0.98 - 0.02 * ripple) / 0.09) ** 2))
    water = np.clip(0.38 + 0.17 * ripple + 0.6 * path + 0.5 * (y - LAKE), 0.05, 1)
    tone = tone * (1 - lake) + lake * water
    form = form * (1 - lake) + lake * 0.10 * ripple
    wash = put(wash, lake, ramp(rgb("3f7a8a", "8fb8b0", "ffe0a0"), np.clip(0.3 + 0.2 * ripple + 0.6 * path, 0, 1)))
    shore = step(y - 0.035 * np.sin(5 * x + 4) - 0.01 * ripple, 0.917, 0.92)
    turf = fbm(rng, height, width, 16, 5)
    tone = tone * (1 - shore) + shore * np.clip(0.52 + 0.2 * turf, 0.1, 1)
    form = form * (1 - shore) + shore * (0.5 * blur(turf, height / 60))
    wash = put(wash, shore, ramp(rgb("3f5f3a", "9a9a4a", "e0b860"), 0.5 + 0.25 * turf))
    sky = sky * (1 - lake) * (1 - shore)
    return _pines(rng, x, y, tone, form, wash, sky)


def _pines(rng, x, y, tone, form, wash, sky):
    spots = [
        (0.06, 1.00, 0.62),
        (0.19, 1.02, 0.46),
        (0.31, 0.99, 0.30),
        (1.25, 1.02, 0.50),
        (1.14, 1.00, 0.28),
        (0.12, 1.03, 0.36),
    ]
    for at, foot, tall in spots:
        down = (y - foot + tall) / tall
        tier = np.mod(down * 11 + 0.35 * np.sign(x - at), 1)
        spread = tall * (0.03 + 0.21 * np.clip(down, 0, 1)) * (0.45 + 0.65 * tier)
        ragged = 0.012 * np.sin(210 * x + 90 * y) * tall
        inside = (
            step(np.abs(x - at) - spread - ragged, 0.0015, -0.0015) * step(down, 0.0, 0.01) * step(down, 0.97, 0.96)
        )
        inside = np.maximum(inside, step(np.abs(x - at), 0.012 * tall + 0.003, 0.012 * tall) * step(down, 0.9, 0.92))
        lit = np.clip(
            0.16
            + 0.34 * tier * step(x - at, -0.2 * spread.max(), 0.5 * spread.max())
            + 0.10 * np.sin(300 * (x - at) + 60 * y),
            0.02,
            1,
        )
        tone = tone * (1 - inside) + inside * lit
        form = form * (1 - inside) + inside * (np.abs(x - at) / tall * 9)
        wash = put(wash, inside, ramp(rgb("1f4a4a", "4f7a4a", "a8a050"), tier))
        sky = sky * (1 - inside)
    return tone, form, wash, sky
