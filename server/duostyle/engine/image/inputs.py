"""What a painting is made from: content, styles and masks, at the size that a level needs."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from duostyle.engine.image import color
from duostyle.engine.image import guides as regions
from duostyle.engine.image.enlarge import fitted
from duostyle.engine.network.vgg import Network
from duostyle.engine.preview.person import PersonFinder
from duostyle.engine.pyramid import Level, fit, resize
from duostyle.errors import BadRequest
from duostyle.params import PROTECTIONS, StyleParams, no_people

# the pictures of one style
Collage = Sequence[Tensor]
# the smallest side a style is painted from, px
SMALLEST_STYLE_PX = 32
# what a style counts for at least in a protected place
LEAST_REST = 1e-3


class Inputs:
    """The pictures of one painting, [1, 3, h, w] in 0..1: `content` at the final size, 1 to 4 `styles` of one or more
    pictures each, of any size: a style of several is their collage. A style picture may have its alpha as a fourth
    channel, which says how much each place of it counts.

    `masks` are those of `StyleParams.mask_ids`, maps [1, 1, h, w] in 0..1 of any size or None; they may be replaced
    later. `finder` finds people where regions or protected places ask for them.
    """

    def __init__(
        self,
        network: Network,
        content: Tensor,
        styles: Sequence[Collage],
        masks: Sequence[Tensor | None] = (),
        finder: PersonFinder | None = None,
    ) -> None:
        self.network = network
        self.content = content
        self.styles = [[picture.to(network.device) for picture in style] for style in styles]
        self._masks = masks
        self._affinities: list[Tensor] | None = None
        self._finder = finder
        self._found: Tensor | None = None
        # the last protection that was worked out, with what it depends on
        self._protected: tuple[object, Tensor] | None = None

    @property
    def masks(self) -> Sequence[Tensor | None]:
        """The grey maps as they are now."""
        return self._masks

    @masks.setter
    def masks(self, masks: Sequence[Tensor | None]) -> None:
        self._masks, self._protected = masks, None

    def content_at(self, level: Level) -> Tensor:
        """The content at this level's size, [1, 3, h, w]."""
        return self._content_at(level.width, level.height)

    def _content_at(self, width: int, height: int) -> Tensor:
        return resize(self.content, width, height).clamp(0, 1)

    def styles_at(self, level: Level, params: StyleParams) -> list[list[Tensor]]:
        """The pictures of each style, [1, 3 or 4, h, w], at the size that gives its strokes the requested size here.

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
        """Where each style goes at this level, without the protected places: maps [1, 1, h, w] in 0..1 on the device,
        that sum to at most 1. One alone is for all styles; empty when they share the whole picture.

        Raises BadRequest where people are asked for and there are none.
        """
        regions, protected = self.regions(level, params), self.protection(level.width, level.height, params)
        if protected is None:
            return regions
        # a trace everywhere, so that there is something to measure where all is protected
        rest = (1 - protected).clamp(min=LEAST_REST)
        return [region * rest for region in regions] or [rest]

    def regions(self, level: Level, params: StyleParams) -> list[Tensor]:
        """Where each style goes at this level: maps [1, 1, h, w] in 0..1 that sum to 1 everywhere, on the device.

        Empty when the styles share the whole picture. Raises BadRequest where people are asked for and there are none.
        """
        return [region.to(self.network.device) for region in self._regions(level, params)]

    def protection(self, width: int, height: int, params: StyleParams) -> Tensor | None:
        """How much the content stays as it is, a map [1, 1, height, width] in 0..1 on the device; None for not at all.

        Raises BadRequest where people are asked for and there are none.
        """
        if params.protect is None:
            return None
        key = (width, height, params.protect)
        if self._protected is None or self._protected[0] != key:
            self._protected = key, self._protection(width, height, params.protect)
        return self._protected[1]

    def protect(self, painted: Tensor, params: StyleParams) -> Tensor:
        """A picture [1, 3, h, w] with the content where that is protected."""
        height, width = painted.shape[2:]
        protected = self.protection(width, height, params)
        return painted if protected is None else torch.lerp(painted, self._content_at(width, height), protected)

    def shares(self, painting: Tensor) -> tuple[float, ...]:
        """The measured area share of each style in a painting [1, 3, h, w]; they sum to 1."""
        return regions.measured_shares(self.network, painting, self.styles)

    def _style_at(self, style: Tensor, level: Level, scale: float) -> Tensor:
        height, width = style.shape[-2:]
        longest = min(max(level.width, level.height) * scale, max(width, height) * max(1.0, scale))
        longest = max(longest, SMALLEST_STYLE_PX * min(4.0, max(width, height) / min(width, height)))
        return fitted(style, *fit(width, height, round(longest)))

    def _protection(self, width: int, height: int, what: str) -> Tensor:
        if what in PROTECTIONS:
            person = self._person(width, height, "protect")
            return person if what == "person" else 1 - person
        mask = self.masks[-1] if self.masks else None
        if mask is None:
            raise BadRequest("the image of protect is missing", field="params.protect")
        return resize(mask.to(self.network.device), width, height).clamp(0, 1)

    def _person(self, width: int, height: int, name: str) -> Tensor:
        """Where people are, [1, 1, height, width] in 0..1. Raises BadRequest naming the parameter."""
        if self._found is None and self._finder is not None:
            self._found = self._finder.find(self.content)
        if self._found is None or self._finder is None:
            raise no_people(name)
        return self._finder.outline(self._found, self._content_at(width, height))

    def _regions(self, level: Level, params: StyleParams) -> list[Tensor]:
        mode, count = params.masks, len(self.styles)
        if mode is None or count < 2:
            return []
        mix = params.mix_for(count)
        if isinstance(mode, list):
            given = [None if mask is None else mask.cpu() for mask in self.masks[:count]]
            return regions.from_masks(given, level.width, level.height) if any(m is not None for m in given) else []
        if mode == "person":
            person = self._person(level.width, level.height, "masks").cpu()
            rest = sum(mix[1:])
            shares = [share / rest if rest > 0 else 1 / (count - 1) for share in mix[1:]]
            return [person, *((1 - person) * share for share in shares)]
        if mode in ("left-right", "top-bottom"):
            return regions.bands(mix, level.width, level.height, vertical=mode == "top-bottom")
        if mode == "light-dark":
            return regions.by_rank(regions.lightness(self.content_at(level).cpu()), mix)
        if self._affinities is None:
            self._affinities = regions.affinities(self.network, self.content, self.styles)
        return regions.automatic(self._affinities, mix, level.width, level.height)
