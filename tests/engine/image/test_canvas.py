"""The canvas: its size, the mirrored rim, and cutting it off again."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from duostyle.engine.image.canvas import SMALLEST_RIM_PX, Canvas
from duostyle.engine.pyramid import fit, plan_levels
from tests.support.engine.pictures import flat, random_picture, scene

SIDES = st.integers(1, 9000)


@given(SIDES, SIDES, st.integers(64, 8192))
def test_the_canvas_is_the_picture_and_a_rim_on_every_side(width: int, height: int, size: int) -> None:
    canvas = Canvas(width, height, size)
    assert canvas.picture == fit(width, height, size)
    assert canvas.rim >= SMALLEST_RIM_PX
    assert canvas.rim == pytest.approx(max(8, 0.02 * size), abs=0.5)
    assert (canvas.width, canvas.height) == tuple(side + 2 * canvas.rim for side in canvas.picture)
    assert canvas.picture_at(canvas.width, canvas.height) == canvas.picture


def test_sizes_by_hand() -> None:
    small, large = Canvas(400, 300, 64), Canvas(400, 300, 1000)
    assert (small.picture, small.rim, small.width, small.height) == ((64, 48), 8, 80, 64)
    assert (large.picture, large.rim, large.width, large.height) == ((1000, 750), 20, 1040, 790)
    # half as large: half the rim
    assert large.picture_at(520, 395) == (500, 375)


def test_without_a_rim_the_canvas_is_the_picture() -> None:
    canvas, x = Canvas(40, 20, 64, rim=False), scene(40, 20)
    assert (canvas.width, canvas.height, canvas.picture) == (64, 32, (64, 32))
    assert canvas.picture_at(32, 16) == (32, 16)
    fitted = canvas.fitted(x)
    assert fitted.shape == (1, 3, 32, 64)
    assert torch.equal(canvas.crop(fitted), fitted)


@pytest.mark.parametrize(("width", "height"), [(64, 64), (64, 40), (33, 64), (64, 1), (1, 64), (64, 3), (2, 64)])
def test_the_rim_is_cut_off_exactly(width: int, height: int) -> None:
    canvas = Canvas(width, height, 64)
    assert canvas.picture == (width, height)
    x = random_picture(width, height)
    painted = canvas.fitted(x)
    assert painted.shape == (1, 3, canvas.height, canvas.width)
    assert torch.equal(canvas.crop(painted), x)


@pytest.mark.parametrize(("width", "height"), [(64, 40), (13, 64), (64, 12)])
def test_the_rim_is_a_mirror(width: int, height: int) -> None:
    canvas, x = Canvas(width, height, 64), random_picture(width, height)
    rim = ((0, 0), (0, 0), (canvas.rim, canvas.rim), (canvas.rim, canvas.rim))
    assert np.array_equal(canvas.stretch(x).numpy(), np.pad(x.numpy(), rim, mode="reflect"))


@pytest.mark.parametrize(("width", "height"), [(64, 1), (1, 64), (1, 1), (64, 2), (3, 64), (64, 5)])
def test_a_very_narrow_picture_is_mirrored_over_and_over(width: int, height: int) -> None:
    canvas = Canvas(width, height, 64)
    x = random_picture(*canvas.picture)
    got = canvas.stretch(x)
    assert got.shape == (1, 3, canvas.height, canvas.width)
    assert torch.equal(canvas.crop(got), x)
    # nothing is made up: every value is one of its own channel
    for channel in range(3):
        assert set(got[0, channel].flatten().tolist()) == set(x[0, channel].flatten().tolist())


def test_a_dot_fills_the_canvas() -> None:
    canvas = Canvas(1, 1, 64)
    got = canvas.fitted(flat(1, 1, (0.9, 0.1, 0.3)))
    assert torch.allclose(got, flat(80, 80, (0.9, 0.1, 0.3)))


@pytest.mark.parametrize("factor", [0.25, 0.5, 3.0])
def test_masks_of_another_size_get_a_rim_in_proportion(factor: float) -> None:
    canvas = Canvas(64, 32, 64)
    width, height, rim = round(64 * factor), round(32 * factor), round(8 * factor)
    mask = random_picture(width, height)[:, :1]
    got = canvas.stretch(mask)
    assert got.shape == (1, 1, height + 2 * rim, width + 2 * rim)
    assert torch.equal(got[:, :, rim:-rim, rim:-rim], mask)


@given(SIDES, SIDES, st.integers(64, 3000), st.sampled_from(["draft", "standard", "fine"]))
def test_every_level_has_a_picture_and_a_rim_in_proportion(width: int, height: int, size: int, preset: str) -> None:
    canvas = Canvas(width, height, size)
    levels = plan_levels(canvas.width, canvas.height, preset, None)
    for level in levels:
        wide, high = canvas.picture_at(level.width, level.height)
        assert wide >= 1
        assert high >= 1
        # by one px on each side at most, from rounding the rim, and half a one from rounding the level; a line that is
        # thinner than 1 px there gets at most 2
        assert abs(wide - canvas.picture[0] * level.width / canvas.width) < 2
        assert abs(high - canvas.picture[1] * level.height / canvas.height) < 2
    last = levels[-1]
    assert canvas.picture_at(last.width, last.height) == canvas.picture


@given(st.integers(1, 90), st.integers(1, 90), st.integers(1, 200), st.integers(1, 200))
def test_a_crop_has_the_size_that_is_told_and_lies_in_the_middle(
    width: int, height: int, across: int, down: int
) -> None:
    canvas = Canvas(width, height, 64)
    place = torch.arange(float(across * down)).view(1, 1, down, across)
    got = canvas.crop(place)
    wide, high = canvas.picture_at(across, down)
    assert got.shape == (1, 1, high, wide)
    left, top = (across - wide) // 2, (down - high) // 2
    assert (across - wide, down - high) == (2 * left, 2 * top)
    assert float(got[0, 0, 0, 0]) == top * across + left


def test_a_large_content_is_fitted_into_the_rim() -> None:
    canvas = Canvas(300, 150, 64)
    got = canvas.fitted(scene(300, 150))
    assert got.shape == (1, 3, 48, 80)
    assert 0 <= float(got.min()) <= float(got.max()) <= 1
    assert torch.equal(got[:, :, 7], got[:, :, 9])
    assert torch.equal(got[..., 6], got[..., 10])
    assert torch.equal(got[..., -8], got[..., -10])
