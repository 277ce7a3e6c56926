"""Features, moments and evaluations of pictures too large for memory: see `tiles` for how they are cut."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from duostyle.engine.network.vgg import Network, TapGradient
from duostyle.engine.objective.losses import TINY
from duostyle.engine.objective.style import Pull, Sums, measure, pull
from duostyle.engine.objective.tiles import Tile, tiles
from duostyle.engine.runtime import give_back

Check = Callable[[], None]


def stride(layer: str) -> int:
    """Pixels per position of a layer: 1 for relu1_1, 16 for relu5_1."""
    return 1 << (int(layer[4]) - 1)


def cut(x: Tensor, side_px: int | None) -> list[Tile]:
    """The tiles of a picture [1, c, h, w]; one tile without `side_px`."""
    return list(tiles(x.shape[2], x.shape[3], side_px or max(x.shape[2:])))


def features(network: Network, x: Tensor, layer: str, side_px: int, check: Check) -> Tensor:
    """One layer's features [1, c, h', w'] of the whole picture x [1, 3, h, w]."""
    whole: Tensor | None = None
    for tile in cut(x, side_px):
        part = network.features(tile.cut(x), [layer], check)[layer]
        if whole is None:
            step = stride(layer)
            whole = part.new_empty(1, part.shape[1], x.shape[2] // step, x.shape[3] // step)
        tile.whole(whole, stride(layer)).copy_(tile.own(part, stride(layer)))
    assert whole is not None  # noqa: S101 - a picture has at least one tile
    return whole


def sums(
    network: Network,
    x: Tensor,
    layers: Sequence[str],
    guides: Callable[[str], Sequence[Tensor]],
    side_px: int,
    check: Check,
) -> dict[str, list[Sums]]:
    """Summed moments of x at `layers`, one per guide of the layer ([1, 1, h', w'] each) or one for the whole."""
    total: dict[str, list[Sums]] = {}
    for tile in cut(x, side_px):
        found = network.features(tile.cut(x), layers, check)
        for layer in layers:
            flat = _flat(tile.own(found.pop(layer), stride(layer)))
            parts = measure(flat, [_flat(tile.whole(guide, stride(layer)))[0] for guide in guides(layer)])
            total[layer] = [a + b for a, b in zip(total[layer], parts, strict=True)] if layer in total else parts
        found.clear()
        give_back(x.device)
    return total


class TiledGradient:
    """Gradient of costs that are known as pulls per layer, tile by tile; sums up the content cost on its way."""

    def __init__(
        self, network: Network, pulls: dict[str, list[Pull]], guides: Callable[[str], Sequence[Tensor]]
    ) -> None:
        self.network = network
        self.pulls = pulls
        self.guides = guides
        self.content: Tensor | None = None
        self.content_layer = ""
        self.content_weight = 0.0
        self.content_norm: Tensor | None = None
        self.content_cost = torch.zeros((), device=network.device)

    def hold(self, layer: str, target: Tensor, weight: float) -> None:
        """Add the content cost at `layer` towards `target` [1, c, h', w']."""
        self.content, self.content_layer, self.content_weight = target, layer, weight
        # the norm makes no copy, as squares would
        self.content_norm = torch.linalg.vector_norm(target).square() + TINY

    def run(self, x: Tensor, side_px: int, check: Check) -> Tensor:
        """Gradient [1, 3, h, w] at x."""
        gradient = torch.zeros_like(x)
        layers = [*self.pulls, *([self.content_layer] if self.content_layer else [])]
        for tile in cut(x, side_px):
            outputs = self.network.forward(tile.cut(x), layers, check)
            taps = {layer: self._tap(layer, tile) for layer in layers}
            tile.add(gradient, self.network.backward(outputs, taps, check))
            # tiles differ in size, so what one has freed does not fit the next one
            give_back(x.device)
        return gradient

    def _tap(self, layer: str, tile: Tile) -> TapGradient:
        def add(h: Tensor, gradient: Tensor | None) -> Tensor:
            # the halo's own gradient belongs to the tiles next door
            gradient = torch.zeros_like(h) if gradient is None else gradient
            own, there = tile.own(h, stride(layer)), tile.own(gradient, stride(layer))
            pulls = self.pulls.get(layer, [])
            if pulls:
                guides = [_flat(tile.whole(guide, stride(layer)))[0] for guide in self.guides(layer)]
                change = pull(pulls, _flat(own), None, guides)
                for part in pulls:
                    if part.region is None:
                        change += part.bias[:, None]
                there += change.view(there.shape)
            if layer == self.content_layer and self.content is not None and self.content_norm is not None:
                difference = own - tile.whole(self.content, stride(layer))
                self.content_cost = self.content_cost + difference.square().sum() / self.content_norm
                there += difference * (2 * self.content_weight / self.content_norm)
            return gradient

        return TapGradient(add)


def _flat(x: Tensor) -> Tensor:
    return x.reshape(x.shape[1], -1)
