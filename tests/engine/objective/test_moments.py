"""Moments of feature maps against small examples by hand."""

from __future__ import annotations

import pytest
import torch

from duostyle.engine.objective.moments import BLOCK, Moments, collage, even_collage, gram, moments
from tests.support.engine.pictures import scene, stripes


def _two_channels() -> torch.Tensor:
    """Channel 0 holds 1 2 3 4, channel 1 holds 0 0 4 4, as [1, 2, 2, 2]."""
    return torch.tensor([[[[1.0, 2.0], [3.0, 4.0]], [[0.0, 0.0], [4.0, 4.0]]]])


def test_by_hand() -> None:
    got = moments(_two_channels())
    assert torch.allclose(got.mean, torch.tensor([2.5, 2.0]))
    # (1 + 4 + 9 + 16) / 4, (12 + 16) / 4, (16 + 16) / 4
    assert torch.allclose(got.second, torch.tensor([[7.5, 7.0], [7.0, 8.0]]))
    assert torch.allclose(got.covariance, torch.tensor([[1.25, 2.0], [2.0, 4.0]]))


def test_gram_by_hand() -> None:
    flat = torch.tensor([[1.0, 2.0, 3.0], [0.0, 1.0, -1.0]])
    assert torch.equal(gram(flat), torch.tensor([[14.0, -1.0], [-1.0, 2.0]]))


@pytest.mark.parametrize("positions", [1, BLOCK, 4 * BLOCK - 1, 4 * BLOCK, 4 * BLOCK + 1, 5 * BLOCK, 6 * BLOCK + 37])
def test_the_product_in_blocks_is_the_product(positions: int) -> None:
    features = torch.randn(5, positions, generator=torch.Generator().manual_seed(positions))
    wanted = features.double() @ features.double().T
    got = gram(features)
    assert got.dtype == torch.float32
    assert torch.allclose(got.double(), wanted, rtol=1e-4, atol=1e-4 * positions**0.5)


def test_the_product_in_blocks_of_features_that_are_not_contiguous() -> None:
    features = torch.randn(4 * BLOCK + 5, 3, generator=torch.Generator().manual_seed(1)).T
    assert torch.allclose(gram(features), features @ features.T, rtol=1e-3, atol=1e-1)


@pytest.mark.parametrize("wide", [2, 6, 10])
def test_a_collage_has_the_moments_of_the_joined_picture(wide: int) -> None:
    left, right = scene(wide, 8), stripes(12 - wide, 8)
    got = collage([moments(left), moments(right)], (wide / 12, 1 - wide / 12))
    wanted = moments(torch.cat([left, right], dim=3))
    assert torch.allclose(got.mean, wanted.mean, atol=1e-5)
    assert torch.allclose(got.second, wanted.second, atol=1e-5)
    assert torch.allclose(got.covariance, wanted.covariance, atol=1e-5)


def test_the_spread_of_a_collage_holds_the_distance_of_the_means() -> None:
    # two flat parts at 0 and 2: each has no variance, together they have 1
    parts = [Moments(torch.tensor([value]), torch.tensor([[value * value]])) for value in (0.0, 2.0)]
    assert torch.allclose(collage(parts, (0.5, 0.5)).covariance, torch.tensor([[1.0]]))


def test_a_share_of_one_is_that_style_alone() -> None:
    parts = [moments(scene(8, 8)), moments(stripes(8, 8))]
    got = collage(parts, (0.0, 1.0))
    assert torch.equal(got.mean, parts[1].mean)
    assert torch.equal(got.second, parts[1].second)


def test_a_collage_needs_one_share_per_part() -> None:
    with pytest.raises(ValueError, match="shorter"):
        collage([moments(scene(8, 8)), moments(stripes(8, 8))], (1.0,))


def test_an_even_collage_gives_each_part_the_same_area() -> None:
    parts = [Moments(torch.tensor([value]), torch.tensor([[value * value]])) for value in (0.0, 3.0, 6.0)]
    got = even_collage(parts)
    # (0 + 3 + 6) / 3 and (0 + 9 + 36) / 3
    assert torch.allclose(got.mean, torch.tensor([3.0]))
    assert torch.allclose(got.second, torch.tensor([[15.0]]))
    assert even_collage(parts[:1]) is parts[0]
