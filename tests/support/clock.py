"""Clocks that are set by hand."""

from __future__ import annotations

import asyncio


class Clock:
    """Seconds: `now` is what it tells."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Sleep:
    """Stands for `asyncio.sleep`: time passes only in `pass_s`."""

    def __init__(self) -> None:
        self._now_s = 0.0
        self._sleepers: list[tuple[float, asyncio.Event]] = []
        self._asleep = asyncio.Event()

    async def __call__(self, seconds: float) -> None:
        awake = asyncio.Event()
        self._sleepers.append((self._now_s + seconds, awake))
        self._asleep.set()
        await awake.wait()

    async def pass_s(self, seconds: float) -> None:
        """Once somebody sleeps, let so much time pass."""
        await self._asleep.wait()
        self._now_s += seconds
        for due_s, awake in self._sleepers:
            if due_s <= self._now_s:
                awake.set()
        self._sleepers = [one for one in self._sleepers if not one[1].is_set()]
        if not self._sleepers:
            self._asleep.clear()
