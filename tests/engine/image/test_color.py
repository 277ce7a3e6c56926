"""OkLab against published values, palettes against their own moments."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from duostyle.engine.image.color import (
    RIDGE,
    from_oklab,
    keep_colors,
    match_colors,
    matrix_root,
    palette,
    to_oklab,
    transport,
)
from duostyle.engine.objective.moments import moments
from tests.support.engine.pictures import flat, random_picture, scene, speckles, stripes

# published by the inventor of OkLab, for sRGB primaries: lightness, a, b
KNOWN = [
    ((1.0, 1.0, 1.0), (1.0, 0.0, 0.0)),
    ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0)),
    ((1.0, 0.0, 0.0), (0.62796, 0.22486, 0.12585)),
    ((0.0, 1.0, 0.0), (0.86644, -0.23389, 0.17950)),
    ((0.0, 0.0, 1.0), (0.45201, -0.03246, -0.31153)),
]


@pytest.mark.parametrize(("rgb", "lab"), KNOWN)
def test_known_colors(rgb: tuple[float, float, float], lab: tuple[float, float, float]) -> None:
    got = to_oklab(flat(2, 3, rgb))
    assert got.shape == (1, 3, 3, 2)
    assert torch.allclose(got, flat(2, 3, lab), atol=1e-3)


def test_there_and_back() -> None:
    x = torch.rand(1, 3, 40, 30, generator=torch.Generator().manual_seed(1))
    corners = torch.tensor([[r, g, b] for r in (0.0, 1.0) for g in (0.0, 1.0) for b in (0.0, 1.0)]).T.view(1, 3, 8, 1)
    for picture in (x, corners, x * 0.04):
        assert torch.allclose(from_oklab(to_oklab(picture)), picture, atol=1e-3)


def test_grey_has_no_color() -> None:
    for value in (0.02, 0.3, 0.8):
        assert float(to_oklab(flat(1, 1, (value,) * 3))[:, 1:].abs().max()) < 1e-3


def test_what_no_screen_can_show_is_clamped() -> None:
    got = from_oklab(flat(1, 1, (0.9, 0.4, 0.4)))
    assert float(got.min()) >= 0
    assert float(got.max()) <= 1


def test_a_root_squared_is_the_matrix() -> None:
    random = torch.randn(3, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    matrix = random @ random.T
    root = matrix_root(matrix)
    assert torch.allclose(root @ root, matrix)


def test_no_eigenvalue_of_a_root_is_below_that_of_the_ridge() -> None:
    # rounding may leave a covariance a little below zero
    for value in (0.0, -1e-9):
        got = matrix_root(torch.diag(torch.tensor([4.0, 9.0, value])), RIDGE)
        assert torch.allclose(got, torch.diag(torch.tensor([2.0, 3.0, RIDGE**0.5])))


def test_transport_by_hand() -> None:
    # variances 1 and 4 to 9 and 1: each axis is stretched by the ratio of the deviations
    got = transport(torch.diag(torch.tensor([1.0, 4.0])), torch.diag(torch.tensor([9.0, 1.0])))
    assert torch.allclose(got, torch.diag(torch.tensor([3.0, 0.5])), atol=1e-4)


def test_transport_is_symmetric_and_gives_the_target() -> None:
    source, target = moments(scene(20, 20)).covariance, moments(stripes(20, 20)).covariance
    got = transport(source, target)
    assert torch.allclose(got, got.T, atol=1e-4)
    assert torch.allclose(got @ source @ got.T, target, atol=1e-4)


def _narrow(x: Tensor) -> Tensor:
    """Around the middle, so that nothing clips."""
    return 0.4 + 0.2 * x


def test_matched_colors_have_the_mean_and_covariance_of_the_palette() -> None:
    target = palette([_narrow(stripes(30, 30))], (1.0,))
    got = match_colors(random_picture(25, 35), target)
    assert 0 < float(got.min()) < float(got.max()) < 1
    matched = moments(got)
    assert torch.allclose(matched.mean, target.mean, atol=1e-4)
    assert torch.allclose(matched.covariance, target.covariance, atol=1e-4)


def test_matching_to_ones_own_palette_changes_nothing() -> None:
    x = scene(30, 20)
    assert torch.allclose(match_colors(x, palette([x], (1.0,))), x, atol=1e-3)


def test_a_palette_of_two_is_that_of_both_side_by_side() -> None:
    left, right = stripes(10, 12), speckles(30, 12)
    got, wanted = palette([left, right], (0.25, 0.75)), moments(torch.cat([left, right], dim=3))
    assert torch.allclose(got.mean, wanted.mean, atol=1e-5)
    assert torch.allclose(got.second, wanted.second, atol=1e-5)


@pytest.mark.parametrize("color", [(0.0, 0.0, 0.0), (1.0, 1.0, 1.0), (0.3, 0.6, 0.2)])
def test_one_color_everywhere_is_no_trouble(color: tuple[float, float, float]) -> None:
    plain = flat(12, 9, color)
    target = palette([stripes(20, 20)], (1.0,))
    got = match_colors(plain, target)
    assert torch.allclose(got, target.mean.view(1, 3, 1, 1).expand_as(got), atol=0.02)
    got = match_colors(scene(12, 9), palette([plain], (1.0,)))
    assert bool(torch.isfinite(got).all())
    assert torch.allclose(got, plain, atol=0.02)


def test_strong_colors_are_clamped_and_the_picture_is_left_alone() -> None:
    x = scene(20, 20)
    before = x.clone()
    got = match_colors(x, palette([(random_picture(20, 20) > 0.5).float()], (1.0,)))
    assert float(got.min()) >= 0
    assert float(got.max()) <= 1
    assert torch.equal(x, before)


def test_no_color_kept_is_the_painting() -> None:
    painting = stripes(16, 12)
    assert torch.equal(keep_colors(painting, scene(16, 12), 0.0), painting)


def test_all_color_kept_is_the_contents_color_and_the_paintings_light() -> None:
    # near to grey, so that no mix of light and colour leaves what a screen can show
    painting, content = _narrow(stripes(16, 12)), _narrow(scene(16, 12))
    lab = to_oklab(keep_colors(painting, content, 1.0))
    assert torch.allclose(lab[:, :1], to_oklab(painting)[:, :1], atol=2e-3)
    assert torch.allclose(lab[:, 1:], to_oklab(content)[:, 1:], atol=2e-3)


def test_half_of_the_color_kept_lies_between() -> None:
    painting, content = _narrow(stripes(16, 12)), _narrow(scene(16, 12))
    lab = to_oklab(keep_colors(painting, content, 0.5))
    between = (to_oklab(painting)[:, 1:] + to_oklab(content)[:, 1:]) / 2
    assert torch.allclose(lab[:, 1:], between, atol=2e-3)


def test_a_grey_content_makes_a_grey_painting() -> None:
    got = keep_colors(_narrow(stripes(16, 12)), flat(16, 12, (0.5, 0.5, 0.5)), 1.0)
    assert float((got.amax(1) - got.amin(1)).max()) < 0.01


def test_keeping_colors_leaves_its_arguments_alone() -> None:
    painting, content = stripes(16, 12), scene(16, 12)
    copies = painting.clone(), content.clone()
    got = keep_colors(painting, content, 0.7)
    assert float(got.min()) >= 0
    assert float(got.max()) <= 1
    assert torch.equal(painting, copies[0])
    assert torch.equal(content, copies[1])
