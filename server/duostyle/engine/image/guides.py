"""Where each style goes: guides from masks, from simple rules, or from what the pictures look like.

A guide is a map [1, 1, h, w] in 0..1 per style (the guidance channels of Gatys et al. 2017, section 4); the guides of
one picture sum to 1 everywhere. `mix` is the area share of each style and sums to 1.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from duostyle.engine.network.vgg import Network
from duostyle.engine.objective.moments import pixels_and_weights
from duostyle.engine.objective.style import weights_at
from duostyle.engine.pyramid import SHORTEST_PX, fit, resize

AFFINITY_LAYERS = ("relu3_1", "relu4_1")
AFFINITY_PX = 192
# width of the soft edge between two regions, as a share of the picture
EDGE = 0.04


def from_masks(masks: Sequence[Tensor | None], width: int, height: int) -> list[Tensor]:
    """Guides of width x height px from one grey mask [1, 1, a, b] in 0..1 or None per style.

    None gets the area that the others leave. All styles share an area that no mask claims.
    """
    given = [None if mask is None else resize(mask, width, height).clamp(0, 1) for mask in masks]
    claimed = sum((mask for mask in given if mask is not None), torch.zeros(1, 1, height, width))
    rest = (1 - claimed).clamp(min=0) / max(1, sum(mask is None for mask in given))
    return _normalised([rest if mask is None else mask for mask in given])


def bands(mix: Sequence[float], width: int, height: int, *, vertical: bool) -> list[Tensor]:
    """Guides that cut the picture into bands of the areas `mix`, left to right or (vertical) top to bottom."""
    length = height if vertical else width
    place = (torch.arange(length) + 0.5) / length  # [length] in 0..1
    line = _soft_cuts(place, mix)
    return [
        (band[:, None] if vertical else band[None, :]).expand(height, width)[None, None].contiguous() for band in line
    ]


def by_rank(score: Tensor, mix: Sequence[float]) -> list[Tensor]:
    """Guides that give the lowest `mix[0]` of a score map [1, 1, h, w] to the first style, and so on."""
    flat = score.flatten()
    rank = torch.empty_like(flat)  # [h*w] in 0..1
    rank[flat.argsort(stable=True)] = (torch.arange(flat.numel(), dtype=flat.dtype) + 0.5) / flat.numel()
    return [band.view_as(score) for band in _soft_cuts(rank, mix)]


def lightness(content: Tensor) -> Tensor:
    """Smoothed darkness of a content [1, 3, h, w] -> [1, 1, h, w] in -1..0, so that the light parts rank first.

    Lightness is luma by the weights of ITU-R BT.709.
    """
    weights = torch.tensor((0.2126, 0.7152, 0.0722)).view(1, 3, 1, 1)
    return -smooth((content * weights).sum(1, keepdim=True))


def affinities(network: Network, content: Tensor, styles: Sequence[Sequence[Tensor]]) -> list[Tensor]:
    """How near every place of the content is to each style, of one or more pictures [1, 3 or 4, h, w]: one map
    [1, 1, h, w] per style, larger is nearer.

    The cosine of centred features of relu3_1 and relu4_1 to the style's mean feature, at a size that is cheap.
    """
    small = _small(content)
    own = _features(network, small)
    means = [_mean_features(network, style) for style in styles]
    size = (small.shape[2], small.shape[3])
    maps = [torch.zeros(1, 1, *size) for _ in styles]
    for layer in AFFINITY_LAYERS:
        centre = torch.stack([mean[layer] for mean in means]).mean(0)
        here = own[layer] - centre  # [1, c, h', w']
        for index, mean in enumerate(means):
            near = functional.cosine_similarity(here, mean[layer] - centre, dim=1)[:, None]  # [1, 1, h', w']
            maps[index] = maps[index] + functional.interpolate(near.cpu(), size=size, mode="bilinear")
    return maps


def automatic(maps: Sequence[Tensor], mix: Sequence[float], width: int, height: int) -> list[Tensor]:
    """Guides of the areas `mix` from affinity maps: each style in turn takes the places that suit it best."""
    left = torch.ones_like(maps[0])
    guides: list[Tensor] = []
    remaining = 1.0
    for index in range(len(maps) - 1):
        rivals = torch.stack(list(maps[index + 1 :])).amax(0)
        # places that are taken rank last
        score = smooth(maps[index] - rivals) - 1e3 * (1 - left).round()
        share = min(1.0, mix[index] / max(remaining, 1e-9)) * float(left.mean())
        taken = by_rank(-score, (share, 1 - share))[0] * left
        guides.append(taken)
        left = left - taken
        remaining -= mix[index]
    guides.append(left)
    return _normalised([resize(guide, width, height).clamp(0, 1) for guide in guides])


def measured_shares(network: Network, painting: Tensor, styles: Sequence[Sequence[Tensor]]) -> tuple[float, ...]:
    """The share of the painting's places that are nearest to each style; sums to 1."""
    nearest = torch.cat(affinities(network, painting, styles), dim=1).argmax(1)  # [1, h, w]
    return tuple(float((nearest == index).float().mean()) for index in range(len(styles)))


def smooth(x: Tensor, share: float = 0.05) -> Tensor:
    """Box blur twice over `share` of the shorter side: x [1, 1, h, w] -> same size."""
    radius = max(1, round(min(x.shape[-2:]) * share))
    radius = min(radius, min(x.shape[-2:]) - 1)
    if radius < 1:
        return x
    for _ in range(2):
        padded = functional.pad(x, (radius,) * 4, mode="reflect")
        x = functional.avg_pool2d(padded, 2 * radius + 1, stride=1)
    return x


def _mean_features(network: Network, pictures: Sequence[Tensor]) -> dict[str, Tensor]:
    """The mean feature [1, c, 1, 1] of pictures [1, 3 or 4, h, w] at the affinity layers, each picture alike."""
    small = [pixels_and_weights(_small(picture)) for picture in pictures]
    found = [(_features(network, pixels), weights) for pixels, weights in small]
    return {
        layer: torch.stack([_mean(features[layer], weights) for features, weights in found]).mean(0)
        for layer in AFFINITY_LAYERS
    }


def _mean(features: Tensor, weights: Tensor | None) -> Tensor:
    """Over the positions of features [1, c, h, w], weighted by [1, 1, h', w'] where there are weights: [1, c, 1, 1]."""
    if weights is None:
        return features.mean((2, 3), keepdim=True)
    shares = weights_at(weights, features.shape[2], features.shape[3])
    return (features * shares).sum((2, 3), keepdim=True) / shares.sum()


def _soft_cuts(place: Tensor, mix: Sequence[float]) -> list[Tensor]:
    """Soft indicator functions of consecutive intervals of lengths `mix` over values in 0..1; they sum to 1."""
    edges = torch.tensor(mix[:-1]).cumsum(0).tolist()
    above = [torch.ones_like(place), *(((place - edge) / EDGE + 0.5).clamp(0, 1) for edge in edges)]
    above.append(torch.zeros_like(place))
    return [(above[index] - above[index + 1]).clamp(min=0) for index in range(len(mix))]


def _features(network: Network, x: Tensor) -> dict[str, Tensor]:
    return {layer: h.float() for layer, h in network.features(x, AFFINITY_LAYERS).items()}


def _small(x: Tensor) -> Tensor:
    height, width = x.shape[-2:]
    longest = min(max(height, width), AFFINITY_PX)
    wide, high = fit(width, height, longest)
    # the deep layer needs a few positions across even in a very narrow picture
    return resize(x, max(wide, SHORTEST_PX), max(high, SHORTEST_PX)).clamp(0, 1)


def _normalised(guides: Sequence[Tensor]) -> list[Tensor]:
    total = sum(guides, torch.zeros_like(guides[0]))
    return [torch.where(total > 1e-6, guide / total.clamp(min=1e-6), 1 / len(guides)) for guide in guides]
