"""Following one job over connections that come and go. Pure: no socket, no clock, no sleep.

A `Follower` knows what to send when a connection opens and how to handle what comes; a `Backoff` knows how long to
wait before the next connection.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from duostyle.client.http import UNEXPECTED, Unreachable, error_of, foreign
from duostyle.errors import DuostyleError
from duostyle.protocol import outgoing
from duostyle.protocol.frames import decode_frame

ENDS = ("completed", "failed", "cancelled")
_REF = "follow"


@dataclass(frozen=True, slots=True)
class Frame:
    """One live picture: an encoded image of `width` x `height` px, as painted after `step`."""

    job: str
    seq: int
    step: int
    width: int
    height: int
    mime: str
    final: bool
    image: bytes


Event = Mapping[str, Any] | Frame


class Follower:
    """Follow `job`, or submit `order` and follow what comes of it. `frames` as in the message `subscribe`.

    The events are the server's messages as mappings with `type`, and Frames. The last one is always a terminal message;
    for a job that ended while the connection was lost it is made from its state.
    """

    def __init__(
        self, *, job: str | None = None, order: Mapping[str, Any] | None = None, frames: Any = False, after: int = 0
    ) -> None:
        self.job = job
        self.done = False
        self._order, self._frames = order, frames
        self._after = after
        self._submitting = False
        self._end: dict[str, Any] | None = None

    @property
    def waits_for_last_frame(self) -> bool:
        """The job has ended, and all that may still come is its picture."""
        return self._end is not None and not self.done

    def opening(self) -> str:
        """What to send on a new connection. Raises Unreachable when it is unknown whether the job was submitted."""
        if self.job is not None:
            return outgoing.text("subscribe", job=self.job, after=self._after, frames=self._frames, ref=_REF)
        if self._submitting:
            # submitting again might paint twice
            raise Unreachable("the connection was lost before the server said whether it accepted the job")
        self._submitting = True
        return outgoing.text("submit", **(self._order or {}), frames=self._frames, ref=_REF)

    def receive(self, data: str | bytes) -> list[Event]:
        """The events that a message makes. Raises the server's error, Unreachable when it makes no sense."""
        try:
            if isinstance(data, bytes):
                header, image = decode_frame(data)
                return self._frame(header, image)
            message = json.loads(data)
            kind = message["type"]
        except (ValueError, TypeError, KeyError):
            raise Unreachable(UNEXPECTED) from None
        return self._message(kind, message)

    def ack(self, frame: Frame) -> str:
        """What to send when a frame has been used: the next may come."""
        return outgoing.text("ack", job=frame.job, seq=frame.seq)

    def give_up_frame(self) -> list[Event]:
        """The last frame does not come: the terminal event without it."""
        self.done = True
        return [] if self._end is None else [self._end]

    def _frame(self, header: Mapping[str, Any], image: bytes) -> list[Event]:
        names = ("job", "seq", "step", "width", "height", "mime", "final")
        frame = Frame(**{name: header[name] for name in names}, image=image)
        if frame.job != self.job or frame.seq <= self._after:
            return []
        self._after = frame.seq
        if self._end is None or not frame.final:
            return [frame]
        self.done = True
        return [frame, self._end]

    def _message(self, kind: str, message: dict[str, Any]) -> list[Event]:
        if kind == "error":
            if message.get("ref") == _REF:
                raise error_of(message, "the server refused the request")
            return []
        if kind == "accepted" and message.get("ref") == _REF:
            self.job = message["job"]
            return [message]
        if kind == "hello" or message.get("job", self.job) != self.job:
            return []
        if kind == "state" and message["status"] in ENDS:
            return self._ended(message)
        self.done = kind in ENDS
        return [message]

    def _ended(self, state: dict[str, Any]) -> list[Event]:
        names = ("job", "seq", "elapsed_s", "step", "total_steps", "costs", "report", "partial", "error")
        self._end = {"type": state["status"], **{name: state.get(name) for name in names}}
        if self._frames is not False and state.get("frame_seq", 0) > self._after:
            return [state]
        self.done = True
        return [state, self._end]


class Backoff:
    """How long to wait before each next attempt: doubling from `first_s` up to `most_s`, spread by chance."""

    def __init__(
        self, *, first_s: float = 0.25, most_s: float = 15.0, chance: Callable[[], float] = random.random
    ) -> None:
        self._first_s, self._most_s, self._chance = first_s, most_s, chance
        self._attempts = 0
        self._failing_at: float | None = None

    def next_s(self, now: float) -> float:
        """Seconds to wait now: between half and all of what it has grown to, so that not all come back at once."""
        self._failing_at = now if self._failing_at is None else self._failing_at
        grown_s = min(self._most_s, self._first_s * 2**self._attempts)
        self._attempts = min(self._attempts + 1, 30)
        return float(grown_s * (0.5 + 0.5 * self._chance()))

    def failing_s(self, now: float) -> float:
        """Seconds since a connection last worked."""
        return 0.0 if self._failing_at is None else now - self._failing_at

    def reset(self) -> None:
        """A connection worked."""
        self._attempts, self._failing_at = 0, None


def reconnecting(delay_s: float, reason: str) -> dict[str, Any]:
    """An event of the client's own: the connection is lost and will be tried again."""
    return {"type": "reconnecting", "delay_s": round(delay_s, 3), "reason": reason}


def refusal(status: int, body: bytes) -> DuostyleError | None:
    """The error of a refused connection; None when trying again may help (busy, restarting)."""
    if status in (429, 500, 502, 503, 504):
        return None
    try:
        problem = json.loads(body)["error"]
    except (ValueError, TypeError, KeyError):
        problem = None
    return error_of(problem, foreign(status))
