"""Variants are written as options of the command line."""

from __future__ import annotations

import pytest

from bench.quality.variants import Variant, read_variants


def test_a_name_and_options() -> None:
    assert read_variants(["standard", "strong --style-weight 50 --style-loss gram"]) == [
        Variant("standard", {}),
        Variant("strong", {"style_weight": 50.0, "style_loss": "gram"}),
    ]


@pytest.mark.parametrize(
    ("texts", "told"),
    [
        (["a --style-weight -5"], "variant a: .*style_weight"),
        (["a --styleweight 5"], "variant a: unrecognized arguments"),
        (["a --preset great"], "variant a: preset"),
        (["--preset draft"], "begins with a name"),
        ([""], "begins with a name"),
        (["a", "a --preset draft"], "the same name: a, a"),
    ],
)
def test_what_is_not_allowed_is_told(texts: list[str], told: str) -> None:
    with pytest.raises(SystemExit, match=told):
        read_variants(texts)
