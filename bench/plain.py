"""The plain loop that the engine is measured against, and the engine's own evaluation of the same costs."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from server.engine.objective import Objective, style_moments
from server.engine.stylize import TorchEngine
from server.params import STYLE_LAYERS, StyleParams

CONTENT_LAYER = "relu4_2"


class Rivals:
    """Both ways to evaluate Gram costs over the five style layers and the content cost, on made-up pictures."""

    def __init__(self) -> None:
        engine = TorchEngine()
        engine.load()
        assert engine.network is not None
        self.network = engine.network
        # autograd takes no tensors that were made in inference mode, so the plain loop has copies
        self.scale, self.mean = self.network.scale.clone(), self.network.mean.clone()
        self.convs = [(conv.weight.clone(), conv.bias.clone()) for conv in self.network.convs]

    def at(self, width: int, height: int) -> tuple[Callable[[], object], Callable[[], object]]:
        """(plain, ours): each call is one evaluation with gradient at width x height px."""
        generator = torch.Generator().manual_seed(0)
        content, style, x = (torch.rand(1, 3, height, width, generator=generator) for _ in range(3))
        params = StyleParams(style_loss="gram", tv_weight=0.0)
        with torch.inference_mode():
            moments = style_moments(self.network, style, lambda: None)
            objective = Objective(self.network, content, [moments], params)
        with torch.no_grad():
            targets = {layer: (f @ f.T / f.shape[1]) for layer, f in self._flat(style).items()}
            content_target = self._features(content)[CONTENT_LAYER]

        def plain() -> None:
            picture = x.clone().requires_grad_()
            features = self._features(picture)
            cost = (features[CONTENT_LAYER] - content_target).square().sum() / content_target.square().sum()
            for layer in STYLE_LAYERS:
                f = features[layer].flatten(2)[0]
                gram = f @ f.T / f.shape[1]
                cost = cost + 4 * (gram - targets[layer]).square().sum() / targets[layer].square().sum()
            cost.backward()  # type: ignore[no-untyped-call]

        def ours() -> None:
            with torch.inference_mode():
                objective.evaluate(x)

        return plain, ours

    def _features(self, x: Tensor) -> dict[str, Tensor]:
        h = x * self.scale - self.mean
        found: dict[str, Tensor] = {}
        for index, (layer, conv) in enumerate(zip(self.network.layers, self.convs, strict=True)):
            if index and layer.endswith("_1"):
                h = functional.avg_pool2d(h, 2)
            h = functional.conv2d(h, *conv, padding=1).relu()
            found[f"relu{layer}"] = h
        return found

    def _flat(self, x: Tensor) -> dict[str, Tensor]:
        return {layer: h.flatten(2)[0] for layer, h in self._features(x).items() if layer in STYLE_LAYERS}
