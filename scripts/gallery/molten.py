"""Molten dusk: heavy wavy bands of orange and red over a turning blue-green fjord, cut by a dark pier."""

from __future__ import annotations

import numpy as np
from PIL import Image

from gallery.brush import Canvas, Layer, bristle_tip, paint, snap
from gallery.fields import fbm, finish, frame, grid, put, ramp, rgb, step

ASPECT = 0.82
PALETTE = rgb("fbe08a", "f79a1e", "e2521b", "a81f1a", "f4b7a0", "0e2a4a", "1f6f8a", "5fa58e", "241528", "d8d0a0")


def paint_picture(size_px: int) -> Image.Image:
    """Paint at ``size_px`` on the longest side."""
    rng = np.random.default_rng(1893)
    height, width = frame(size_px, ASPECT)
    x, y = grid(height, width)
    slow = fbm(rng, height, width, 2.2, 2)
    psi = y * 11 + 0.85 * np.sin(5.2 * x + 3.2 * y + 0.4) + 0.5 * np.sin(9.5 * x - 5 * y) * y + 0.30 * slow
    bands = ramp(
        rgb(
            "a81f1a", "e2521b", "f79a1e", "fbe08a", "f79a1e", "c8321a", "7a2038", "e2521b", "f4b7a0", "e2521b", "a81f1a"
        ),
        np.mod(psi / 4.1, 1),
    )
    picture = bands
    flow = np.arctan2(-np.gradient(psi, axis=1), np.gradient(psi, axis=0))

    shore = 0.43 + 0.035 * np.sin(6 * x + 0.8) - 0.10 * x
    cx, cy = 0.47, 0.585
    swirl = np.hypot((x - cx) * 1.0, (y - cy) * 1.5)
    water = np.hypot(swirl, 0.05) * 15 + 1.2 * np.sin(7 * x + 6 * y) + 0.5 * np.sin(13 * y - 4 * x) + 0.6 * slow
    inside = step(y - shore, -0.004, 0.004)
    tones = rgb("0e2a4a", "14507a", "1f8a9a", "7fc0a0", "1f6f8a", "102f5f", "d8d0a0", "1a5a7a", "0e2a4a")
    picture = put(picture, inside, ramp(tones, np.mod(water / 5.0, 1)))
    turn = np.arctan2(-np.gradient(water, axis=1), np.gradient(water, axis=0))
    flow = np.where(inside > 0.5, turn, flow)
    line = step(np.abs(y - shore), 0.012, 0.006)
    picture = put(picture, line, rgb("1a1530")[0])
    rise = np.where(x > 0.36, 1, 0) * np.clip(0.10 * np.sin(7 * x - 2.2), 0, 1) + 0.02
    land = step(y - (shore - rise), -0.003, 0.003) * step(y - shore, 0.004, -0.004)
    picture = put(picture, land, ramp(rgb("241a40", "2f4f7a", "3a2a5a"), 0.5 + 0.5 * np.sin(40 * (y - shore) + 9 * x)))

    edge = 0.62 + 0.62 * x
    pier = step(y - edge, -0.003, 0.003)
    plank = 0.5 + 0.5 * np.sin((y - 0.62 - 0.62 * x) * 46 + 0.6 * slow)
    picture = put(picture, pier, ramp(rgb("3a1a20", "8a3a20", "c8742a", "5a2428", "e0a050"), plank))
    along = np.full_like(x, np.arctan(0.62)) + 0.08 * slow
    flow = np.where(pier > 0.5, along, flow)
    canvas = Canvas(height, width, rgb("7a3a1a")[0])
    gy, gx = np.gradient(picture.mean(axis=2))
    fine = np.clip(np.hypot(gx, gy) * 9, 0.1, 1).astype(np.float32)
    layers = [
        Layer(60, 16, 1.4, 0.05, 0.1, 1.2),
        Layer(150, 19, 1.8, 0.05, 0.06, 1.9),
        Layer(95, 12, 2.0, 0.07, 0.06, 2.0),
        Layer(48, 6, 1.6, 0.08, 0.06, 1.8, fine),
    ]
    paint(canvas, rng, bristle_tip(rng, dry=0.65), picture, flow.astype(np.float32), layers, snap(PALETTE))
    _railing(canvas, rng)
    return finish(canvas.lit(0.9, 0.2))


def _railing(canvas, rng):
    """Three rails and their posts, each drawn in a few loaded strokes."""
    height = canvas.height.shape[0]
    tip = bristle_tip(rng, dry=0.25)
    dark, warm = rgb("1c0f1c", "3a1a24", "2a1838"), rgb("a8431f", "d0762a", "7a2a1a")
    unit = height / 768
    for post in np.arange(0.03, 0.86, 0.115):
        foot = 0.62 + 0.62 * post
        for _ in range(3):
            at = (post * height + rng.normal(0, 1.5) * unit, (foot - 0.075) * height)
            pair = (dark[rng.integers(3)], warm[rng.integers(3)])
            canvas.stroke(tip, int(rng.integers(24)), at, 1.57, 0.0, (150 * unit, 13 * unit + 2), pair, 1.8)
    for offset in (0.0, -0.07, -0.14):
        for along in np.arange(0.0, 0.9, 0.05):
            at = (along * height, (0.62 + 0.62 * along + offset) * height + rng.normal(0, 1.2) * unit)
            pair = (dark[rng.integers(3)], warm[rng.integers(3)])
            size = (rng.uniform(90, 150) * unit, (17 if offset == 0.0 else 12) * unit + 2)
            canvas.stroke(
                tip, int(rng.integers(24)), at, float(np.arctan(0.62)) + rng.normal(0, 0.02), 0.0, size, pair, 2.0
            )
