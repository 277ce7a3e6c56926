"""Whether the other end of a connection still lives. Pure bookkeeping: told times in seconds and counts of bytes.

A client is judged by signs of life and not by how long a thing takes: bytes of ours that it took, bytes of its own. So
a slow reader that gets a large frame stays, and one that has stopped goes.
"""

from __future__ import annotations

import math


class Liveness:
    """Dead is who takes nothing for `write_s` while we are blocked, or owes a pong for `pong_s`.

    `delivered` counts the bytes that the other end has taken so far; only its changes matter.
    """

    def __init__(self, *, write_s: float, pong_s: float) -> None:
        self._write_s, self._pong_s = write_s, pong_s
        self._delivered = 0
        self._moved_at = self._heard_at = -math.inf
        self._blocked_at: float | None = None
        self._asked_at: float | None = None
        self._question_ends = 0

    @property
    def waits(self) -> bool:
        """Something is expected of the client: `dead` should be asked now and then."""
        return self._blocked_at is not None or self._asked_at is not None

    def blocked(self, now: float, delivered: int) -> None:
        """More waits to be sent than we want to hold."""
        self._blocked_at, self._delivered = now, delivered

    def flowing(self) -> None:
        """We may send again."""
        self._blocked_at = None

    def asked(self, now: float, delivered: int, ahead: int) -> None:
        """A ping went out; it and what must arrive before it are `ahead` bytes. An older question stays open."""
        if self._asked_at is None:
            self._asked_at, self._delivered = now, delivered
            self._question_ends = delivered + ahead

    def answered(self) -> None:
        """A pong came."""
        self._asked_at = None

    def heard(self, now: float) -> None:
        """Bytes came from the client."""
        self._heard_at = now

    def dead(self, now: float, delivered: int) -> bool:
        """Look: how far has it come, and is that too little for too long?"""
        if delivered != self._delivered:
            self._moved_at = now
            if self._asked_at is not None and self._delivered < self._question_ends:
                # the question is still on its way, or has arrived just now
                self._asked_at = now
            self._delivered = delivered
        if self._blocked_at is not None and now - max(self._blocked_at, self._moved_at) >= self._write_s:
            return True
        return self._asked_at is not None and now - max(self._asked_at, self._heard_at) >= self._pong_s
