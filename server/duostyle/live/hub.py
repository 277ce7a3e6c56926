"""Who watches what: passes a job's messages and frames to its watchers. Nothing here waits for a slow reader.

All methods run on the event loop; only `Topic.due_at` is read by the engine thread. What waits for one connection is
kept in its `outbox`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from duostyle.live.frame_cache import Encode, FrameCache
from duostyle.live.outbox import FrameDue, Outbox
from duostyle.live.subscription import Subscription, Topic
from duostyle.metrics import Metrics
from duostyle.picture import Picture
from duostyle.protocol.frames import FrameOptions
from duostyle.protocol.outgoing import Shutdown
from duostyle.protocol.status_codes import RESTART
from duostyle.settings import Settings

# Keeps a margin, so that a second never sees more than ten messages, whatever the network does to their spacing.
_SPACING = 1.05


class Hub:
    """The topics of all active jobs and the outboxes of all connections.

    `encode(picture, max_px, quality)` makes a JPEG off the loop; `clock` counts seconds.
    """

    def __init__(
        self, *, settings: Settings, metrics: Metrics, encode: Encode, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings = settings
        self._metrics = metrics
        self._frames = FrameCache(encode, metrics)
        self.clock = clock
        self._topics: dict[str, Topic] = {}
        self._outboxes: set[Outbox] = set()
        self._to_recompute: set[Topic] = set()
        self._empty = asyncio.Event()
        self._empty.set()
        self._farewell: str | None = None
        # counted when asked for: subscriptions also end in the outboxes
        metrics.watchers.set_function(lambda: sum(len(outbox.subscriptions) for outbox in self._outboxes))

    @property
    def active_jobs(self) -> frozenset[str]:
        """Ids of the jobs that have a topic."""
        return frozenset(self._topics)

    def connect(self, wake: Callable[[], None]) -> Outbox:
        """An outbox for a new connection; `wake` is called when there may be something to take."""
        outbox = Outbox(
            wake=wake,
            progress_interval_s=_SPACING / self._settings.progress_per_s,
            max_subscriptions=self._settings.max_subscriptions,
        )
        self._outboxes.add(outbox)
        self._empty.clear()
        self._metrics.sockets.inc()
        if self._farewell is not None:
            self._close(outbox, self._farewell)
        return outbox

    def disconnect(self, outbox: Outbox) -> None:
        """Forget a connection and all that it watched."""
        if outbox not in self._outboxes:
            return
        self._outboxes.remove(outbox)
        for job in list(outbox.subscriptions):
            outbox.unsubscribe(job)
        self._metrics.sockets.dec()
        if not self._outboxes:
            self._empty.set()

    def topic(self, job: str) -> Topic:
        """The active job's topic, made on first use; `end` removes it."""
        return self._topics.setdefault(job, Topic(job))

    def subscribe(self, outbox: Outbox, job: str, frames: FrameOptions | None, after: int | None = None) -> None:
        """Watch an active job; its last frame follows unless its seq is at most `after`. Raises TooManyRequests."""
        outbox.subscribe(self.topic(job), frames, after or 0)

    def show(
        self,
        outbox: Outbox,
        job: str,
        picture: Picture,
        frames: FrameOptions,
        *,
        seq: int,
        step: int,
        after: int | None = None,
    ) -> None:
        """Send the last frame of a job that has ended. Raises TooManyRequests."""
        ended = Topic(job, picture=picture, seq=seq, step=step, final=True)
        outbox.subscribe(ended, frames, after or 0).over = True

    def watched(self, job: str) -> bool:
        return bool(self._watchers(job))

    def tell(self, job: str, text: str) -> None:
        """Send a rare message to every watcher of `job`, in order."""
        for subscription in self._watchers(job):
            subscription.post(text)

    def send_queued(self, job: str, text: str) -> None:
        """Send the newest `queued` message in place of an older one that waits."""
        for subscription in self._watchers(job):
            subscription.queued = text
            subscription.wake()

    def send_progress(self, job: str, text: str) -> None:
        """Send the newest `progress` message in place of an older one that waits."""
        for subscription in self._watchers(job):
            if subscription.progress is not None:
                self._metrics.progress_skipped.inc()
            subscription.progress = text
            subscription.wake()

    def drop_outdated(self, job: str) -> None:
        """Drop waiting `queued` and `progress` messages, which the job's new status has outdated."""
        for subscription in self._watchers(job):
            subscription.queued = subscription.progress = None

    def set_picture(self, job: str, picture: Picture, *, seq: int, step: int, final: bool = False) -> None:
        """Show the newest picture of an active job; each watcher gets it when its window and rate allow."""
        topic = self.topic(job)
        for subscription in topic.subscriptions:
            if subscription.unseen:
                self._metrics.frames_skipped.inc()
            subscription.idle_pictures += not subscription.credit
        topic.picture, topic.seq, topic.step, topic.final = picture, seq, step, final
        topic.encoded.clear()
        topic.picture_taken(self.clock())
        for subscription in topic.subscriptions:
            subscription.wake()

    def keep_picture(self, job: str) -> None:
        """Note that a new picture equals the one that watchers have: the next is wanted after the usual interval."""
        self.topic(job).picture_taken(self.clock())

    def ask(self, job: str) -> None:
        """Request a picture at the next step even if nobody watches."""
        topic = self.topic(job)
        topic.asked = True
        topic.recompute_due()

    def end(self, job: str, text: str) -> None:
        """Send the terminal message: after it and the final frame nothing more is said about `job`."""
        topic = self._topics.pop(job, None)
        if topic is None:
            return
        topic.asked = False
        for subscription in topic.subscriptions:
            subscription.over, subscription.end, subscription.queued = True, text, None
            if not topic.final:
                # a picture of an earlier step is outdated
                subscription.sent_seq = max(subscription.sent_seq, topic.seq)
            subscription.wake()

    async def take_frame(self, due: FrameDue) -> bytes | None:
        """The frame to send for `due`, None when it is no longer wanted or cannot be encoded."""
        subscription = due.subscription
        topic, seq = subscription.topic, subscription.topic.seq
        if subscription.frames is None:
            return None
        frame = await self._frames.get(topic, subscription.frames)
        if not subscription.active:
            return None
        subscription.frame_sent(seq, self.clock())
        self._recompute_soon(topic)
        if frame is None:
            subscription.unacknowledged.remove(seq)
            return None
        self._metrics.frames_sent.inc()
        return frame

    def shutdown(self, retry_s: float) -> None:
        """Tell every connection, also those still to come, that the server restarts; each then closes with 1012."""
        self._farewell = Shutdown(retry_s=retry_s).text()
        for outbox in self._outboxes:
            self._close(outbox, self._farewell)

    async def until_empty(self) -> None:
        """Wait until no connection is left."""
        await self._empty.wait()

    def _recompute_soon(self, topic: Topic) -> None:
        """Once for all frames that go out in this turn of the loop, however many watch."""
        if not self._to_recompute:
            asyncio.get_running_loop().call_soon(self._recompute)
        self._to_recompute.add(topic)

    def _recompute(self) -> None:
        for topic in self._to_recompute:
            topic.recompute_due()
        self._to_recompute.clear()

    def _close(self, outbox: Outbox, farewell: str) -> None:
        outbox.post(farewell)
        outbox.close(RESTART)

    def _watchers(self, job: str) -> list[Subscription]:
        topic = self._topics.get(job)
        return topic.subscriptions if topic is not None else []
