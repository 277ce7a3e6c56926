"""Each measure is best for the same picture, and moves the way it should."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from bench.quality import measures
from tests.support.engine.pictures import scene


@pytest.fixture
def picture() -> Tensor:
    generator = torch.Generator().manual_seed(0)
    smooth = torch.rand(1, 3, 12, 16, generator=generator)
    return torch.nn.functional.interpolate(smooth, size=(96, 128), mode="bilinear")


def test_the_same_picture_has_no_distance(picture: Tensor) -> None:
    assert measures.patch_distance(picture, picture) == 0
    assert measures.random_gram(picture, picture) == 0
    assert measures.ssim(picture, picture) == pytest.approx(1)
    assert measures.edges(picture, picture) == pytest.approx(1, abs=1e-4)


def test_texture_counts_for_style_and_place_does_not(picture: Tensor) -> None:
    moved = picture.flip(3)
    noise = (picture + 0.3 * torch.randn(picture.shape, generator=torch.Generator().manual_seed(1))).clamp(0, 1)
    for distance in (measures.patch_distance, measures.random_gram):
        assert distance(moved, picture) < 0.5 * distance(noise, picture)
    for likeness in (measures.ssim, measures.edges):
        assert abs(likeness(moved, picture)) < 0.5


def test_edges_do_not_care_which_side_is_the_lighter(picture: Tensor) -> None:
    assert measures.edges(1 - picture, picture) == pytest.approx(1, abs=1e-3)
    assert abs(measures.edges(picture.transpose(2, 3).flip(3), picture)) < 0.5


def test_the_distance_of_two_flat_pictures_by_hand() -> None:
    # every patch of one differs from every patch of the other by 0.25 in all 147 numbers: on a random unit axis a
    # that is 0.25 * |sum of a|, whose mean is 0.25 * sqrt(2 / pi)
    a, b = torch.full((1, 3, 64, 64), 0.25), torch.full((1, 3, 64, 64), 0.5)
    assert measures.patch_distance(a, b, directions=4000) == pytest.approx(0.25 * (2 / torch.pi) ** 0.5, rel=0.03)


def test_a_weave_is_seen_and_a_picture_has_none() -> None:
    assert measures.grid2(scene(64, 48)) < 0.1
    woven = scene(32, 24).repeat_interleave(2, 2).repeat_interleave(2, 3)
    # neighbours within a pair never differ, those of two pairs do
    assert measures.grid2(woven) == pytest.approx(2)
    assert measures.grid2(torch.zeros(1, 3, 8, 8)) == 0
