"""A very small race with the real engine."""

from __future__ import annotations

import math

import pytest

from bench.common.pictures import GALLERY
from bench.quality.judge import Judge
from bench.quality.race import Race, Run
from duostyle.engine.api import Step

CONTENT, STYLE = GALLERY / "chelsea.jpg", GALLERY / "starry.jpg"

pytestmark = pytest.mark.weights


@pytest.fixture(scope="module")
def race() -> Race:
    params = {"size": 64, "iterations": 3, "style_loss": "gram"}
    return Race(Judge(threads=1), CONTENT, STYLE, params, equal_s=0.0)


def test_a_plain_run_tells_its_lowest_cost_within_its_evaluations(race: Race) -> None:
    one, four = race.plain("adam", 1), race.plain("adam", 4)
    assert (one.evaluations, four.evaluations) == (1, 4)
    assert four.cost < one.cost
    # the first evaluation is of the content itself, whose cost the scorer finds too (but for rounding to 8 bits)
    start = race.score(race.judge.paint(CONTENT, STYLE, size=64, iterations=1, init="content", style_weight=0))
    assert one.cost == pytest.approx(start, rel=0.02)
    # nothing came within no seconds, so it is the first picture
    assert one.picture_then is not None
    assert (one.picture_then.width, one.picture_then.height) == (64, 43)


def test_ours_is_held_against_the_marks(race: Race) -> None:
    run = race.ours({"easy": 1e9, "hard": 0.0})
    assert run.evaluations == 3
    assert set(run.reached_s) == {"easy"}
    assert 0 < run.reached_s["easy"] <= run.seconds
    assert math.isfinite(run.cost)


def test_what_is_missed_is_gone_on_for(race: Race) -> None:
    run = race.ours_continued({"hard": 0.0}, most_evaluations=30)
    assert (run.evaluations, run.reached_s) == (30, {})
    # enough as soon as all marks are reached
    assert race.ours_continued({"easy": 1e9}, most_evaluations=50).evaluations == 1
    # the rim is there again
    assert race.judge.engine.rim


def test_a_continued_run_minimises_what_is_scored(race: Race) -> None:
    pictures: list[tuple[float, float]] = []

    def hold(marks: object, run: Run, step: Step, seconds: float) -> None:
        pictures.append((step.costs.total, race.score(step.picture())))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(race, "hold_against", hold)
        race.ours_continued({"easy": 1e9}, most_evaluations=26)
    assert pictures
    for own, scored in pictures:
        assert own == pytest.approx(scored, rel=0.01)


def test_a_run_without_a_score_has_none_in_its_numbers(race: Race) -> None:
    assert "cost" not in race.ours({}).numbers()
