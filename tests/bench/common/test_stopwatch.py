"""What is looked at meanwhile is not counted."""

from __future__ import annotations

from bench.common.stopwatch import Stopwatch
from tests.support.clock import Clock


def test_a_pause_is_not_counted_also_when_it_ends_by_an_error() -> None:
    clock = Clock(100.0)
    watch = Stopwatch(clock)
    clock.now += 3
    with watch.paused() as seconds:
        assert seconds == 3
        clock.now += 50
    clock.now += 1
    assert watch.seconds == 4
    try:
        with watch.paused() as seconds:
            clock.now += 7
            raise KeyError
    except KeyError:
        assert (seconds, watch.seconds) == (4, 4)
