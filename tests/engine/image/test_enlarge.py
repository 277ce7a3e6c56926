"""Enlarging without a grid: constants and waves by hand, and no difference between even and odd pixels."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from duostyle.engine.image.enlarge import fitted
from tests.support.engine.pictures import flat, random_picture


def wave(width: int, periods: int) -> Tensor:
    """[1, 1, 4, width]: a cosine with its peaks where a mirror at the ends changes nothing."""
    at = (torch.arange(width) + 0.5) / width
    return (0.5 + 0.3 * torch.cos(2 * math.pi * periods * at)).expand(1, 1, 4, width).contiguous()


def neighbours(x: Tensor) -> tuple[float, float]:
    """Mean absolute differences of neighbours across, from even and from odd places."""
    steps = (x[..., 1:] - x[..., :-1]).abs()
    return float(steps[..., 0::2].mean()), float(steps[..., 1::2].mean())


@pytest.mark.parametrize("size", [(64, 48), (65, 49), (200, 30), (33, 150), (1, 1), (32, 24)])
def test_one_colour_stays_that_colour_at_every_size(size: tuple[int, int]) -> None:
    found = fitted(flat(32, 24, (0.2, 0.5, 0.9)), *size)
    assert found.shape == (1, 3, size[1], size[0])
    assert torch.allclose(found, flat(*size, (0.2, 0.5, 0.9)), atol=1e-6)


@pytest.mark.parametrize("periods", [1, 3, 8])
@pytest.mark.parametrize("width", [128, 137, 200])
def test_waves_that_the_old_pixels_hold_stay_themselves(periods: int, width: int) -> None:
    assert float((fitted(wave(64, periods), width, 4) - wave(width, periods)).abs().max()) < 0.006


@pytest.mark.parametrize("factor", [2, 4])
def test_even_and_odd_pixels_are_treated_alike(factor: int) -> None:
    # as much fine detail as photos have: noise weighed 1, 2, 1 in both directions
    noise = random_picture(98, 98)
    for dim in (2, 3):
        noise = (noise.narrow(dim, 0, 96) + 2 * noise.narrow(dim, 1, 96) + noise.narrow(dim, 2, 96)) / 4
    even, odd = neighbours(fitted(noise, 96 * factor, 96 * factor))
    bicubic = functional.interpolate(noise, scale_factor=factor, mode="bicubic", align_corners=False)
    plain_even, plain_odd = neighbours(bicubic)
    assert abs(even - odd) / even < 0.01
    assert abs(plain_even - plain_odd) / plain_even > 0.02


def test_one_pixel_and_the_old_size_are_taken_as_they_are() -> None:
    x = random_picture(5, 3)
    assert torch.equal(fitted(x, 5, 3), x)
    one = x[:, :, :1, :1]
    assert torch.allclose(fitted(one, 7, 9), one.expand(1, 3, 9, 7))
