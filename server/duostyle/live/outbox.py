"""What waits for one connection: newest-wins slots for progress and frames, a bounded queue for rare messages.

No socket, no clock, nothing awaited. A connection that takes nothing holds one progress text per job it watches and at
most MAX_RARE rare messages; pictures are shared between all watchers of a job.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from duostyle.errors import TooManyRequests
from duostyle.live.subscription import Subscription, Topic
from duostyle.protocol.frames import FrameOptions
from duostyle.protocol.status_codes import TRY_LATER

MAX_RARE = 256


@dataclass(frozen=True, slots=True)
class FrameDue:
    """A frame should go out for this subscription; the writer asks the hub for the newest picture, encoded."""

    subscription: Subscription


@dataclass(frozen=True, slots=True)
class Preview:
    """A whole frame with an instant picture, and the `ref` of the request that it answers."""

    frame: bytes
    ref: str | None


@dataclass(frozen=True, slots=True)
class Close:
    """Nothing more to say: close with this code."""

    code: int


class Outbox:
    """One connection's messages. `wake` is called whenever there may be something to take."""

    def __init__(self, *, wake: Callable[[], None], progress_interval_s: float, max_subscriptions: int) -> None:
        self.wake = wake
        self._progress_interval_s = progress_interval_s
        self._max_subscriptions = max_subscriptions
        self._rare: deque[str] = deque()
        self._preview: Preview | None = None
        self._close: Close | None = None
        self.subscriptions: dict[str, Subscription] = {}

    @property
    def rare_waiting(self) -> int:
        """How many rare messages wait."""
        return len(self._rare)

    def post(self, text: str) -> None:
        """Add a rare message. A connection that lets MAX_RARE of them pile up is closed with 1013."""
        if self._close is not None:
            return
        if len(self._rare) >= MAX_RARE:
            self._rare.clear()
            self.close(TRY_LATER)
            return
        self._rare.append(text)
        self.wake()

    def send_preview(self, preview: Preview) -> Preview | None:
        """Send `preview`. Returns the one that it replaces, if the reader was too slow for that."""
        replaced, self._preview = self._preview, preview
        self.wake()
        return replaced

    def close(self, code: int) -> None:
        """Close after the rare messages that wait; later ones are dropped."""
        self._close = self._close or Close(code)
        self.wake()

    def check_room(self) -> None:
        """Raises TooManyRequests when no further job may be watched."""
        if len(self.subscriptions) >= self._max_subscriptions:
            raise TooManyRequests(
                "this connection watches too many jobs", limit=self._max_subscriptions, reached="max_subscriptions"
            )

    def subscribe(self, topic: Topic, frames: FrameOptions | None, after: int) -> Subscription:
        """Watch `topic`; if it is watched already, start over. Raises TooManyRequests at the limit."""
        if topic.job not in self.subscriptions:
            self.check_room()
        self.unsubscribe(topic.job)
        subscription = Subscription(topic, self.post, self.wake, frames, sent_seq=after)
        self.subscriptions[topic.job] = subscription
        topic.subscriptions.append(subscription)
        topic.due_at = min(topic.due_at, subscription.picture_wanted_at())
        self.wake()
        return subscription

    def unsubscribe(self, job: str) -> None:
        """Stop watching, if it was watched."""
        subscription = self.subscriptions.pop(job, None)
        if subscription is None:
            return
        subscription.active = False
        topic = subscription.topic
        topic.subscriptions.remove(subscription)
        if not any(other.frames for other in topic.subscriptions):
            # else the next picture corrects it: at worst that comes a little early
            topic.recompute_due()

    def acknowledge(self, job: str, seq: int) -> None:
        """The client has drawn the frames of `job` up to `seq`."""
        if job in self.subscriptions:
            self.subscriptions[job].acknowledge(seq)

    def take(self, now: float) -> str | Preview | FrameDue | Close | None:
        """What should be sent next, None when nothing is due."""
        if self._rare:
            return self._rare.popleft()
        if self._close is not None:
            return self._close
        if self._preview is not None:
            preview, self._preview = self._preview, None
            return preview
        for job, subscription in list(self.subscriptions.items()):
            taken = self._take_from(subscription, now)
            if not taken:
                continue
            if subscription.active:
                # moved behind the others, so that no job starves another
                self.subscriptions[job] = self.subscriptions.pop(job)
            return taken
        return None

    def due_at(self) -> float:
        """When `take` will have something without any further event; inf for never."""
        if self._rare or self._close is not None or self._preview is not None:
            return -math.inf
        return min((subscription.due_at() for subscription in self.subscriptions.values()), default=math.inf)

    def _take_from(self, subscription: Subscription, now: float) -> str | FrameDue | None:
        """None: nothing due; an empty text: it ended without a message."""
        if subscription.queued is not None:
            text, subscription.queued = subscription.queued, None
            return text
        if subscription.progress is not None and now >= subscription.progress_at:
            text, subscription.progress = subscription.progress, None
            subscription.progress_at = now + self._progress_interval_s
            return text
        if now >= subscription.frame_due_at():
            return FrameDue(subscription)
        if subscription.over and not subscription.unseen:
            self.unsubscribe(subscription.topic.job)
            return subscription.end or ""
        return None
