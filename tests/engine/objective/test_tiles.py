"""How a picture is cut: every position belongs to one tile, cuts fall on the grid, and every tile has its halo."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from duostyle.engine.objective.tiles import BYTES_PER_PX, GRID_PX, HALO_PX, spans, tile_side, tiles
from tests.support.engine.pictures import random_picture

LENGTHS = st.integers(1, 6000)
TILE_SIDES = st.integers(2, 80).map(lambda count: count * GRID_PX)
STRIDES = [1, 2, 4, 8, 16]


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
