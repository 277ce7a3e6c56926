"""What the objective reads from the network: a style's moments, the content's features, whole or in tiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from duostyle.engine.network.vgg import Check, Network, no_check
from duostyle.engine.objective import tiling
from duostyle.engine.objective.moments import even_collage, pixels_and_weights
from duostyle.engine.objective.style import StyleMoments, moments_of, weights_at


def reachable(layers: Sequence[str], width: int, height: int) -> list[str]:
    """Those of `layers` that have at least one position for a picture of width x height px."""
    return [layer for layer in layers if min(width, height) // tiling.stride(layer) >= 1]


@dataclass(frozen=True)
class Extractor:
    """The frozen network, and how pictures go through it: whole, or in tiles of at most `tile_px` on a side.

    `check` is called before every convolution and may raise to stop in the middle.
    """

    network: Network
    check: Check = no_check
    tile_px: int | None = None

    def collage_moments(self, pictures: Sequence[Tensor], layers: Sequence[str]) -> StyleMoments:
        """Moments of the collage of pictures [1, 3 or 4, h, w] at those of `layers` that any of them reaches."""
        found = [self.style_moments(picture, layers) for picture in pictures]
        reached = [layer for layer in layers if any(layer in each for each in found)]
        return {layer: even_collage([each[layer] for each in found if layer in each]) for layer in reached}

    def style_moments(self, style: Tensor, layers: Sequence[str]) -> StyleMoments:
        """Moments of a style picture [1, 3 or 4, h, w] at those of `layers` that it reaches."""
        pixels, weights = pixels_and_weights(style)
        height, width = pixels.shape[2:]
        layers = reachable(layers, width, height)
        if not layers:
            return {}
        if self.tile_px is None:
            features = self.network.features(pixels, layers, self.check)
            return {layer: moments_of(features[layer], weights) for layer in layers}

        def guides(layer: str) -> Sequence[Tensor]:
            step = tiling.stride(layer)
            return () if weights is None else (weights_at(weights, height // step, width // step),)

        sums = tiling.sums(self.network, pixels, layers, guides, self.tile_px, self.check)
        return {layer: sums[layer][0].moments() for layer in layers}

    def content_features(self, content: Tensor, layer: str) -> Tensor:
        """The features [1, c, h', w'] of a content picture [1, 3, h, w] at `layer`."""
        if self.tile_px is not None:
            return tiling.features(self.network, content, layer, self.tile_px, self.check)
        return self.network.features(content, [layer], self.check)[layer]
