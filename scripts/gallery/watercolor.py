"""Loose watercolour flowers: transparent washes with dark dried rims, granulation and blooms, on rough paper."""

from __future__ import annotations

import numpy as np
from PIL import Image

from gallery.fields import blur, fbm, finish, frame, noise, ramp, rgb, sample, step

ASPECT = 1.0
PAPER = rgb("f8f3e6")[0]
# Pairs of pigments that flow into each other within one petal.
PETALS = [
    ("d81e5b", "f7a072"),
    ("7b2cbf", "e056a0"),
    ("f25c1f", "ffd23f"),
    ("1f5fc8", "8a4fd0"),
    ("c81d3a", "8a1f6a"),
    ("f7a51f", "e0401f"),
]
LEAVES = [("1f6f4a", "8fb83a"), ("0f5f6a", "4fa06a"), ("3a7a2a", "c8c83a"), ("1a4f7a", "2f9a8a")]


def paint_picture(size_px: int) -> Image.Image:
    """Paint at ``size_px`` on the longest side."""
    rng = np.random.default_rng(1842)
    height, width = frame(size_px, ASPECT)
    tooth = fbm(rng, height, width, 150, 2) + 0.5 * fbm(rng, height, width, 60, 3)
    # Ink density per channel: washes add up as glass filters do, so overlaps darken and mix.
    density = np.zeros((height, width, 3), dtype=np.float32)
    flow = fbm(rng, height, width, 2.5, 5)
    other = fbm(rng, height, width, 2.5, 5)
    back = ramp(rgb("8fd0e0", "b8c8f0", "f0c8d8", "fae0a8", "a8dcc0"), 0.5 + 0.24 * flow)
    edge = np.exp(-((np.mod(1.6 * other, 1) - 0.5) ** 2) / 0.004)
    density += -np.log(back) * (0.55 + 0.32 * other + 0.5 * edge)[..., None].clip(0.1, 1.6)
    sheet = _Sheet(rng, density, tooth)
    heads = _heads(rng)
    for hx, hy, radius in heads:
        for _ in range(int(5 + 22 * radius)):
            a = rng.uniform(0, 2 * np.pi)
            far = radius * rng.uniform(0.95, 1.5)
            pair = LEAVES[rng.integers(len(LEAVES))]
            sheet.wash(
                (hx + far * np.cos(a), hy + far * np.sin(a)),
                a,
                radius * rng.uniform(0.40, 0.75),
                rng.uniform(0.22, 0.42),
                pair,
                0.75,
            )
    for hx, hy, radius in heads:
        pair = PETALS[rng.integers(len(PETALS))]
        count = int(rng.integers(6, 10))
        for ring, reach, strength in ((0, 0.62, 0.62), (1, 0.40, 0.75)):
            for k in range(count):
                a = 2 * np.pi * (k + 0.5 * ring) / count + rng.normal(0, 0.10)
                size = radius * (0.50 - 0.14 * ring) * rng.uniform(0.85, 1.15)
                colors = pair if rng.random() < 0.8 else pair[::-1]
                at = (hx + reach * radius * np.cos(a), hy + reach * radius * np.sin(a))
                sheet.wash(at, a, size, rng.uniform(0.50, 0.68), colors, strength)
        for _ in range(16):
            a, far = rng.uniform(0, 2 * np.pi), radius * rng.uniform(0.0, 0.26)
            dark = ("3a1a2a", "7a3a1a") if rng.random() < 0.6 else ("ffb81f", "d8701f")
            sheet.wash(
                (hx + far * np.cos(a), hy + far * np.sin(a)), a, radius * rng.uniform(0.04, 0.09), 0.6, dark, 1.0
            )
    for _ in range(150):
        pair = (PETALS + LEAVES)[rng.integers(len(PETALS) + len(LEAVES))]
        at = (rng.uniform(0, ASPECT), rng.uniform(0, 1))
        sheet.wash(at, rng.uniform(0, 6.3), 0.003 + 0.011 * rng.random() ** 3, 0.9, pair, 0.9)
    grains = density * (1 + 0.17 * tooth + 0.05 * noise(rng, height, width, 220))[..., None]
    picture = PAPER * np.exp(-np.clip(grains, 0, None))
    gy, gx = np.gradient(blur(tooth, 0.6))
    picture *= (1 - 0.045 * (gx + gy))[..., None]
    return finish(picture)


def _heads(rng):
    """Flower heads (x, y, radius): big ones first, the gaps between them filled with smaller ones."""
    heads: list[tuple[float, float, float]] = []
    for radius, tries in ((0.185, 300), (0.14, 400), (0.10, 500), (0.065, 500)):
        for _ in range(tries):
            x, y = rng.uniform(0.0, ASPECT), rng.uniform(0.0, 1.0)
            if all(np.hypot(x - a, y - b) > 0.86 * (radius + c) for a, b, c in heads):
                heads.append((x, y, radius * rng.uniform(0.9, 1.1)))
    return heads


class _Sheet:
    """Paper that takes washes; shapes are bent by stored noise so that no edge is smooth."""

    def __init__(self, rng, density, tooth):
        self.rng, self.density, self.tooth = rng, density, tooth
        self.bend = [fbm(rng, 512, 512, 10, 5, 0.55) for _ in range(3)]

    def wash(self, at, angle, length, slim, pair, strength):
        """One petal at ``at``, ``length`` from middle to tip in units of the height, ``slim`` = width / length."""
        rng = self.rng
        height, width = self.tooth.shape
        reach = int(1.35 * length * height) + 3
        column, row = int(at[0] * height), int(at[1] * height)
        y0, y1 = max(0, row - reach), min(height, row + reach + 1)
        x0, x1 = max(0, column - reach), min(width, column + reach + 1)
        if y0 >= y1 or x0 >= x1:
            return
        dy, dx = np.mgrid[y0:y1, x0:x1].astype(np.float32)
        dx, dy = (dx / height - at[0]) / length, (dy / height - at[1]) / length
        shift = rng.uniform(60, 440, 2)
        zoom = 60 * min(1.0, 4 * length + 0.25)
        look = (np.clip(shift[0] + dy * zoom, 0, 510), np.clip(shift[1] + dx * zoom, 0, 510))
        one, two, three = (sample(field, *look) for field in self.bend)
        u = dx * np.cos(angle) + dy * np.sin(angle) + 0.09 * one
        v = (dy * np.cos(angle) - dx * np.sin(angle) + 0.07 * two) / slim
        wide = np.clip(1 - u * u, 0.02, 1) ** 0.5 * (0.80 + 0.32 * u)
        inside_px = (wide - np.abs(v)) * slim * length * height
        inside_px = np.minimum(inside_px, (1.02 - np.abs(u)) * length * height)
        body = step(inside_px, -0.7, 1.0)
        rim = (
            np.exp(-((inside_px / 2.2) ** 2)) * 0.85
            + np.exp(-np.clip(inside_px, 0, None) / (0.10 * length * height + 2)) * 0.5
        )
        bloom = np.exp(-(((np.hypot(u - 0.3 * three.mean() - 0.2, 0.7 * v) - 0.42 + 0.10 * three) / 0.06) ** 2))
        load = 0.52 + 0.24 * one + 0.16 * three + 0.35 * bloom * (rng.random() < 0.55) + rim - 0.25 * u
        mix = np.clip(0.5 + 0.55 * u + 0.28 * two, 0, 1)[..., None]
        first, second = (-np.log(np.clip(rgb(code)[0], 0.02, 0.985)) for code in pair)
        ink = first + mix * (second - first)
        part = self.density[y0:y1, x0:x1]
        # A wash lifts some of what is below, or a few layers would turn to mud.
        part *= 1 - 0.80 * body[..., None]
        part += ink * (strength * body * np.clip(load, 0.12, 1.6))[..., None]
