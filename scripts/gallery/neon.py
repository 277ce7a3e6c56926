"""Neon tubes on a wet brick wall: glowing curves in six colours that light the bricks around them."""

from __future__ import annotations

import numpy as np
from PIL import Image

from gallery.fields import blur, fbm, finish, frame, grid, noise, put, ramp, rgb, step

ASPECT = 1.25
TUBES = rgb("ff2a9a", "1fd8ff", "ffd21f", "8a4aff", "ff6a1f", "3aff9a")
# x, y, radius in units of the height; how far the land rises or sinks there
WHIRLPOOLS = [
    (0.27, 0.33, 0.15, 2.6),
    (0.93, 0.30, 0.18, -3.0),
    (0.62, 0.76, 0.19, 2.9),
    (1.14, 0.80, 0.12, -2.2),
    (0.12, 0.82, 0.11, -1.9),
]


def paint_picture(size_px: int) -> Image.Image:
    """Paint at ``size_px`` on the longest side."""
    rng = np.random.default_rng(1982)
    height, width = frame(size_px, ASPECT)
    x, y = grid(height, width)
    light, core = _tubes(rng, x, y)
    unit = height / 768
    glow = 0.8 * blur(light, 6 * unit) + 1.1 * blur(light, 18 * unit) + 1.0 * blur(light, 48 * unit)
    wall, relief = _bricks(rng, x, y)
    gy, gx = np.gradient(relief)
    # The wall takes the light of the tubes: bright where its slope faces the brightness's rise.
    brightness = blur(light.sum(axis=2), 22 * unit)
    ly, lx = np.gradient(brightness)
    rise = np.hypot(lx, ly) + 1e-5
    facing = np.clip(1 + 7 * unit * (gx * lx + gy * ly) / rise, 0.25, 2.2)[..., None]
    lit = wall * (0.04 + 1.5 * glow * facing) + 0.015 * rgb("5a4aff")[0]
    lit += 0.04 * glow
    shadow = np.roll(blur(core, 3 * unit), (int(7 * unit) + 1, int(5 * unit) + 1), axis=(0, 1))
    lit *= 1 - 0.45 * np.clip(shadow * 1.5, 0, 1)[..., None]
    bloom = 1.0 * blur(light, 1.8 * unit) + 0.16 * blur(light, 8 * unit)
    picture = 1 - np.exp(-1.6 * (lit + bloom))
    picture = put(picture, blur(core, 0.6 * unit) * 0.6, rgb("fff6fb")[0])
    return finish(picture)


def _bricks(rng, x, y):
    """Albedo (H, W, 3) and height (H, W) of an old brick wall."""
    height, width = x.shape
    rows = 19
    warp_x, warp_y = x + 0.003 * noise(rng, height, width, 14), y + 0.002 * noise(rng, height, width, 14)
    row = np.floor(warp_y * rows)
    u = np.mod(warp_x * rows / 2.4 + 0.5 * np.mod(row, 2), 1)
    column = np.floor(warp_x * rows / 2.4 + 0.5 * np.mod(row, 2))
    v = np.mod(warp_y * rows, 1)
    edge = np.minimum(np.minimum(u, 1 - u) * 2.4, np.minimum(v, 1 - v))
    face = step(edge + 0.02 * fbm(rng, height, width, 40, 2), 0.05, 0.12)
    lot = rng.random((rows + 2, 64))
    tone = lot[np.clip(row, 0, rows).astype(int), np.clip(column, 0, 63).astype(int)].astype(np.float32)
    grain = fbm(rng, height, width, 30, 4)
    color = ramp(rgb("3a2a3a", "6a4a52", "9a6a5a", "b08a80", "5a4a6a"), tone + 0.08 * grain)
    color = put(rgb("4a4658")[0] * (1 + 0.15 * grain[..., None]), face, color)
    return color, blur(face, 1.0) * 1.6 + 0.12 * grain + 0.25 * tone * face


def _tubes(rng, x, y):
    """Light (H, W, 3) and the white-hot middle (H, W) of all tubes.

    The tubes are level lines of a smooth landscape with whirlpools, so they bend together and never cross.
    """
    height, width = x.shape
    land = 5.2 * y + 0.9 * np.sin(4.6 * x + 0.6) + 0.35 * np.sin(9 * x + 5 * y)
    for cx, cy, radius, lift in WHIRLPOOLS:
        land = land + lift * np.exp(-(((x - cx) ** 2 + (y - cy) ** 2) / radius**2))
    land = land + 0.05 * noise(rng, height, width, 5)
    gy, gx = np.gradient(land)
    slope = np.maximum(np.hypot(gx, gy), 0.6 / height)
    unit = height / 768
    light = np.zeros((height, width, 3), dtype=np.float32)
    core = np.zeros((height, width), dtype=np.float32)
    for i, level in enumerate(np.arange(-2.2, 9.0, 0.55)):
        for offset, wide in ((0.0, 3.2), (0.13, 1.3)) if i % 2 else ((0.0, 4.2),):
            apart = np.abs(land - level - offset) / slope / unit
            tube = step(apart, wide + 0.7 / unit, wide - 0.5)
            light = np.maximum(light, tube[..., None] * TUBES[(5 * i // 2) % len(TUBES)])
            core = np.maximum(core, step(apart, 0.5 * wide + 0.6, 0.2 * wide))
    return light, core
