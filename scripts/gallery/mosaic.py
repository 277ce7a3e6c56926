"""A floor mosaic of two fish in turning water: small square stones that follow the contours, set in pale grout."""

from __future__ import annotations

import numpy as np
from PIL import Image

from gallery.fields import blur, fbm, finish, frame, grid, noise, put, ramp, rgb, step

ASPECT = 1.22
GROUT = rgb("b8ab94")[0]
FISH = [(0.40, 0.36, 0.32, 0.25, 1), (0.83, 0.68, 0.30, -0.30, -1)]


def paint_picture(size_px: int) -> Image.Image:
    """Paint at ``size_px`` on the longest side."""
    rng = np.random.default_rng(79)
    final_height, final_width = frame(size_px, ASPECT)
    height, width = int(final_height * 1.5), int(final_width * 1.5)
    x, y = grid(height, width)
    picture, level = _design(rng, x, y)
    gy, gx = np.gradient(blur(level, 0.006 * height))
    angle = np.arctan2(gy, gx)
    pitch = 15.5 * 1.5 * (size_px / 768) ** 0.5
    place, u, v = _stones(rng, angle, pitch)
    face = np.maximum(np.abs(u), np.abs(v))
    count = int(place.max()) + 1
    area = np.maximum(np.bincount(place.ravel(), minlength=count), 1)
    color = np.stack([np.bincount(place.ravel(), picture[..., c].ravel(), count) / area for c in range(3)], axis=1)
    light = 1 + rng.normal(0, 0.10, (count, 1))
    color = np.clip(color * light + rng.normal(0, 0.028, color.shape), 0, 1)
    stone = color[place].astype(np.float32)

    # Stones touch where two cells meet; the joint is where the nearest label changes.
    joint = np.zeros(place.shape, dtype=np.float32)
    joint[:, 1:] += place[:, 1:] != place[:, :-1]
    joint[1:, :] += place[1:, :] != place[:-1, :]
    unit = pitch / 23.25
    ragged = 0.12 * noise(rng, height, width, 90) + 0.06 * noise(rng, height, width, 30)
    open_joint = blur(np.clip(joint, 0, 1), 1.7 * unit) * 4.3 * unit + ragged
    top = step(open_joint, 0.75, 0.42) * step(face, 0.62 * pitch, 0.56 * pitch)
    grain = fbm(rng, height, width, 60, 4)
    cloud = fbm(rng, height, width, 20, 4)
    stone = stone * (1 + 0.05 * grain + 0.05 * cloud)[..., None]
    tilt_x, tilt_y = rng.normal(0, 0.12, (2, count))
    relief = blur(top, 1.5 * unit) * 2.6 + 0.05 * grain
    gy, gx = np.gradient(relief)
    slope = -(gx + gy) / unit**0 * 0.42 + ((tilt_x + tilt_y)[place] * top)
    grout = GROUT * (0.62 + 0.09 * grain[..., None])
    result = put(grout, top, stone) * (1 + 0.65 * np.clip(-slope, -0.7, 0.6))[..., None]
    return finish(result, size_px)


def _design(rng, x, y):
    """Colours (H, W, 3) and the field (H, W) whose level lines the rows of stones follow."""
    flow = 0.5 * fbm(rng, *x.shape, 2, 2)
    level = 3.0 * y + 0.28 * np.sin(6 * x + 2 * y) + 0.08 * flow
    for cx, cy, radius in [(0.98, 0.24, 0.26), (0.24, 0.80, 0.26)]:
        r = np.hypot(x - cx, y - cy)
        inside = step(r, radius, 0.75 * radius)
        level = level * (1 - inside) + inside * 5 * r
    wave = 0.5 + 0.5 * np.sin(2 * np.pi * level * 2.6)
    water = ramp(rgb("0e3f6f", "1a6fa0", "3fb0b8", "a8e0d0", "f0ead0"), wave**1.4 * 0.95)
    picture = water
    for cx, cy, length, turn, sense in FISH:
        dx, dy = sense * (x - cx), y - cy
        u = (dx * np.cos(turn) + dy * np.sin(turn)) / length
        v = (dy * np.cos(turn) - dx * np.sin(turn)) / length + 0.10 * np.sin(2.6 * u)
        body = np.abs(v) - 0.36 * np.clip(1 - u * u, 0, 1) ** 0.75 * (1 + 0.22 * u)
        body = np.where(np.abs(u) < 1, body, np.hypot(np.abs(u) - 1, v))
        tail = np.maximum.reduce([np.abs(v) - 0.10 - 0.85 * (-u - 0.86), u + 0.86, -u - 1.42 + 0.45 * np.abs(v)])
        fin = np.maximum.reduce([np.abs(u + 0.05 + 0.9 * (np.abs(v) - 0.3)) - 0.22, np.abs(v) - 0.56, 0.25 - np.abs(v)])
        rows = np.floor(u * 9 + 0.5)
        scales = np.hypot(np.mod(u * 9 + 0.5, 1) - 0.2, np.mod(v * 9 + 0.5 * np.mod(rows, 2), 1) - 0.5)
        skin = ramp(rgb("7a1420", "d8382a", "f2842a", "ffd05a"), np.clip(0.85 - scales * 0.9 - 0.5 * v, 0, 1))
        skin = put(skin, step(v, 0.10, 0.24), ramp(rgb("fff0c8", "f7c890"), np.clip(scales, 0, 1)))
        skin = put(skin, step(u, 0.56, 0.60), ramp(rgb("f2842a", "ffd98a", "d8382a"), 0.5 + 1.2 * v))
        skin = put(skin, step(np.abs(u - 0.57 + 0.5 * v * v), 0.035, 0.02), rgb("5a1020")[0])
        rays = 0.5 + 0.5 * np.sin(np.arctan2(v, u + 0.55) * 26)
        fins = ramp(rgb("a81f3a", "f25a3a", "ffc04a"), rays)
        shape = np.minimum(np.minimum(body, tail), fin)
        rim = step(np.abs(shape - 0.055), 0.05, 0.03)
        picture = put(picture, rim, ramp(rgb("f4ecd4", "0e2f5f"), step(shape, 0.04, 0.07)))
        picture = put(picture, step(fin, 0.01, -0.01), fins)
        picture = put(picture, step(tail, 0.01, -0.01), fins)
        picture = put(picture, step(body, 0.01, -0.01), skin)
        eye = np.hypot(u - 0.72, v + 0.07)
        picture = put(picture, step(eye, 0.125, 0.115), rgb("fff6d8")[0])
        picture = put(picture, step(eye, 0.075, 0.065), rgb("0a1420")[0])
        near = step(shape, 0.40, 0.05)
        level = level * (1 - near) + near * (4.5 * shape * length + 3)
    return picture, level


def _stones(rng, angle, pitch):
    """Stone index (H, W) and offsets (u, v) in px from its middle in the stone's own frame.

    Lloyd's method with square distance: each stone moves to the middle of its cell, so the squares line up.
    """
    height, width = angle.shape
    steps = np.arange(0, 1, pitch / height), np.arange(0, 1, pitch / width)
    cy, cx = (axis.ravel() for axis in np.meshgrid(steps[0] * height, steps[1] * width, indexing="ij"))
    cy = cy + rng.uniform(0, pitch, cy.size)
    cx = cx + rng.uniform(0, pitch, cx.size)
    reach = int(1.25 * pitch)
    for _ in range(14):
        place, u, v = _assign(angle, cx, cy, reach)
        inside = place >= 0
        weight = np.maximum(np.bincount(place[inside], minlength=cx.size), 1)
        ys, xs = np.nonzero(inside)
        seen = np.bincount(place[inside], minlength=cx.size) > 0
        cy = np.where(seen, np.bincount(place[inside], ys, cx.size) / weight, cy)
        cx = np.where(seen, np.bincount(place[inside], xs, cx.size) / weight, cx)
    place, u, v = _assign(angle, cx, cy, reach)
    return np.maximum(place, 0), u, v


def _assign(angle, cx, cy, reach):
    height, width = angle.shape
    best = np.full((height, width), 1e9, dtype=np.float32)
    place = np.full((height, width), -1, dtype=np.int64)
    u_best, v_best = np.full_like(best, 1e3), np.full_like(best, 1e3)
    span = np.arange(-reach, reach + 1, dtype=np.float32)
    for i in range(cx.size):
        row, column = int(cy[i]), int(cx[i])
        y0, y1 = max(0, row - reach), min(height, row + reach + 1)
        x0, x1 = max(0, column - reach), min(width, column + reach + 1)
        if y0 >= y1 or x0 >= x1:
            continue
        a = float(angle[min(max(row, 0), height - 1), min(max(column, 0), width - 1)])
        dy = span[y0 - row + reach : y1 - row + reach, None] - np.float32(cy[i] - row)
        dx = span[None, x0 - column + reach : x1 - column + reach] - np.float32(cx[i] - column)
        u = dx * np.float32(np.cos(a)) + dy * np.float32(np.sin(a))
        v = dy * np.float32(np.cos(a)) - dx * np.float32(np.sin(a))
        far = np.maximum(np.abs(u), np.abs(v))
        closer = far < best[y0:y1, x0:x1]
        best[y0:y1, x0:x1][closer] = far[closer]
        place[y0:y1, x0:x1][closer] = i
        u_best[y0:y1, x0:x1][closer] = u[closer]
        v_best[y0:y1, x0:x1][closer] = v[closer]
    return place, u_best, v_best
