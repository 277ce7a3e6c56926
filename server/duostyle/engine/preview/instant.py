"""The instant picture of a request: one pass of the network, then colours, strength and protected places.

What the raw network (Ghiasi et al. 2017) lacks is added around it: a picture is painted larger than it is shown, which
takes the weave of single pixels away; its colours are matched to the styles' own; a large one gets the content's fine
detail. docs/tuning-log.md has the measurements.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from duostyle.engine.image import color
from duostyle.engine.image.inputs import Inputs
from duostyle.engine.network.vgg import Check, no_check
from duostyle.engine.objective.moments import Moments, collage, even_collage, flat, pixels_and_weights
from duostyle.engine.objective.style import measure
from duostyle.engine.preview.person import PersonFinder
from duostyle.engine.preview.predictor import SMALLEST_PX, STYLE_PX, Predictor
from duostyle.engine.preview.transformer import MULTIPLE_PX, SMALLEST_CONTENT_PX, Transformer
from duostyle.engine.preview.weights import instant_weights, person_weights
from duostyle.engine.pyramid import Level, climb, fit, resize
from duostyle.params import StyleParams

# how much larger than shown a picture is painted, up to PAINTED_PX; what is larger still is enlarged from there
OVERSIZE = 1.42
PAINTED_PX = 1024
# the ratio of the weights of style and content at which a style has its full strength, and what that may rise to
FULL_RATIO = 20.0
STRONGEST = 1.3
# below this strength the content's own pixels come in
FAITHFUL = 0.5
REMEMBERED = 64


@dataclass(frozen=True)
class StyleEmbedding:
    """What a style is for the instant picture: its `vector` [1, 100] and the moments of its colours."""

    vector: Tensor
    palette: Moments


class Instant:
    """All feed-forward networks on one device, and what they have seen of the last `REMEMBERED` styles.

    The network that paints computes in `dtype`, the others, which are quick, in float32.
    """

    def __init__(self, device: torch.device, dtype: torch.dtype = torch.float32) -> None:
        weights = instant_weights()
        self.predictor = Predictor(weights, device)
        self.transformer = Transformer(weights, device, dtype=dtype)
        self.people = PersonFinder(person_weights(), device)
        self._embeddings: OrderedDict[Hashable, StyleEmbedding] = OrderedDict()

    def paint(
        self,
        inputs: Inputs,
        size: tuple[int, int],
        params: StyleParams,
        check: Check = no_check,
        names: Sequence[Hashable] = (),
    ) -> Tensor:
        """The picture of `inputs` at `size` (width, height) px, [1, 3, h, w] in 0..1.

        `names` are names of the styles, one each: styles of the same name are looked at only once. `check` is called
        before every convolution of the picture and may raise to stop in the middle.
        """
        worked = fit(*size, min(PAINTED_PX, round(OVERSIZE * max(size))))
        embeddings = self._embeddings_of(inputs, params, names)
        picture = self._painted(inputs, Level(*worked, 1), embeddings, params, check)
        check()
        content = inputs.content_at(Level(*size, 1))
        picture = climb(picture, content) if worked[0] < size[0] else resize(picture, *size).clamp_(0, 1)
        power = strength(params)
        if power < FAITHFUL:
            # what the network cannot give back of the content comes from the content itself
            picture = torch.lerp(content, picture, power / FAITHFUL)
        return inputs.protect(color.keep_colors(picture, content, params.preserve_color), params)

    def _painted(
        self, inputs: Inputs, level: Level, embeddings: Sequence[StyleEmbedding], params: StyleParams, check: Check
    ) -> Tensor:
        content, guides = inputs.content_at(level), inputs.regions(level, params)
        mix, power = params.mix_for(len(embeddings)), strength(params)
        vectors = torch.cat([one.vector for one in embeddings])  # [n, 100]
        palettes = [one.palette for one in embeddings]
        if not guides:
            vectors = torch.tensor([mix], device=vectors.device) @ vectors  # [1, 100]
            palettes = [collage(palettes, mix)]
        if power != 1:
            # with its own vector a picture stays about as it is (Ghiasi et al. 2017, section 4.2)
            own = self._embed(content, 1.0, None)
            vectors = own.vector + power * (vectors - own.vector)
            share = min(1.0, power)
            palettes = [collage([palette, own.palette], (share, 1 - share)) for palette in palettes]
        painted = self.transformer.paint(_padded(content), vectors, [_padded(guide) for guide in guides], check)
        painted = painted[:, :, : level.height, : level.width].contiguous()
        if guides:
            return in_colors_of(painted, palettes, guides)
        return color.match_colors(painted, palettes[0])

    def _embeddings_of(self, inputs: Inputs, params: StyleParams, names: Sequence[Hashable]) -> list[StyleEmbedding]:
        scales = params.scales_for(len(inputs.styles))
        named = names or [None] * len(scales)
        return [self._embed_collage(*given) for given in zip(inputs.styles, scales, named, strict=True)]

    def _embed_collage(self, pictures: Sequence[Tensor], scale: float, name: Hashable) -> StyleEmbedding:
        """That of the pictures of one style, each alike."""
        if len(pictures) == 1:
            return self._embed(pictures[0], scale, name)
        embeddings = [self._embed(picture, scale, None) for picture in pictures]
        vector = torch.stack([one.vector for one in embeddings]).mean(0)
        return StyleEmbedding(vector, even_collage([one.palette for one in embeddings]))

    def _embed(self, style: Tensor, scale: float, name: Hashable) -> StyleEmbedding:
        key = None if name is None else (name, scale)
        if key is not None and key in self._embeddings:
            self._embeddings.move_to_end(key)
            return self._embeddings[key]
        # the vector has no weights: it is of the picture whose colours go on where nothing is seen
        vector = self.predictor.vector(_for_vector(pixels_and_weights(style)[0], scale))
        found = StyleEmbedding(vector, color.palette([_for_vector(style, 1.0)], [1.0]))
        if key is not None:
            self._embeddings[key] = found
            if len(self._embeddings) > REMEMBERED:
                self._embeddings.popitem(last=False)
        return found


def strength(params: StyleParams) -> float:
    """How much of the way from the content to the styles the vector goes: 0 not at all, 1 all of it.

    Half as much for every tenth of the ratio of the weights, as the painting's look changes with its logarithm.
    """
    if params.style_weight == 0:
        return 0.0
    if params.content_weight == 0:
        return STRONGEST
    ratio = params.style_weight / params.content_weight / FULL_RATIO
    return min(STRONGEST, max(0.0, 1 + 0.5 * math.log10(ratio)))


def in_colors_of(x: Tensor, palettes: Sequence[Moments], guides: Sequence[Tensor]) -> Tensor:
    """x [1, 3, h, w] with, where each guide [1, 1, h, w] is, the colours of its palette; the guides sum to 1."""
    result = torch.zeros_like(x)
    sums = measure(flat(x), [guide.flatten() for guide in guides])
    for palette, guide, own in zip(palettes, guides, sums, strict=True):
        # less than one pixel in all has no colours
        if own.weight >= 1:
            result += guide * color.transported(x, own.moments(), palette)
    return result.clamp_(0, 1)


def _for_vector(picture: Tensor, scale: float) -> Tensor:
    """A picture [1, 3, h, w] at the size that the predictor wants to see; larger for larger strokes."""
    height, width = picture.shape[2:]
    factor = STYLE_PX * scale / math.sqrt(width * height)
    size = (max(SMALLEST_PX, round(side * factor)) for side in (width, height))
    return resize(picture, *size).clamp(0, 1)


def _padded(x: Tensor) -> Tensor:
    """x [1, c, h, w] with its last row and column repeated until the network can take it."""
    height, width = (max(SMALLEST_CONTENT_PX, -(-side // MULTIPLE_PX) * MULTIPLE_PX) for side in x.shape[2:])
    return functional.pad(x, (0, width - x.shape[3], 0, height - x.shape[2]), mode="replicate")
