"""Short calls to the engine beside a painting, previews for instance: in order, and without slowing it much.

The event loop asks for them; the engine thread makes them: at once while nothing is painted, else between two
convolutions of the painting.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from duostyle.engine.api import Cancelled, Engine

# the most that may wait
MAX_CALLS = 32
# beside a painting, a call that took one second is followed by this many seconds for the painting alone
PAINTING_SHARE = 6.5

T = TypeVar("T")


@dataclass(eq=False)
class EngineCall(Generic[T]):
    """`work` is called with the engine and a check that it must call often, which raises Cancelled."""

    work: Callable[[Engine, Callable[[], None]], T]
    future: asyncio.Future[T]
    _dropped: threading.Event = field(default_factory=threading.Event)

    def drop(self) -> None:
        """Nobody waits for it any more."""
        self._dropped.set()

    def check(self) -> None:
        """Raises Cancelled when nobody waits for it."""
        if self._dropped.is_set():
            raise Cancelled


class EngineCalls:
    """What waits, first come first served. `clock` counts seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        # a deque is safe across threads
        self._waiting: deque[EngineCall[object]] = deque()
        self._rest_until = 0.0

    def add(self, call: EngineCall[object]) -> None:
        """On the event loop."""
        self._waiting.append(call)

    @property
    def waiting(self) -> int:
        """How many have not begun."""
        return len(self._waiting)

    def take(self, *, painting: bool) -> EngineCall[object] | None:
        """The next one, None when there is none or the painting has its turn. On the engine thread."""
        if not self._waiting or (painting and self._clock() < self._rest_until):
            return None
        return self._waiting.popleft()

    def done(self, took_s: float) -> None:
        """Note that one took `took_s`: now it is the painting's turn for a while."""
        self._rest_until = self._clock() + PAINTING_SHARE * took_s
