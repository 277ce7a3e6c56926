"""A night sky in long curved strokes: vortices, haloed stars, a crescent moon, dark hills and a flame-shaped tree."""

from __future__ import annotations

import numpy as np
from PIL import Image

from gallery.brush import Canvas, Layer, bristle_tip, dab_tip, paint, snap
from gallery.fields import blur, fbm, finish, frame, grid, put, ramp, rgb, step

ASPECT = 1.26
BLUES = rgb("0b1a4a", "12307c", "1c4fae", "3f86cf", "8fc4e4", "1f5f9c", "15245f")
ACCENTS = rgb("0b1a4a", "1c4fae", "6fb0dd", "d9e8d8", "f7d44a", "f2a01e", "2f7f86", "0d2a2a")
# x, y, radius in units of the height; sense of turning
WHIRLS = [(0.60, 0.36, 0.19, 1), (0.84, 0.46, 0.11, -1), (0.24, 0.50, 0.09, 1)]
STARS = [
    (0.11, 0.13, 0.075),
    (0.33, 0.10, 0.055),
    (0.44, 0.24, 0.04),
    (0.70, 0.10, 0.06),
    (0.87, 0.21, 0.045),
    (0.08, 0.38, 0.05),
    (0.36, 0.42, 0.05),
    (1.00, 0.33, 0.055),
    (0.50, 0.56, 0.035),
    (0.98, 0.56, 0.04),
]
MOON = (1.09, 0.15, 0.105)


def paint_picture(size_px: int) -> Image.Image:
    """Paint at ``size_px`` on the longest side."""
    rng = np.random.default_rng(1889)
    height, width = frame(size_px, ASPECT)
    x, y = grid(height, width)
    flow_x = np.ones_like(x)
    flow_y = 0.45 * np.cos(4.2 * x + 2.5 * y) - 0.15 * np.sin(9 * x)
    band = y * 5.2 - 0.55 * np.sin(4.2 * x + 2.5 * y) + 0.25 * fbm(rng, height, width, 4, 4)
    glow = np.zeros_like(x)
    for cx, cy, radius, sense in WHIRLS:
        dx, dy = x - cx, y - cy
        r = np.hypot(dx, dy) + 1e-4
        weight = np.exp(-((r / (radius * 1.1)) ** 4)) * 4
        flow_x += weight * sense * (-dy - 0.28 * sense * dx) / r
        flow_y += weight * sense * (dx - 0.28 * sense * dy) / r
        inside = np.clip(weight / 4, 0, 1)
        spiral = r / radius * 2.6 - sense * np.arctan2(dy, dx) / (2 * np.pi) * 2
        band = band * (1 - inside) + spiral * inside
        glow = np.maximum(glow, inside * (0.5 + 0.5 * np.cos(2 * np.pi * spiral)) * 0.9)
    wave = 0.5 + 0.5 * np.sin(2 * np.pi * band)
    picture = ramp(BLUES[[6, 1, 2, 3, 4]], 0.72 * wave + 0.16 * y + 0.28 * glow)
    picture = put(picture, step(y, 0.45, 0.72) * 0.5 * wave, rgb("7fc0b8")[0])
    for cx, cy, radius in STARS:
        picture = _star(picture, x, y, cx, cy, radius)
        dx, dy = x - cx, y - cy
        r = np.hypot(dx, dy) + 1e-4
        weight = 6 * np.exp(-((r / (radius * 1.25)) ** 4))
        flow_x, flow_y = flow_x - weight * dy / r, flow_y + weight * dx / r
    cx, cy, radius = MOON
    picture = _star(picture, x, y, cx, cy, radius * 1.25)
    crescent = step(np.hypot(x - cx, y - cy), radius * 0.62, radius * 0.56) * step(
        np.hypot(x - cx - radius * 0.3, y - cy + radius * 0.08), radius * 0.42, radius * 0.5
    )
    picture = put(picture, crescent, rgb("f39a12")[0])
    r = np.hypot(x - cx, y - cy) + 1e-4
    weight = 6 * np.exp(-((r / (radius * 1.5)) ** 4))
    flow_x, flow_y = flow_x - weight * (y - cy) / r, flow_y + weight * (x - cx) / r

    for level, (base, rise, tint) in enumerate([(0.68, 0.07, 0), (0.79, 0.06, 1), (0.89, 0.05, 2)]):
        ridge = base - rise * np.sin(3.1 * x + 1.7 * level + 0.4) - 0.4 * rise * np.sin(8 * x - level * 2.1)
        inside = step(y - ridge, -0.004, 0.004)
        depth = (y - ridge) * 26 + 0.8 * np.sin(14 * x + level)
        tones = [
            rgb("1d3f86", "4f88c0", "16295e"),
            rgb("0f4a5a", "3fa08e", "0d2f4f"),
            rgb("0b2a22", "5a8a3c", "0e4a36"),
        ]
        picture = put(picture, inside, ramp(tones[tint], 0.5 + 0.5 * np.sin(depth)))
        picture = put(picture, step(np.abs(y - ridge - 0.004), 0.009, 0.005), rgb("070d24")[0])
        slope = -np.gradient(ridge, axis=1) * -height
        flow_x, flow_y = np.where(inside > 0.5, 1, flow_x), np.where(inside > 0.5, slope, flow_y)
    lights = np.zeros_like(x)
    for _ in range(34):
        lx, ly = rng.uniform(0.28, 1.22), rng.uniform(0.80, 0.93)
        lights = np.maximum(lights, np.exp(-(((x - lx) / 0.009) ** 2) - ((y - ly) / 0.007) ** 2))
    picture = put(picture, np.clip(lights * 1.4, 0, 1), rgb("f6b63a")[0])
    picture, flow_x, flow_y = _tree(picture, flow_x, flow_y, x, y)

    angle = np.arctan2(flow_y, flow_x).astype(np.float32)
    canvas = Canvas(height, width, rgb("1a2a66")[0])
    mate = snap(ACCENTS)
    detail = blur(np.abs(np.gradient(picture.mean(axis=2))[0]) + np.abs(np.gradient(picture.mean(axis=2))[1]), 2)
    detail = np.clip(detail * size_px / 768 * 30, 0.25, 1).astype(np.float32)
    layers = [
        Layer(70, 15, 1.6, 0.05, 0.10, 1.4),
        Layer(46, 9, 2.4, 0.07, 0.08, 1.5),
        Layer(30, 6, 1.8, 0.09, 0.08, 1.5, detail),
        Layer(20, 4.5, 0.7, 0.10, 0.08, 1.6, detail),
    ]
    paint(canvas, rng, bristle_tip(rng), picture, angle, layers, mate)
    # Where all directions meet, no stroke finds a hold: the middle of a star is one dab of pure paint.
    dab = dab_tip(rng)
    for cx, cy, radius in STARS:
        wide = max(3.0, radius * height * 0.55)
        white = rgb("fff7d6", "ffe680")
        canvas.stroke(dab, 3, (cx * height, cy * height), 0.4, 0.0, (wide * 1.1, wide), (white[0], white[1]), 2.0)
    return finish(canvas.lit(0.9))


def _star(picture, x, y, cx, cy, radius):
    r = np.hypot(x - cx, y - cy) / radius
    rings = 0.5 + 0.5 * np.cos(r * 9.0)
    halo = np.exp(-((r / 1.25) ** 3))
    color = ramp(rgb("fff6c8", "f9d94a", "f2b53a", "b9d7a8", "6fb0dd"), r * 0.62 + 0.12 * rings)
    picture = put(picture, (halo * (0.55 + 0.45 * rings)).astype(np.float32), color)
    return put(picture, step(r, 0.36, 0.26), rgb("fff3b0")[0])


def _tree(picture, flow_x, flow_y, x, y):
    lean = 0.165 + 0.020 * np.sin(8 * y + 0.6)
    down = np.clip(y - 0.15, 0, 1)
    spread = 0.135 * down**0.8 * (1.15 - 0.5 * down) * (1 + 0.16 * np.sin(31 * y + 1.4 * np.sign(x - lean)))
    spread += 0.05 * np.exp(-(((y - 0.78 - 0.05 * np.sign(x - lean)) / 0.09) ** 2))
    inside = step(np.abs(x - lean) - spread, 0.003, -0.003) * step(y, 0.15, 0.16)
    flame = 0.5 + 0.5 * np.sin((x - lean) / (spread + 0.01) * 7 + 9 * y)
    color = ramp(rgb("07120f", "10301f", "2c5a2a", "5a4a1c", "0a1a2a"), flame)
    bent = (x - lean) / (spread + 0.02) * 0.35 + 0.25 * np.sin(22 * y)
    return put(picture, inside, color), np.where(inside > 0.5, bent, flow_x), np.where(inside > 0.5, 1.0, flow_y)
