"""The summary of given rows, and when a kept result counts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.common.table import Column, Table
from bench.quality.__main__ import NAMES, key_of, summary
from bench.quality.journal import Journal
from bench.quality.variants import Variant

PAIR = (Path("cat.jpg"), Path("waves.jpg"))


def row(variant: str, seconds: float, patch: float) -> dict[str, Any]:
    return {"variant": variant, "seconds": seconds, **dict.fromkeys(NAMES, 0.5), "patch": patch}


def test_medians_and_ratios_to_the_first_variant() -> None:
    table = Table(
        *(Column(name) for name in ("content", "style", "variant", "seconds")), *(Column(n, 1) for n in NAMES)
    )
    rows = [
        row("a", 10, 0.2),
        row("b", 5, 0.1),
        row("a", 20, 0.4),
        row("b", 5, 0.4),
        row("a", 90, 0.6),
        row("b", 9, 0.3),
    ]
    assert summary(rows, ["a", "b"], table) == [
        table.row("median", "3 pairs", "a", 20, 0.4, 0.5, 0.5, 0.5, 0.5, 0.5),
        table.row("median", "3 pairs", "b", 5, 0.3, 0.5, 0.5, 0.5, 0.5, 0.5),
        "b to a, medians of pairs: patch distance 0.50, seconds 0.25",
    ]


def test_a_kept_result_counts_only_with_the_same_parameters(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    mix = Variant("mix", {"style_layer_weights": {"relu1_1": 1.0}})
    Journal(path).add({**key_of(PAIR, mix, 256), "patch": 0.5})
    again = Journal(path)
    assert again.find(key_of(PAIR, mix, 256)) is not None
    assert again.find(key_of(PAIR, mix, 512)) is None
    assert again.find(key_of(PAIR, Variant("mix", {}), 256)) is None
    assert again.find(key_of(PAIR[::-1], mix, 256)) is None
