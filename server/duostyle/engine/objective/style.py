"""The style cost of one layer, in three parts, so that a picture can be processed in pieces.

`measure` sums the moments of a piece, `judge` turns the sums of the whole into a cost and a gradient that is linear in
the features, `pull` adds that gradient to a piece.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from duostyle.engine.network.vgg import TapGradient
from duostyle.engine.objective.losses import style_cost, style_distance
from duostyle.engine.objective.moments import Moments, flat, gram, moments, total

StyleMoments = Mapping[str, Moments]

# a region smaller than this share of the picture has no meaningful moments
SMALLEST_REGION = 1e-3


@dataclass(frozen=True)
class Sums:
    """Sums over the positions of a picture or a region: weights, weighted features [c], weighted products [c, c]."""

    weight: float
    first: Tensor
    second: Tensor

    def __add__(self, other: Sums) -> Sums:
        return Sums(self.weight + other.weight, self.first + other.first, self.second + other.second)

    def moments(self) -> Moments:
        """Their means; NaN when the weight is 0."""
        return Moments(self.first / self.weight, self.second / self.weight)


@dataclass(frozen=True)
class Pull:
    """Gradient at a position of features f: (matrix @ f + bias) * weight, times the region's guide there if any.

    `region` is the number of the region, or None for the whole picture.
    """

    matrix: Tensor
    bias: Tensor
    region: int | None


@dataclass(frozen=True)
class LayerCost:
    """The style cost of one layer: `value` and each style's `own` distance are 0-dim tensors >= 0, unweighted; `pulls`
    is the gradient times the layer's weight."""

    value: Tensor
    own: list[Tensor]
    pulls: list[Pull]


def measure(features: Tensor, guides: Sequence[Tensor]) -> list[Sums]:
    """Sums over all positions of features [c, n]: one for the whole, or one per guide [n] where there are guides.

    Departure from Gatys et al. 2017 (guided Gram matrices, section 4.2), who weight the features themselves: weights
    on the moments keep soft masks linear, so two half masks add up to a whole one.
    """
    if not guides:
        return [Sums(float(features.shape[1]), total(features), gram(features))]
    if features.dtype == torch.bfloat16:
        return [_measure_region(features, guide.sqrt().to(features.dtype)) for guide in guides]
    return [Sums(float(guide.sum()), features @ guide, gram(features * guide.sqrt())) for guide in guides]


def _measure_region(features: Tensor, root: Tensor) -> Sums:
    """The sums of bfloat16 features [c, n], whose weights are the squares of `root` [n] as rounded to bfloat16."""
    scaled = features * root
    return Sums(float(root.float().square().sum()), total(scaled * root), gram(scaled))


def moments_of(features: Tensor, weights: Tensor | None) -> Moments:
    """Moments of features [1, c, h, w] over all positions, which count by their weights [1, 1, h', w'] where there are
    any, averaged down to h x w as guides are."""
    if weights is None:
        return moments(features)
    return measure(flat(features), [flat(weights_at(weights, features.shape[2], features.shape[3]))[0]])[0].moments()


def weights_at(weights: Tensor, height: int, width: int) -> Tensor:
    """Weights or a guide [1, 1, h, w] averaged down to a layer's size, [1, 1, height, width]."""
    return functional.adaptive_avg_pool2d(weights, (height, width))


def judge_mix(
    loss: str,
    sums: Sums,
    target: Moments,
    styles: Sequence[Moments],
    mix: Sequence[float],
    scale: float,
    region: int | None = None,
) -> LayerCost:
    """All styles share the picture, or its `region`: its moments against those of their collage, `target`.

    `scale` multiplies the gradient; each style's own distance is weighted by its share in `mix`.
    """
    current, positions = sums.moments(), sums.weight
    cost = style_cost(loss, current, target, positions)
    own = [style_distance(loss, current, style) for style in styles] if len(styles) > 1 else [cost.value]
    return LayerCost(
        cost.value,
        [share * value for share, value in zip(mix, own, strict=True)],
        [Pull(cost.matrix * scale, cost.bias * scale, region)],
    )


def judge_regions(loss: str, sums: Sequence[Sums], styles: Sequence[Moments], scale: float) -> LayerCost:
    """Each style against its own region, `sums[k]` for style k; regions count by their area, `scale` as for a mix."""
    whole = sum(part.weight for part in sums)
    zero = sums[0].first.new_zeros(())  # 0-dim
    value, own, pulls = zero, [], []
    for region, (part, style) in enumerate(zip(sums, styles, strict=True)):
        share = part.weight / max(whole, 1e-9)
        if share < SMALLEST_REGION:
            own.append(zero)
            continue
        cost = style_cost(loss, part.moments(), style, part.weight)
        value = value + share * cost.value
        own.append(share * cost.value)
        pulls.append(Pull(cost.matrix * (scale * share), cost.bias * (scale * share), region))
    return LayerCost(value, own, pulls)


def pull(pulls: Sequence[Pull], features: Tensor, gradient: Tensor | None, guides: Sequence[Tensor]) -> Tensor:
    """`gradient` [c, n] (changed in place; None for zero) plus the pulls at features [c, n].

    The bias of a pull on the whole picture is left out: it costs nothing as the bias of a convolution.
    """
    if features.dtype == torch.bfloat16:
        return _pull_rows(pulls, features.T, None if gradient is None else gradient.T, guides).T
    for part in pulls:
        if part.region is None:
            gradient = part.matrix @ features if gradient is None else gradient.addmm_(part.matrix, features)
            continue
        change = torch.addmm(part.bias[:, None], part.matrix, features).mul_(guides[part.region])  # [c, n]
        gradient = change if gradient is None else gradient.add_(change)
    return torch.zeros_like(features) if gradient is None else gradient


def _pull_rows(pulls: Sequence[Pull], rows: Tensor, gradient: Tensor | None, guides: Sequence[Tensor]) -> Tensor:
    """The same for bfloat16 features and gradient [n, c], one product each, in the memory order that they have."""
    for part in pulls:
        matrix = part.matrix.to(rows.dtype)  # symmetric
        if part.region is None:
            gradient = rows @ matrix if gradient is None else gradient.addmm_(rows, matrix)
            continue
        change = torch.addmm(part.bias.to(rows.dtype), rows, matrix).mul_(guides[part.region].to(rows.dtype)[:, None])
        gradient = change if gradient is None else gradient.add_(change)
    return torch.zeros_like(rows) if gradient is None else gradient


def style_tap(cost: LayerCost, guides: Sequence[Tensor]) -> TapGradient:
    """What a layer's style cost adds to the gradient there; `guides` are [n] each, over the layer's positions."""

    def add(features: Tensor, gradient: Tensor | None) -> Tensor:
        below = None if gradient is None else flat(gradient)
        return pull(cost.pulls, flat(features), below, guides).view(features.shape)

    whole = [part.bias for part in cost.pulls if part.region is None]
    return TapGradient(add, whole[0] if whole else None)


def with_content(tap: TapGradient | None, change: Tensor) -> TapGradient:
    """The same with the gradient of the content cost, `change` [1, c, h, w], on top."""

    def add(features: Tensor, gradient: Tensor | None) -> Tensor:
        if tap is not None:
            gradient = tap.add(features, gradient)
        return change if gradient is None else gradient.add_(change)

    return TapGradient(add, None if tap is None else tap.bias)
