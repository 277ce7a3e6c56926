"""A style that is made of several pictures: it is one style to mixes, masks and scales."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from duostyle.engine.api import Control, Request, Step
from duostyle.engine.checkpoint import digest
from duostyle.engine.image.inputs import Inputs
from duostyle.engine.level import Beginning, LevelPainter
from duostyle.engine.network.vgg import Network
from duostyle.engine.pyramid import Level
from duostyle.engine.torch_engine import TorchEngine
from duostyle.params import StyleParams
from duostyle.picture import Picture
from tests.support.engine.paintings import CONTENT, COOL, SHALLOW, WARM, distance
from tests.support.engine.pictures import scene, scene_picture, speckles, stripes

pytestmark = pytest.mark.weights
THIRD = scene_picture(34, 34)


def paint(
    engine: TorchEngine,
    styles: tuple[Picture, ...],
    companions: tuple[tuple[Picture, ...], ...],
    areas: tuple[Picture | None, ...] = (),
    **changes: Any,
) -> tuple[Picture, list[Step], dict[str, Any]]:
    params = StyleParams.model_validate({"size": 64, "iterations": 3} | SHALLOW | changes)
    painter = engine.begin(Request(CONTENT, styles, params, areas, companions), Control())
    steps: list[Step] = []
    assert painter.run(steps.append)
    return painter.picture(), steps, dict(painter.report())


def test_pictures_of_one_style_are_their_collage(network: Network) -> None:
    """The moments are those of all positions of both pictures, when both have as many."""
    pictures = [stripes(48, 48), speckles(48, 48)]
    painter = LevelPainter(
        Inputs(network, scene(40, 32), [pictures]), Level(48, 38, 1), StyleParams(size=64), Beginning(), lambda: None
    )
    (style,) = painter.moments
    for layer in ("relu1_1", "relu3_1"):
        features = torch.cat([network.features(picture, [layer])[layer].flatten(2)[0] for picture in pictures], dim=1)
        flat = features.double()
        assert torch.allclose(style[layer].mean.double(), flat.mean(1), rtol=1e-4, atol=1e-4)
        assert torch.allclose(style[layer].second.double(), flat @ flat.T / flat.shape[1], rtol=1e-3, atol=1e-3)


def test_a_picture_too_small_for_a_layer_leaves_it_to_the_others(network: Network) -> None:
    inputs = Inputs(network, scene(40, 32), [[stripes(48, 48), speckles(48, 1)]])
    painter = LevelPainter(inputs, Level(48, 38, 1), StyleParams(size=64), Beginning(), lambda: None)
    assert "relu4_1" in painter.moments[0]


def test_the_same_picture_twice_is_that_picture(engine: TorchEngine) -> None:
    once, _, _ = paint(engine, (WARM,), ())
    twice, _, _ = paint(engine, (WARM,), ((WARM,),))
    other, _, _ = paint(engine, (WARM,), ((COOL,),))
    assert distance(once, twice) < 1.0 < distance(once, other)


@pytest.mark.parametrize("masks", [None, "left-right", "auto", "files"])
def test_it_counts_as_one_style(engine: TorchEngine, masks: str | None) -> None:
    half = Picture(2, 1, b"\xff\xff\xff\0\0\0")
    ids = ["sha256:" + "0" * 64, None]
    picture, steps, report = paint(
        engine,
        (WARM, THIRD),
        ((COOL,), ()),
        (half, None) if masks == "files" else (),
        masks=ids if masks == "files" else masks,
        style_mix=[0.5, 0.5],
        style_scale=[0.5, 1.0],
    )
    assert (picture.width, picture.height) == (64, 32)
    assert all(len(step.costs.style) == 2 for step in steps)
    assert sum(report["share"]) == pytest.approx(1)


def test_a_checkpoint_belongs_to_the_same_grouping() -> None:
    def of(styles: tuple[Picture, ...], companions: tuple[tuple[Picture, ...], ...]) -> str:
        return digest(Request(CONTENT, styles, StyleParams(), (), companions))

    hashes = {
        of((WARM, COOL), ()),
        of((WARM,), ((COOL,),)),
        of((WARM, THIRD), ((COOL,), ())),
        of((WARM, THIRD), ((), (COOL,))),
    }
    assert len(hashes) == 4
    assert of((WARM, COOL), ()) == of((WARM, COOL), ((), ()))
