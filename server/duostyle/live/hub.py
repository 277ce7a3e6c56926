"""Who watches what: hands a job's news to its watchers. Nobody here waits for a slow reader.

All methods run on the event loop; only `Topic.due_at` is read by the engine thread. What waits for one connection is
kept in `mailbox`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from duostyle.live.outbox import FrameDue, Mailbox, Subscription, Topic
from duostyle.metrics import Metrics
from duostyle.picture import Picture
from duostyle.protocol import outgoing
from duostyle.protocol.frames import FrameHeader, FrameOptions, encode_frame
from duostyle.protocol.status_codes import RESTART
from duostyle.settings import Settings

# Watchers may ask for any size and quality; frames are encoded for the next class below, so that many share one.
_SIZES_PX = tuple(side * 2**octave for octave in range(10) for side in (16, 20, 24, 28))
_QUALITY_STEP = 5
# Eleven messages must never fall into one second, whatever the network does to their spacing.
_SPACING = 1.05

Encode = Callable[[Picture, int, int], Awaitable[bytes]]


class Hub:
    """`encode(picture, max_px, quality)` makes a JPEG off the loop; `clock` counts seconds."""

    def __init__(
        self, *, settings: Settings, metrics: Metrics, encode: Encode, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings = settings
        self._metrics = metrics
        self._encode = encode
        self.clock = clock
        self._topics: dict[str, Topic] = {}
        self._mailboxes: set[Mailbox] = set()
        self._to_reckon: set[Topic] = set()
        self._empty = asyncio.Event()
        self._empty.set()
        self._farewell: str | None = None
        # counted when asked for: subscriptions also end in the mailboxes
        metrics.watchers.set_function(lambda: sum(len(mailbox.subscriptions) for mailbox in self._mailboxes))

    def connect(self, on_ready: Callable[[], None]) -> Mailbox:
        """A mailbox for a new connection; `on_ready` is called when there may be something to take."""
        mailbox = Mailbox(
            on_ready=on_ready,
            progress_interval_s=_SPACING / self._settings.progress_per_s,
            max_subscriptions=self._settings.max_subscriptions,
        )
        self._mailboxes.add(mailbox)
        self._empty.clear()
        self._metrics.sockets.inc()
        if self._farewell is not None:
            self._part(mailbox, self._farewell)
        return mailbox

    def disconnect(self, mailbox: Mailbox) -> None:
        """Forget a connection and all that it watched."""
        if mailbox not in self._mailboxes:
            return
        self._mailboxes.remove(mailbox)
        for job in list(mailbox.subscriptions):
            mailbox.unsubscribe(job)
        self._metrics.sockets.dec()
        if not self._mailboxes:
            self._empty.set()

    def topic(self, job: str) -> Topic:
        """The live job's topic, made on first use; `end` takes it away."""
        return self._topics.setdefault(job, Topic(job))

    def subscribe(self, mailbox: Mailbox, job: str, frames: FrameOptions | None, after: int | None = None) -> None:
        """Watch a live job; its last frame follows unless its seq is at most `after`. Raises TooManyRequests."""
        mailbox.subscribe(self.topic(job), frames, after or 0)

    def show(
        self,
        mailbox: Mailbox,
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
        mailbox.subscribe(ended, frames, after or 0).over = True

    def unsubscribe(self, mailbox: Mailbox, job: str) -> None:
        """Stop watching, if it was watched."""
        mailbox.unsubscribe(job)

    def watched(self, job: str) -> bool:
        topic = self._topics.get(job)
        return topic is not None and bool(topic.subscriptions)

    def tell(self, job: str, text: str) -> None:
        """A rare message to every watcher of `job`, in order."""
        for subscription in self._watchers(job):
            subscription.mailbox.post(text)

    def queued(self, job: str, text: str) -> None:
        """The newest `queued` message; an older one that waits is dropped."""
        for subscription in self._watchers(job):
            subscription.queued = text
            subscription.mailbox.wake()

    def progress(self, job: str, text: str) -> None:
        """The newest `progress` message; an older one that waits is dropped."""
        for subscription in self._watchers(job):
            if subscription.progress is not None:
                self._metrics.progress_skipped.inc()
            subscription.progress = text
            subscription.mailbox.wake()

    def hush(self, job: str) -> None:
        """Drop waiting `queued` and `progress` messages, which the job's new status has made untrue."""
        for subscription in self._watchers(job):
            subscription.queued = subscription.progress = None

    def picture(self, job: str, picture: Picture, *, seq: int, step: int, final: bool = False) -> None:
        """The newest picture of a live job; each watcher gets it when its window and rate allow."""
        topic = self.topic(job)
        for subscription in topic.subscriptions:
            if subscription.unseen:
                self._metrics.frames_skipped.inc()
            subscription.idle_pictures += not subscription.credit
        topic.picture, topic.seq, topic.step, topic.final = picture, seq, step, final
        topic.taken_at, topic.asked = self.clock(), False
        topic.encoded.clear()
        topic.reckon_due()
        for subscription in topic.subscriptions:
            subscription.mailbox.wake()

    def unchanged(self, job: str) -> None:
        """A picture was taken and is the one that watchers have: the next is wanted after the usual interval."""
        topic = self.topic(job)
        topic.taken_at, topic.asked = self.clock(), False
        topic.reckon_due()

    def ask(self, job: str) -> None:
        """Want a picture at the next step though nobody watches."""
        topic = self.topic(job)
        topic.asked = True
        topic.reckon_due()

    def end(self, job: str, text: str) -> None:
        """The terminal message: after it and the final frame nothing more is said about `job`."""
        topic = self._topics.pop(job, None)
        if topic is None:
            return
        topic.asked = False
        for subscription in topic.subscriptions:
            subscription.over, subscription.end, subscription.queued = True, text, None
            if not topic.final:
                # a picture of an earlier step is no longer news
                subscription.sent_seq = max(subscription.sent_seq, topic.seq)
            subscription.mailbox.wake()

    async def frame(self, due: FrameDue) -> bytes | None:
        """The frame to send for `due`, None when it is no longer wanted or cannot be encoded.

        Encoded once per picture and (size, quality) class, whoever asks.
        """
        subscription = due.subscription
        topic, frames = subscription.topic, subscription.frames
        picture, seq = topic.picture, topic.seq
        if picture is None or frames is None:
            return None
        max_px, quality = frame_class(frames, max(picture.width, picture.height))
        task = topic.encoded.get((max_px, quality))
        if task is None:
            width, height = fit(picture.width, picture.height, max_px)
            header = FrameHeader(topic.job, seq, topic.step, width, height, final=topic.final)
            task = asyncio.ensure_future(self._encoded(header, picture, max_px, quality))
            topic.encoded[max_px, quality] = task
        frame: bytes | None = await asyncio.shield(task)
        mailbox = subscription.mailbox
        if mailbox.subscriptions.get(topic.job) is not subscription:
            return None
        mailbox.frame_sent(subscription, seq, self.clock())
        self._reckon_soon(topic)
        if frame is None:
            subscription.unacknowledged.remove(seq)
            return None
        self._metrics.frames_sent.inc()
        return frame

    def shutdown(self, retry_s: float) -> None:
        """Tell every connection, also those still to come, that the server restarts; each then closes with 1012."""
        self._farewell = outgoing.Shutdown(retry_s=retry_s).text()
        for mailbox in self._mailboxes:
            self._part(mailbox, self._farewell)

    async def until_empty(self) -> None:
        """Wait until no connection is left."""
        await self._empty.wait()

    async def _encoded(self, header: FrameHeader, picture: Picture, max_px: int, quality: int) -> bytes | None:
        try:
            image = await self._encode(picture, max_px, quality)
        except (OSError, ValueError, RuntimeError):
            # a frame that cannot be encoded is skipped: the painting itself goes on
            return None
        self._metrics.frames_encoded.inc()
        return encode_frame(header, image)

    def _reckon_soon(self, topic: Topic) -> None:
        """Once for all frames that go out in this turn of the loop, however many watch."""
        if not self._to_reckon:
            asyncio.get_running_loop().call_soon(self._reckon)
        self._to_reckon.add(topic)

    def _reckon(self) -> None:
        for topic in self._to_reckon:
            topic.reckon_due()
        self._to_reckon.clear()

    def _part(self, mailbox: Mailbox, farewell: str) -> None:
        mailbox.post(farewell)
        mailbox.close(RESTART)

    def _watchers(self, job: str) -> list[Subscription]:
        topic = self._topics.get(job)
        return topic.subscriptions if topic is not None else []


def frame_class(frames: FrameOptions, longest_px: int) -> tuple[int, int]:
    """The size in px and the JPEG quality that a frame is encoded with: at most what was asked for."""
    smaller = max(size for size in _SIZES_PX if size <= frames.max_px)
    max_px = longest_px if frames.max_px >= longest_px else smaller
    return max_px, max(1, frames.quality - frames.quality % _QUALITY_STEP)


def fit(width: int, height: int, max_px: int) -> tuple[int, int]:
    """The size in px after reducing the longest side to at most `max_px`."""
    longest = max(width, height)
    if longest <= max_px:
        return width, height
    return max(1, round(width * max_px / longest)), max(1, round(height * max_px / longest))
