"""A pond in broken light: level strokes of water, hanging reflections of willows, lily pads with flowers."""

from __future__ import annotations

import numpy as np
from PIL import Image

from gallery.brush import Canvas, Layer, bristle_tip, dab_tip, paint, snap
from gallery.fields import fbm, finish, frame, grid, put, ramp, rgb, step

ASPECT = 1.2
PALETTE = rgb("1b3a6b", "3f6fb5", "8fb3dd", "c9b6e0", "e9a6b8", "2f7a55", "8fbf5a", "dfe8a8", "5a3f86", "123a3a")


def paint_picture(size_px: int) -> Image.Image:
    """Paint at ``size_px`` on the longest side."""
    rng = np.random.default_rng(1906)
    height, width = frame(size_px, ASPECT)
    x, y = grid(height, width)
    drift = fbm(rng, height, width, 2.5, 4, stretch=2.5)
    hang = fbm(rng, height, width, 1.6, 4, stretch=0.22)
    sky = ramp(
        rgb("2f55a0", "5f8fd0", "a9c4e8", "e9b8c4", "a98ad0", "3f5fb8", "2a4a9a"), 0.45 + 0.24 * drift + 0.3 * (y - 0.5)
    )
    trees = ramp(
        rgb("0f2f3f", "174f4a", "2f7a55", "5a9a4f", "2a4f8a"), 0.5 + 0.25 * fbm(rng, height, width, 6, 4, stretch=0.3)
    )
    willow = step(hang + 0.5 * np.cos(5.0 * (x - 0.02)) - 0.5 * y + 0.15, -0.05, 0.55)
    picture = put(sky, willow, trees)
    angle = np.where(willow > 0.5, np.pi / 2 + 0.12 * drift, 0.06 * drift).astype(np.float32)
    canvas = Canvas(height, width, rgb("2a4a7a")[0])
    tip, dab = bristle_tip(rng, dry=0.7), dab_tip(rng)
    mate = snap(PALETTE)
    layers = [
        Layer(60, 22, 2.2, 0.06, 0.2, 1.0),
        Layer(70, 17, 2.2, 0.06, 0.12, 1.3),
        Layer(44, 10, 1.6, 0.08, 0.12, 1.5),
    ]
    paint(canvas, rng, tip, picture, angle, layers, mate)
    flat = np.full_like(angle, 0.0) + 0.08 * drift
    ripples = np.clip(0.25 + 0.5 * step(fbm(rng, height, width, 9, 3, stretch=4), 0.3, 1.2), 0, 1).astype(np.float32)
    paint(canvas, rng, tip, picture, flat, [Layer(40, 5.5, 1.0, 0.10, 0.05, 1.6, ripples)], mate)

    pads, chosen = picture.copy(), np.zeros_like(x)
    flowers = []
    for row, (cy, count) in enumerate([(0.13, 5), (0.24, 6), (0.37, 5), (0.53, 6), (0.70, 5), (0.88, 5)]):
        group = rng.uniform(0.0, ASPECT)
        for _ in range(count):
            px, py = group + rng.normal(0, 0.17), cy + rng.normal(0, 0.016 + 0.008 * row)
            wide = (0.045 + 0.07 * cy) * rng.uniform(0.7, 1.25)
            dx, dy = (x - px) / wide, (y - py) / (wide * (0.26 + 0.18 * cy))
            r = np.hypot(dx, dy)
            notch = np.abs(np.angle(np.exp(1j * (np.arctan2(dy, dx) - rng.uniform(0, 6.28))))) < 0.25
            leaf = step(r, 1.06, 0.94) * (1 - notch)
            tone = np.clip(0.5 - 0.35 * dy + 0.2 * dx + 0.12 * drift, 0, 1)
            shade = step(np.hypot(dx, dy - 0.45), 1.1, 0.9) * (1 - leaf) * 0.75
            pads = put(pads, shade, rgb("142f4f")[0])
            pads = put(pads, leaf, ramp(rgb("1f5a5a", "3f8a5a", "8fbf5a", "d5e09a", "e9c0b0"), tone))
            chosen = np.maximum(chosen, np.maximum(leaf, shade))
            if rng.random() < 0.5:
                flowers.append((px + rng.normal(0, 0.3) * wide, py - 0.2 * wide, wide * rng.uniform(0.4, 0.6)))
    where = np.clip(chosen, 0, 1).astype(np.float32)
    layers = [Layer(30, 8, 2.6, 0.06, 0.14, 1.9, where), Layer(20, 5, 1.8, 0.09, 0.14, 2.0, where)]
    paint(canvas, rng, tip, pads, flat, layers, mate)
    scale = size_px / 768
    for px, py, wide in flowers:
        petals = rgb(*(("ffffff", "f7c9d4", "e87a9a") if rng.random() < 0.6 else ("fff6d0", "f5c95a", "e88a4a")))
        for i in range(17):
            a = -np.pi * (i * 0.62 % 1.0) * 1.1 + 0.15
            far = wide * (0.55 if i < 11 else 0.25)
            at = ((px + far * np.cos(a)) * height, (py + far * 0.8 * np.sin(a)) * height)
            size = (max(4.0, wide * 0.95 * height), max(2.5, wide * 0.36 * height))
            pair = (petals[i % 3] if i < 11 else petals[0], petals[(i + 1) % 3])
            canvas.stroke(tip, int(rng.integers(24)), at, a, 0.0, size, pair, 3.0 * scale**0.5)
        heart = rgb("ffd94a", "f08a2a")
        size = (max(3.0, wide * 0.4 * height), max(2.5, wide * 0.3 * height))
        canvas.stroke(dab, 1, (px * height, (py - 0.1 * wide) * height), 0.0, 0.0, size, (heart[0], heart[1]), 3.0)
    return finish(canvas.lit(0.85, 0.16))
