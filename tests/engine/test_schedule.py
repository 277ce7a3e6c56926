"""Steps done and left, the stopping rule, and the time left: what is learnt of the seconds of an evaluation."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duostyle.engine.pyramid import FULL, PRESETS, Depth, Level
from duostyle.engine.schedule import LOOK_BACK, MIN_STEPS, OVERHEAD_MEGAPIXELS, Pace, Schedule, Usual, kind, work

STEPS = st.lists(st.integers(1, 60), min_size=1, max_size=5)
SHALLOW = Depth("relu3_1")
SMALL, LARGE = Level(100, 100, 1), Level(1000, 1000, 1, SHALLOW)


def _schedule(steps: list[int], *, fixed: bool = True, styles: int = 1) -> Schedule:
    levels = [Level(100 * 2**index, 50 * 2**index, count) for index, count in enumerate(steps)]
    return Schedule(levels, preset="standard", styles=styles, fixed=fixed)


def _step(schedule: Schedule, best: tuple[float, ...] = ()) -> bool:
    """One step as a painter does it."""
    ended = schedule.count(best)
    if ended:
        schedule.advance()
    return ended


@given(STEPS)
def test_a_fixed_schedule_takes_every_step(steps: list[int]) -> None:
    schedule = _schedule(steps)
    pace = Pace(2.0)
    before = schedule.eta_s(pace)
    seen = []
    while not schedule.ended:
        seen.append(schedule.at)
        assert schedule.total == sum(steps)
        _step(schedule)
        assert schedule.done == len(seen)
        left = schedule.eta_s(pace)
        assert 0 <= left < before
        before = left
    assert [seen.count(at) for at in range(len(steps))] == steps
    assert schedule.eta_s(pace) == 0
    assert schedule.left_here == 0
    assert schedule.level == schedule.levels[-1]


@given(STEPS, st.integers(0, 200), st.integers(1, 300))
def test_replanning_never_loses_or_adds_steps(steps: list[int], done: int, iterations: int) -> None:
    schedule = _schedule(steps)
    for _ in range(min(done, sum(steps) - 1)):
        _step(schedule)
    taken = schedule.done
    schedule.replan(iterations)
    if schedule.left_here == 0:
        schedule.advance()
    assert schedule.total == max(iterations, taken)
    last = schedule.at
    while not schedule.ended:
        assert schedule.at >= last
        last = schedule.at
        _step(schedule)
    assert schedule.done == max(iterations, taken)


@given(STEPS, st.lists(st.integers(1, 300), min_size=1, max_size=4))
def test_the_last_of_many_replans_counts(steps: list[int], wishes: list[int]) -> None:
    schedule = _schedule(steps)
    for wish in wishes:
        schedule.replan(wish)
    assert schedule.total == wishes[-1]


def test_too_few_steps_go_to_the_finest_levels() -> None:
    schedule = _schedule([10, 10, 10])
    _step(schedule)
    schedule.replan(2)
    assert schedule.left_here == 0
    schedule.advance()
    assert schedule.at == 2
    assert schedule.left_here == 1
    assert _step(schedule)
    assert schedule.ended


def test_fewer_steps_than_are_done_end_it() -> None:
    schedule = _schedule([3, 3])
    for _ in range(4):
        _step(schedule)
    schedule.replan(2)
    schedule.advance()
    assert schedule.ended
    assert schedule.total == schedule.done == 4


def test_more_steps_are_spread_over_the_levels_left() -> None:
    schedule = _schedule([4, 4])
    for _ in range(4):
        _step(schedule)
    schedule.replan(30)
    assert schedule.left_here == 26


def _falling(count: int, fall: float) -> tuple[float, ...]:
    """Costs of which each is lower than the one before by the share `fall`."""
    return tuple(100 * (1 - fall) ** index for index in range(count))


def test_a_level_that_stalls_ends_early() -> None:
    schedule = _schedule([100, 20], fixed=False)
    flat = (5.0,) * 200
    count = 0
    while not schedule.count(flat[: count + 1]):
        count += 1
    assert schedule.done == max(MIN_STEPS, LOOK_BACK + 1)
    assert schedule.total == schedule.done + 20


@pytest.mark.parametrize("finest", [False, True])
def test_the_stopping_rule_by_hand(finest: bool) -> None:
    least = PRESETS["standard"].stop_finest if finest else PRESETS["standard"].stop
    for change, stops in ((0.9, True), (1.1, False)):
        schedule = _schedule([100] if finest else [100, 20], fixed=False)
        schedule.done_here = schedule.done = 49
        # the fall over the steps that the rule looks back at is a little less or more than the least
        costs = (*_falling(44, 0.1), 1.0, *[0.9999] * (LOOK_BACK - 1), 1.0 - least * change)
        assert schedule.count(costs) is stops


def test_no_level_ends_before_its_least_steps() -> None:
    schedule = _schedule([100], fixed=False)
    for count in range(1, MIN_STEPS):
        assert not schedule.count((5.0,) * count)


def test_given_iterations_are_all_taken() -> None:
    schedule = _schedule([40], fixed=True)
    for count in range(1, 40):
        assert not schedule.count((5.0,) * count)
    assert schedule.count((5.0,) * 40)


def test_a_replanned_schedule_does_not_end_early() -> None:
    schedule = _schedule([40], fixed=False)
    schedule.replan(50)
    for count in range(1, 50):
        assert not schedule.count((5.0,) * count)


def test_the_rule_looks_only_at_this_level() -> None:
    schedule = _schedule([100], fixed=False)
    schedule.done_here = 60
    assert not schedule.count((5.0,) * LOOK_BACK)


def test_the_time_left_is_steps_times_work_times_pace() -> None:
    schedule = _schedule([4])
    # 4 steps at 2 s per unit of work
    assert schedule.eta_s(Pace(2.0)) == pytest.approx(8 * work(schedule.level))
    _step(schedule)
    assert schedule.eta_s(Pace(2.0)) == pytest.approx(6 * work(schedule.level))


def test_later_levels_and_more_styles_cost_more() -> None:
    first, second = _schedule([4, 3]).levels
    steps_alone = (4 * work(first) + 3 * work(second)) * 2
    one, four = (_schedule([4, 3], styles=styles).eta_s(Pace(2.0)) for styles in (1, 4))
    assert steps_alone < one < four


def test_a_level_without_steps_costs_nothing() -> None:
    schedule = _schedule([4, 3, 2])
    schedule.replan(2)
    schedule.advance()
    assert schedule.steps[0] == 0
    without = _schedule([4, 3, 2])
    without.at = 1
    without.steps = [0, 1, 1]
    assert schedule.eta_s(Pace(1.0)) == pytest.approx(without.eta_s(Pace(1.0)))


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
