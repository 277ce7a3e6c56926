"""`transparency: keep` in the engine: what of a style is not seen is no part of it, and the content's alpha is the
result's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from duostyle.engine.api import CheckpointRefused, Control, Painter, Request, Step
from duostyle.engine.checkpoint import digest
from duostyle.engine.image import guides as regions
from duostyle.engine.image.color import palette
from duostyle.engine.network.vgg import Network
from duostyle.engine.network.weights import Weights
from duostyle.engine.objective.features import Extractor
from duostyle.engine.torch_engine import TorchEngine
from duostyle.imaging.decode import Decoder, decode, decode_with_alpha
from duostyle.params import STYLE_LAYERS, StyleParams
from duostyle.picture import Picture
from tests.support.engine.paintings import LONG, SHALLOW, WARM, no_steps, nothing
from tests.support.engine.pictures import random_picture, scene, scene_picture, speckles, stripes
from tests.support.engine.reference import plain_features, plain_moments, relative_error
from tests.support.picture_files import saved

pytestmark = pytest.mark.weights

SKIN = (70, 30, 25)


@pytest.fixture(scope="module")
def plain(weights: Weights) -> Network:
    """With torch's own kernels: Winograd rounds differently at every size."""
    return Network(weights, torch.device("cpu"))


def seen(style: Tensor, alpha: Tensor) -> Tensor:
    """A style [1, 3, h, w] with an alpha [1, 1, h, w] or [w]."""
    return torch.cat([style, alpha.expand(1, 1, *style.shape[2:])], 1)


def right_half(width: int) -> Tensor:
    return (torch.arange(width) >= width // 2).float()


def averaged(alpha: Tensor, step: int) -> Tensor:
    """Means of blocks of step x step px, [n]; the sides are multiples of `step`."""
    height, width = alpha.shape[2:]
    return alpha.view(height // step, step, width // step, step).mean((1, 3)).flatten()


def test_the_palette_is_that_of_what_is_seen() -> None:
    style = torch.cat([speckles(24, 16), stripes(24, 16)], 3)
    got, wanted = palette([seen(style, right_half(48))], [1.0]), palette([stripes(24, 16)], [1.0])
    assert torch.allclose(got.mean, wanted.mean, atol=1e-5)
    assert torch.allclose(got.second, wanted.second, atol=1e-5)


def test_what_is_partly_seen_counts_partly() -> None:
    # red at a quarter, blue at three quarters, green not at all: by hand 1/4 and 3/4
    style = torch.tensor([[1.0, 0, 0], [0, 0, 1], [0, 1, 0]]).T.view(1, 3, 1, 3)
    got = palette([seen(style, torch.tensor([0.25, 0.75, 0.0]))], [1.0])
    assert torch.allclose(got.mean, torch.tensor([0.25, 0.0, 0.75]), atol=1e-6)
    assert torch.allclose(got.second, torch.diag(torch.tensor([0.25, 0.0, 0.75])), atol=1e-6)


def test_the_moments_of_a_layer_are_weighted_by_the_alpha(plain: Network, weights: Weights) -> None:
    style = scene(96, 64)
    alpha = random_picture(96, 64, seed=3)[:, :1]
    got = Extractor(plain).style_moments(seen(style, alpha), STYLE_LAYERS)
    features = plain_features(weights, style.double(), STYLE_LAYERS)
    for number, layer in enumerate(STYLE_LAYERS):
        mean, second = plain_moments(features[layer], averaged(alpha, 2**number))
        assert relative_error(got[layer].mean, mean) < 1e-4, layer
        assert relative_error(got[layer].second, second) < 1e-4, layer


def test_half_a_style_is_about_that_half_alone(plain: Network) -> None:
    # the deeper a layer, the more it sees of what is beside the edge, and the half alone has an edge of its own there
    style = torch.cat([speckles(64, 64), stripes(64, 64)], 3)
    extractor = Extractor(plain)
    half = extractor.style_moments(seen(style, right_half(128)), STYLE_LAYERS)
    alone, whole = (extractor.style_moments(x, STYLE_LAYERS) for x in (stripes(64, 64), style))
    for layer, most in (("relu1_1", 0.02), ("relu2_1", 0.1), ("relu3_1", 0.3)):
        assert relative_error(half[layer].second, alone[layer].second) < most, layer
        assert relative_error(whole[layer].second, alone[layer].second) > 0.4, layer


def test_weighted_moments_in_tiles_are_those_of_the_whole(plain: Network) -> None:
    # odd, so that every pooling drops a row or a column
    style = seen(speckles(213, 35), random_picture(213, 35, seed=4)[:, :1])
    whole, cut = (Extractor(plain, tile_px=side).style_moments(style, STYLE_LAYERS) for side in (None, 112))
    for layer in STYLE_LAYERS:
        assert relative_error(cut[layer].mean, whole[layer].mean) < 1e-5, layer
        assert relative_error(cut[layer].second, whole[layer].second) < 1e-5, layer


def test_regions_by_likeness_look_at_what_is_seen(plain: Network) -> None:
    content, hidden = scene(96, 64), speckles(96, 96)
    both = torch.cat([hidden, stripes(96, 96)], 3)
    maps = {
        name: regions.affinities(plain, content, [[style], [hidden]])[0]
        for name, style in (("alone", stripes(96, 96)), ("seen", seen(both, right_half(192))), ("whole", both))
    }
    distance = {name: float((maps[name] - maps["alone"]).abs().mean()) for name in ("seen", "whole")}
    assert distance["seen"] < 0.5 * distance["whole"]


def cut_out(side: int = 96) -> bytes:
    """A disc of one dark colour with a smooth edge, white where nothing is seen of it, as a PNG."""
    drawn = Image.new("L", (4 * side, 4 * side), 0)
    ImageDraw.Draw(drawn).ellipse((0.6 * side, 0.6 * side, 3.4 * side, 3.4 * side), fill=255)
    alpha = drawn.resize((side, side), Image.Resampling.BOX)
    image = Image.new("RGB", alpha.size, SKIN)
    image.paste((255, 255, 255), mask=alpha.point(lambda value: 0 if value else 255))
    image.putalpha(alpha)
    return saved(image)


def begin(engine: TorchEngine, content: Picture, style: Picture = WARM, **params: Any) -> Painter:
    chosen = StyleParams.model_validate({"size": 96, "iterations": 2, "transparency": "keep"} | SHALLOW | params)
    return engine.begin(Request(content, (style,), chosen), Control())


@pytest.mark.parametrize("params", [{}, {"preset": "instant"}])
def test_at_its_own_size_the_result_has_the_contents_alpha(engine: TorchEngine, params: dict[str, Any]) -> None:
    content = decode_with_alpha(cut_out())
    painter, pictures = begin(engine, content, **params), list[Picture]()
    painter.run(lambda step: pictures.append(step.picture()))
    pictures.append(painter.picture())
    assert content.alpha is not None
    assert {picture.alpha for picture in pictures} == {content.alpha}
    assert pictures[-1].rgb != content.rgb


@pytest.mark.parametrize("size", [64, 150])
def test_at_another_size_the_alpha_is_that_of_an_independent_filter(engine: TorchEngine, size: int) -> None:
    content = decode_with_alpha(cut_out())
    got = begin(engine, content, size=size).picture()
    assert content.alpha is not None
    assert got.alpha is not None
    # in floats, which do not clip what goes beyond black and white on the way
    alpha = Image.frombytes("L", (96, 96), content.alpha).convert("F").resize((size, size), Image.Resampling.BICUBIC)
    difference = np.frombuffer(got.alpha, np.uint8) - np.asarray(alpha).flatten().clip(0, 255)
    assert np.abs(difference).max() <= 1


def test_a_coarse_level_has_an_alpha_of_its_own_size(engine: TorchEngine) -> None:
    content = scene_picture(172, 52)
    alpha = bytes([255]) * (172 * 26) + bytes(172 * 26)
    painter = begin(engine, Picture(172, 52, content.rgb, alpha=alpha), **LONG, iterations=4)
    pictures = list[Picture]()
    painter.run(lambda step: pictures.append(step.picture()))
    for picture in pictures:
        assert picture.alpha is not None
        assert picture.alpha[0] == 255
        assert picture.alpha[-1] == 0


def on_black(picture: Picture, alpha: bytes) -> np.ndarray[Any, np.dtype[np.float64]]:
    """What is seen of the red, the brightest of the disc, [h, w]."""
    shape = (picture.height, picture.width)
    red = np.frombuffer(picture.rgb, np.uint8).reshape(*shape, 3)[..., 0].astype(np.float64)
    return red * np.frombuffer(alpha, np.uint8).reshape(shape) / 255


@pytest.mark.parametrize("size", [64, 96, 150])
def test_laid_on_black_a_cut_out_has_no_fringe(engine: TorchEngine, size: int) -> None:
    # without any weight of the style the painting is the content, so that all that is brighter is a fringe
    def brightest(decoder: Decoder) -> float:
        painter = begin(engine, decoder(cut_out()), size=size, style_weight=0.0, tv_weight=0.0, init="content")
        painter.run(nothing)
        alpha = begin(engine, decode_with_alpha(cut_out()), size=size).picture().alpha
        assert alpha is not None
        return float(on_black(painter.picture(), alpha).max())

    assert brightest(decode_with_alpha) <= SKIN[0] + 1
    # the eye of this test: what was laid on white has one
    assert brightest(decode) > SKIN[0] + 10


def test_a_preview_is_as_transparent_as_its_content(engine: TorchEngine) -> None:
    content = decode_with_alpha(cut_out())
    params = StyleParams(size=96, transparency="keep")
    got = engine.preview(Request(content, (WARM,), params), ["a style seen in part"], lambda: None)
    assert got.alpha == content.alpha


def test_pictures_without_alpha_are_painted_as_ever(engine: TorchEngine) -> None:
    content = scene_picture(96, 96)
    kept, laid = (begin(engine, content, transparency=transparency) for transparency in ("keep", "flatten"))
    for painter in (kept, laid):
        painter.run(nothing)
    assert kept.picture() == laid.picture()
    assert kept.picture().alpha is None


def test_what_is_seen_of_a_style_is_what_is_painted(engine: TorchEngine) -> None:
    style = torch.cat([speckles(32, 32), stripes(32, 32)], 3).mul(255).round().byte()[0].permute(1, 2, 0)
    alpha = right_half(64).mul(255).byte().expand(32, 64).contiguous()
    half = Picture(64, 32, style.contiguous().numpy().tobytes(), alpha=alpha.numpy().tobytes())
    painted = {}
    for name, given in (("half", half), ("whole", Picture(64, 32, half.rgb))):
        painter = begin(engine, scene_picture(96, 96), given, iterations=6)
        painter.run(nothing)
        painted[name] = np.frombuffer(painter.picture().rgb, np.uint8).reshape(-1, 3).mean(0)
    # the stripes are warm, the speckles cool
    assert painted["half"][0] > painted["half"][2] + 40
    assert painted["whole"][0] < painted["whole"][2] + 40


def test_another_alpha_is_another_painting() -> None:
    params = StyleParams(size=64)
    opaque = Request(scene_picture(8, 8), (WARM,), params)
    content = Picture(8, 8, opaque.content.rgb, alpha=bytes(64))
    other = Picture(8, 8, opaque.content.rgb, alpha=bytes(63) + b"\x01")
    digests = {digest(Request(each, (WARM,), params)) for each in (opaque.content, content, other)}
    assert len(digests) == 3
    # what there is of it is in the pictures
    assert digest(Request(content, (WARM,), StyleParams(size=64, transparency="keep"))) in digests


def test_a_transparent_painting_goes_on_from_a_checkpoint(engine: TorchEngine) -> None:
    content, steps = decode_with_alpha(cut_out()), no_steps()
    params = StyleParams.model_validate({"size": 96, "iterations": 4, "transparency": "keep"} | SHALLOW)
    style = decode_with_alpha(cut_out(48))
    request = Request(content, (style,), params)
    painter = engine.begin(request, Control())
    kept = []

    def on_step(step: Step) -> None:
        if step.step == 2:
            kept.append(painter.checkpoint())

    painter.run(on_step)
    again = engine.begin(request, Control(), kept[0])
    again.run(steps.append)
    assert [step.step for step in steps] == [3, 4]
    assert again.picture() == painter.picture()
    with pytest.raises(CheckpointRefused, match="request"):
        engine.begin(Request(content, (Picture(style.width, style.height, style.rgb),), params), Control(), kept[0])
