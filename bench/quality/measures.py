"""How pictures are judged, with measures that the engine does not optimise.

`patch_distance` is lower when a picture's texture is nearer to the style's; `ssim` is higher when more of the content
is left; `held_out_gram` looks at feature layers that are not in the objective; `edges` asks whether contours point the
same way; `random_gram` looks through networks that learnt nothing; `grid2` finds a weave at single pixels. Pictures are
[1, 3, h, w] in 0..1.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor
from torch.nn import functional

from duostyle.engine.network.vgg import Network
from duostyle.engine.objective.moments import moments
from duostyle.engine.pyramid import fit, resize

HELD_OUT = ("relu1_2", "relu2_2", "relu3_3", "relu4_3")
# channels of each layer of a random network, a pooling between them
RANDOM_CHANNELS = (3, 32, 64, 128)
RANDOM_NETWORKS = 3
LUMA = (0.2126, 0.7152, 0.0722)


def luminance(x: Tensor) -> Tensor:
    """[1, 3, h, w] -> [1, 1, h, w]."""
    return (x * torch.tensor(LUMA).view(1, 3, 1, 1)).sum(1, keepdim=True)


def patch_distance(picture: Tensor, style: Tensor, *, side: int = 7, scales: int = 3, directions: int = 64) -> float:
    """Sliced Wasserstein-1 distance of raw 7x7 patches, mean over three scales (each half the one before).

    Each direction is a random unit vector over the side x side x 3 numbers of a patch. No network: nothing to overfit.
    """
    total = 0.0
    for scale in range(scales):
        generator = torch.Generator().manual_seed(scale)
        axes = torch.randn(directions, 3 * side * side, generator=generator)
        axes /= axes.norm(dim=1, keepdim=True)
        total += _sliced(picture, style, axes, side)
        picture, style = (resize(x, x.shape[3] // 2, x.shape[2] // 2) for x in (picture, style))
    return total / scales


def _sliced(a: Tensor, b: Tensor, axes: Tensor, side: int, samples: int = 16384) -> float:
    quantiles = []
    for x in (a, b):
        # the projection of all patches on one axis is a convolution
        values = functional.conv2d(x, axes.view(-1, 3, side, side)).flatten(2)[0].sort(dim=1).values  # [d, n]
        place = ((torch.arange(samples) + 0.5) / samples * values.shape[1]).long()
        quantiles.append(values[:, place])
    return float((quantiles[0] - quantiles[1]).abs().mean())


def ssim(picture: Tensor, content: Tensor, *, side_px: int = 96) -> float:
    """Structural similarity of the luminance at 96 px (Wang et al. 2004, 7 x 7 windows)."""
    size = fit(content.shape[3], content.shape[2], side_px)
    a, b = (luminance(resize(x, *size)) for x in (picture, content))
    mean_a, mean_b = (functional.avg_pool2d(x, 7, 1) for x in (a, b))
    var_a = functional.avg_pool2d(a * a, 7, 1) - mean_a**2
    var_b = functional.avg_pool2d(b * b, 7, 1) - mean_b**2
    both = functional.avg_pool2d(a * b, 7, 1) - mean_a * mean_b
    c1, c2 = 0.01**2, 0.03**2
    top = (2 * mean_a * mean_b + c1) * (2 * both + c2)
    return float((top / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2))).mean())


def edges(picture: Tensor, content: Tensor, *, side_px: int = 128) -> float:
    """Agreement of gradient directions, weighted by the content's gradient strength: 1 same, 0 unrelated."""
    size = fit(content.shape[3], content.shape[2], side_px)
    a, b = (_double_angle(luminance(resize(x, *size))) for x in (picture, content))
    strength = b.norm(dim=1)
    agreement = functional.cosine_similarity(a, b, dim=1, eps=1e-6)
    return float((agreement * strength).sum() / strength.sum().clamp(min=1e-9))


def _double_angle(x: Tensor) -> Tensor:
    dx, dy = x[:, :, 1:-1, 2:] - x[:, :, 1:-1, :-2], x[:, :, 2:, 1:-1] - x[:, :, :-2, 1:-1]
    # the doubled angle: an edge from dark to light and one from light to dark lie the same way
    return torch.cat([dx * dx - dy * dy, 2 * dx * dy], dim=1)


def held_out_gram(network: Network, picture: Tensor, style: Tensor) -> float:
    """Mean over relu1_2, 2_2, 3_3, 4_3 of |G - G_s| / |G_s|."""
    ours, theirs = (network.features(x, HELD_OUT) for x in (picture, style))
    total = 0.0
    for layer in HELD_OUT:
        a, b = moments(ours[layer]).second, moments(theirs[layer]).second
        total += float((a - b).norm() / b.norm())
    return total / len(HELD_OUT)


def random_gram(picture: Tensor, style: Tensor) -> float:
    """Mean over three networks of fixed random 3x3 convolutions, and their layers, of |G - G_s| / |G_s|.

    Each position is first centred on the style's mean colour: without it the colour alone would decide.
    """
    total, count = 0.0, 0
    centre = style.mean((2, 3), keepdim=True)
    for seed in range(RANDOM_NETWORKS):
        generator = torch.Generator().manual_seed(seed)
        a, b = picture - centre, style - centre
        for ins, outs in pairwise(RANDOM_CHANNELS):
            # the variance that keeps activations as large as they were (He et al. 2015)
            weight = torch.randn(outs, ins, 3, 3, generator=generator) * (2 / (9 * ins)) ** 0.5
            a, b = (functional.conv2d(x, weight).relu() for x in (a, b))
            ours, theirs = moments(a).second, moments(b).second
            total += float((ours - theirs).norm() / theirs.norm())
            count += 1
            a, b = functional.avg_pool2d(a, 2), functional.avg_pool2d(b, 2)
    return total / count


def grid2(picture: Tensor) -> float:
    """How differently even and odd pixels are treated: 0 not at all, 0.001 to 0.010 in photos and paintings.

    The mean absolute difference of neighbours whose first one is at an even place against those at an odd place,
    (larger - smaller) / mean, averaged over both directions.
    """
    total = 0.0
    for x in (picture, picture.transpose(2, 3)):
        steps = (x[..., 1:] - x[..., :-1]).abs()  # [1, 3, h, w-1]
        even, odd = float(steps[..., 0::2].mean()), float(steps[..., 1::2].mean())
        total += 2 * abs(even - odd) / max(even + odd, 1e-9)
    return total / 2
