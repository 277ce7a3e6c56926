"""Measured seconds, without those spent on inspection."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Stopwatch:
    """Runs from construction on. What happens inside `paused` is not counted."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._start = clock()
        self._lost_s = 0.0

    @property
    def seconds(self) -> float:
        return self._clock() - self._start - self._lost_s

    @contextmanager
    def paused(self) -> Iterator[float]:
        """Gives the current reading in seconds."""
        begin = self._clock()
        try:
            yield begin - self._start - self._lost_s
        finally:
            self._lost_s += self._clock() - begin


def seconds_of(work: Callable[[], object]) -> float:
    """How long one call takes."""
    watch = Stopwatch()
    work()
    return watch.seconds
