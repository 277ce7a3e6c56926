"""The command line's parameters: generated, typed, and checked in the same words as everywhere else."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pytest

from duostyle.cli.options import add_options, read_options
from duostyle.errors import BadRequest
from duostyle.params import StyleParams, parse_params


def parse(*argv: str) -> dict[str, Any]:
    parser = argparse.ArgumentParser()
    add_options(parser)
    return read_options(vars(parser.parse_args(argv)))


def test_every_parameter_is_an_option() -> None:
    parser = argparse.ArgumentParser()
    add_options(parser)
    options = {option for action in parser._actions for option in action.option_strings}
    assert options - {"-h", "--help"} == {"--" + name.replace("_", "-") for name in StyleParams.model_fields}


def test_an_option_left_out_stays_unset() -> None:
    assert parse() == {}


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["--size", "640"], {"size": 640}),
        (["--iterations", "7", "--seed", "3"], {"iterations": 7, "seed": 3}),
        (["--style-weight", "12"], {"style_weight": 12.0}),
        (["--tv-weight", "1e-2"], {"tv_weight": 0.01}),
        (["--preset", "fine"], {"preset": "fine"}),
        (["--style-mix", "1,3"], {"style_mix": [1.0, 3.0]}),
        (["--style-mix", "1", "--style-mix", "3"], {"style_mix": [1.0, 3.0]}),
        (["--style-mix", "1"], {"style_mix": [1.0]}),
        (["--style-scale", "2"], {"style_scale": 2.0}),
        (["--style-scale", "2,0.5"], {"style_scale": [2.0, 0.5]}),
        (
            ["--style-layer-weights", "relu1_1=0.4, relu2_1=1"],
            {"style_layer_weights": {"relu1_1": 0.4, "relu2_1": 1.0}},
        ),
        (["--masks", "left-right"], {"masks": "left-right"}),
        (["--masks", "a.png,-"], {"masks": ["a.png", None]}),
        (["--masks", "a.png", "--masks", "b.png"], {"masks": ["a.png", "b.png"]}),
        (["--masks", '-,"sky, blue.png"'], {"masks": [None, "sky, blue.png"]}),
        (["--size", "100", "--size", "200"], {"size": 200}),
    ],
)
def test_values_get_their_own_type(argv: list[str], expected: dict[str, Any]) -> None:
    got = parse(*argv)
    assert got == expected
    assert [type(value) for value in got.values()] == [type(value) for value in expected.values()]


def test_a_mask_file_with_a_comma_in_its_name_is_one_file(tmp_path: Path) -> None:
    mask = tmp_path / "sky, blue.png"
    mask.touch()
    assert read_options({"masks": ["-", str(mask)]}) == {"masks": [None, str(mask)]}


@pytest.mark.parametrize(
    ("argv", "field"),
    [
        (["--size", "big"], "params.size"),
        (["--size", "12.5"], "params.size"),
        (["--size", "63"], "params.size"),
        (["--style-weight", "nan"], "params.style_weight"),
        (["--style-mix", "1,x"], "params.style_mix"),
        (["--style-mix", "1,2,3"], "params.style_mix"),
        (["--style-layer-weights", "relu9_9=1"], "params.style_layer_weights"),
        (["--preset", "huge"], "params.preset"),
    ],
)
def test_wrong_values_are_left_to_parse_params(argv: list[str], field: str) -> None:
    raw = parse(*argv)
    with pytest.raises(BadRequest) as caught:
        parse_params(raw, styles=2, max_size_px=8192)
    assert caught.value.field is not None
    assert caught.value.field.startswith(field)


def test_a_layer_weight_without_equals_sign() -> None:
    with pytest.raises(BadRequest, match="style_layer_weights"):
        parse("--style-layer-weights", "0.4,0.2")
