"""Sizes, steps and depths of the levels, and resampling between them."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from duostyle.engine.network.weights import layer_names
from duostyle.engine.pyramid import (
    FULL,
    PRESETS,
    SHORTEST_PX,
    Depth,
    Level,
    climb,
    fit,
    plan_levels,
    resize,
    split_steps,
)
from duostyle.params import STYLE_LAYERS, StyleParams
from tests.support.engine.pictures import flat, random_picture, scene, stripes

SIDES = st.integers(1, 9000)
SIZES = st.integers(64, 8192)
NAMES = st.sampled_from(sorted(PRESETS))


@given(st.lists(st.integers(1, 500), min_size=1, max_size=8), st.integers(0, 5000))
def test_split_steps_loses_none(weights: list[int], spare: int) -> None:
    total = len(weights) + spare
    shares = split_steps(weights, total)
    assert len(shares) == len(weights)
    assert sum(shares) == total
    assert min(shares) >= 1


@given(st.lists(st.integers(1, 500), min_size=2, max_size=8), st.integers(0, 5000))
def test_split_steps_keeps_the_proportions(weights: list[int], spare: int) -> None:
    shares = split_steps(weights, len(weights) + spare)
    for weight, share in zip(weights, shares, strict=True):
        assert abs(share - 1 - spare * weight / sum(weights)) <= len(weights)


def test_split_steps_by_hand() -> None:
    assert split_steps([1], 7) == [7]
    assert split_steps([1, 1], 6) == [3, 3]
    # 9 spare in the proportions 2 : 1
    assert split_steps([2, 1], 11) == [7, 4]
    assert split_steps([5, 9, 1], 3) == [1, 1, 1]


@given(SIDES, SIDES, SIZES)
def test_fit_keeps_the_aspect(width: int, height: int, longest: int) -> None:
    got = fit(width, height, longest)
    assert max(got) == longest
    assert min(got) >= 1
    scale = longest / max(width, height)
    assert abs(got[0] - width * scale) <= 1
    assert abs(got[1] - height * scale) <= 1


@given(SIDES, SIDES, NAMES, st.none() | st.integers(1, 5000))
def test_levels_grow_to_the_wished_size(width: int, height: int, preset: str, iterations: int | None) -> None:
    levels = plan_levels(width, height, preset, iterations)
    assert (levels[-1].width, levels[-1].height) == (width, height)
    for level in levels:
        wanted = fit(width, height, max(level.width, level.height))
        assert (level.width, level.height) == wanted
        assert level.steps >= 1
    for level in levels[:-1]:
        assert max(level.width, level.height) >= PRESETS[preset].coarsest_px
        assert min(level.width, level.height) >= SHORTEST_PX
    for coarse, fine in pairwise(levels):
        assert coarse.width <= fine.width
        assert coarse.height <= fine.height
        assert max(coarse.width, coarse.height) < max(fine.width, fine.height)
    if iterations is not None:
        assert sum(level.steps for level in levels) == iterations


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_a_large_picture_has_more_levels(preset: str) -> None:
    small, large = plan_levels(64, 48, preset, None), plan_levels(2048, 1536, preset, None)
    assert len(small) == 1
    assert len(large) > 2


def test_levels_by_hand() -> None:
    first, second, third, _ = PRESETS["standard"].steps
    shallow = PRESETS["standard"].depths[-1]
    assert plan_levels(800, 600, "standard", None) == [
        # 800 / 2.13 and 376 / 2.13, rounded
        Level(177, 133, first, FULL),
        Level(376, 282, second, shallow),
        Level(800, 600, third, shallow),
    ]
    # the only level gets the steps of two
    assert plan_levels(150, 100, "standard", None) == [Level(150, 100, first + second)]


@given(SIDES, SIDES, NAMES)
def test_no_level_is_the_next_one_halved(width: int, height: int, preset: str) -> None:
    # enlarging by exactly 2 would leave a weave
    for coarse, fine in pairwise(plan_levels(width, height, preset, None)):
        assert max(fine.width, fine.height) / max(coarse.width, coarse.height) == pytest.approx(2.13, abs=0.02)


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_the_first_level_painted_looks_at_everything(preset: str) -> None:
    for iterations in (None, 1, 2, 9):
        assert plan_levels(800, 600, preset, iterations)[0].depth == FULL
    assert {level.depth for level in plan_levels(800, 600, preset, None, full=True)} == {FULL}
    assert {level.depth for level in plan_levels(800, 600, preset, None)} != {FULL}


def test_a_narrow_picture_has_no_level_too_narrow_for_the_deep_layers() -> None:
    assert [(level.width, level.height) for level in plan_levels(800, 70, "standard", None)] == [(376, 33), (800, 70)]
    assert [(level.width, level.height) for level in plan_levels(20, 900, "standard", None)] == [(20, 900)]


def test_one_iteration_goes_to_the_finest_level() -> None:
    assert plan_levels(800, 600, "standard", 1) == [Level(800, 600, 1)]


def test_megapixels() -> None:
    assert Level(2000, 500, 3).megapixels == pytest.approx(1.0)


def test_resize_to_the_same_size_changes_nothing() -> None:
    x = random_picture(9, 5)
    assert torch.equal(resize(x, 9, 5), x)


@pytest.mark.parametrize(("width", "height"), [(3, 20), (20, 3), (1, 1), (40, 40)])
def test_resize_gives_the_size_and_keeps_one_color(width: int, height: int) -> None:
    got = resize(flat(9, 7, (0.2, 0.5, 0.9)), width, height)
    assert got.shape == (1, 3, height, width)
    assert torch.allclose(got, flat(width, height, (0.2, 0.5, 0.9)), atol=1e-5)


def test_resize_down_averages() -> None:
    # stripes of one pixel: without antialiasing one would see only the light or only the dark ones
    x = torch.zeros(1, 1, 16, 64)
    x[..., ::2] = 1
    assert torch.allclose(resize(x, 8, 2), torch.full((1, 1, 2, 8), 0.5), atol=0.1)


def test_climbing_from_the_content_gives_the_content() -> None:
    content = scene(40, 30)
    assert torch.allclose(climb(resize(content, 20, 15), content), content, atol=1e-5)


def test_climbing_adds_only_what_was_lost() -> None:
    content, x = scene(40, 30), stripes(20, 15)
    plain = climb(x, content, band=0.0)
    assert torch.allclose(plain, resize(x, 40, 30).clamp(0, 1), atol=1e-6)
    lost = content - resize(resize(content, 20, 15), 40, 30)
    assert torch.allclose(climb(x, content), (resize(x, 40, 30) + lost).clamp(0, 1), atol=1e-6)
    smooth = flat(40, 30, (0.3, 0.6, 0.1))
    assert torch.allclose(climb(x, smooth), plain, atol=1e-4)


def test_climbing_stays_in_range_and_leaves_its_arguments_alone() -> None:
    content, x = scene(41, 31), stripes(20, 15)
    copies = content.clone(), x.clone()
    got = climb(x, content, band=5.0)
    assert got.shape == content.shape
    assert float(got.min()) >= 0
    assert float(got.max()) <= 1
    assert torch.equal(content, copies[0])
    assert torch.equal(x, copies[1])


def test_the_full_depth_leaves_nothing_out() -> None:
    assert FULL.style_layers(StyleParams()) == list(STYLE_LAYERS)
    assert FULL.content_layer("relu4_2") == "relu4_2"
    assert FULL.effort == 1


def test_what_is_deeper_is_left_out() -> None:
    assert Depth("relu4_2").style_layers(StyleParams()) == ["relu1_1", "relu2_1", "relu3_1", "relu4_1"]
    assert Depth("relu3_1").style_layers(StyleParams()) == ["relu1_1", "relu2_1", "relu3_1"]


def test_the_content_is_compared_no_deeper() -> None:
    assert Depth("relu3_1").content_layer("relu4_2") == "relu3_1"
    assert Depth("relu4_2").content_layer("relu3_1") == "relu3_1"


def test_a_client_that_weighs_the_layers_gets_them_all() -> None:
    asked = StyleParams.model_validate({"style_layer_weights": {"relu5_1": 1.0}})
    assert Depth("relu3_1").style_layers(asked) == list(STYLE_LAYERS)


@pytest.mark.parametrize("layer", ["relu3_1", "relu4_1", "relu4_2", "relu5_1"])
def test_efforts_are_the_multiplications_of_the_network(layer: str) -> None:
    channels = {1: 64, 2: 128, 3: 256, 4: 512, 5: 512}
    total = wanted = 0.0
    ins = 3
    for name in layer_names((2, 2, 3, 3, 1)):
        outs, side = channels[int(name[0])], 2 ** (int(name[0]) - 1)
        total += ins * outs / side**2
        ins = outs
        if name == layer.removeprefix("relu"):
            wanted = total
    assert Depth(layer).effort == pytest.approx(wanted / total, abs=0.005)
