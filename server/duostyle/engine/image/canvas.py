"""The canvas is a little larger than the picture; its rim is cut off at the end.

The network pads its maps with zeros, which no picture shows inside: what is painted at the rim answers to that and
looks like a glowing frame. So the rim lies outside of the picture. It starts as the mirrored content.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from duostyle.engine.pyramid import fit, resize

# share of the longest side that the rim takes on every side; the glow is as wide as relu3_1 sees, 8 to 12 px
RIM_SHARE = 0.02
SMALLEST_RIM_PX = 8


class Canvas:
    """For a content of width x height px and a picture whose longest side is `size_px`; without `rim` the canvas is
    the picture, glowing frame and all."""

    def __init__(self, width: int, height: int, size_px: int, *, rim: bool = True) -> None:
        self.picture = fit(width, height, size_px)
        self.rim = max(SMALLEST_RIM_PX, round(RIM_SHARE * size_px)) if rim else 0
        self.width = self.picture[0] + 2 * self.rim
        self.height = self.picture[1] + 2 * self.rim

    def stretch(self, x: Tensor) -> Tensor:
        """A picture of any size [1, c, h, w] with a mirrored rim in proportion."""
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
        """The picture of a canvas painted at any size [1, c, h, w]."""
        across, down = self._rim_at(x.shape[3], x.shape[2])
        return x[:, :, down : x.shape[2] - down, across : x.shape[3] - across]

    def fitted(self, x: Tensor) -> Tensor:
        """`x` at the picture's size, stretched: the content as it is painted from."""
        return self.stretch(resize(x, *self.picture).clamp(0, 1))

    def _rim_at(self, width: int, height: int) -> tuple[int, int]:
        across, down = round(self.rim * width / self.width), round(self.rim * height / self.height)
        return min(across, (width - 1) // 2), min(down, (height - 1) // 2)
