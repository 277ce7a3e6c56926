"""The instant picture: sizes, mix, strength, regions, colours."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from duostyle.engine.image.inputs import Inputs
from duostyle.engine.network.vgg import Network
from duostyle.engine.objective.moments import Moments, flat, moments
from duostyle.engine.objective.style import measure
from duostyle.engine.preview.instant import Instant, in_colors_of, strength
from duostyle.engine.pyramid import fit
from duostyle.params import StyleParams
from tests.engine.preview.conftest import CPU, gallery


@pytest.fixture(scope="module")
def instant() -> Instant:
    return Instant(CPU)


@pytest.fixture(scope="module")
def inputs(network: Network) -> Inputs:
    return Inputs(network, gallery("astronaut.jpg", 192), [[gallery("starry.jpg", 160)], [gallery("fauve.jpg", 160)]])


def distance(a: Tensor, b: Tensor) -> float:
    return float((a - b).abs().mean())


@pytest.mark.parametrize("size", [(96, 96), (64, 5), (7, 61), (130, 47)])
def test_every_size_is_painted(instant: Instant, network: Network, size: tuple[int, int]) -> None:
    inputs = Inputs(network, torch.rand(1, 3, size[1], size[0]), [[gallery("starry.jpg", 64)]])
    painted = instant.paint(inputs, size, StyleParams())
    assert painted.shape == (1, 3, size[1], size[0])
    assert 0 <= float(painted.min()) <= float(painted.max()) <= 1


def test_a_large_picture_shows_the_same_as_a_small_one(instant: Instant, network: Network) -> None:
    content = gallery("chelsea.jpg")
    inputs = Inputs(network, content, [[gallery("woodcut.jpg", 200)]])
    small, large = (fit(content.shape[3], content.shape[2], px) for px in (300, 1200))
    painted = [instant.paint(inputs, size, StyleParams()) for size in (small, large)]
    reduced = torch.nn.functional.interpolate(painted[1], painted[0].shape[2:], mode="area")
    assert painted[1].shape[3] == 1200
    assert distance(reduced, painted[0]) < 0.15


def test_the_mix_goes_from_one_style_to_the_other(instant: Instant, inputs: Inputs) -> None:
    mixes = ([1.0, 0.0], [0.5, 0.5], [0.0, 1.0])
    first, half, second = (instant.paint(inputs, (96, 96), StyleParams(style_mix=list(mix))) for mix in mixes)
    whole = distance(first, second)
    assert whole > 0.1
    assert distance(half, first) < whole > distance(half, second)


def test_the_weakest_style_leaves_the_content(instant: Instant, inputs: Inputs) -> None:
    content = inputs.content
    distances = []
    for weight in (0.0, 0.6, 2.0, 20.0):
        painted = instant.paint(inputs, (192, 192), StyleParams(style_weight=weight))
        distances.append(distance(painted, content))
    assert distances == sorted(distances)
    assert distances[0] < 1e-6


def test_strength_follows_the_ratio_of_the_weights() -> None:
    # by hand: half of it for each tenth, none at a hundredth, and a little more than all at most
    assert strength(StyleParams()) == 1
    assert strength(StyleParams(style_weight=2.0)) == pytest.approx(0.5)
    assert strength(StyleParams(style_weight=0.2)) == pytest.approx(0, abs=1e-9)
    assert strength(StyleParams(style_weight=200.0, content_weight=10.0)) == pytest.approx(1)
    assert strength(StyleParams(style_weight=1e4)) == strength(StyleParams(content_weight=0.0)) == 1.3
    assert strength(StyleParams(style_weight=0.0)) == 0


def test_regions_have_the_colours_of_their_style(instant: Instant, inputs: Inputs) -> None:
    params = StyleParams(masks="left-right")
    painted = instant.paint(inputs, (192, 192), params)
    for side, style in ((slice(0, 80), 0), (slice(112, 192), 1)):
        mean = painted[0, :, :, side].mean((1, 2))
        near = [float((mean - one.mean((0, 2, 3))).norm()) for (one,) in inputs.styles]
        assert near[style] < 0.05 < near[1 - style]


def test_colours_are_those_of_the_style(instant: Instant, network: Network) -> None:
    style = gallery("mosaic.jpg", 256)
    painted = instant.paint(Inputs(network, gallery("coffee.jpg", 128), [[style]]), (128, 128), StyleParams())
    # clamping takes a little away
    assert torch.allclose(moments(painted).mean, moments(style).mean, atol=0.03)


def test_the_contents_colours_can_be_kept(instant: Instant, inputs: Inputs) -> None:
    content = inputs.content
    painted, kept = (instant.paint(inputs, (192, 192), StyleParams(preserve_color=x)) for x in (0.0, 1.0))

    def chroma(x: Tensor) -> Tensor:
        return x - x.mean(1, keepdim=True)

    assert distance(chroma(kept), chroma(content)) < 0.5 * distance(chroma(painted), chroma(content))


def test_a_style_of_several_pictures_has_the_colours_of_all(instant: Instant, network: Network) -> None:
    pictures = [gallery("mosaic.jpg", 128), gallery("starry.jpg", 128)]
    painted = instant.paint(Inputs(network, gallery("coffee.jpg", 128), [pictures]), (128, 128), StyleParams())
    wanted = (moments(pictures[0]).mean + moments(pictures[1]).mean) / 2
    assert torch.allclose(moments(painted).mean, wanted, atol=0.03)


def test_a_named_style_is_looked_at_once(instant: Instant, network: Network) -> None:
    content = gallery("coffee.jpg", 64)
    first = instant.paint(Inputs(network, content, [[gallery("starry.jpg", 64)]]), (64, 64), StyleParams(), names=["x"])
    other = Inputs(network, content, [[gallery("fauve.jpg", 64)]])
    # the name decides, not the picture
    assert torch.equal(instant.paint(other, (64, 64), StyleParams(), names=["x"]), first)
    assert not torch.equal(instant.paint(other, (64, 64), StyleParams(), names=["y"]), first)
    # strokes of another size make another look
    assert not torch.equal(instant.paint(other, (64, 64), StyleParams(style_scale=2.0), names=["x"]), first)


def test_moments_of_a_region_are_those_of_its_places() -> None:
    x = torch.rand(1, 3, 20, 30, generator=torch.Generator().manual_seed(3))
    guide = torch.zeros(1, 1, 20, 30)
    guide[..., 10:] = 1
    (sums,), whole = measure(flat(x), [guide.flatten()]), moments(x[..., 10:])
    found = sums.moments()
    assert torch.allclose(found.mean, whole.mean, atol=1e-5)
    assert torch.allclose(found.second, whole.second, atol=1e-5)
    # a region without any place has no colours, and gives none
    black = in_colors_of(x, [whole], [torch.zeros_like(guide)])
    assert torch.equal(black, torch.zeros_like(x))


def test_each_region_gets_its_own_palette() -> None:
    generator = torch.Generator().manual_seed(4)
    x = torch.rand(1, 3, 32, 64, generator=generator)
    left = torch.zeros(1, 1, 32, 64)
    left[..., :32] = 1
    spread = 0.003 * torch.eye(3)
    means = (torch.tensor((0.7, 0.3, 0.3)), torch.tensor((0.2, 0.4, 0.6)))
    palettes = [Moments(mean, spread + torch.outer(mean, mean)) for mean in means]
    matched = in_colors_of(x, palettes, [left, 1 - left])
    for side, mean in ((matched[..., :32], means[0]), (matched[..., 32:], means[1])):
        assert torch.allclose(moments(side).mean, mean, atol=0.01)
        assert torch.allclose(moments(side).covariance, spread, atol=0.001)
