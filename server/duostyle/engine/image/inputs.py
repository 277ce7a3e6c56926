"""What a painting is made from: content, styles and masks, at the size that a level needs."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from duostyle.engine.image import color
from duostyle.engine.image import guides as regions
from duostyle.engine.network.vgg import Network
from duostyle.engine.pyramid import Level, fit, resize
from duostyle.params import StyleParams

# the pictures of one style
Collage = Sequence[Tensor]
# the smallest side a style is painted from, px
SMALLEST_STYLE_PX = 32


class Inputs:
    """The pictures of one painting, [1, 3, h, w] in 0..1: `content` at the final size, 1 to 4 `styles` of one or more
    pictures each, of any size: a style of several is their collage.

    `masks` is empty, or has one map [1, 1, h, w] in 0..1 or None per style, of any size; they may be replaced later.
    """

    def __init__(
        self, network: Network, content: Tensor, styles: Sequence[Collage], masks: Sequence[Tensor | None] = ()
    ) -> None:
        self.network = network
        self.content = content
        self.styles = [[picture.to(network.device) for picture in style] for style in styles]
        self.masks = masks
        self._affinities: list[Tensor] | None = None

    def content_at(self, level: Level) -> Tensor:
        """The content at this level's size, [1, 3, h, w]."""
        return resize(self.content, level.width, level.height).clamp(0, 1)

    def styles_at(self, level: Level, params: StyleParams) -> list[list[Tensor]]:
        """The pictures of each style, [1, 3, h, w], at the size that gives strokes the requested size at this level.

        Never blown up beyond their own size (times `style_scale`): a blurred style paints a blurred picture.
        """
        scales = params.scales_for(len(self.styles))
        return [
            [self._style_at(picture, level, scale) for picture in style]
            for style, scale in zip(self.styles, scales, strict=True)
        ]

    def base(self, content: Tensor, styles: Sequence[Collage], params: StyleParams) -> Tensor:
        """`content` in the colours of `styles`, [1, 3, h, w]: where painting starts and where detail comes from."""
        if params.init == "content":
            return content
        pictures = [picture for style in styles for picture in style]
        mix = params.mix_for(len(styles))
        shares = [share / len(style) for style, share in zip(styles, mix, strict=True) for _ in style]
        return color.match_colors(content, color.palette(pictures, shares))

    def base_at(self, level: Level, params: StyleParams) -> Tensor:
        """`base` of the content and the styles at this level's size."""
        return self.base(self.content_at(level), self.styles_at(level, params), params)

    def guides(self, level: Level, params: StyleParams) -> list[Tensor]:
        """Where each style goes at this level: maps [1, 1, h, w] in 0..1 that sum to 1 everywhere, on the device.

        Empty when the styles share the whole picture.
        """
        guides = self._guides(level, params)
        return [guide.to(self.network.device) for guide in guides]

    def shares(self, painting: Tensor) -> tuple[float, ...]:
        """The measured area share of each style in a painting [1, 3, h, w]; they sum to 1."""
        return regions.measured_shares(self.network, painting, self.styles)

    def _style_at(self, style: Tensor, level: Level, scale: float) -> Tensor:
        height, width = style.shape[-2:]
        longest = min(max(level.width, level.height) * scale, max(width, height) * max(1.0, scale))
        longest = max(longest, SMALLEST_STYLE_PX * min(4.0, max(width, height) / min(width, height)))
        return resize(style, *fit(width, height, round(longest))).clamp(0, 1)

    def _guides(self, level: Level, params: StyleParams) -> list[Tensor]:
        mode, count = params.masks, len(self.styles)
        if mode is None or count < 2:
            return []
        mix = params.mix_for(count)
        if isinstance(mode, list):
            given = [None if mask is None else mask.cpu() for mask in self.masks]
            return regions.from_masks(given, level.width, level.height) if any(m is not None for m in given) else []
        if mode in ("left-right", "top-bottom"):
            return regions.bands(mix, level.width, level.height, vertical=mode == "top-bottom")
        if mode == "light-dark":
            return regions.by_rank(regions.lightness(self.content_at(level).cpu()), mix)
        if self._affinities is None:
            self._affinities = regions.affinities(self.network, self.content, self.styles)
        return regions.automatic(self._affinities, mix, level.width, level.height)
