"""One job as its watchers see it (`Topic`), and one watcher's view of it (`Subscription`). No clock, no socket."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass, field

from duostyle.picture import Picture
from duostyle.protocol.frames import FrameOptions

# Pictures are still taken for a watcher that has not acknowledged, so that its next frame is fresh, but only so many.
_MAX_IDLE_PICTURES = 30
# A frame may come this share of its interval early, so that steps that come at just the requested rate all pass,
# though not on the dot; what is early is made up for, and the rate is kept on average.
_EARLY = 0.5


@dataclass(eq=False, slots=True)
class Topic:
    """One job as its watchers see it: the newest picture, when the next is wanted, who watches.

    `due_at` is read by the engine thread: a picture is wanted from that moment of the clock on. `encoded` holds the
    newest picture by frame class (longest side in px, JPEG quality).
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
    encoded: dict[tuple[int, int], asyncio.Task[bytes | None]] = field(default_factory=dict)

    def picture_taken(self, now: float) -> None:
        """The engine has just given a picture, new or not."""
        self.taken_at, self.asked = now, False
        self.recompute_due()

    def recompute_due(self) -> None:
        """Recompute `due_at`. Looks at every watcher: too slow for each frame or acknowledgement of each."""
        wanted = (subscription.picture_wanted_at() for subscription in self.subscriptions)
        self.due_at = -math.inf if self.asked else min(wanted, default=math.inf)


@dataclass(eq=False, slots=True)
class Subscription:
    """One connection's view of one job. `frames` None: no frames. `sent_seq`: the last frame that was sent.

    `post` adds a rare message to the connection's outbox, `wake` says that there may be something to take.
    `next_at` is when the next frame is due at the requested rate. `over`: the job has ended, and `end` is its last
    message. `active` until the connection unsubscribes.
    """

    topic: Topic
    post: Callable[[str], None]
    wake: Callable[[], None]
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
    active: bool = True

    @property
    def interval_s(self) -> float:
        return 1 / self.frames.max_fps if self.frames else math.inf

    @property
    def unseen(self) -> bool:
        """Whether there is a picture that this watcher wants and has not received."""
        return self.frames is not None and self.topic.picture is not None and self.topic.seq > self.sent_seq

    @property
    def credit(self) -> bool:
        """Whether the window allows another frame."""
        return self.frames is not None and len(self.unacknowledged) < self.frames.window

    def picture_wanted_at(self) -> float:
        """When it wants a new picture; inf for never."""
        if self.frames is None or self.idle_pictures >= _MAX_IDLE_PICTURES:
            return math.inf
        interval_s = self.interval_s
        return max(self.next_at, self.topic.taken_at + interval_s) - _EARLY * interval_s

    def frame_due_at(self) -> float:
        """When its next frame may go out; inf while there is none, or no credit. The final one may always go."""
        if not self.unseen:
            return math.inf
        if self.topic.final:
            return -math.inf
        return self.next_at - _EARLY * self.interval_s if self.credit else math.inf

    def due_at(self) -> float:
        """When it has something to send without any further event; inf for never."""
        if self.queued is not None or (self.over and not self.unseen):
            return -math.inf
        return min(self.progress_at if self.progress is not None else math.inf, self.frame_due_at())

    def frame_sent(self, seq: int, now: float) -> None:
        """A frame with this `seq` goes out now. The topic's `due_at` must be recomputed soon."""
        self.sent_seq = seq
        self.next_at = max(self.next_at, now) + self.interval_s
        self.unacknowledged.append(seq)

    def acknowledge(self, seq: int) -> None:
        """The client has drawn the frames up to `seq`, and may want a picture sooner than before."""
        self.unacknowledged = [sent for sent in self.unacknowledged if sent > seq]
        self.idle_pictures = 0
        self.topic.due_at = min(self.topic.due_at, self.picture_wanted_at())
        self.wake()
