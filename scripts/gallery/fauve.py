"""A valley in pure colours laid on with a palette knife: hills, a road, trees with red trunks, a burning sky."""

from __future__ import annotations

import numpy as np
from PIL import Image

from gallery.brush import Canvas, Layer, bristle_tip, knife_tip, paint, snap
from gallery.fields import fbm, finish, frame, grid, put, ramp, rgb, step

ASPECT = 1.28
PALETTE = rgb("ffd23f", "ff7b1a", "e8332a", "d6337f", "5b2a86", "1d5fbf", "17a08a", "6fbf3a", "fff1c4", "10254f")
HILLS = [
    (0.34, 0.060, 2.1, 0.3, ("3a4fb0", "7a5fc8", "2a77c9")),
    (0.43, 0.050, 3.0, 1.9, ("c23b86", "e8587a", "6a3aa0")),
    (0.52, 0.055, 2.4, 4.2, ("17a08a", "5bc49a", "1d6f9f")),
    (0.62, 0.050, 3.3, 0.9, ("ff8a1f", "ffc23f", "e8432a")),
    (0.74, 0.045, 2.6, 2.8, ("6fbf3a", "c9dc4a", "178a5a")),
    (0.88, 0.035, 3.8, 5.0, ("d6336f", "ff7b3a", "8a2a86")),
]
CROWNS = ([2, 1, 0, 6], [4, 3, 7, 6], [2, 4, 3, 6], [1, 0, 5, 6])


def paint_picture(size_px: int) -> Image.Image:
    """Paint at ``size_px`` on the longest side."""
    rng = np.random.default_rng(1905)
    height, width = frame(size_px, ASPECT)
    x, y = grid(height, width)
    rough = fbm(rng, height, width, 5, 4)
    sun_x, sun_y = 0.86, 0.17
    r = np.hypot(x - sun_x, y - sun_y)
    picture = ramp(rgb("fff1b8", "ffd23f", "ff9a3a", "f25f6a", "c24a9a", "4f4fc0"), r * 1.25 + 0.09 * rough)
    around = np.arctan2(y - sun_y, x - sun_x) + np.pi / 2 + 0.25 * rough
    angle = around
    picture = put(picture, step(r, 0.085, 0.07), rgb("fffbe0")[0])
    for level, (base, rise, rate, shift, codes) in enumerate(HILLS):
        ridge = base - rise * np.sin(rate * x + shift) - 0.3 * rise * np.sin(2.7 * rate * x + 2 * shift)
        inside = step(y - ridge, -0.003, 0.003)
        fields = 0.5 + 0.5 * np.sin(9 * x * (1 + 0.2 * level) + 22 * (y - ridge) + 1.2 * rough)
        color = ramp(rgb(*codes), fields)
        color = put(color, step(y - ridge, 0.022, 0.008), ramp(rgb("10254f", "5b2a86"), 0.5 + 0.4 * rough))
        picture = put(picture, inside, color)
        slope = np.arctan(np.gradient(ridge, axis=1) * height)
        angle = np.where(inside > 0.5, slope + 0.5 * np.sin(5 * x + 17 * (y - ridge) + level), angle)
    road = 0.70 + 0.16 * np.sin(7.5 * (y - 0.55)) * (1.15 - y)
    spread = 0.012 + 0.17 * np.clip(y - 0.55, 0, 1) ** 1.35
    on_road = step(np.abs(x - road) - spread, 0.004, -0.004) * step(y, 0.545, 0.56)
    picture = put(picture, on_road, ramp(rgb("fff1c4", "f7b5a0", "c98ad0"), 0.5 + 0.4 * rough))
    angle = np.where(on_road > 0.5, 0.15 * rough, angle)
    canvas = Canvas(height, width, rgb("7a2440")[0])
    knife, hair = knife_tip(rng), bristle_tip(rng, dry=0.3)
    mate = snap(PALETTE)
    paint(
        canvas,
        rng,
        knife,
        picture,
        angle,
        [Layer(64, 30, 1.6, 0.05, 0.25, 2.2), Layer(46, 20, 1.7, 0.06, 0.2, 2.2)],
        mate,
    )
    _trees(canvas, rng, hair, knife, size_px)
    paint(canvas, rng, knife, picture, angle, [Layer(26, 11, 0.45, 0.10, 0.2, 2.0, _edges(picture))], mate)
    return finish(canvas.lit(0.85, 0.22))


def _edges(picture):
    light = picture.mean(axis=2)
    gy, gx = np.gradient(light)
    return np.clip(np.hypot(gx, gy) * 14, 0.08, 1).astype(np.float32)


def _trees(canvas, rng, hair, knife, size_px):
    """Crooked trunks with crowns of knife dabs; far trees are small."""
    height = canvas.height.shape[0]
    scale = (size_px / 768) ** 0.5
    # From the light of the sky down to the shadow under the leaves.
    leaves = rgb("e8332a", "ff7b1a", "ffd23f", "17a08a", "6fbf3a", "d6337f", "10254f", "1d5fbf")
    spots = [(0.40, 0.56, 0.10), (0.53, 0.60, 0.12), (1.12, 0.64, 0.15), (0.98, 0.58, 0.09), (0.13, 0.86, 0.34),
             (0.31, 0.80, 0.19), (1.18, 0.96, 0.36)]  # fmt: skip
    for at, foot, tall in spots:
        bark = rgb("e8332a", "5b2a86", "10254f", "d6337f")
        for _ in range(int(10 + 60 * tall)):
            t = rng.uniform(0, 0.75)
            px, py = at + 0.05 * tall * np.sin(5 * t) + rng.normal(0, 0.012 * tall), foot - t * tall
            pair = bark[rng.integers(0, 4, 2)]
            size = (max(6, 0.24 * tall * height), max(3.0, 0.055 * tall * height))
            at_px = (px * height, py * height)
            lean = -1.57 + rng.normal(0, 0.12)
            canvas.stroke(hair, int(rng.integers(24)), at_px, lean, 0.0, size, (pair[0], pair[1]), 1.8)
        crown = leaves[CROWNS[int(rng.integers(len(CROWNS)))]]
        for _ in range(int(40 + 260 * tall)):
            a, r = rng.uniform(0, 2 * np.pi), np.sqrt(rng.uniform(0, 1))
            px = at + 0.36 * tall * r * np.cos(a)
            py = foot - tall * (0.86 + 0.34 * r * np.sin(a))
            low = 0.5 - 0.5 * r * np.sin(a) + rng.normal(0, 0.2)
            order = int(np.clip(low * 4, 0, 3))
            pair = (crown[order], crown[min(3, order + 1)])
            size = ((22 + 26 * tall) * scale, (9 + 14 * tall) * scale)
            at_px = (px * height, py * height)
            canvas.stroke(knife, int(rng.integers(24)), at_px, a + 1.57 + rng.normal(0, 0.3), 0.0, size, pair, 2.4)
