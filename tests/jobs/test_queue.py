from __future__ import annotations

import pytest

from duostyle.jobs.queue import Estimate, final_megapixels
from duostyle.params import StyleParams

STANDARD = StyleParams()
TEN_STEPS = StyleParams(iterations=10)


def test_nothing_is_known_before_something_was_measured() -> None:
    estimate = Estimate()
    assert estimate.seconds(TEN_STEPS, megapixels=1.0) is None
    estimate.learn(TEN_STEPS, megapixels=1.0, steps=10, seconds=20.0)
    assert estimate.seconds(STANDARD, megapixels=1.0) is None, "no job of this preset has run"


def test_time_grows_with_pixels_and_steps() -> None:
    estimate = Estimate()
    estimate.learn(STANDARD, megapixels=1.0, steps=10, seconds=20.0)
    assert estimate.seconds(STANDARD, megapixels=1.0) == pytest.approx(20.0)
    assert estimate.seconds(STANDARD, megapixels=0.5) == pytest.approx(10.0)
    assert estimate.seconds(StyleParams(iterations=30), megapixels=1.0) == pytest.approx(60.0)
    assert estimate.seconds(StyleParams(preset="fine"), megapixels=1.0) is None


def test_newer_jobs_count_more() -> None:
    estimate = Estimate()
    for seconds in (10.0, 30.0):
        estimate.learn(TEN_STEPS, megapixels=1.0, steps=10, seconds=seconds)
    assert estimate.seconds(TEN_STEPS, megapixels=1.0) == pytest.approx(20.0)


def test_the_running_job_is_a_guess_until_a_job_has_ended() -> None:
    estimate = Estimate()
    estimate.expect(STANDARD, megapixels=1.0, steps=10, seconds=50.0)
    assert estimate.seconds(STANDARD, megapixels=1.0) == pytest.approx(50.0)
    estimate.learn(STANDARD, megapixels=1.0, steps=10, seconds=20.0)
    estimate.expect(STANDARD, megapixels=1.0, steps=10, seconds=90.0)
    assert estimate.seconds(STANDARD, megapixels=1.0) == pytest.approx(20.0)


@pytest.mark.parametrize(("width", "height", "expected"), [(100, 100, 1.0), (200, 100, 0.5), (100, 400, 0.25)])
def test_final_size(width: int, height: int, expected: float) -> None:
    assert final_megapixels(1000, width, height) == pytest.approx(expected)


def test_instant_pictures_say_nothing_about_paintings_and_the_other_way_round() -> None:
    estimate = Estimate()
    instant, painting = StyleParams(preset="instant"), StyleParams()
    estimate.learn(painting, megapixels=0.5, steps=100, seconds=50.0)
    assert estimate.seconds(instant, megapixels=0.5) is None
    estimate.expect(instant, megapixels=0.5, steps=1, seconds=0.2)
    estimate.learn(instant, megapixels=0.5, steps=1, seconds=0.2)
    assert estimate.seconds(painting, megapixels=0.5) == pytest.approx(50.0)
    assert estimate.seconds(instant, megapixels=1.0) == pytest.approx(0.4)
