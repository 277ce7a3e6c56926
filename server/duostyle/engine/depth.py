"""How deep a level looks into the network: all of it where forms are made, less where only detail is added.

A departure from Gatys et al. 2016, who compare every layer at the one size they paint. The coarsest level has settled
what the deep layers see; on the finer ones those layers cost more than half of an evaluation and pull the picture away
from its content. Measured in docs/tuning-log.md: nearer to the style, more of the content, in less than half the time.
"""

from __future__ import annotations

from dataclasses import dataclass

from duostyle.params import STYLE_LAYERS, StyleParams

# multiplications up to each layer as a share of those up to relu5_1 (Simonyan and Zisserman 2014, configuration D:
# channels in x channels out x positions, summed over the convolutions)
_COSTS = {"relu3_1": 0.39, "relu4_1": 0.71, "relu4_2": 0.84, "relu5_1": 1.0}


@dataclass(frozen=True)
class Depth:
    """Style layers below `deepest` are left out and the content is compared there at the latest; the content cost is
    multiplied by `content_factor`: the same change costs more in a layer that sees every edge."""

    deepest: str = "relu5_1"
    content_factor: float = 1.0

    def style_layers(self, params: StyleParams) -> list[str]:
        """The style layers looked at; all of them when the client weighs the layers itself."""
        given = params.style_layer_weights is not None
        return [layer for layer in STYLE_LAYERS if given or layer <= self.deepest]

    def content_layer(self, wanted: str) -> str:
        """`wanted`, or the deepest layer looked at when that is shallower."""
        return min(wanted, self.deepest)

    @property
    def effort(self) -> float:
        """What an evaluation costs, in units of one that goes down to relu5_1."""
        return _COSTS[self.deepest]


FULL = Depth()
