"""A colour woodcut of a rough sea: leaning crests, claws of foam, carved contour lines, printed on warm paper."""

from __future__ import annotations

import numpy as np
from PIL import Image

from gallery.fields import blur, fbm, finish, frame, grid, noise, put, ramp, rgb, step

ASPECT = 1.4
INK = rgb("10203f")[0]
PAPER = rgb("efe2c2")[0]
BLUES = rgb("16345f", "24568f", "4f8ab5", "9cc3cf", "dfe6d6")
# Base line, height of the crests, crests per unit, phase, lean; from the horizon to the front.
WAVES = [
    (0.40, 0.05, 4.2, 0.6, 0.5),
    (0.48, 0.09, 2.6, 2.4, 0.9),
    (0.60, 0.28, 1.05, 2.05, 1.1),
    (0.71, 0.13, 2.1, 0.9, 0.9),
    (0.84, 0.26, 1.25, 4.4, 1.1),
    (0.98, 0.13, 1.9, 2.2, 0.8),
    (1.08, 0.09, 3.0, 0.2, 0.6),
]
# Clouds: y, x of the middle, half length, half thickness.
CLOUDS = [
    (0.10, 0.30, 0.36, 0.030),
    (0.175, 0.12, 0.30, 0.026),
    (0.22, 0.62, 0.30, 0.024),
    (0.05, 1.16, 0.28, 0.022),
    (0.29, 0.30, 0.42, 0.024),
    (0.27, 1.18, 0.26, 0.024),
    (0.33, 0.86, 0.30, 0.018),
]


def paint_picture(size_px: int) -> Image.Image:
    """Paint at ``size_px`` on the longest side."""
    rng = np.random.default_rng(1831)
    final_height, final_width = frame(size_px, ASPECT)
    height, width = final_height * 2, final_width * 2
    x, y = grid(height, width)
    hand = noise(rng, height, width, 5)
    picture, lines = _sky(rng, x, y, hand)
    for index, wave in enumerate(WAVES):
        picture, lines = _wave(rng, picture, lines, x, y, hand, index, wave)
    # The block's grain shows in the flat colours, and ink lies thinner where the baren pressed less.
    grain = noise(rng, height, width, 150, stretch=60) + 0.6 * noise(rng, height, width, 60, stretch=30)
    press = fbm(rng, height, width, 9, 4)
    fibre = fbm(rng, height, width, 180, 2)
    picture = put(picture, np.clip(0.06 + 0.055 * grain, 0, 0.3), PAPER)
    bite = step(lines + 0.10 * press + 0.05 * fibre, 0.38, 0.58)
    picture = put(picture, 0.94 * bite, INK * (1 + 0.25 * press[..., None]))
    picture *= (1 + 0.022 * fibre + 0.012 * press)[..., None]
    return finish(picture, size_px)


def _sky(rng, x, y, hand):
    picture = ramp(rgb("c8503a", "e08a5a", "f0c890", "f2e4c0", "e8dcc0", "b8c4c0"), y / 0.46)
    r = np.hypot(x - 0.98, y - 0.19)
    disc = step(r, 0.128, 0.125)
    picture = put(picture, disc, ramp(rgb("b8281f", "d8432a", "e8703a"), (y - 0.06) / 0.25))
    lines = step(np.abs(r - 0.128), 0.0035, 0.0018)
    rings = np.abs(np.mod((r - 0.128) * 26 + 0.5, 1) - 0.5) / 26
    swell = 0.0012 + 0.0009 * hand
    lines = np.maximum(lines, step(rings, swell + 0.0012, swell) * step(r, 0.13, 0.14) * step(r, 0.62, 0.5))
    for cy, cx, long, tall in CLOUDS:
        dx = np.maximum(np.abs(x - cx) - long + tall, 0)
        bump = 0.30 * np.sin(38 * (x - cx) + 7 * cy) + 0.20 * np.sin(71 * x)
        d = np.hypot(dx, y - cy + 0.15 * tall * hand) - tall * (1 + bump * step(long - np.abs(x - cx), 0, 0.1))
        inside = step(d, 0.001, -0.001)
        tone = ramp(rgb("f8f0dc", "dcd4c4", "8fa4b4"), np.clip((y - cy) / tall * 0.5 + 0.5, 0, 1))
        picture = put(picture, inside, tone)
        lines = lines * (1 - inside)
        lines = np.maximum(lines, step(np.abs(d), 0.0032, 0.0016))
        inner = np.abs(np.mod(-d / tall * 2.6, 1) - 0.5) * tall / 2.6
        lines = np.maximum(
            lines, inside * step(inner, 0.0022, 0.0010) * step(y - cy, -0.2 * tall, 0.3 * tall) * (d < -0.2 * tall)
        )
    return picture, lines


def _wave(rng, picture, lines, x, y, hand, index, wave):
    base, rise, rate, phase, lean = wave
    height = x.shape[0]
    # Leaning: the higher a point stands above the base line, the further the crest has run ahead of it.
    ahead = x + lean * np.clip(base - y, 0, 1) ** 1.25
    turn = ahead * rate * np.pi + phase
    crest = 1 - np.abs(np.sin(turn))
    crest = crest**0.9 + 0.07 * np.sin(6.2 * turn + index)
    depth = y - base + rise * crest + 0.004 * hand
    inside = step(depth, -0.0012, 0.0012)
    near = np.clip(crest, 0, 1)

    # Bands that run with the crest and spread out below it.
    pace = 0.020 + 0.004 * index
    flow = np.sign(depth) * np.abs(depth / pace) ** 0.86
    flow = flow + 0.55 * np.sin(turn * 2.0) + 0.22 * hand
    number = np.floor(flow)
    within = flow - number
    pick = np.mod(number + 2 * index, 5)
    tone = np.select([pick == 0, pick == 1, pick == 2, pick == 3], [0.02, 0.55, 0.20, 0.85], 0.36)
    color = ramp(BLUES, tone + 0.16 * (within - 0.5))
    fade = step(depth, 0.10, 0.34) * 0.55
    color = put(color, fade, ramp(BLUES, 0.10 + 0.2 * within))
    edge = np.minimum(within, 1 - within)
    slope = np.maximum(np.hypot(*np.gradient(flow)), 1e-4)
    carve = edge / slope / height
    swell = 0.0011 + 0.0010 * np.clip(np.sin(9 * turn + number), -0.6, 1)
    ink = step(carve, swell + 0.0011, swell)
    # Fine parallel cuts in every third band.
    fine = np.abs(np.mod(within * 4, 1) - 0.5) / slope / height / 4
    ink = np.maximum(ink, step(fine, 0.0014, 0.0007) * (np.mod(number, 3) == 1) * step(hand, -0.7, -0.2))

    # Foam: fingers hang down from the crest, longest at its tip.
    comb = np.abs(np.sin(turn * (7 + index) + 0.8 * np.sin(21 * ahead) + 2 * depth / rise))
    reach = (0.010 + 0.085 * rise / 0.28 * near**1.7) * (0.35 + 0.9 * comb**0.7)
    foam_edge = depth - reach
    foam = step(foam_edge, 0.001, -0.001)
    color = put(color, foam, ramp(rgb("faf4e2", "f2ecd8", "c4d8d8"), np.clip(depth / (reach + 0.004), 0, 1)))
    ink = ink * (1 - foam)
    ink = np.maximum(ink, step(np.abs(foam_edge), 0.0030, 0.0014))
    vein = np.abs(depth - 0.55 * reach) + 0.004 * (1 - comb)
    ink = np.maximum(ink, step(vein, 0.0024, 0.0012) * foam * step(near, 0.25, 0.5))
    picture = put(picture, inside, color)
    lines = np.maximum(lines * (1 - inside), ink * inside)
    lines = np.maximum(lines, step(np.abs(depth), 0.0040 + 0.0015 * near, 0.0022))
    return _spray(rng, picture, lines, x, y, depth, near, rise)


def _spray(rng, picture, lines, x, y, depth, near, rise):
    """White drops thrown off the crests, each with its own outline."""
    height, width = x.shape
    if rise < 0.09:
        return picture, lines
    band = (depth > -0.11 * rise / 0.28) & (depth < -0.004) & (near > 0.35)
    ys, xs = np.nonzero(band)
    if not len(ys):
        return picture, lines
    for k in rng.integers(0, len(ys), int(90 * rise / 0.28)):
        radius = rng.uniform(0.0022, 0.0075) * height
        reach = int(radius + 5)
        y0, y1 = max(0, ys[k] - reach), min(height, ys[k] + reach + 1)
        x0, x1 = max(0, xs[k] - reach), min(width, xs[k] + reach + 1)
        dy, dx = np.mgrid[y0:y1, x0:x1]
        r = np.hypot(dy - ys[k], dx - xs[k]).astype(np.float32)
        disc = step(r, radius + 1, radius)
        picture[y0:y1, x0:x1] = put(picture[y0:y1, x0:x1], disc, rgb("faf4e2")[0])
        rim = step(np.abs(r - radius), 0.0022 * height, 0.0010 * height)
        lines[y0:y1, x0:x1] = np.maximum(lines[y0:y1, x0:x1] * (1 - disc), rim * 0.9)
    return picture, blur(lines, 0.4)
