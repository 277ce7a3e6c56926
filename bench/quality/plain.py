"""The costs as a tutorial writes them: torch's conv2d in NCHW, torch's autograd, nothing of the engine's own.

It is the plain loop that the engine is measured against, and the one scorer of every picture in a race.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from duostyle.engine.network.vgg import Network
from duostyle.engine.objective.objective import layer_weights
from duostyle.engine.pyramid import PRESETS
from duostyle.params import StyleParams

Conv = tuple[Tensor, Tensor]


class PlainNetwork:
    """Convolutions with ReLU, average pooling before each block. `layers` are `1_1` and the like, one per (weight,
    bias); a picture in 0..1 is first multiplied by `scale`, then `mean` is taken off."""

    def __init__(self, layers: Sequence[str], convs: Sequence[Conv], scale: Tensor, mean: Tensor) -> None:
        self.layers, self.convs, self.scale, self.mean = layers, convs, scale, mean

    @classmethod
    def like(cls, network: Network) -> PlainNetwork:
        """The engine's own weights."""
        # autograd takes no tensors that were made in inference mode, hence copies
        convs = [(conv.weight.clone(), conv.bias.clone()) for conv in network.convs]
        return cls(network.layers, convs, network.scale.clone(), network.mean.clone())

    def features(self, x: Tensor) -> dict[str, Tensor]:
        """Activations after each ReLU: x [1, 3, h, w] in 0..1 -> `{"relu1_1": [1, 64, h, w], ...}`."""
        h = x * self.scale - self.mean
        found: dict[str, Tensor] = {}
        for index, (layer, (weight, bias)) in enumerate(zip(self.layers, self.convs, strict=True)):
            if index and layer.endswith("_1"):
                h = functional.avg_pool2d(h, 2)
            h = functional.conv2d(h, weight, bias, padding=1).relu()
            found[f"relu{layer}"] = h
        return found


class PlainCosts:
    """The whole cost J of a picture [1, 3, h, w] in 0..1, for one content of that size and one style of any size.

    Takes weights, layers and `style_loss` from `params`; every style layer is counted, at full size.
    """

    def __init__(self, network: PlainNetwork, content: Tensor, style: Tensor, params: StyleParams) -> None:
        self.network, self.params = network, params
        self.weights = layer_weights(params)
        self.tv_weight = PRESETS[params.preset].tv_weight if params.tv_weight is None else params.tv_weight
        with torch.no_grad():
            self.content = network.features(content)[params.content_layer]
            features = network.features(style)
            self.targets = {layer: self._statistics(features[layer]) for layer in self.weights}

    def __call__(self, x: Tensor) -> Tensor:
        """J, 0-dim; autograd goes through it."""
        params, features = self.params, self.network.features(x)
        content = (features[params.content_layer] - self.content).square().sum() / self.content.square().sum()
        style = torch.zeros(())
        for layer, weight in self.weights.items():
            pairs = list(zip(self._statistics(features[layer]), self.targets[layer], strict=True))
            layer_cost = sum(((a - b).square().sum() / b.square().sum() for a, b in pairs), torch.zeros(()))
            style = style + weight * layer_cost / len(pairs)
        return params.content_weight * content + params.style_weight * style + self.tv_weight * _roughness(x)

    def _statistics(self, h: Tensor) -> tuple[Tensor, ...]:
        """What is compared, each on its own scale: the Gram matrix, or covariance and mean."""
        f = h.flatten(2)[0]  # [c, n]
        gram = f @ f.T / f.shape[1]  # [c, c]
        if self.params.style_loss == "gram":
            return (gram,)
        mean = f.mean(1)  # [c]
        return gram - torch.outer(mean, mean), mean


def _roughness(x: Tensor) -> Tensor:
    down, right = x[:, :, 1:, :] - x[:, :, :-1, :], x[:, :, :, 1:] - x[:, :, :, :-1]
    return (down.square().sum() + right.square().sum()) / x.numel()
