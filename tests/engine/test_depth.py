"""How deep a level looks into the network."""

from __future__ import annotations

import pytest

from duostyle.engine.depth import FULL, Depth
from duostyle.engine.network.weights import layer_names
from duostyle.params import STYLE_LAYERS, StyleParams


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
