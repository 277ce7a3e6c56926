"""What the race's lines say of given results."""

from __future__ import annotations

from typing import Any

from bench.quality.contest import equal_line, reach_line, seconds_to


def row(adam_s: float, reached_s: float | None, continued_s: float | None = None, patch: float = 0.1) -> dict[str, Any]:
    return {
        "preset": "standard",
        "adam": {"seconds": adam_s, "patch": 0.2},
        "ours": {"reached_s": {} if reached_s is None else {"adam": reached_s}},
        "continued": {"reached_s": {} if continued_s is None else {"adam": continued_s}},
        "equal": {"patch": patch, "ssim": 0.5},
    }


def test_a_mark_counts_when_it_was_first_reached() -> None:
    assert seconds_to(row(100, 10), "adam") == 10
    assert seconds_to(row(100, None, 40), "adam") == 40
    assert seconds_to(row(100, None), "adam") is None


def test_the_line_tells_how_often_the_preset_was_enough() -> None:
    line = reach_line([row(100, 10), row(100, None, 40), row(100, None)], "adam")
    assert line == (
        "adam: ours took 0.400 of its seconds, median of 3 pairs; "
        "standard as it is reached the cost in 1, continued in 2"
    )


def test_a_mark_that_is_never_reached_counts_as_the_worst() -> None:
    assert "took inf of its seconds" in reach_line([row(100, None), row(100, None), row(100, 10)], "adam")


def test_patch_distances_are_compared_pair_by_pair() -> None:
    line = equal_line([row(1, 1, patch=0.02), row(1, 1, patch=0.1), row(1, 1, patch=0.3)], "adam")
    assert line == "patch distance against adam: 0.50, at SSIM 0.500, medians of 3 pairs"
