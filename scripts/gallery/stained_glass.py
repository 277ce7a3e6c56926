"""A church window: sun, hills, river and flowers in leaded glass, with daylight behind and uneven panes."""

from __future__ import annotations

import numpy as np
from PIL import Image

from gallery.fields import blur, fbm, finish, frame, grid, noise, put, ramp, rgb, step

ASPECT = 0.76
LEAD = rgb("14121a")[0]
# One scale of glass for each part of the design.
GLASS = [
    rgb("0f2f8f", "1f5fd0", "3f9ae8"),  # sky
    rgb("ffb01f", "ffd84a", "fff0a0"),  # sun
    rgb("f26a1a", "ff9a2a", "ffc84a"),  # rays, warm
    rgb("c01f3a", "e8403a", "f27a4a"),  # rays, red
    rgb("4a1f8a", "7a3fc0", "a86ad8"),  # far hills
    rgb("0f6f4a", "1fa05a", "7fc84a"),  # near hills
    rgb("0f7f9a", "2fb8c8", "9fe8e0"),  # river
    rgb("d81f5a", "f25a8a", "ffa8c0"),  # petals
    rgb("ffd21f", "ffea7a", "fff6c0"),  # flower hearts
    rgb("0f4a2f", "1f7a3a", "5fb03a"),  # meadow
]
FLOWERS = [(0.17, 0.84, 0.085), (0.55, 0.91, 0.075), (0.37, 0.74, 0.060), (0.66, 0.76, 0.062), (0.08, 0.68, 0.045)]


def paint_picture(size_px: int) -> Image.Image:
    """Paint at ``size_px`` on the longest side."""
    rng = np.random.default_rng(1220)
    final_height, final_width = frame(size_px, ASPECT)
    height, width = int(final_height * 1.5), int(final_width * 1.5)
    x, y = grid(height, width)
    x = x + 0.003 * noise(rng, height, width, 7)
    y = y + 0.003 * noise(rng, height, width, 7)
    region, part = _design(x, y)
    seeds = _seeds(rng)
    pane, near, second = _voronoi(seeds, x, y, part)
    border = (second - near) * 0.5
    label = pane.astype(np.int64) * 64 + part
    crossing = np.zeros(label.shape, dtype=np.float32)
    crossing[:, 1:] += label[:, 1:] != label[:, :-1]
    crossing[1:, :] += label[1:, :] != label[:-1, :]
    outline = np.zeros(part.shape, dtype=np.float32)
    outline[:, 1:] += part[:, 1:] != part[:, :-1]
    outline[1:, :] += part[1:, :] != part[:-1, :]

    tone = rng.random(len(seeds)).astype(np.float32)[pane]
    lean = rng.uniform(0, 2 * np.pi, len(seeds)).astype(np.float32)[pane]
    dx, dy = x - seeds[pane, 0], y - seeds[pane, 1]
    gradient = (dx * np.cos(lean) + dy * np.sin(lean)) * 7
    streaks = fbm(rng, height, width, 8, 5, stretch=3.5)
    cloud = fbm(rng, height, width, 5, 5)
    position = np.clip(0.15 + 0.6 * tone + gradient * 0.5 + 0.12 * streaks, 0, 1)
    picture = np.zeros((*x.shape, 3), dtype=np.float32)
    for index, scale in enumerate(GLASS):
        picture = np.where((region == index)[..., None], ramp(scale, position), picture)
    hue = np.stack([noise(rng, height, width, 3) for _ in range(3)], axis=2)
    picture = np.clip(picture * (1 + 0.05 * hue), 0, 1)
    daylight = 1.08 - 0.55 * np.hypot(x - 0.40, (y - 0.33) * 0.8) + 0.10 * cloud
    inner = 0.62 + 0.42 * step(border, 0.0, 0.022)
    picture *= (daylight * inner)[..., None]
    # Hand-blown glass: ripples that catch the light, and small bubbles.
    swell = fbm(rng, height, width, 26, 3) + 0.7 * streaks
    gy, gx = np.gradient(blur(swell, height / 768))
    picture *= np.clip(1 + 2.2 * (gx + gy) * height / 1150, 0.75, 1.3)[..., None]
    bubble = step(noise(rng, height, width, 130), 2.9, 3.4)
    picture = put(picture, 0.4 * bubble, rgb("ffffff")[0])

    unit = height / 1152
    thin, thick = blur(np.clip(crossing, 0, 1), 2.7 * unit), blur(np.clip(outline, 0, 1), 4.0 * unit)
    wobble = 1 + 0.22 * noise(rng, height, width, 40)
    came = np.maximum(thin * 7.0 * unit, thick * 10.5 * unit) * wobble
    mask = step(came, 0.52, 0.80)
    gy, gx = np.gradient(blur(came, 1.6 * unit))
    sheen = np.clip(-(gx + gy) * 7 * unit, 0, 1)
    metal = LEAD + 0.42 * sheen[..., None] * rgb("b8c0d8")[0] + 0.03 * cloud[..., None]
    glow = blur(picture, 5 * unit)
    picture = put(picture, mask, metal + 0.10 * glow)
    picture = np.clip(picture * 1.12, 0, 1) + 0.10 * blur(picture, 14 * unit)
    return finish(picture, size_px)


def _design(x, y):
    """The colour scale and the leaded part that each point belongs to, both (H, W) of small integers."""
    region = np.zeros(x.shape, dtype=np.int64)
    part = np.zeros(x.shape, dtype=np.int64)

    def lay(inside, scale, number):
        region[inside] = scale if np.isscalar(scale) else scale[inside]
        part[inside] = number if np.isscalar(number) else number[inside]

    sun_x, sun_y = 0.40, 0.27
    r = np.hypot(x - sun_x, y - sun_y)
    turn = np.arctan2(y - sun_y, x - sun_x) + 0.9 * r
    ray = np.floor(turn / (2 * np.pi) * 18).astype(np.int64) % 18
    ring = (r > 0.235) * 1 + (r > 0.36) * 1
    scale = np.where(
        ring == 0,
        np.where(ray % 2 == 0, 2, 3),
        np.where(ring == 1, np.where(ray % 2 == 0, 0, 2), np.where(ray % 3 == 0, 4, 0)),
    )
    lay(r > 0, scale, 1 + (ray + ring * 5) % 20)
    lay(r < 0.115, 1, 22)
    lay(r < 0.062, 8, 23)
    lay(y > 0.50 - 0.06 * np.sin(6.5 * x + 0.6), 4, 24)
    lay(y > 0.565 - 0.05 * np.sin(5 * x + 3.4), 5, 25)
    lay(y > 0.66 - 0.045 * np.sin(7 * x + 1.5), 9, 26)
    middle = 0.42 + 0.13 * np.sin(9 * (y - 0.5))
    bank = np.abs(x - middle) - 0.03 - 0.20 * np.clip(y - 0.55, 0, 1)
    lay((bank < 0) & (y > 0.575), 6, 27)
    lay((np.abs(bank + 0.012 + 0.06 * np.clip(y - 0.6, 0, 1)) < 0.010) & (y > 0.62), 1, 28)
    for number, (cx, cy, radius) in enumerate(FLOWERS):
        d = np.hypot(x - cx, y - cy)
        a = np.arctan2(y - cy, x - cx) + number
        petal = np.floor(a / (2 * np.pi) * 7).astype(np.int64) % 7
        lay(
            d < radius * (0.78 + 0.22 * np.abs(np.cos(3.5 * a + np.pi / 2))),
            np.where(petal % 2 == 0, 7, 3),
            30 + number * 4 + petal % 2,
        )
        lay(d < radius * 0.34, 8, 32 + number * 4)
    return region, part


def _seeds(rng):
    """Pane centres (N, 2), spread evenly by taking the farthest of a few candidates each time."""
    seeds = rng.uniform(-0.05, 1.05, (1, 2))
    for _ in range(185):
        tries = rng.uniform((-0.05, -0.05), (ASPECT + 0.05, 1.05), (12, 2))
        apart = ((tries[:, None] - seeds[None]) ** 2).sum(axis=2).min(axis=1)
        seeds = np.concatenate([seeds, tries[[int(apart.argmax())]]])
    return seeds.astype(np.float32)


def _voronoi(seeds, x, y, part):
    """Index of the nearest seed, distance to it and to the next one, each (H, W)."""
    near = np.full(x.shape, 9, dtype=np.float32)
    second = near.copy()
    pane = np.zeros(x.shape, dtype=np.int64)
    for index, (sx, sy) in enumerate(seeds):
        d = np.hypot(x - sx, y - sy)
        closer = d < near
        second = np.where(closer, near, np.minimum(second, d))
        pane[closer] = index
        near = np.minimum(near, d)
    return pane, near, second
