"""A cubist still life taken apart: overlapping facets, shaded from one edge and ruled with dark lines."""

from __future__ import annotations

import numpy as np
from PIL import Image

from gallery.brush import Canvas, Layer, bristle_tip, paint
from gallery.fields import fbm, finish, frame, grid, put, ramp, rgb, step

ASPECT = 0.8
LEANS = (-0.89, -0.29, 0.36, 0.91, 1.41)
SCALES = [("2a2020", "8a5a2a", "e0b060"), ("1f3040", "5a7a86", "d0d8c8"), ("3a2a22", "a8703a", "f0dcae"),
          ("301a1a", "a8402a", "e89a5a"), ("16263a", "2f5f7a", "9ab8b8"), ("2a2a20", "7a7a4a", "e0d8a0")]  # fmt: skip


def paint_picture(size_px: int) -> Image.Image:
    """Paint at ``size_px`` on the longest side."""
    rng = np.random.default_rng(1911)
    height, width = frame(size_px, ASPECT)
    x, y = grid(height, width)
    rough = fbm(rng, height, width, 4, 4)
    picture = ramp(rgb("3a2a22", "8a5a2a", "b9a070", "5a7a86"), 0.4 + 0.2 * rough + 0.2 * y)
    angle = np.full_like(x, 0.4) + 0.3 * rough
    lines = np.zeros_like(x)
    for i in range(190):
        close = i / 190
        reach = 0.21 * (1 - close) + 0.055 + 0.05 * rng.random()
        cx, cy = 0.40 + rng.normal(0, 0.27 - 0.06 * close), 0.50 + rng.normal(0, 0.33 - 0.06 * close)
        rows = slice(max(0, int((cy - 2 * reach) * height)), max(1, int((cy + 2 * reach) * height)))
        columns = slice(max(0, int((cx - 2 * reach) * height)), max(1, int((cx + 2 * reach) * height)))
        part = (rows, columns)
        if not x[part].size:
            continue
        _facet(rng, (x[part] - cx, y[part] - cy, rough[part]), reach, picture[part], angle[part], lines[part])
    canvas = Canvas(height, width, rgb("8a6a3a")[0])
    tip = bristle_tip(rng, dry=0.55)
    layers = [Layer(30, 13, 1.8, 0.04, 0.10, 1.3), Layer(19, 7.5, 2.2, 0.055, 0.1, 1.5)]
    paint(canvas, rng, tip, picture, angle.astype(np.float32), layers)
    # The ruled lines are thinned and broken as if drawn with a dry brush over the ridges.
    grip = 0.8 + 0.25 * fbm(rng, height, width, 60, 3) + 0.2 * rough
    canvas.color = put(canvas.color, np.clip(lines * grip, 0, 1).astype(np.float32), rgb("17110f")[0])
    canvas.height += 0.5 * lines
    return finish(canvas.lit(0.85, 0.14))


def _facet(rng, place, reach, picture, angle, lines):
    """One plane of the still life, painted into the three views (picture, brush direction, ruled lines)."""
    dx, dy, rough = place
    lean = float(rng.choice(LEANS) + rng.normal(0, 0.06))
    u = dx * np.cos(lean) + dy * np.sin(lean)
    v = dy * np.cos(lean) - dx * np.sin(lean)
    kind = rng.random()
    tall = reach * rng.uniform(0.35, 0.9)
    if kind < 0.5:
        skew = rng.uniform(-0.6, 0.6)
        outer = np.maximum(np.abs(u + skew * v) - reach, np.abs(v) - tall)
    elif kind < 0.74:
        outer = np.maximum.reduce([-v, v * 0.8 + u - reach * 0.7, v * 0.8 - u - reach * 0.7])
    else:
        outer = np.maximum(np.hypot(u, v) - reach * 0.75, -u * rng.choice([-1, 1]))
    inside = step(outer, 0.002, -0.002)
    shade = np.clip(0.5 + 0.6 * v / tall * rng.choice([-1, 1]) + 0.1 * rough, 0, 1)
    color = ramp(rgb(*SCALES[int(rng.choice(6, p=[0.24, 0.2, 0.2, 0.1, 0.14, 0.12]))]), shade)
    clear = rng.uniform(0.8, 1.0) * (1 - 0.35 * step(shade, 0.35, 0.0))
    picture[:] = put(picture, inside * clear, color)
    angle[:] = np.where(inside > 0.5, lean + (np.pi / 2 if rng.random() < 0.5 else 0.0), angle)
    lines *= 1 - inside
    long = step(np.abs(u) - reach * rng.uniform(0.7, 1.6), 0.02, -0.02)
    lines[:] = np.maximum(lines, step(np.abs(outer), 0.0042, 0.0018) * long)
    if rng.random() < 0.13:
        strings = (
            step(np.abs(np.sin(v / tall * 9.42)), 0.26, 0.10) * inside * step(np.abs(u), reach * 0.85, reach * 0.8)
        )
        lines[:] = np.maximum(lines, strings)
