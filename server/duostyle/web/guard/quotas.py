"""How much clients may ask for: requests a second, and how many things at once. Pure decisions, no sockets."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from duostyle.errors import QueueFull, TooManyRequests

_MAX_CLIENTS = 10_000


class TokenBucket:
    """Permits that are refilled at `per_s` up to `burst`; full at first. Times are seconds on any clock."""

    __slots__ = ("_burst", "_counted_at", "_left", "_per_s")

    def __init__(self, per_s: float, burst: float, now: float) -> None:
        self._per_s, self._burst = per_s, burst
        self._left, self._counted_at = burst, now

    def take(self, now: float) -> float:
        """0.0 when there was a permit, else the seconds until there is one."""
        self._left = min(self._burst, self._left + (now - self._counted_at) * self._per_s)
        self._counted_at = now
        if self._left < 1:
            return (1 - self._left) / self._per_s
        self._left -= 1
        return 0.0


class RateLimit:
    """Limits the requests of each client a second, with twice as many in one burst. Memory is bounded."""

    def __init__(self, per_s: float, clock: Callable[[], float]) -> None:
        self._per_s, self._clock = per_s, clock
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    def __len__(self) -> int:
        """How many clients are remembered."""
        return len(self._buckets)

    def take(self, client: str) -> float:
        """0.0 when the client may go on, else the seconds to wait."""
        now = self._clock()
        bucket = self._buckets.setdefault(client, TokenBucket(self._per_s, max(1.0, 2 * self._per_s), now))
        self._buckets.move_to_end(client)
        if len(self._buckets) > _MAX_CLIENTS:
            self._buckets.popitem(last=False)
        return bucket.take(now)


class Seats:
    """Limits the `things` at once, in all and per client. `limit`, `limit`_per_client are the settings' names."""

    def __init__(self, things: str, limit: str, total: int, per_client: int) -> None:
        self._things, self._limit = things, limit
        self._total, self._per_client = total, per_client
        self._taken: Counter[str] = Counter()

    def take(self, client: str) -> None:
        """Raises QueueFull when all are taken, TooManyRequests when the client has all that it may have."""
        if self._taken.total() >= self._total:
            raise QueueFull(f"too many {self._things}", limit=self._total, reached=self._limit)
        if self._taken[client] >= self._per_client:
            message, name = f"too many {self._things} from this client", f"{self._limit}_per_client"
            raise TooManyRequests(message, limit=self._per_client, reached=name)
        self._taken[client] += 1

    def give_back(self, client: str) -> None:
        self._taken[client] -= 1
        if self._taken[client] <= 0:
            del self._taken[client]

    @contextmanager
    def taken(self, client: str) -> Iterator[None]:
        """Take one and give it back at the end. Raises as `take` does."""
        self.take(client)
        try:
            yield
        finally:
            self.give_back(client)
