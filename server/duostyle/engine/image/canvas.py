"""The canvas is a little larger than the picture; its rim is cut off whenever the picture is shown.

The network pads its maps with zeros, which no picture shows inside: the painting reacts to that at its rim,
which looks like a glowing frame. So the rim lies outside of the picture. It starts as the mirrored content.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor
from torch.nn import functional

from duostyle.engine.image.color import keep_colors
from duostyle.engine.image.enlarge import fitted
from duostyle.engine.image.inputs import Inputs
from duostyle.engine.pyramid import Level, climb_from, fit, resize
from duostyle.engine.runtime import to_picture, with_alpha
from duostyle.params import StyleParams
from duostyle.picture import Picture

# share of the longest side that the rim takes on every side; the glow is as wide as relu3_1 sees, 8 to 12 px
RIM_SHARE = 0.02
SMALLEST_RIM_PX = 8
# a coarser level is shown at the largest level's size up to this
SHOWN_PX = 640


class Canvas:
    """Sizes in px, for a content of width x height and a picture whose longest side is `size_px`.

    `picture` is (width, height) of the result, `rim` the extra on every side. Without `rim` the canvas is the picture,
    glowing frame and all.
    """

    def __init__(self, width: int, height: int, size_px: int, *, rim: bool = True) -> None:
        self.picture = fit(width, height, size_px)
        self.rim = max(SMALLEST_RIM_PX, round(RIM_SHARE * size_px)) if rim else 0
        self.width = self.picture[0] + 2 * self.rim
        self.height = self.picture[1] + 2 * self.rim

    def stretch(self, x: Tensor) -> Tensor:
        """A picture or mask of any size [1, c, h, w] with a mirrored rim in proportion, [1, c, h + 2 r, w + 2 r']."""
        height, width = x.shape[-2:]
        across = round(self.rim * width / self.picture[0])
        down = round(self.rim * height / self.picture[1])
        while across or down:
            # a mirror can show at most the picture itself, so a tiny one is mirrored more than once
            now = (min(across, x.shape[3] - 1), min(down, x.shape[2] - 1))
            mode = "reflect" if min(x.shape[-2:]) > 1 else "replicate"
            step = now if mode == "reflect" else (across, down)
            x = functional.pad(x, (step[0], step[0], step[1], step[1]), mode=mode)
            across, down = across - step[0], down - step[1]
        return x

    def picture_at(self, width: int, height: int) -> tuple[int, int]:
        """The picture's (width, height) in px on a canvas painted at width x height px."""
        across, down = self._rim_at(width, height)
        return width - 2 * across, height - 2 * down

    def crop(self, x: Tensor) -> Tensor:
        """The picture on a canvas that was painted at any size [1, c, h, w], a view."""
        across, down = self._rim_at(x.shape[3], x.shape[2])
        return x[:, :, down : x.shape[2] - down, across : x.shape[3] - across]

    def fitted(self, x: Tensor) -> Tensor:
        """x [1, c, h, w] at the picture's size, stretched, in 0..1: the content as it is painted from."""
        return self.stretch(fitted(x, *self.picture))

    def _rim_at(self, width: int, height: int) -> tuple[int, int]:
        across, down = round(self.rim * width / self.width), round(self.rim * height / self.height)
        return min(across, (width - 1) // 2), min(down, (height - 1) // 2)


class Display:
    """How one painting is shown: whole, in the colours asked for, without the rim, as transparent as the `alpha` of the
    content [1, 1, h, w] in 0..1 says, if there is one. Keeps one base for its previews."""

    def __init__(self, canvas: Canvas, inputs: Inputs, alpha: Tensor | None = None) -> None:
        self.canvas, self.inputs = canvas, inputs
        self.alpha = None if alpha is None else resize(alpha, *canvas.picture).clamp(0, 1)
        self._base: tuple[StyleParams, Tensor] | None = None

    def at_full_size(self, painted: Tensor | None, finest: Level, params: StyleParams) -> Tensor:
        """The canvas of the best picture so far, [1, 3, h, w] of any size or None before there is one, at the final
        size [1, 3, H, W]; `finest` is the last level."""
        content = self.inputs.content
        if painted is None or painted.shape == content.shape:
            return content if painted is None else painted
        return climb_from(painted, self.inputs.base_at(finest, params), params)

    def enlarged(self, x: Tensor, levels: Sequence[Level], params: StyleParams) -> Tensor:
        """A coarse level's canvas [1, 3, h, w], enlarged with the content's detail to the size of the largest level
        of at most SHOWN_PX, so that a watcher sees more than a blur."""
        shown = (level for level in reversed(levels) if max(level.width, level.height) <= SHOWN_PX)
        level = next(shown, None)
        if level is None or level.width <= x.shape[3]:
            return x
        if self._base is None or self._base[0] != params:
            self._base = params, self.inputs.base_at(level, params)
        return climb_from(x, self._base[1], params)

    def picture(self, x: Tensor, params: StyleParams, *, deep: bool = False) -> Picture:
        """The picture on a canvas of any size [1, 3, h, w], with the content's colours as far as `preserve_color`, and
        the content itself where it is protected; with `deep` also in 16 bits."""
        content = resize(self.inputs.content, x.shape[3], x.shape[2])
        kept = self.inputs.protect(keep_colors(x, content, params.preserve_color), params)
        return with_alpha(to_picture(self.canvas.crop(kept), deep=deep), self.alpha)
