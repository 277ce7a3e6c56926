"""Seconds per evaluation: the model of the work, and what is learnt from measurements."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duostyle.engine.pace import OVERHEAD_MEGAPIXELS, Pace, Usual, kind, work
from duostyle.engine.pyramid import FULL, Depth, Level

SHALLOW = Depth("relu3_1")
SMALL, LARGE = Level(100, 100, 1), Level(1000, 1000, 1, SHALLOW)


def test_work_is_pixels_and_an_overhead_times_the_depth() -> None:
    assert work(Level(1000, 1000, 1)) == pytest.approx(1 + OVERHEAD_MEGAPIXELS)
    assert work(LARGE) == pytest.approx(0.39 * (1 + OVERHEAD_MEGAPIXELS))


def test_kinds_tell_depths_and_sizes_apart_but_not_nearly_equal_sizes() -> None:
    assert kind(Level(300, 300, 1)) == kind(Level(310, 320, 7))
    assert kind(Level(300, 300, 1)) != kind(Level(600, 600, 1))
    assert kind(Level(300, 300, 1)) != kind(Level(300, 300, 1, SHALLOW))


def test_the_first_measurement_is_believed_and_later_ones_are_smoothed() -> None:
    pace = Pace(10.0)
    pace.learn(SMALL, 3 * work(SMALL))
    assert pace.seconds == pytest.approx(3)
    pace.learn(SMALL, 4 * work(SMALL))
    assert pace.seconds == pytest.approx(3.3)


def test_a_level_never_seen_is_judged_by_its_work() -> None:
    pace = Pace()
    pace.learn(SMALL, 3 * work(SMALL))
    assert pace.step_s(LARGE) == pytest.approx(3 * work(LARGE))


def test_a_level_seen_before_is_judged_by_its_own_kind_and_the_speed_of_the_moment() -> None:
    pace = Pace()
    pace.learn(SMALL, 6 * work(SMALL))
    pace.learn(LARGE, 2 * work(LARGE))
    # LARGE runs at a third of the rate: expected 6, met 2, so the next guess lies between, but its kind knows 2
    assert pace.usual[kind(LARGE)].seconds == pytest.approx(2)
    for _ in range(60):
        pace.learn(SMALL, 12 * work(SMALL))
    # the machine is half as fast as it used to be when SMALL was usual
    slower = pace.seconds / pace.usual[kind(SMALL)].seconds
    assert pace.step_s(LARGE) == pytest.approx(2 * slower * work(LARGE))


def test_an_earlier_process_knows_better_only_until_something_is_measured() -> None:
    pace = Pace()
    pace.adopt(2.5)
    assert pace.step_s(SMALL) == pytest.approx(2.5 * work(SMALL))
    pace.learn(SMALL, 3 * work(SMALL))
    pace.adopt(2.5)
    assert pace.seconds == pytest.approx(3)


def test_what_is_usual_is_the_mean_of_the_first_measurements() -> None:
    usual = Usual()
    for seconds in (1.0, 2.0, 6.0):
        usual.learn(seconds)
    assert usual.seconds == pytest.approx(3)


@given(st.floats(0.001, 100), st.floats(1e-3, 1000))
def test_pace_stays_between_what_was_and_what_is(was: float, seconds: float) -> None:
    level = Level(500, 400, 1, FULL)
    pace = Pace()
    pace.learn(level, was * work(level))
    pace.learn(level, seconds * work(level))
    assert min(was, seconds) * 0.999 <= pace.seconds <= max(was, seconds) * 1.001
