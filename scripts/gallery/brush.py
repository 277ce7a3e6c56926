"""A brush: single strokes of thick paint on a canvas that knows colour and paint height.

A stroke is a strip bent into a parabola. Across it the bristles differ in load, colour and height; the final light
falls on the height field, so ridges and grooves show as they do in oil paint.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gallery.fields import Field, blur, noise

ALONG, ACROSS = 128, 48  # cells of a stroke texture


@dataclass(frozen=True)
class Tip:
    """Textures of one brush, each (N, ALONG, ACROSS): paint cover, paint height, mix of the two colours (0..1)."""

    cover: Field
    relief: Field
    streak: Field


def _axes() -> tuple[Field, Field]:
    u = np.linspace(0, 1, ALONG, dtype=np.float32)[:, None]
    v = np.linspace(-1, 1, ACROSS, dtype=np.float32)[None, :]
    return u, v


def _bristles(rng: np.random.Generator, smooth: int) -> Field:
    line = rng.standard_normal(ACROSS + 2 * smooth).astype(np.float32)
    kernel = np.hanning(2 * smooth + 1).astype(np.float32) if smooth > 1 else np.array([0.25, 0.5, 0.25], np.float32)
    line = np.convolve(line, kernel, mode="valid")[:ACROSS]
    return ((line - line.mean()) / (line.std() + 1e-6))[None, :]


def bristle_tip(rng: np.random.Generator, count: int = 24, dry: float = 0.5) -> Tip:
    """A round hog-hair brush; ``dry`` 0..1 is how much the stroke breaks up towards its tail."""
    u, v = _axes()
    cover, relief, streak = [], [], []
    for _ in range(count):
        hair = _bristles(rng, 1)
        coarse = _bristles(rng, 5)
        ragged = noise(rng, ALONG, ACROSS, 6)
        tail = 0.93 + 0.05 * hair - 0.22 * v**2 + 0.03 * coarse
        head = 0.03 + 0.14 * v**2 + 0.02 * coarse
        ends = np.clip((tail - u) / 0.05, 0, 1) * np.clip((u - head) / 0.03, 0, 1)
        sides = np.clip((0.94 + 0.07 * ragged - np.abs(v)) / 0.1, 0, 1)
        load = 1.15 + 0.3 * hair + 0.25 * ragged - dry * 1.1 * np.maximum(u - 0.35, 0) * (1 + 0.6 * hair)
        cover.append(ends * sides * np.clip(load, 0, 1))
        edge = np.exp(-(((np.abs(v) - 0.78) / 0.16) ** 2)) + 0.8 * np.exp(-(((u - tail + 0.06) / 0.05) ** 2))
        relief.append(0.55 + 0.3 * hair + 0.15 * coarse + 0.45 * edge + 0.1 * ragged)
        streak.append(np.clip(0.35 + 0.3 * coarse + 0.16 * hair + 0.12 * ragged, 0, 1))
    return _tip(cover, relief, streak)


def knife_tip(rng: np.random.Generator, count: int = 24) -> Tip:
    """A palette knife: flat slabs of paint, torn at the end, with a thick lip along one side."""
    u, v = _axes()
    cover, relief, streak = [], [], []
    for _ in range(count):
        scratch = _bristles(rng, 1)
        coarse = _bristles(rng, 8)
        ragged = noise(rng, ALONG, ACROSS, 7)
        grain = noise(rng, ALONG, ACROSS, 24)
        tail = 0.9 + 0.05 * coarse + 0.03 * scratch
        ends = np.clip((tail - u + 0.03 * ragged) / 0.03, 0, 1) * np.clip((u - 0.03 - 0.015 * ragged) / 0.02, 0, 1)
        sides = np.clip((0.95 + 0.03 * ragged - np.abs(v)) / 0.05, 0, 1)
        gaps = np.clip(1.5 + 0.5 * grain + 0.3 * scratch - 1.3 * np.maximum(u - 0.5, 0), 0, 1)
        cover.append(ends * sides * gaps)
        lip = 1.3 * np.exp(-(((v - 0.84) / 0.09) ** 2)) + 0.9 * np.exp(-(((u - tail + 0.05) / 0.03) ** 2))
        relief.append(0.5 + 0.09 * scratch + 0.25 * v + lip + 0.06 * grain)
        streak.append(np.clip(0.3 + 0.35 * coarse + 0.1 * ragged + 0.06 * scratch, 0, 1))
    return _tip(cover, relief, streak)


def dab_tip(rng: np.random.Generator, count: int = 24) -> Tip:
    """The point of a small brush pressed down once: a round blot with a raised rim."""
    u, v = _axes()
    cover, relief, streak = [], [], []
    for _ in range(count):
        ragged = noise(rng, ALONG, ACROSS, 4)
        radius = np.sqrt((2 * u - 1) ** 2 + v**2)
        cover.append(np.clip((0.86 + 0.07 * ragged - radius) / 0.12, 0, 1))
        relief.append(0.4 + 0.9 * np.exp(-(((radius - 0.66) / 0.16) ** 2)) + 0.12 * ragged)
        streak.append(np.clip(0.3 + 0.25 * ragged, 0, 1))
    return _tip(cover, relief, streak)


def _tip(cover: list[Field], relief: list[Field], streak: list[Field]) -> Tip:
    stacks = [np.stack(np.broadcast_arrays(*part)).astype(np.float32) for part in (cover, relief, streak)]
    cover_stack = stacks[0]
    # Look-ups are clamped to the texture, so its border must be empty.
    cover_stack[:, [0, -1], :] = 0
    cover_stack[:, :, [0, -1]] = 0
    return Tip(cover_stack, stacks[1], stacks[2])


class Canvas:
    """Wet canvas: ``color`` (H, W, 3) in 0..1 and paint ``height`` (H, W), 0 is the bare ground."""

    def __init__(self, height: int, width: int, ground: Field) -> None:
        self.color = np.empty((height, width, 3), dtype=np.float32)
        self.color[:] = ground
        self.height = np.zeros((height, width), dtype=np.float32)

    def stroke(
        self,
        tip: Tip,
        which: int,
        at_px: tuple[float, float],
        angle: float,
        bend: float,
        size_px: tuple[float, float],
        colors: tuple[Field, Field],
        thick: float,
    ) -> None:
        """One stroke centred at (x, y), along ``angle`` (radians), curvature ``bend`` (1/px), (length, width) in px."""
        x, y = at_px
        length, width = size_px
        cos, sin = float(np.cos(angle)), float(np.sin(angle))
        bend = float(np.clip(bend, -2.2 / length, 2.2 / length))
        sag = abs(bend) * length * length / 8
        reach_x = abs(cos) * length / 2 + abs(sin) * (width / 2 + sag) + 1
        reach_y = abs(sin) * length / 2 + abs(cos) * (width / 2 + sag) + 1
        rows, columns = self.height.shape
        x0, x1 = max(0, int(x - reach_x)), min(columns, int(x + reach_x) + 2)
        y0, y1 = max(0, int(y - reach_y)), min(rows, int(y + reach_y) + 2)
        if x0 >= x1 or y0 >= y1:
            return
        dx = np.arange(x0, x1, dtype=np.float32)[None, :] - x
        dy = np.arange(y0, y1, dtype=np.float32)[:, None] - y
        u = cos * dx + sin * dy
        v = cos * dy - sin * dx - 0.5 * bend * u * u
        ys, xs = np.nonzero((np.abs(u) < length / 2) & (np.abs(v) < width / 2))
        if not len(ys):
            return
        a = ((u[ys, xs] / length + 0.5) * ALONG).astype(np.int64)
        b = ((v[ys, xs] / width + 0.5) * ACROSS).astype(np.int64)
        cell = np.minimum(a, ALONG - 1) * ACROSS + np.minimum(b, ACROSS - 1)
        cover = tip.cover[which].ravel()[cell]
        mix = tip.streak[which].ravel()[cell][:, None]
        ys += y0
        xs += x0
        paint = colors[0] + mix * (colors[1] - colors[0])
        old = self.color[ys, xs]
        self.color[ys, xs] = old + cover[:, None] * (paint - old)
        below = self.height[ys, xs]
        self.height[ys, xs] = below + cover * (0.3 * below + thick * tip.relief[which].ravel()[cell] - below)

    def lit(self, relief: float = 1.0, gloss: float = 0.18) -> Field:
        """The canvas under a lamp at the upper left: (H, W, 3)."""
        height = blur(self.height, 0.55)
        gy, gx = np.gradient(height)
        nx, ny = -gx * relief, -gy * relief
        norm = np.sqrt(nx * nx + ny * ny + 1)
        lamp = np.array([-0.50, -0.58, 0.645], dtype=np.float32)
        diffuse = (nx * lamp[0] + ny * lamp[1] + lamp[2]) / norm
        shade = np.clip(0.45 + 0.55 * diffuse / lamp[2], 0.3, 1.35)[..., None]
        half = lamp + np.array([0, 0, 1], dtype=np.float32)
        half /= np.linalg.norm(half)
        mirror = np.clip((nx * half[0] + ny * half[1] + half[2]) / norm, 0, 1)
        bright = (np.clip(mirror, 0, 1) ** 40)[..., None]
        flat = float(half[2]) ** 40
        return np.clip(self.color * shade + gloss * np.maximum(bright - flat, 0), 0, 1)


def bends(angle: Field) -> Field:
    """Curvature (1/px) of the lines that follow ``angle`` (H, W); a turn by pi is the same line."""
    a, b = np.cos(2 * angle), np.sin(2 * angle)
    a_y, a_x = np.gradient(a)
    b_y, b_x = np.gradient(b)
    turn_x, turn_y = 0.5 * (a * b_x - b * a_x), 0.5 * (a * b_y - b * a_y)
    return (np.cos(angle) * turn_x + np.sin(angle) * turn_y).astype(np.float32)


@dataclass(frozen=True)
class Layer:
    """One pass over the canvas: stroke (length, width) in px at 768 px, how often each point is covered, and looseness.

    ``jitter`` scatters brightness and hue, ``wander`` scatters direction (radians), ``where`` (H, W) in 0..1 is
    the chance that a stroke is laid there.
    """

    length_px: float
    width_px: float
    coverage: float
    jitter: float = 0.06
    wander: float = 0.12
    thick: float = 1.0
    where: Field | None = None


def paint(
    canvas: Canvas,
    rng: np.random.Generator,
    tip: Tip,
    reference: Field,
    angle: Field,
    layers: list[Layer],
    mate: Callable[[Field], Field] | None = None,
) -> None:
    """Cover ``canvas`` with strokes coloured by ``reference`` (H, W, 3) along ``angle`` (H, W), layer by layer.

    ``mate`` maps colours (N, 3) to the second colours on the brush.
    """
    rows, columns = canvas.height.shape
    scale = (max(rows, columns) / 768) ** 0.5
    curvature = blur(bends(angle), 2.0 * scale)
    for layer in layers:
        length, width = max(4.0, layer.length_px * scale), max(2.5, layer.width_px * scale)
        count = int(layer.coverage * rows * columns / (length * width * 0.6)) + 1
        xs = rng.uniform(-0.02, 1.02, count) * columns
        ys = rng.uniform(-0.02, 1.02, count) * rows
        xi = np.clip(xs, 0, columns - 1).astype(np.int64)
        yi = np.clip(ys, 0, rows - 1).astype(np.int64)
        keep = np.ones(count, dtype=bool) if layer.where is None else rng.random(count) < layer.where[yi, xi]
        base = reference[yi, xi]
        first = _scatter(rng, base, layer.jitter)
        second = _scatter(rng, base if mate is None else mate(base), layer.jitter * 1.8)
        turn = angle[yi, xi] + rng.normal(0, layer.wander, count) + np.pi * (rng.random(count) < 0.5)
        lengths = length * rng.uniform(0.65, 1.3, count)
        widths = width * rng.uniform(0.7, 1.25, count)
        which = rng.integers(0, len(tip.cover), count)
        thick = layer.thick * rng.uniform(0.7, 1.3, count) * scale
        for i in np.flatnonzero(keep):
            canvas.stroke(
                tip,
                int(which[i]),
                (float(xs[i]), float(ys[i])),
                float(turn[i]),
                # Turning the brush by pi does not change the sign of a parabola's bend in its own frame.
                float(curvature[yi[i], xi[i]]) * (1 if np.cos(turn[i] - angle[yi[i], xi[i]]) > 0 else -1),
                (float(lengths[i]), float(widths[i])),
                (first[i], second[i]),
                float(thick[i]),
            )


def _scatter(rng: np.random.Generator, color: Field, amount: float) -> Field:
    light = rng.normal(0, amount, (len(color), 1))
    tint = rng.normal(0, amount * 0.6, color.shape)
    return np.clip(color * (1 + light) + light * 0.5 + tint, 0, 1).astype(np.float32)


def snap(palette: Field) -> Callable[[Field], Field]:
    """A ``mate`` that loads the brush's other side with the nearest palette colour that is not the first itself."""

    def mate(color: Field) -> Field:
        apart = ((color[:, None, :] - palette[None, :, :]) ** 2).sum(axis=2)
        apart[apart < 0.004] = 9
        return palette[apart.argmin(axis=1)]

    return mate
