"""Detects a stalled engine: it is stalled when an evaluation takes many times as long as one should.

The engine thread reports what it does; the event loop reads it. No locks: each value is written whole.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

_log = logging.getLogger(__name__)
# Assumed before anything was measured: a slow processor's seconds per megapixel.
_SLOW_S = 12.0
_FACTOR = 10.0


class Watchdog:
    """`stall_s` is the shortest time without an evaluation that counts as a stall; `clock` counts seconds."""

    def __init__(self, stall_s: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._shortest_s = stall_s
        self._clock = clock
        self._moved_at: float | None = None
        self._megapixels = 0.0
        self._rate_s = 0.0

    def begin(self, megapixels: float) -> None:
        """The engine starts on a painting whose largest level has this many megapixels."""
        self._megapixels = megapixels
        self._moved_at = self._clock()

    def moved(self, step_s: float, megapixels: float) -> None:
        """The engine made an evaluation of `megapixels` in `step_s` seconds."""
        if megapixels > 0:
            # coarse levels cost more per pixel: the slowest is the safe guess for the largest
            self._rate_s = max(0.9 * self._rate_s, step_s / megapixels)
        self._moved_at = self._clock()

    def rest(self) -> None:
        """The engine has nothing to do."""
        self._moved_at = None

    @property
    def limit_s(self) -> float:
        """How long an evaluation may take now."""
        return max(self._shortest_s, _FACTOR * (self._rate_s or _SLOW_S) * self._megapixels)

    @property
    def stalled_s(self) -> float:
        """Seconds since the last sign of life when that is too long, else 0."""
        moved_at = self._moved_at
        quiet_s = 0.0 if moved_at is None else self._clock() - moved_at
        return quiet_s if quiet_s > self.limit_s else 0.0

    async def report(self, every_s: float) -> None:
        """Log when the engine stalls and when it recovers. Never returns."""
        was = False
        while True:
            stalled_s = self.stalled_s
            if stalled_s and not was:
                _log.error("the engine is stalled", extra={"quiet_s": round(stalled_s)})
            elif was and not stalled_s:
                _log.warning("the engine is running again")
            was = bool(stalled_s)
            await asyncio.sleep(every_s)
