"""Levels: which sizes are painted, coarse to fine, with how many steps and how deep into the network.

Gatys et al. 2016 compare every layer at the one size they paint. Departure: a painting goes up a pyramid of sizes, and
only the coarsest level looks at all layers. It has settled what the deep layers see; on the finer ones those layers
cost more than half of an evaluation and pull the picture away from its content. Measured in docs/tuning-log.md: nearer
to the style, more of the content, in less than half the time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional

from duostyle.params import STYLE_LAYERS, StyleParams

# multiplications up to each layer as a share of those up to relu5_1 (Simonyan and Zisserman 2014, configuration D:
# channels in x channels out x positions, summed over the convolutions)
_COSTS = {"relu3_1": 0.39, "relu4_1": 0.71, "relu4_2": 0.84, "relu5_1": 1.0}


@dataclass(frozen=True)
class Depth:
    """How deep a level looks: style layers below `deepest` are left out, the content is compared there at the latest.

    The content cost is multiplied by `content_factor`: the same change costs more in a layer that sees every edge.
    """

    deepest: str = "relu5_1"
    content_factor: float = 1.0

    def style_layers(self, params: StyleParams) -> list[str]:
        """The style layers looked at; all of them when the client weighs the layers itself."""
        given = params.style_layer_weights is not None
        return [layer for layer in STYLE_LAYERS if given or layer <= self.deepest]

    def content_share(self, params: StyleParams) -> float:
        """What the content cost is multiplied by; a level that looks at all layers decides on forms, not on detail."""
        if self == FULL:
            return self.content_factor
        return self.content_factor * (1 - (1 - LEAST_CONTENT) * params.abstraction)

    def content_layer(self, wanted: str) -> str:
        """`wanted`, or the deepest layer looked at when that is shallower."""
        return min(wanted, self.deepest)

    @property
    def effort(self) -> float:
        """What an evaluation costs, in units of one that goes down to relu5_1."""
        return _COSTS[self.deepest]


FULL = Depth()
# of the content cost where `abstraction` is 1: strokes are free then, and forms stay
LEAST_CONTENT = 0.2


@dataclass(frozen=True)
class Preset:
    """How much work a painting is. `steps` per level from the coarsest on, and the `depths` that they look to, the last
    entry repeated; levels shrink by `RATIO` to a longest side of `coarsest_px` or less than `RATIO` times that. `stop`
    is the relative fall of the cost over five steps below which a level ends early, `stop_finest` that of the finest.
    """

    steps: tuple[int, ...]
    depths: tuple[Depth, ...]
    coarsest_px: int
    tv_weight: float
    stop: float
    stop_finest: float


# measured in docs/tuning-log.md
_QUICK = (FULL, Depth("relu3_1", content_factor=0.5))
_CAREFUL = (FULL, Depth("relu4_2"), Depth("relu3_1", content_factor=0.3))

PRESETS = {
    "draft": Preset((16, 6, 3), _QUICK, coarsest_px=88, tv_weight=6.0, stop=0.01, stop_finest=0.005),
    "standard": Preset((40, 14, 9, 7), _QUICK, coarsest_px=88, tv_weight=6.0, stop=0.005, stop_finest=0.002),
    "fine": Preset((80, 40, 25), _CAREFUL, coarsest_px=88, tv_weight=6.0, stop=0.002, stop_finest=0.001),
}

# Of the sizes of two neighbouring levels. Not 2: enlarging by exactly 2 treats even and odd pixels differently, which
# stays in the picture as a faint weave. Measured in docs/tuning-log.md.
RATIO = 2.13

# a level whose short side is below this has too few positions in the deep layers to say anything about style
SHORTEST_PX = 32


@dataclass(frozen=True)
class Level:
    """One size to paint at, in px, with its number of steps (>= 1) and how deep it looks into the network."""

    width: int
    height: int
    steps: int
    depth: Depth = FULL

    @property
    def megapixels(self) -> float:
        """Its area in millions of px."""
        return self.width * self.height / 1e6


def fit(width: int, height: int, longest_px: int) -> tuple[int, int]:
    """(width, height) scaled so that the longest side is `longest_px` and the aspect ratio is kept; at least 1 px."""
    scale = longest_px / max(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def plan_levels(width: int, height: int, preset: str, iterations: int | None, *, full: bool = False) -> list[Level]:
    """Levels from coarse to fine for a painting of width x height px; `full` looks at all layers on each of them.

    `iterations` (>= 1) is the total number of steps, split in the preset's proportions; None takes the preset's own.
    """
    chosen = PRESETS[preset]
    sizes = [(width, height)]
    longest = max(width, height)
    while longest >= RATIO * chosen.coarsest_px:
        longest = round(longest / RATIO)
        size = fit(width, height, longest)
        if min(size) < SHORTEST_PX:
            break
        sizes.insert(0, size)
    wanted = [chosen.steps[min(index, len(chosen.steps) - 1)] for index in range(len(sizes))]
    if len(sizes) == 1:
        # without a coarser level the only one needs the steps of two
        wanted = [sum(chosen.steps[:2])]
    if iterations is not None:
        sizes = sizes[-iterations:]
        wanted = split_steps(wanted[-len(sizes) :], iterations)
    return [
        Level(*size, steps, FULL if full else chosen.depths[min(index, len(chosen.depths) - 1)])
        for index, (size, steps) in enumerate(zip(sizes, wanted, strict=True))
    ]


def split_steps(weights: Sequence[int], total: int) -> list[int]:
    """`total` split in the proportions of `weights`, at least 1 each (so total >= len(weights))."""
    spare = total - len(weights)
    whole = sum(weights)
    shares = [1 + spare * weight // whole for weight in weights]
    shares[0] += total - sum(shares)
    return shares


def resize(x: Tensor, width: int, height: int) -> Tensor:
    """Bicubic with antialiasing: x [1, c, h, w] -> [1, c, height, width]. May overshoot the range a little."""
    if x.shape[-2:] == (height, width):
        return x
    return functional.interpolate(x, size=(height, width), mode="bicubic", antialias=True, align_corners=False)


def climb(x: Tensor, content: Tensor, band: float = 1.0) -> Tensor:
    """A painting taken up to the size of `content`, with `band` (0..1) of the detail that it could not hold.

    x [1, 3, h, w], content [1, 3, H, W] in 0..1 -> [1, 3, H, W] in 0..1. The detail is what the content loses on its
    way down to h x w and back up: a band of the Laplacian pyramid (Burt and Adelson 1983).
    """
    height, width = content.shape[-2:]
    small = resize(content, x.shape[-1], x.shape[-2])  # [1, 3, h, w]
    lost = content - resize(small, width, height)  # [1, 3, H, W]
    return (resize(x, width, height) + band * lost).clamp_(0, 1)


def climb_from(previous: Tensor, base: Tensor, params: StyleParams) -> Tensor:
    """The painting of a coarser level [1, 3, h, w] at the size of `base` [1, 3, H, W], with the detail of `base` unless
    painting began with noise, as far as `params.abstraction` lets it in."""
    return climb(previous, base, band=0.0 if params.init == "noise" else 1 - params.abstraction)
