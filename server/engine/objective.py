"""J = content_weight * J_content + style_weight * J_style + tv_weight * J_tv, and its gradient, at one size.

Gatys, Ecker and Bethge 2016, equation 7; the style term is a weighted sum over five layers (equation 5).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from server.engine.api import Costs
from server.engine.losses import content_cost, style_cost, tv_cost
from server.engine.moments import Moments, collage, guided_moments, moments
from server.engine.pyramid import PRESETS
from server.engine.vgg import Network, TapGradient
from server.params import STYLE_LAYERS, StyleParams

Check = Callable[[], None]
StyleMoments = Mapping[str, Moments]

LAYER_WEIGHTS = {
    "covariance": dict(zip(STYLE_LAYERS, (0.40, 0.25, 0.20, 0.10, 0.05), strict=True)),
    "gram": dict.fromkeys(STYLE_LAYERS, 0.2),
}
# a region smaller than this share of the picture has no moments worth the name
SMALLEST_REGION = 1e-3


@dataclass(frozen=True)
class Evaluation:
    """Costs (each times its weight) and the gradient [1, 3, h, w] of the total at one picture."""

    costs: Costs
    gradient: Tensor


def layer_weights(params: StyleParams) -> dict[str, float]:
    """Weight of each style layer: the client's, else the default of `style_loss`; layers of weight 0 are left out."""
    given = params.style_layer_weights
    chosen = (
        LAYER_WEIGHTS[params.style_loss] if given is None else {str(layer): weight for layer, weight in given.items()}
    )
    return {layer: chosen[layer] for layer in STYLE_LAYERS if chosen.get(layer, 0.0) > 0}


def reachable(layers: Sequence[str], width: int, height: int) -> list[str]:
    """Those of `layers` that have at least one position for a picture of width x height px."""
    return [layer for layer in layers if min(width, height) >> (int(layer[4]) - 1) >= 1]


def content_layer(params: StyleParams, width: int, height: int) -> str:
    """The content layer, or the deepest one that a very small picture still reaches."""
    choices = reachable(["relu1_1", "relu2_1", "relu3_1", params.content_layer], width, height)
    return choices[-1]


def style_moments(network: Network, style: Tensor, check: Check) -> StyleMoments:
    """Moments of a style picture [1, 3, h, w] at every style layer that it reaches."""
    layers = reachable(STYLE_LAYERS, style.shape[3], style.shape[2])
    features = network.features(style, layers, check)
    return {layer: moments(features[layer]) for layer in layers}


class Objective:
    """The costs at one size, for one content and 1 to 4 styles, evaluated with the parameters of the moment.

    `guides`: none, or one map [1, 1, h, w] per style, summing to 1 everywhere, that says where each style goes.
    """

    def __init__(
        self,
        network: Network,
        content: Tensor,
        styles: Sequence[StyleMoments],
        params: StyleParams,
        guides: Sequence[Tensor] = (),
        check: Check = lambda: None,
    ) -> None:
        self.network = network
        self.styles = styles
        self.check = check
        self.height, self.width = content.shape[-2:]
        self.content_layer = content_layer(params, self.width, self.height)
        self.content = network.features(content, [self.content_layer], check)[self.content_layer]
        self.tune(params, guides)

    def tune(self, params: StyleParams, guides: Sequence[Tensor] = ()) -> None:
        """Take up new live parameters and guides; the targets of content and styles stay."""
        self.params = params
        self.mix = params.mix_for(len(self.styles))
        known = set.intersection(*(set(style) for style in self.styles))
        weights = layer_weights(params)
        layers = [layer for layer in reachable(list(weights), self.width, self.height) if layer in known]
        self.weights = {layer: weights[layer] for layer in layers}
        self.targets = {layer: collage([style[layer] for style in self.styles], self.mix) for layer in layers}
        self.guides = guides if len(guides) > 1 else ()
        self._maps: dict[tuple[int, int], list[Tensor]] = {}
        self.tv_weight = PRESETS[params.preset].tv_weight if params.tv_weight is None else params.tv_weight

    def evaluate(self, x: Tensor) -> Evaluation:
        """Costs and gradient at x [1, 3, h, w] in 0..1. Calls `check` before every convolution."""
        params = self.params
        layers = [self.content_layer, *self.weights] if params.content_weight > 0 else list(self.weights)
        if not layers:
            layers = [self.content_layer]
        outputs = self.network.forward(x, layers, self.check)
        taps: dict[str, TapGradient] = {}
        zero = torch.zeros((), device=x.device)
        style = zero
        own = [zero] * len(self.styles)
        for layer, weight in self.weights.items():
            h = outputs[self.network.index(layer)]
            scale = params.style_weight * weight
            value, distances, taps[layer] = (
                self._guided(layer, h, scale) if self.guides else self._mixed(layer, h, scale)
            )
            style = style + weight * value
            own = [total + weight * distance for total, distance in zip(own, distances, strict=True)]
        content, change = (
            content_cost(outputs[self.network.index(self.content_layer)], self.content)
            if (params.content_weight > 0)
            else (zero, zero)
        )
        if params.content_weight > 0:
            taps[self.content_layer] = _with_content(taps.get(self.content_layer), change.mul_(params.content_weight))
        gradient = self.network.backward(outputs, taps, self.check) if taps else torch.zeros_like(x)
        tv = zero
        if self.tv_weight > 0:
            tv, slope = tv_cost(x)
            gradient.add_(slope, alpha=self.tv_weight)
        return Evaluation(self._costs(style, content, tv, own), gradient)

    def _mixed(self, layer: str, h: Tensor, scale: float) -> tuple[Tensor, list[Tensor], TapGradient]:
        """Style cost of one layer against the collage of all styles; also each style's own distance."""
        loss, current, positions = self.params.style_loss, moments(h), h.shape[2] * h.shape[3]
        cost = style_cost(loss, current, self.targets[layer], positions)
        own = (
            [style_cost(loss, current, style[layer], positions).value for style in self.styles]
            if len(self.styles) > 1
            else [cost.value]
        )
        matrix, bias = cost.matrix * scale, cost.bias * scale

        def add(features: Tensor, gradient: Tensor | None) -> Tensor:
            flat = features.view(features.shape[1], -1)
            if gradient is None:
                return (matrix @ flat).view_as(features)
            gradient.view(flat.shape).addmm_(matrix, flat)
            return gradient

        return cost.value, [share * value for share, value in zip(self.mix, own, strict=True)], TapGradient(add, bias)

    def _guided(self, layer: str, h: Tensor, scale: float) -> tuple[Tensor, list[Tensor], TapGradient]:
        """Style cost of one layer, each style against its own region; regions count by their area."""
        loss = self.params.style_loss
        value, own = torch.zeros((), device=h.device), []
        parts: list[tuple[Tensor, Tensor, Tensor]] = []
        for style, guide in zip(self.styles, self._guides_for(h), strict=True):
            share = float(guide.mean())
            if share < SMALLEST_REGION:
                own.append(torch.zeros((), device=h.device))
                continue
            # the guide's weights sum to 1, so "positions" is 1 and each position's weight multiplies its gradient
            cost = style_cost(loss, guided_moments(h, guide), style[layer], 1)
            value = value + share * cost.value
            own.append(share * cost.value)
            parts.append((cost.matrix, cost.bias, guide * (scale * share / guide.sum())))

        def add(features: Tensor, gradient: Tensor | None) -> Tensor:
            flat = features.view(features.shape[1], -1)  # [c, n]
            total = torch.zeros_like(flat) if gradient is None else gradient.view(flat.shape)
            for matrix, bias, weight in parts:
                total.add_(torch.addmm(bias[:, None], matrix, flat).mul_(weight))
            return total.view_as(features)

        return value, own, TapGradient(add)

    def _guides_for(self, h: Tensor) -> list[Tensor]:
        """The guides averaged down to a layer's size, flat [n]."""
        size = (h.shape[2], h.shape[3])
        if size not in self._maps:
            self._maps[size] = [functional.adaptive_avg_pool2d(guide, size).flatten() for guide in self.guides]
        return self._maps[size]

    def _costs(self, style: Tensor, content: Tensor, tv: Tensor, own: Sequence[Tensor]) -> Costs:
        # one transfer from the device for all numbers
        numbers: list[float] = torch.stack([style, content, tv, *own]).tolist()
        params = self.params
        style_total = params.style_weight * numbers[0]
        content_total, tv_total = params.content_weight * numbers[1], self.tv_weight * numbers[2]
        distances = numbers[3:]
        whole = sum(distances)
        shares = [distance / whole if whole > 0 else 1 / len(distances) for distance in distances]
        return Costs(
            total=style_total + content_total + tv_total,
            content=content_total,
            style=tuple(style_total * share for share in shares),
            tv=tv_total,
        )


def _with_content(tap: TapGradient | None, change: Tensor) -> TapGradient:
    def add(features: Tensor, gradient: Tensor | None) -> Tensor:
        if tap is not None:
            gradient = tap.add(features, gradient)
        return change if gradient is None else gradient.add_(change)

    return TapGradient(add, None if tap is None else tap.bias)
