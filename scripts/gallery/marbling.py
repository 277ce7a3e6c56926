"""Turkish paper marbling: ink drops push each other apart on the bath, then combs are drawn through them."""

from __future__ import annotations

import numpy as np
from PIL import Image

from gallery.fields import blur, fbm, finish, frame, grid, ramp, rgb, step

ASPECT = 0.8
INKS = rgb("f4ead2", "12305c", "c8322a", "e8a82f", "1f7f86", "f0d9b0", "7a1f3a", "2a1a2a", "5fa8b8")


def paint_picture(size_px: int) -> Image.Image:
    """Paint at ``size_px`` on the longest side.

    The bath is run backwards: each pixel of the finished paper is carried back through the combs and drops, in
    reverse order, until the drop that it belongs to is found. So every line stays sharp however often it is combed.
    """
    rng = np.random.default_rng(1600)
    final_height, final_width = frame(size_px, ASPECT)
    height, width = int(final_height * 1.5), int(final_width * 1.5)
    x, y = grid(height, width)
    wobble = fbm(rng, height, width, 3, 3)
    px = (x + 0.004 * wobble).ravel().astype(np.float64)
    py = (y + 0.004 * fbm(rng, height, width, 3, 3)).ravel().astype(np.float64)

    # Last gesture first: a few whirls of the stylus, then the combs.
    for cx, cy, reach, turn in [
        (0.22, 0.20, 0.13, 2.6),
        (0.58, 0.36, 0.15, -2.8),
        (0.25, 0.60, 0.15, -2.7),
        (0.60, 0.80, 0.16, 2.8),
    ]:
        dx, dy = px - cx, py - cy
        a = -turn * np.exp(-((np.hypot(dx, dy) / reach) ** 2))
        px, py = cx + dx * np.cos(a) - dy * np.sin(a), cy + dx * np.sin(a) + dy * np.cos(a)
    for at in np.arange(-0.05, 0.95, 0.085):
        sense = 1 if round(at / 0.085) % 2 else -1
        py = py - sense * 0.13 * 0.016 / (0.016 + np.abs(px - at))
    for at in np.arange(-0.1, 1.15, 0.105):
        sense = 1 if round(at / 0.105) % 2 else -1
        px = px - sense * 0.26 * 0.020 / (0.020 + np.abs(py - at))

    def drop(low, high, ink):
        return rng.uniform(-0.1, ASPECT + 0.1), rng.uniform(-0.1, 1.1), rng.uniform(low, high), ink

    drops = [drop(0.035, 0.085, ink) for ink in (1, 3, 0, 2, 4, 0, 6, 8, 5, 7, 2, 3, 0, 1) for _ in range(13)]
    drops += [drop(0.010, 0.026, int(rng.choice([0, 7, 2, 5]))) for _ in range(110)]
    color = np.full(px.shape, 1, dtype=np.int64)
    shade = np.zeros(px.shape, dtype=np.float32)
    live = np.arange(px.size)
    qx, qy = px.astype(np.float32), py.astype(np.float32)
    for cx, cy, radius, ink in reversed(drops):
        dx, dy = qx - cx, qy - cy
        apart = dx * dx + dy * dy
        hit = apart < radius * radius
        color[live[hit]] = ink
        shade[live[hit]] = np.sqrt(apart[hit]) / radius
        away = ~hit
        live = live[away]
        back = np.sqrt(1 - radius * radius / apart[away])
        qx, qy = cx + dx[away] * back, cy + dy[away] * back
    label = color.reshape(height, width)
    picture = INKS[label]
    ring = shade.reshape(height, width)[..., None]
    # Ink gathers at the rim of a drop and thins in its middle, where the paper shows.
    picture = picture * (0.90 + 0.16 * (1 - ring) ** 1.5) + 0.05 * (1 - ring)
    picture *= 1 - 0.35 * step(ring, 0.90, 1.0)
    soft = fbm(rng, height, width, 7, 4)[..., None]
    fibre = (fbm(rng, height, width, 150, 2, stretch=3) + fbm(rng, height, width, 150, 2, stretch=0.4))[..., None]
    picture = picture * (1 + 0.05 * soft + 0.035 * fibre)
    veil = step(blur(np.abs(fbm(rng, height, width, 60, 2)), 0.7), 0.09, 0.02)
    picture = picture + (0.10 * veil)[..., None] * (ramp(INKS[[0, 5]], ring[..., 0]) - picture)
    return finish(picture, size_px)
