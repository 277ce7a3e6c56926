"""A clock that is set by hand."""

from __future__ import annotations


class Clock:
    """Seconds: `now` is what it tells."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now
