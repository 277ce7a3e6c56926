"""A river bank on a summer afternoon in tens of thousands of dots of pure colour, each mixed only in the eye."""

from __future__ import annotations

import numpy as np
from PIL import Image

from gallery.brush import Canvas, dab_tip
from gallery.fields import fbm, finish, frame, grid, put, ramp, rgb, step

ASPECT = 1.3
PIGMENTS = rgb(
    "fff3d0", "ffd93a", "ff9a2a", "f0582a", "d8336a", "8a3a9a", "4a3a9a", "1f4fb0",
    "3f8fdc", "8fd0ea", "1f8f7a", "2f7a2f", "7fbf3a", "d0e05a", "f7b0b8", "142a5a",
)  # fmt: skip


def paint_picture(size_px: int) -> Image.Image:
    """Paint at ``size_px`` on the longest side."""
    rng = np.random.default_rng(1886)
    height, width = frame(size_px, ASPECT)
    x, y = grid(height, width)
    rough = fbm(rng, height, width, 6, 4)
    leafy = fbm(rng, height, width, 9, 4)
    picture = ramp(rgb("4f8fd8", "8fc4ea", "cfe0e0", "ffe9b0", "ffc890"), y / 0.40 + 0.08 * rough)
    cloud = step(fbm(rng, height, width, 3, 4, stretch=2.2) - 2.5 * y, 0.0, 0.9) * 0.8
    picture = put(picture, cloud, ramp(rgb("fff8e8", "f7c9c0"), 0.5 + 0.4 * rough))
    far = 0.355 - 0.03 * np.sin(4 * x + 1) - 0.012 * leafy
    picture = put(picture, step(y - far, -0.004, 0.004), ramp(rgb("3a5aa8", "7a6ab8", "5f9f9a"), 0.5 + 0.3 * leafy))
    shore = 0.42
    water = step(y - shore, -0.003, 0.003)
    lap = np.sin(70 * y**0.8 + 5 * np.sin(5 * x) + 1.5 * rough)
    river = ramp(rgb("ffd9a0", "8fc4e4", "3f86cf", "2a5fb0", "2f8f9a"), (y - shore) / 0.4 + 0.13 * lap)
    glint = step(np.abs(x - 0.62 - 0.02 * lap), 0.11, 0.0) * step(lap, -0.4, 0.6)
    picture = put(picture, water, put(river, glint, rgb("fff0b0")[0]))
    bank = 0.86 - 0.46 * step(x, 0.62, 0.0) + 0.03 * np.sin(9 * x) + 0.09 * step(x, 0.5, 1.3)
    grass = ramp(rgb("1f6f4a", "4f9f3a", "b0d04a", "ffe06a"), 0.55 + 0.22 * leafy + 0.5 * (y - bank))
    shadow = step(np.sin(6.5 * x + 14 * y + 0.7 * rough), 0.2, 0.8)
    grass = put(grass, 0.85 * shadow, ramp(rgb("142a5a", "1f6f5a", "4a3a9a"), 0.5 + 0.25 * rough))
    picture = put(picture, step(y - bank, -0.004, 0.004), grass)

    for at, foot, tall in [(0.13, 0.66, 0.55), (0.35, 0.56, 0.30), (1.22, 0.94, 0.60), (0.02, 0.86, 0.62)]:
        mirror = (
            step(np.abs(x - at - 0.02 * lap), 0.22 * tall, 0.05 * tall)
            * step(np.abs(y - foot - 0.1), 0.22 * tall, 0.0)
            * water
        )
        picture = put(picture, 0.55 * mirror * step(bank - y, 0.0, 0.01), rgb("1f6f6a")[0])
        trunk = step(np.abs(x - at - 0.03 * np.sin(9 * y)), 0.035 * tall, 0.028 * tall)
        trunk = trunk * step(y, foot - 0.6 * tall, foot - 0.58 * tall) * step(y, foot + 0.005, foot - 0.005)
        picture = put(picture, trunk, ramp(rgb("8a3a5a", "4a2a6a"), 0.5 + 0.4 * rough))
        r = np.hypot((x - at) / 0.85, y - foot + 0.75 * tall) / (0.36 * tall) + 0.16 * leafy
        lit = 0.5 - 1.3 * (y - foot + 0.75 * tall) / tall + 0.5 * (x - at) / tall + 0.22 * leafy
        crown = ramp(rgb("142a5a", "1f5f5a", "2f8a3a", "9fc83a", "ffdf5a"), lit)
        picture = put(picture, step(r, 1.05, 0.92), crown)
    for at, foot, tall in [(0.74, 0.60, 0.30), (0.98, 0.505, 0.15), (0.55, 0.465, 0.09)]:
        dx, dy = (x - at) / tall, (foot - y) / tall
        sail = step(np.maximum.reduce([-dx, dx - 0.5 * (1 - dy), 0.12 - dy]), 0.02, -0.02)
        jib = step(np.maximum.reduce([dx + 0.04, -dx - 0.36 * (0.9 - dy), 0.12 - dy]), 0.02, -0.02)
        hull = step(np.hypot(dx - 0.05, (dy - 0.06) * 4), 0.5, 0.44) * step(dy, 0.10, 0.07)
        mirror = step(np.abs(dx - 0.08 + 0.1 * lap), 0.42, 0.05) * step(np.abs(dy + 0.5), 0.45, 0.1)
        picture = put(picture, 0.7 * mirror, rgb("ffe9c0")[0])
        picture = put(picture, sail, ramp(rgb("fffbe8", "ffd9a0"), dx * 1.8))
        picture = put(picture, jib, rgb("ffb07a")[0])
        picture = put(picture, hull, rgb("8a2a4a")[0])
    return finish(_dots(rng, picture, size_px).lit(0.9, 0.1))


def _dots(rng, picture, size_px):
    """Dots from coarse to fine; each takes one pigment, drawn with odds that fall with its distance from the aim."""
    height, width = picture.shape[:2]
    canvas = Canvas(height, width, rgb("e8d8b8")[0])
    tip = dab_tip(rng)
    scale = (size_px / 768) ** 0.5
    for diameter, coverage in ((17.0, 1.3), (12.0, 1.5), (9.0, 1.6)):
        wide = max(2.5, diameter * scale)
        count = int(coverage * height * width / (0.6 * wide * wide))
        xs, ys = rng.uniform(0, width, count), rng.uniform(0, height, count)
        aim = picture[ys.astype(np.int64), xs.astype(np.int64)]
        apart = ((aim[:, None, :] - PIGMENTS[None]) ** 2).sum(axis=2)
        odds = np.exp(-apart / 0.05) + 1e-9
        odds /= odds.sum(axis=1, keepdims=True)
        pick = (odds.cumsum(axis=1) < rng.random(count)[:, None]).sum(axis=1)
        pigment = PIGMENTS[np.minimum(pick, len(PIGMENTS) - 1)]
        # A few dots take the opposite hue at the same lightness: they make their neighbours glow.
        other = rng.random(count) < 0.07
        opposite = np.clip(2 * aim.mean(axis=1, keepdims=True) - aim * 0.9, 0, 1)
        pigment = np.where(other[:, None], opposite, pigment)
        paint = np.clip(0.68 * pigment + 0.32 * aim + rng.normal(0, 0.03, aim.shape), 0, 1).astype(np.float32)
        edge = np.clip(paint * 0.9, 0, 1)
        sizes = wide * rng.uniform(0.75, 1.25, (count, 2))
        turns = rng.uniform(0, np.pi, count)
        which = rng.integers(0, len(tip.cover), count)
        for i in range(count):
            size = (float(sizes[i, 0]), float(sizes[i, 1]))
            at = (float(xs[i]), float(ys[i]))
            canvas.stroke(tip, int(which[i]), at, float(turns[i]), 0.0, size, (paint[i], edge[i]), 0.9 * scale)
    return canvas
