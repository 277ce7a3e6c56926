"""J = content_weight * J_content + style_weight * J_style + tv_weight * J_tv, and its gradient, at one size.

Gatys, Ecker and Bethge 2016, equation 7; the style term is a weighted sum over five layers (equation 5).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from duostyle.engine.api import Costs
from duostyle.engine.network.vgg import Check, TapGradient, no_check
from duostyle.engine.objective import tiling
from duostyle.engine.objective.cuda_graph import Graphed, worth_a_graph
from duostyle.engine.objective.features import Extractor, reachable
from duostyle.engine.objective.losses import PictureCost, content_cost, tv_cost
from duostyle.engine.objective.moments import collage, flat
from duostyle.engine.objective.style import (
    LayerCost,
    StyleMoments,
    Sums,
    judge_mix,
    judge_regions,
    measure,
    style_tap,
    weights_at,
    with_content,
)
from duostyle.engine.pyramid import FULL, PRESETS, Depth
from duostyle.params import STYLE_LAYERS, StyleParams

LAYER_WEIGHTS = {
    "covariance": dict(zip(STYLE_LAYERS, (0.40, 0.25, 0.20, 0.10, 0.05), strict=True)),
    "gram": dict.fromkeys(STYLE_LAYERS, 0.2),
}


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


def picture_terms(params: StyleParams) -> dict[str, tuple[float, PictureCost]]:
    """The terms that look at the picture alone, by their names in `Costs`: weight and function.

    A new one is a line here, a function in `losses`, a field of `Costs` and a parameter for its weight.
    """
    tv_weight = PRESETS[params.preset].tv_weight if params.tv_weight is None else params.tv_weight
    return {"tv": (tv_weight, tv_cost)}


def content_layer(params: StyleParams, depth: Depth, width: int, height: int) -> str:
    """The content layer, or the deepest one that a very small picture still reaches."""
    choices = reachable(["relu1_1", "relu2_1", "relu3_1", depth.content_layer(params.content_layer)], width, height)
    return choices[-1]


class Objective:
    """J and its gradient at the size of `content` [1, 3, h, w], with the current parameters.

    `styles` holds the moments of each of 1 to 4 styles; more layers may be put in before `tune` asks for them.
    `guides`: none, or one map [1, 1, h, w] per style, or one that all styles share; they say where the styles go, and
    sum to at most 1 everywhere.
    `depth`: how deep to look into the network.
    """

    def __init__(
        self,
        extractor: Extractor,
        content: Tensor,
        styles: Sequence[StyleMoments],
        params: StyleParams,
        guides: Sequence[Tensor] = (),
        depth: Depth = FULL,
    ) -> None:
        self.network, self.check, self.tile_px = extractor.network, extractor.check, extractor.tile_px
        self.depth = depth
        self.styles = styles
        self.height, self.width = content.shape[-2:]
        self.small_on_gpu = self.tile_px is None and worth_a_graph(content)
        self.content_layer = content_layer(params, depth, self.width, self.height)
        self.content = extractor.content_features(content, self.content_layer)
        self.tune(params, guides)

    def tune(self, params: StyleParams, guides: Sequence[Tensor] = ()) -> None:
        """Take up new live parameters and guides; the targets of content and styles stay."""
        self.params = params
        self.mix = params.mix_for(len(self.styles))
        known = set.intersection(*(set(style) for style in self.styles)).intersection(self.depth.style_layers(params))
        weights = layer_weights(params)
        layers = [layer for layer in reachable(list(weights), self.width, self.height) if layer in known]
        self.content_weight = params.content_weight * self.depth.content_share(params)
        self.weights = {layer: weights[layer] for layer in layers}
        self.targets = {layer: collage([style[layer] for style in self.styles], self.mix) for layer in layers}
        self.guides = guides
        self._maps: dict[tuple[int, int], list[Tensor]] = {}
        self.picture_terms = picture_terms(params)
        # it has the parameters recorded in it; regions read their areas on the way, which no graph can hold
        self._graph = Graphed() if self.small_on_gpu and not self.guides else None

    def evaluate(self, x: Tensor) -> Evaluation:
        """Costs and gradient at x [1, 3, h, w] in 0..1. Calls `check` before every convolution; only once where a GPU
        does it all in one piece."""
        if self.tile_px is not None:
            gradient, costs = self._in_tiles(x, self.tile_px)
        elif self._graph is not None:
            self.check()
            gradient, costs = self._graph(self._whole, x)
        else:
            gradient, costs = self._whole(x, self.check)
        return Evaluation(self._costs(costs.tolist()), gradient)

    def cost(self, x: Tensor) -> float:
        """The total cost at x [1, 3, h, w] alone, for half of the work."""
        if self.tile_px is not None:
            return self.evaluate(x).costs.total
        _, _, layers, content = self._look(x, self.check)
        return self._costs(self._finish(x, torch.zeros_like(x), layers, content)[1].tolist()).total

    def _whole(self, x: Tensor, check: Check = no_check) -> tuple[Tensor, Tensor]:
        """Gradient [1, 3, h, w] and costs, see `_finish`. Reads no number, so that a GPU can run ahead."""
        outputs, taps, layers, content = self._look(x, check)
        gradient = self.network.backward(outputs, taps, check) if taps else torch.zeros_like(x)
        return self._finish(x, gradient, layers, content)

    def _look(
        self, x: Tensor, check: Check
    ) -> tuple[list[Tensor], dict[str, TapGradient], dict[str, LayerCost], Tensor]:
        """The way up: activations, what each layer adds to the gradient, the costs of style layers and content."""
        outputs = self.network.forward(x, [self.content_layer, *self.weights], check)
        taps: dict[str, TapGradient] = {}
        costs: dict[str, LayerCost] = {}
        for layer in self.weights:
            h = outputs[self.network.index(layer)]  # [1, c, h', w']
            guides = [guide.flatten() for guide in self._guides_at(h.shape[2], h.shape[3])]
            costs[layer] = self._judge(layer, measure(flat(h), guides))
            taps[layer] = style_tap(costs[layer], guides)
        content = torch.zeros((), device=x.device)
        if self.content_weight > 0:
            content, change = content_cost(outputs[self.network.index(self.content_layer)], self.content)
            taps[self.content_layer] = with_content(taps.get(self.content_layer), change.mul_(self.content_weight))
        return outputs, taps, costs, content

    def _in_tiles(self, x: Tensor, tile_px: int) -> tuple[Tensor, Tensor]:
        """The same in two passes over tiles: sums of moments first, then their gradient."""

        def guides(layer: str) -> Sequence[Tensor]:
            return self._guides_at(self.height // tiling.stride(layer), self.width // tiling.stride(layer))

        sums = tiling.sums(self.network, x, list(self.weights), guides, tile_px, self.check) if self.weights else {}
        costs = {layer: self._judge(layer, sums[layer]) for layer in self.weights}
        pulls = {layer: cost.pulls for layer, cost in costs.items()}
        slope = tiling.TiledGradient(self.network, pulls, guides)
        if self.content_weight > 0:
            slope.hold(self.content_layer, self.content, self.content_weight)
        gradient = slope.run(x, tile_px, self.check) if pulls or self.content_weight > 0 else torch.zeros_like(x)
        return self._finish(x, gradient, costs, slope.content_cost)

    def _finish(
        self, x: Tensor, gradient: Tensor, layers: dict[str, LayerCost], content: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The gradient with that of the picture terms, and in one tensor (one transfer from the device) the unweighted
        costs: style, content, the picture terms, and each style's own."""
        zero = torch.zeros_like(content)
        terms = []
        for weight, cost_of in self.picture_terms.values():
            term = zero
            if weight > 0:
                term, slope = cost_of(x)
                gradient.add_(slope, alpha=weight)
            terms.append(term)
        style = sum((self.weights[layer] * cost.value for layer, cost in layers.items()), zero)
        own = [
            sum((self.weights[layer] * cost.own[k] for layer, cost in layers.items()), zero)
            for k in range(len(self.styles))
        ]
        return gradient, torch.stack([style, content, *terms, *own])

    def _judge(self, layer: str, sums: list[Sums]) -> LayerCost:
        loss, scale = self.params.style_loss, self.params.style_weight * self.weights[layer]
        styles = [style[layer] for style in self.styles]
        if len(self.guides) == 1:
            return judge_mix(loss, sums[0], self.targets[layer], styles, self.mix, scale, region=0)
        if self.guides:
            return judge_regions(loss, sums, styles, scale)
        return judge_mix(loss, sums[0], self.targets[layer], styles, self.mix, scale)

    def _guides_at(self, height: int, width: int) -> list[Tensor]:
        """The guides averaged down to a layer's size, [1, 1, h, w]; none where the styles share the picture."""
        size = (height, width)
        if size not in self._maps:
            self._maps[size] = [weights_at(guide, height, width) for guide in self.guides]
        return self._maps[size]

    def _costs(self, numbers: list[float]) -> Costs:
        style_total = self.params.style_weight * numbers[0]
        content_total = self.content_weight * numbers[1]
        weighed = zip(self.picture_terms.items(), numbers[2:], strict=False)
        terms = {name: weight * number for (name, (weight, _)), number in weighed}
        distances = numbers[2 + len(terms) :]
        whole = sum(distances)
        shares = [distance / whole if whole > 0 else 1 / len(distances) for distance in distances]
        total = style_total + content_total
        for term in terms.values():
            total += term
        style = tuple(style_total * share for share in shares)
        return Costs(total=total, content=content_total, style=style, **terms)
