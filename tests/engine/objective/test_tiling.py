"""Evaluating in tiles gives what evaluating the whole gives; how a picture is cut."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from duostyle.engine.network.vgg import Network
from duostyle.engine.network.weights import Weights
from duostyle.engine.objective import tiling
from duostyle.engine.objective.features import Extractor
from duostyle.engine.objective.objective import Evaluation, Objective
from duostyle.engine.objective.style import StyleMoments, measure
from duostyle.engine.objective.tiling import BYTES_PER_PX, GRID_PX, HALO_PX, spans, tile_side, tiles
from duostyle.params import STYLE_LAYERS, StyleParams
from tests.support.engine.pictures import random_picture, scene, speckles, stripes
from tests.support.engine.reference import relative_error

pytestmark = pytest.mark.weights
# odd, so that every pooling drops a row or a column, and so long that neither of its two tiles sees the whole
LONG, SIDE = (213, 35), 112
EXACT = 1e-5
LENGTHS = st.integers(1, 6000)
TILE_SIDES = st.integers(2, 80).map(lambda count: count * GRID_PX)
STRIDES = [1, 2, 4, 8, 16]


@pytest.fixture(scope="module")
def plain(weights: Weights) -> Network:
    """With torch's own kernels: Winograd rounds differently at every size."""
    return Network(weights, torch.device("cpu"))


@pytest.fixture(scope="module")
def targets(plain: Network) -> list[StyleMoments]:
    return [Extractor(plain).style_moments(style, STYLE_LAYERS) for style in (stripes(48, 40), speckles(40, 48))]


def _no_check() -> None:
    return None


def _guides(width: int, height: int) -> list[Tensor]:
    """Soft random maps that sum to 1 everywhere."""
    raw = torch.rand(2, 1, 1, height, width, generator=torch.Generator().manual_seed(8)) + 0.01
    return list(raw / raw.sum(0, keepdim=True))


def _compare(
    network: Network,
    targets: Sequence[StyleMoments],
    size: tuple[int, int],
    *,
    guided: bool = False,
    tile_px: int = SIDE,
    **changes: Any,
) -> Evaluation:
    """An evaluation in tiles, after a look whether that of the whole is the same."""
    params = StyleParams.model_validate({"style_mix": [0.7, 0.3], "tv_weight": 2.0} | changes)
    guides = _guides(*size) if guided else []
    whole, cut = (
        Objective(Extractor(network, tile_px=side), scene(*size), targets, params, guides).evaluate(
            random_picture(*size)
        )
        for side in (None, tile_px)
    )
    assert float(whole.gradient.norm()) > 0
    assert relative_error(cut.gradient, whole.gradient) < EXACT
    assert cut.costs.total == pytest.approx(whole.costs.total, rel=EXACT)
    assert cut.costs.content == pytest.approx(whole.costs.content, rel=EXACT)
    assert cut.costs.style == pytest.approx(whole.costs.style, rel=EXACT)
    return cut


@pytest.mark.parametrize(
    ("loss", "guided", "size"),
    [
        ("covariance", False, LONG),
        ("covariance", True, LONG[::-1]),
        ("gram", False, LONG[::-1]),
        ("gram", True, LONG),
    ],
)
def test_the_gradient_is_that_of_the_whole(
    plain: Network, targets: list[StyleMoments], loss: str, guided: bool, size: tuple[int, int]
) -> None:
    costs = _compare(plain, targets, size, guided=guided, style_loss=loss).costs
    assert min(costs.content, *costs.style) > 0


def test_it_may_be_cut_both_ways(plain: Network, targets: list[StyleMoments]) -> None:
    _compare(plain, targets, (83, 67), guided=True, tile_px=48)


@pytest.mark.parametrize(
    "changes",
    [
        {"content_weight": 0.0},
        {"style_weight": 0.0},
        {"content_weight": 0.0, "style_weight": 0.0},
        # a style layer and the content layer in one
        {"content_layer": "relu3_1", "style_layer_weights": {"relu3_1": 1.0}},
    ],
    ids=str,
)
def test_any_part_may_be_missing(plain: Network, targets: list[StyleMoments], changes: dict[str, Any]) -> None:
    _compare(plain, targets, LONG, **changes)


def test_moments_are_those_of_the_whole(plain: Network) -> None:
    x = speckles(*LONG)
    whole, cut = (
        Extractor(plain).style_moments(x, STYLE_LAYERS),
        Extractor(plain, tile_px=SIDE).style_moments(x, STYLE_LAYERS),
    )
    assert list(cut) == list(whole) == list(STYLE_LAYERS)
    for layer in STYLE_LAYERS:
        assert relative_error(cut[layer].mean, whole[layer].mean) < EXACT, layer
        assert relative_error(cut[layer].second, whole[layer].second) < EXACT, layer


def test_sums_under_guides_are_those_of_the_whole(plain: Network) -> None:
    x, layer = scene(*LONG), "relu3_1"
    guides = _guides(LONG[0] // 4, LONG[1] // 4)
    got = tiling.sums(plain, x, [layer], lambda name: guides, SIDE, _no_check)[layer]
    flat = plain.features(x, [layer])[layer].flatten(2)[0]
    for part, wanted in zip(got, measure(flat, [guide.flatten() for guide in guides]), strict=True):
        assert float(part.weight) == pytest.approx(float(wanted.weight), rel=EXACT)
        assert relative_error(part.first, wanted.first) < EXACT
        assert relative_error(part.second, wanted.second) < EXACT


@pytest.mark.parametrize("layer", ["relu1_1", "relu4_2"])
def test_content_features_are_those_of_the_whole(plain: Network, layer: str) -> None:
    x = scene(*LONG)
    whole, cut = (Extractor(plain, tile_px=side).content_features(x, layer) for side in (None, SIDE))
    assert cut.shape == whole.shape
    assert relative_error(cut, whole) < EXACT


def test_check_may_stop_it_in_the_middle(plain: Network) -> None:
    class Stop(Exception):
        pass

    calls = 0

    def check() -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise Stop

    with pytest.raises(Stop):
        tiling.features(plain, scene(*LONG), "relu1_1", SIDE, check)
    assert calls == 2


def test_strides() -> None:
    assert [tiling.stride(layer) for layer in STYLE_LAYERS] == [1, 2, 4, 8, 16]
    assert tiling.stride("relu4_2") == 8


@given(LENGTHS, TILE_SIDES)
def test_spans_cover_everything_once_on_the_grid(length: int, side: int) -> None:
    cut = spans(length, side)
    assert cut[0].inner == 0
    assert cut[-1].outer == length
    assert [span.outer for span in cut[:-1]] == [span.inner for span in cut[1:]]
    for span in cut:
        assert span.inner % GRID_PX == 0
        assert span.inner < span.outer
        # a last sliver of less than the grid joins the part before it
        assert span.outer - span.inner < side + GRID_PX
        if len(cut) > 1:
            assert span.outer - span.inner >= GRID_PX


@given(LENGTHS, TILE_SIDES)
def test_every_span_has_its_halo_but_not_beyond_the_picture(length: int, side: int) -> None:
    for span in spans(length, side):
        assert span.begin == max(0, span.inner - HALO_PX)
        assert span.end == min(length, span.outer + HALO_PX)
        assert span.begin % GRID_PX == 0


@given(LENGTHS, TILE_SIDES, st.sampled_from(STRIDES))
def test_own_parts_cover_every_layer_once(length: int, side: int, stride: int) -> None:
    covered = torch.zeros(length // stride)
    for span in spans(length, side):
        padded = torch.arange(span.begin // stride, span.end // stride)
        whole = span.whole(stride)
        covered[whole] += 1
        # the same positions, counted within the padded part
        assert padded[span.own(stride)].tolist() == list(range(whole.start, whole.stop))
    assert bool((covered == 1).all())


def test_spans_by_hand() -> None:
    assert [(span.begin, span.inner, span.outer, span.end) for span in spans(400, 160)] == [
        (0, 0, 144, 224),
        (64, 144, 288, 368),
        (208, 288, 400, 400),
    ]
    assert [(span.inner, span.outer) for span in spans(100, 160)] == [(0, 100)]
    # 5 px over: the sliver joins the last part
    assert [(span.inner, span.outer) for span in spans(165, 32)][-1][1] == 165


def test_a_picture_is_cut_and_put_together_again() -> None:
    x = random_picture(251, 197)
    whole, count = torch.zeros_like(x), torch.zeros(1, 1, 197, 251)
    cut = list(tiles(197, 251, 64))
    assert len(cut) > 9
    for tile in cut:
        part = tile.cut(x)
        assert part.is_contiguous()
        tile.whole(whole, 1).copy_(tile.own(part, 1))
        tile.add(count, torch.ones(1, 1, *part.shape[2:]))
    assert torch.equal(whole, x)
    # halos overlap, so most places are met more than once
    assert float(count.min()) >= 1
    assert float(count.sum()) == sum(tile.cut(x)[:, :1].numel() for tile in cut)


def test_tiles_are_only_for_what_does_not_fit() -> None:
    need = 1000 * 800 * BYTES_PER_PX
    assert tile_side(800, 1000, need) is None
    assert tile_side(800, 1000, need - 1) is not None


@pytest.mark.parametrize("budget", [10**9, 3 * 10**9, 10**10])
def test_a_tile_with_its_halo_fits_the_budget(budget: int) -> None:
    side = tile_side(100_000, 100_000, budget)
    assert side is not None
    assert side % GRID_PX == 0
    assert (side + 2 * HALO_PX) ** 2 * BYTES_PER_PX <= budget
    assert (side + GRID_PX + 2 * HALO_PX) ** 2 * BYTES_PER_PX > budget


def test_a_tile_is_never_so_small_that_it_is_all_halo() -> None:
    assert tile_side(5000, 5000, 1) == 256
