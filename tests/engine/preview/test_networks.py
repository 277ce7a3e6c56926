"""The feed-forward networks answer what their original files answered in other runtimes."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from duostyle.engine.network.weights_file import INSTANT_FILE, PERSON_FILE, SHA256
from duostyle.engine.preview.predictor import Predictor, pad_same
from duostyle.engine.preview.transformer import Transformer
from duostyle.engine.preview.weights import parse
from duostyle.errors import WeightsError
from tests.engine.preview.conftest import CPU, gallery

CONTENT, STYLES = "astronaut.jpg", ("starry.jpg", "mosaic.jpg")


def distance(a: Tensor, b: Tensor) -> float:
    return float((a - b).abs().mean())


@pytest.mark.parametrize("index", [0, 1])
def test_the_vector_of_a_style(predictor: Predictor, answers: dict[str, Tensor], index: int) -> None:
    vector = predictor.vector(gallery(STYLES[index], 256))
    # their numbers are 0.7 on average; the original rounds its activations to 8 bits
    assert distance(vector, answers[f"exact.vector{index}"]) < 0.01
    assert distance(vector, answers[f"rounded.vector{index}"]) < 0.02


@pytest.mark.parametrize("index", [0, 1, 2])
def test_the_painted_picture(transformer: Transformer, answers: dict[str, Tensor], index: int) -> None:
    content = gallery(CONTENT, 384)
    for kind in ("exact", "rounded"):
        vectors = [answers[f"{kind}.vector{number}"] for number in (0, 1)]
        painted = transformer.paint(content, (vectors[0] + vectors[1]) / 2 if index == 2 else vectors[index])
        pixels = painted[0, :, ::3, ::3].permute(1, 2, 0)
        # the rounding of the original is noise of single pixels: it goes when 8 x 8 of them are averaged
        means = functional.avg_pool2d(painted, 8)[0].permute(1, 2, 0)
        assert distance(means, answers[f"{kind}.means{index}"]) < 0.02
        assert distance(pixels, answers[f"{kind}.painted{index}"].float() / 255) < (0.003 if kind == "exact" else 0.04)


@pytest.mark.parametrize(("height", "width"), [(16, 16), (16, 64), (100, 36), (64, 96)])
def test_every_size_is_painted(transformer: Transformer, answers: dict[str, Tensor], height: int, width: int) -> None:
    painted = transformer.paint(torch.rand(1, 3, height, width), answers["exact.vector0"])
    assert painted.shape == (1, 3, height, width)
    assert bool(painted.isfinite().all())
    assert 0 <= float(painted.min()) < float(painted.max()) <= 1


def test_styles_go_where_their_guides_say(transformer: Transformer, answers: dict[str, Tensor]) -> None:
    content = gallery(CONTENT, 128)
    vectors = torch.cat([answers["exact.vector0"], answers["exact.vector1"]])
    left = (torch.arange(128) < 64).float().expand(1, 1, 128, 128)
    both = transformer.paint(content, vectors, [left, 1 - left])
    alone = [transformer.paint(content, vector[None]) for vector in vectors]
    # away from the border each side looks like its own style
    for first, own, other in ((0, alone[0], alone[1]), (80, alone[1], alone[0])):
        side = slice(first, first + 48)
        assert distance(both[..., side], own[..., side]) < 0.5 * distance(both[..., side], other[..., side])


def test_equal_guides_are_the_mean_vector(transformer: Transformer, answers: dict[str, Tensor]) -> None:
    content = gallery(CONTENT, 64)
    vectors = torch.cat([answers["exact.vector0"], answers["exact.vector1"]])
    half = torch.full((1, 1, 64, 64), 0.5)
    mixed = transformer.paint(content, vectors.mean(0, keepdim=True))
    assert distance(transformer.paint(content, vectors, [half, half]), mixed) < 1e-4


def test_a_check_stops_it_in_the_middle(transformer: Transformer, answers: dict[str, Tensor]) -> None:
    class Stop(Exception):
        pass

    calls = []

    def check() -> None:
        calls.append(1)
        if len(calls) == 5:
            raise Stop

    with pytest.raises(Stop):
        transformer.paint(torch.rand(1, 3, 16, 16), answers["exact.vector0"], check=check)
    assert len(calls) == 5


def test_padding_is_that_of_tensorflow() -> None:
    # "SAME": ceil(length / stride) places come out, the odd zero is added at the end
    assert pad_same(torch.rand(1, 1, 8, 8), 3, 2).shape == (1, 1, 9, 9)
    assert pad_same(torch.rand(1, 1, 7, 7), 3, 2).shape == (1, 1, 9, 9)
    padded = pad_same(torch.ones(1, 1, 8, 7), 3, 2)
    assert padded[0, 0, :, 0].sum() == 0
    assert padded[0, 0, 0, 1:8].sum() == 7


@pytest.mark.parametrize("name", [INSTANT_FILE, PERSON_FILE])
def test_damaged_weights_are_named(name: str) -> None:
    with pytest.raises(WeightsError, match=name) as caught:
        parse(name, b"something else")
    assert caught.value.limit == SHA256[name]


def test_bfloat16_paints_about_the_same(weights: dict[str, Tensor], answers: dict[str, Tensor]) -> None:
    content, vectors = gallery(CONTENT, 128), torch.cat([answers["exact.vector0"], answers["exact.vector1"]])
    half = torch.full((1, 1, 128, 128), 0.5)
    for given, guides in ((vectors[:1], []), (vectors, [half, half])):
        painted = [
            Transformer(weights, CPU, dtype=dtype).paint(content, given, guides)
            for dtype in (torch.float32, torch.bfloat16)
        ]
        assert painted[1].dtype == torch.float32
        assert distance(*painted) < 0.01
