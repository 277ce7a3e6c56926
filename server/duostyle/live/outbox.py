"""What waits for one connection: newest-wins slots for progress and frames, an ordered lane for rare messages.

Pure: no socket, no clock of its own, nothing awaited. A connection that takes nothing holds one progress text per job
it watches and at most MAX_LANE rare messages; pictures are shared between all watchers of a job.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from duostyle.errors import TooManyRequests
from duostyle.picture import Picture
from duostyle.protocol.frames import FrameOptions
from duostyle.protocol.status_codes import TRY_LATER

MAX_LANE = 256
# Pictures are still taken for a watcher that has not acknowledged, so that its next frame is fresh; not for ever.
_MAX_IDLE_PICTURES = 30
# A frame may come this share of its interval early, so that steps that come at just the asked-for rate all pass,
# though not on the dot; what is early is made up for, and the rate is kept on average.
_EARLY = 0.5


@dataclass(eq=False, slots=True)
class Topic:
    """One job as its watchers see it: the newest picture, when the next is wanted, who watches.

    `due_at` is read by the engine thread: a picture is wanted from that moment of the clock on.
    """

    job: str
    subscriptions: list[Subscription] = field(default_factory=list)
    picture: Picture | None = None
    seq: int = 0
    step: int = 0
    final: bool = False
    taken_at: float = -math.inf
    due_at: float = math.inf
    asked: bool = False
    # frame class -> the encoded form of this very picture, or a promise of it; the hub's business
    encoded: dict[tuple[int, int], Any] = field(default_factory=dict)

    def hasten(self, subscription: Subscription) -> None:
        """This one may want a picture sooner than before."""
        self.due_at = min(self.due_at, subscription.wish_at())

    def reckon_due(self) -> None:
        """Work out `due_at` anew. Takes time with many watchers: not for every frame or word of each of them."""
        wishes = [subscription.wish_at() for subscription in self.subscriptions]
        self.due_at = -math.inf if self.asked else min(wishes, default=math.inf)


@dataclass(eq=False, slots=True)
class Subscription:
    """One connection's view of one job. `frames` None: no frames. `sent_seq`: the last frame that it got.

    `next_at` is when the next frame is due at the asked-for rate.
    """

    topic: Topic
    mailbox: Mailbox
    frames: FrameOptions | None
    sent_seq: int = 0
    next_at: float = -math.inf
    unacknowledged: list[int] = field(default_factory=list)
    idle_pictures: int = 0
    queued: str | None = None
    progress: str | None = None
    progress_at: float = -math.inf
    over: bool = False
    end: str | None = None

    @property
    def interval_s(self) -> float:
        return 1 / self.frames.max_fps if self.frames else math.inf

    @property
    def unseen(self) -> bool:
        """There is a picture that this watcher wants and has not got."""
        return self.frames is not None and self.topic.picture is not None and self.topic.seq > self.sent_seq

    @property
    def credit(self) -> bool:
        return self.frames is not None and len(self.unacknowledged) < self.frames.window

    def wish_at(self) -> float:
        """When it would like a new picture; inf for never."""
        if self.frames is None or self.idle_pictures >= _MAX_IDLE_PICTURES:
            return math.inf
        interval_s = self.interval_s
        return max(self.next_at, self.topic.taken_at + interval_s) - _EARLY * interval_s

    def frame_at(self) -> float:
        """When its next frame may go out; inf while there is none, or no credit. The final one waits for nothing."""
        if not self.unseen:
            return math.inf
        if self.topic.final:
            return -math.inf
        return self.next_at - _EARLY * self.interval_s if self.credit else math.inf


@dataclass(frozen=True, slots=True)
class FrameDue:
    """A frame should go out for this subscription; whoever writes lets the hub encode the newest picture."""

    subscription: Subscription


@dataclass(frozen=True, slots=True)
class Close:
    """Nothing more to say: close with this code."""

    code: int


class Mailbox:
    """One connection's messages. `on_ready` is called whenever there may be something to take."""

    def __init__(self, *, on_ready: Callable[[], None], progress_interval_s: float, max_subscriptions: int) -> None:
        self._on_ready = on_ready
        self._progress_interval_s = progress_interval_s
        self._max_subscriptions = max_subscriptions
        self._lane: deque[str] = deque()
        self._close: Close | None = None
        self.subscriptions: dict[str, Subscription] = {}

    def post(self, text: str) -> None:
        """Add a rare message. A connection that lets MAX_LANE of them pile up is closed with 1013."""
        if self._close is not None:
            return
        if len(self._lane) >= MAX_LANE:
            self._lane.clear()
            self.close(TRY_LATER)
            return
        self._lane.append(text)
        self._on_ready()

    def close(self, code: int) -> None:
        """Close after what the lane holds; later messages are dropped."""
        self._close = self._close or Close(code)
        self._on_ready()

    def wake(self) -> None:
        self._on_ready()

    def subscribe(self, topic: Topic, frames: FrameOptions | None, after: int) -> Subscription:
        """Watch `topic`, anew if it is watched already. Raises TooManyRequests at the limit."""
        if topic.job not in self.subscriptions and len(self.subscriptions) >= self._max_subscriptions:
            raise TooManyRequests(
                "too many jobs watched on one connection", limit=self._max_subscriptions, reached="max_subscriptions"
            )
        self.unsubscribe(topic.job)
        subscription = Subscription(topic, self, frames, sent_seq=after)
        self.subscriptions[topic.job] = subscription
        topic.subscriptions.append(subscription)
        topic.hasten(subscription)
        self._on_ready()
        return subscription

    def unsubscribe(self, job: str) -> bool:
        """Stop watching; False when the job was not watched."""
        subscription = self.subscriptions.pop(job, None)
        if subscription is None:
            return False
        topic = subscription.topic
        topic.subscriptions.remove(subscription)
        if not any(other.frames for other in topic.subscriptions):
            # else the next picture sets it right: at worst that comes a little early
            topic.reckon_due()
        return True

    def acknowledge(self, job: str, seq: int) -> None:
        """The client has drawn the frames of `job` up to `seq`."""
        subscription = self.subscriptions.get(job)
        if subscription is None:
            return
        subscription.unacknowledged = [sent for sent in subscription.unacknowledged if sent > seq]
        subscription.idle_pictures = 0
        subscription.topic.hasten(subscription)
        self._on_ready()

    def frame_sent(self, subscription: Subscription, seq: int, now: float) -> None:
        """A frame with this `seq` goes out now. The topic's `due_at` must be reckoned anew soon."""
        subscription.sent_seq = seq
        subscription.next_at = max(subscription.next_at, now) + subscription.interval_s
        subscription.unacknowledged.append(seq)

    def take(self, now: float) -> str | FrameDue | Close | None:
        """What should be sent next, None when nothing is due."""
        if self._lane:
            return self._lane.popleft()
        if self._close is not None:
            return self._close
        for subscription in list(self.subscriptions.values()):
            taken = self._take_from(subscription, now)
            if not taken:
                continue
            job = subscription.topic.job
            if self.subscriptions.get(job) is subscription:
                # to the end of the line: no job starves another
                self.subscriptions[job] = self.subscriptions.pop(job)
            return taken
        return None

    def due_at(self) -> float:
        """When `take` will have something without any further event; inf for never."""
        if self._lane or self._close is not None:
            return -math.inf
        return min((self._due_at(subscription) for subscription in self.subscriptions.values()), default=math.inf)

    def _due_at(self, subscription: Subscription) -> float:
        if subscription.queued is not None or (subscription.over and not subscription.unseen):
            return -math.inf
        progress_at = subscription.progress_at if subscription.progress is not None else math.inf
        return min(progress_at, subscription.frame_at())

    def _take_from(self, subscription: Subscription, now: float) -> str | FrameDue | None:
        """None: nothing due; an empty text: it ended without a word."""
        if subscription.queued is not None:
            text, subscription.queued = subscription.queued, None
            return text
        if subscription.progress is not None and now >= subscription.progress_at:
            text, subscription.progress = subscription.progress, None
            subscription.progress_at = now + self._progress_interval_s
            return text
        if now >= subscription.frame_at():
            return FrameDue(subscription)
        if subscription.over and not subscription.unseen:
            self.unsubscribe(subscription.topic.job)
            return subscription.end or ""
        return None
