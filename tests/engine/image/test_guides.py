"""Where each style goes: guides that sum to 1, of the wished areas, in the wished places."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from duostyle.engine.image import guides as regions
from duostyle.engine.network.vgg import Network
from tests.support.engine.pictures import flat, scene, speckles, stripes

MIXES = [(1.0,), (0.5, 0.5), (0.8, 0.2), (0.2, 0.5, 0.3), (0.25, 0.25, 0.25, 0.25), (0.0, 1.0), (1.0, 0.0)]


def _check(guides: list[Tensor], width: int, height: int) -> list[float]:
    """Sum to 1 everywhere, in 0..1; returns the areas."""
    assert torch.allclose(torch.stack(guides).sum(0), torch.ones(1, 1, height, width), atol=1e-4)
    for guide in guides:
        assert guide.shape == (1, 1, height, width)
        assert float(guide.min()) >= -1e-6
    return [float(guide.mean()) for guide in guides]


@pytest.mark.parametrize("mix", MIXES)
@pytest.mark.parametrize("vertical", [False, True])
def test_bands_have_the_wished_areas(mix: tuple[float, ...], vertical: bool) -> None:
    areas = _check(regions.bands(mix, 61, 43, vertical=vertical), 61, 43)
    assert areas == pytest.approx(list(mix), abs=0.03)


@given(st.lists(st.integers(0, 20), min_size=1, max_size=4).filter(any), st.integers(1, 50), st.integers(1, 50))
def test_bands_sum_to_one_at_any_size(weights: list[int], width: int, height: int) -> None:
    mix = [weight / sum(weights) for weight in weights]
    _check(regions.bands(mix, width, height, vertical=False), width, height)
    _check(regions.bands(mix, width, height, vertical=True), width, height)


def test_the_first_style_is_on_the_left() -> None:
    first, second, third = regions.bands((0.3, 0.4, 0.3), 60, 20, vertical=False)
    assert float(first[..., :15].min()) == 1
    assert float(second[..., 24:36].min()) == 1
    assert float(third[..., 45:].min()) == 1


def test_the_first_style_is_on_top() -> None:
    first, second = regions.bands((0.5, 0.5), 20, 60, vertical=True)
    assert float(first[:, :, :25].min()) == 1
    assert float(second[:, :, 35:].min()) == 1


@pytest.mark.parametrize("mix", MIXES)
def test_ranks_have_the_wished_areas(mix: tuple[float, ...]) -> None:
    score = torch.rand(1, 1, 43, 61, generator=torch.Generator().manual_seed(1)) ** 4
    areas = _check(regions.by_rank(score, mix), 61, 43)
    assert areas == pytest.approx(list(mix), abs=0.03)


def test_the_lowest_score_goes_to_the_first_style() -> None:
    score = torch.arange(100.0).view(1, 1, 10, 10).flip(3)
    first, second = regions.by_rank(score, (0.5, 0.5))
    assert float(first[:, :, :4].min()) == 1
    assert float(second[:, :, 6:].min()) == 1


def test_the_first_style_gets_the_light_parts() -> None:
    content = torch.cat([flat(30, 15, (0.9, 0.9, 0.8)), flat(30, 15, (0.1, 0.1, 0.3))], dim=2)
    light, dark = regions.by_rank(regions.lightness(content), (0.5, 0.5))
    assert float(light[:, :, :10].mean()) > 0.95
    assert float(dark[:, :, 20:].mean()) > 0.95


def test_one_color_has_no_light_part_but_still_the_wished_areas() -> None:
    areas = _check(regions.by_rank(regions.lightness(flat(20, 10, (0.5, 0.5, 0.5))), (0.3, 0.7)), 20, 10)
    assert areas == pytest.approx([0.3, 0.7], abs=0.03)


def _left(width: int = 20, height: int = 10) -> Tensor:
    mask = torch.zeros(1, 1, height, width)
    mask[..., : width // 2] = 1
    return mask


def test_masks_say_where_each_style_goes() -> None:
    guides = regions.from_masks([_left(), 1 - _left()], 20, 10)
    assert _check(guides, 20, 10) == pytest.approx([0.5, 0.5])
    assert torch.allclose(guides[0], _left(), atol=1e-5)


def test_no_mask_takes_what_the_others_leave() -> None:
    guides = regions.from_masks([None, _left()], 20, 10)
    _check(guides, 20, 10)
    assert torch.allclose(guides[0], 1 - _left(), atol=1e-5)
    both = regions.from_masks([None, _left(), None], 20, 10)
    _check(both, 20, 10)
    assert torch.allclose(both[0], (1 - _left()) / 2, atol=1e-5)
    assert torch.equal(both[0], both[2])


def test_no_masks_at_all_share_everything() -> None:
    for guide in regions.from_masks([None, None], 8, 6):
        assert torch.allclose(guide, torch.full((1, 1, 6, 8), 0.5))


def test_where_no_mask_claims_a_place_all_share_it() -> None:
    first, second = regions.from_masks([_left(), torch.zeros(1, 1, 10, 20)], 20, 10)
    assert torch.allclose(first[..., 11:], torch.tensor(0.5))
    assert torch.allclose(second[..., 11:], torch.tensor(0.5))
    assert torch.allclose(first[..., :9], torch.tensor(1.0))


def test_masks_that_overlap_share_the_place() -> None:
    whole = torch.ones(1, 1, 10, 20)
    first, second = regions.from_masks([_left(), whole], 20, 10)
    assert torch.allclose(first[..., :9], torch.tensor(0.5))
    assert torch.allclose(second[..., 11:], torch.tensor(1.0))


def test_grey_masks_say_how_much() -> None:
    quarter = torch.full((1, 1, 10, 20), 0.25)
    first, second = regions.from_masks([quarter, None], 20, 10)
    assert torch.allclose(first, torch.tensor(0.25))
    assert torch.allclose(second, torch.tensor(0.75))


def test_masks_of_another_size_are_fitted() -> None:
    guides = regions.from_masks([_left(64, 48), None], 33, 17)
    assert _check(guides, 33, 17) == pytest.approx([0.5, 0.5], abs=0.02)


@pytest.mark.parametrize("mix", [(0.5, 0.5), (0.8, 0.2), (0.2, 0.5, 0.3), (0.4, 0.1, 0.2, 0.3)])
def test_automatic_regions_have_about_the_wished_areas(mix: tuple[float, ...]) -> None:
    generator = torch.Generator().manual_seed(1)
    maps = [regions.smooth(torch.rand(1, 1, 40, 60, generator=generator)) for _ in mix]
    areas = _check(regions.automatic(maps, mix, 90, 60), 90, 60)
    assert areas == pytest.approx(list(mix), abs=0.06)


def test_automatic_regions_go_where_a_style_is_nearer() -> None:
    left = _left(60, 40)
    maps = [left, 1 - left]
    guides = regions.automatic(maps, (0.5, 0.5), 60, 40)
    assert float(guides[0][..., :20].mean()) > 0.9
    assert float(guides[1][..., 40:].mean()) > 0.9


@pytest.mark.weights
def test_places_are_nearest_to_the_style_that_they_are_made_of(network: Network) -> None:
    styles = [[stripes(64, 64)], [speckles(64, 64)]]
    content = torch.cat([speckles(32, 64, seed=9), stripes(96, 64)[..., 32:]], dim=3)
    first, second = regions.affinities(network, content, styles)
    nearer = (first > second).float()
    assert nearer.shape == (1, 1, 64, 96)
    assert float(nearer[..., 45:].mean()) > 0.9
    assert float(nearer[..., :20].mean()) < 0.1


@pytest.mark.weights
def test_measured_shares_tell_a_picture_of_two_halves(network: Network) -> None:
    styles = [[stripes(64, 64)], [speckles(64, 64)]]
    halves = torch.cat([stripes(48, 64), speckles(48, 64, seed=9)], dim=3)
    shares = regions.measured_shares(network, halves, styles)
    assert sum(shares) == pytest.approx(1)
    assert shares == pytest.approx((0.5, 0.5), abs=0.1)
    quarter = torch.cat([stripes(24, 64), speckles(72, 64, seed=9)], dim=3)
    assert regions.measured_shares(network, quarter, styles)[0] == pytest.approx(0.25, abs=0.1)


@pytest.mark.weights
@pytest.mark.parametrize("index", [0, 1, 2])
def test_a_style_itself_is_wholly_its_own(network: Network, index: int) -> None:
    styles = [[stripes(64, 64)], [speckles(64, 64)], [scene(64, 64)]]
    shares = regions.measured_shares(network, styles[index][0], styles)
    assert sum(shares) == pytest.approx(1)
    assert shares[index] == max(shares)
    assert shares[index] > 0.6


@pytest.mark.weights
def test_narrow_pictures_can_be_measured(network: Network) -> None:
    shares = regions.measured_shares(network, scene(64, 4), [[stripes(64, 64)], [speckles(64, 3)]])
    assert sum(shares) == pytest.approx(1)


@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from([0.05, 0.3]))
def test_smoothing_keeps_size_and_range(width: int, height: int, share: float) -> None:
    x = torch.rand(1, 1, height, width, generator=torch.Generator().manual_seed(width))
    got = regions.smooth(x, share)
    assert got.shape == x.shape
    assert float(x.min()) - 1e-5 <= float(got.min())
    assert float(got.max()) <= float(x.max()) + 1e-5
