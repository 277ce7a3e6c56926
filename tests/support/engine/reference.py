"""The engine's mathematics once more in plain torch with autograd, float64: slow, simple and independent."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from duostyle.engine.network.weights import Weights


def relative_error(got: Tensor, wanted: Tensor) -> float:
    """|got - wanted| / |wanted| over all entries."""
    return float((got.double() - wanted.double()).norm() / wanted.double().norm())


def plain_features(weights: Weights, x: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
    """The named activations of x [1, 3, h, w] in x's own precision, differentiable."""
    scale = torch.tensor(weights.scale, dtype=x.dtype).view(1, 3, 1, 1)
    mean = torch.tensor(weights.mean, dtype=x.dtype).view(1, 3, 1, 1)
    h = x * scale - mean
    found: dict[str, Tensor] = {}
    for name, (weight, bias) in weights.convs.items():
        layer = name.removeprefix("conv")
        if layer.endswith("_1") and layer != "1_1":
            h = functional.avg_pool2d(h, 2)
        h = torch.relu(functional.conv2d(h, weight.to(x.dtype), bias.to(x.dtype), padding=1))
        if f"relu{layer}" in layers:
            found[f"relu{layer}"] = h
        if len(found) == len(layers):
            break
    return found


def plain_moments(features: Tensor, guide: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Mean [c] and second moment [c, c] of features [1, c, h, w], weighted by a guide [n]."""
    flat = features.flatten(2)[0]
    weight = torch.ones(flat.shape[1], dtype=flat.dtype) if guide is None else guide.to(flat.dtype)
    weight = weight / weight.sum()
    return (flat * weight).sum(1), (flat * weight) @ flat.T


def plain_style(loss: str, current: tuple[Tensor, Tensor], target: tuple[Tensor, Tensor]) -> Tensor:
    """The style cost of one layer from (mean, second moment) pairs."""
    (mean, second), (mean_s, second_s) = current, target
    if loss == "gram":
        return (second - second_s).square().sum() / second_s.square().sum()
    covariance, covariance_s = second - torch.outer(mean, mean), second_s - torch.outer(mean_s, mean_s)
    return (
        0.5 * (covariance - covariance_s).square().sum() / covariance_s.square().sum()
        + 0.5 * (mean - mean_s).square().sum() / mean_s.square().sum()
    )


def plain_tv(x: Tensor) -> Tensor:
    down, right = x[:, :, 1:] - x[:, :, :-1], x[:, :, :, 1:] - x[:, :, :, :-1]
    return (down.square().sum() + right.square().sum()) / x.numel()


def plain_objective(
    weights: Weights,
    x: Tensor,
    content: Tensor,
    styles: Sequence[Tensor],
    *,
    loss: str,
    mix: Sequence[float],
    content_layer: str,
    layer_weights: dict[str, float],
    factors: tuple[float, float, float],
    guides: Sequence[Tensor] = (),
) -> Tensor:
    """J of pictures [1, 3, h, w] float64; `factors` are the weights of content, style and tv."""
    layers = {content_layer, *layer_weights}
    own = plain_features(weights, x, layers)
    wanted = plain_features(weights, content, [content_layer])[content_layer]
    painted = [plain_features(weights, style, layer_weights) for style in styles]
    content_cost = (own[content_layer] - wanted).square().sum() / wanted.square().sum()
    style_cost = torch.zeros((), dtype=x.dtype)
    for layer, weight in layer_weights.items():
        targets = [plain_moments(style[layer]) for style in painted]
        if guides:
            size = (own[layer].shape[2], own[layer].shape[3])
            maps = [functional.adaptive_avg_pool2d(guide.double(), size).flatten() for guide in guides]
            area = sum(float(each.sum()) for each in maps)
            for small, target in zip(maps, targets, strict=True):
                cost = plain_style(loss, plain_moments(own[layer], small), target)
                style_cost = style_cost + weight * small.sum() / area * cost
        else:
            mean = torch.stack([share * part[0] for share, part in zip(mix, targets, strict=True)]).sum(0)
            second = torch.stack([share * part[1] for share, part in zip(mix, targets, strict=True)]).sum(0)
            style_cost = style_cost + weight * plain_style(loss, plain_moments(own[layer]), (mean, second))
    return factors[0] * content_cost + factors[1] * style_cost + factors[2] * plain_tv(x)


def gradient_of(cost: Tensor, x: Tensor) -> Tensor:
    """d cost / d x by autograd."""
    (gradient,) = torch.autograd.grad(cost, x)
    return gradient


def random_layer(ins: int, outs: int) -> tuple[Tensor, Tensor]:
    """Weight [outs, ins, 3, 3] and bias [outs] of a convolution, the same ones at every call."""
    generator = torch.Generator().manual_seed(ins * 100 + outs)
    return torch.randn(outs, ins, 3, 3, generator=generator), torch.randn(outs, generator=generator)


def random_map(channels: int, height: int, width: int) -> Tensor:
    """Features [1, channels, height, width], the same ones at every call."""
    return torch.randn(1, channels, height, width, generator=torch.Generator().manual_seed(height * 100 + width))
