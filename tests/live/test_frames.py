"""Which pictures watchers get, when, how large, and how many are taken and encoded for them."""

from __future__ import annotations

import asyncio
import math

import pytest

from duostyle.live.frame_cache import frame_class
from duostyle.live.outbox import FrameDue
from duostyle.live.subscription import Subscription
from duostyle.picture import Picture
from duostyle.protocol.frames import FrameOptions
from duostyle.protocol.outgoing import text
from tests.support.fake_engine import picture_of
from tests.support.hub_harness import FRAMES, HubHarness


async def test_one_frame_in_flight_until_acknowledged_then_the_newest() -> None:
    harness = HubHarness()
    outbox = harness.watcher()
    harness.show(1)
    assert await harness.all(outbox) == [1]
    for seq in (2, 3, 4):
        harness.now += 1
        harness.show(seq)
    assert await harness.all(outbox) == []
    outbox.acknowledge("j", 1)
    assert await harness.all(outbox) == [4]
    assert [shade for shade, _, _ in harness.encoded] == [1, 4], "skipped pictures are never encoded"
    assert harness.sample("duostyle_frames_skipped_total") == 2


async def test_a_window_of_three() -> None:
    harness = HubHarness()
    outbox = harness.watcher(frames=FrameOptions(64, 10.0, window=3))
    sent = []
    for seq in range(1, 6):
        harness.now += 1
        harness.show(seq)
        sent += await harness.all(outbox)
    assert sent == [1, 2, 3]
    outbox.acknowledge("j", 2)
    assert await harness.all(outbox) == [5]


async def test_the_same_frame_is_not_sent_twice_and_fps_is_kept() -> None:
    harness = HubHarness()
    outbox = harness.watcher(frames=FrameOptions(64, 2.0, window=4))
    harness.show(1)
    assert await harness.all(outbox) == [1]
    assert await harness.all(outbox) == []
    harness.show(2)
    assert await harness.all(outbox) == [], "a quarter of a second must pass"
    assert outbox.due_at() == pytest.approx(harness.now + 0.25)
    harness.now += 0.25
    assert await harness.all(outbox) == [2]
    # what was early is made up for
    harness.show(3)
    assert outbox.due_at() == pytest.approx(harness.now + 0.5)


async def test_steps_at_the_asked_for_rate_all_pass_though_not_on_the_dot() -> None:
    harness = HubHarness()
    outbox = harness.watcher(frames=FrameOptions(64, 10.0))
    topic, began, sent = harness.hub.topic("j"), harness.now, 0
    for seq in range(1, 101):
        # ten a second, up to 20 ms early or late, sent 10 ms after they were taken
        harness.now = began + seq * 0.1 + 0.02 * math.sin(seq)
        assert topic.due_at <= harness.now, "the engine is asked for this picture"
        harness.show(seq)
        harness.now += 0.01
        sent += len(await harness.all(outbox))
        outbox.acknowledge("j", seq)
    assert sent == 100


async def test_a_frame_to_each_of_many_does_not_look_at_all_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    harness, looks = HubHarness(), 0
    watchers = [harness.watcher() for _ in range(200)]
    picture_wanted_at = Subscription.picture_wanted_at

    def counted(subscription: Subscription) -> float:
        nonlocal looks
        looks += 1
        return picture_wanted_at(subscription)

    monkeypatch.setattr(Subscription, "picture_wanted_at", counted)
    harness.show(1)
    assert await asyncio.gather(*(harness.all(outbox) for outbox in watchers)) == [[1]] * 200
    for outbox in watchers:
        outbox.acknowledge("j", 1)
    # one for each at the picture and at its acknowledgement, and a few rounds for the frames that went out together
    assert looks < 200 * 10
    assert harness.hub.topic("j").due_at == pytest.approx(harness.now + 0.05)


async def test_steps_that_come_faster_are_held_to_the_rate() -> None:
    harness = HubHarness()
    outbox = harness.watcher(frames=FrameOptions(64, 10.0))
    began, times = harness.now, []
    for seq in range(1, 1001):
        harness.now = began + seq * 0.01
        harness.show(seq)
        if await harness.all(outbox):
            times.append(harness.now)
        outbox.acknowledge("j", seq)
    assert 95 <= len(times) <= 101
    assert all(later - first > 0.94 for first, later in zip(times, times[10:], strict=False))


async def test_the_final_frame_needs_no_credit_and_precedes_the_end() -> None:
    harness = HubHarness()
    outbox = harness.watcher()
    harness.show(1)
    assert await harness.all(outbox) == [1]
    harness.hub.send_progress("j", text("progress"))
    harness.hub.tell("j", text("updated"))
    harness.show(2, final=True)
    harness.hub.end("j", text("completed"))
    assert await harness.all(outbox) == ["updated", "progress", 2, "completed"]
    harness.hub.tell("j", text("paused"))
    harness.hub.send_progress("j", text("progress"))
    harness.hub.end("j", text("failed"))
    harness.now += 10
    assert await harness.all(outbox) == []
    assert outbox.subscriptions == {}


async def test_a_job_without_a_final_frame_ends_without_an_older_one() -> None:
    harness = HubHarness()
    outbox = harness.watcher()
    harness.show(1)
    harness.hub.end("j", text("failed"))
    assert await harness.all(outbox) == ["failed"]


async def test_a_frame_that_cannot_be_encoded_does_not_hold_up_the_end() -> None:
    harness = HubHarness(broken=True)
    outbox = harness.watcher()
    harness.show(1, final=True)
    harness.hub.end("j", text("completed"))
    assert await harness.all(outbox) == ["completed"]


async def test_encoded_once_per_class_however_many_watch() -> None:
    harness = HubHarness()
    big = Picture(1000, 500, bytes(1000 * 500 * 3))
    small = [
        harness.watcher(frames=FrameOptions(px, 10.0, quality)) for px, quality in ((256, 75), (270, 79), (256, 75))
    ]
    large = [harness.watcher(frames=FrameOptions(px, 10.0, 75)) for px in (1000, 2048)]
    harness.hub.set_picture("j", big, seq=1, step=1)
    results = await asyncio.gather(*(harness.all(outbox) for outbox in small + large))
    assert results == [[1]] * 5
    assert sorted(harness.encoded) == [(0, 256, 75), (0, 1000, 75)]


async def test_an_unsubscribe_while_the_frame_is_encoded() -> None:
    harness = HubHarness()
    outbox = harness.watcher()
    harness.show(1)
    due = outbox.take(harness.now)
    assert isinstance(due, FrameDue)
    encoding = asyncio.create_task(harness.hub.take_frame(due))
    await asyncio.sleep(0)
    outbox.unsubscribe("j")
    assert await encoding is None


async def test_pictures_are_wanted_only_when_somebody_wants_them() -> None:
    harness = HubHarness()
    topic = harness.hub.topic("j")
    assert topic.due_at == float("inf")
    blind = harness.watcher(frames=None)
    assert topic.due_at == float("inf")
    outbox = harness.watcher()
    assert topic.due_at <= harness.now
    harness.show(1)
    assert topic.due_at == pytest.approx(harness.now + 0.05)
    outbox.unsubscribe("j")
    assert topic.due_at == float("inf")
    harness.hub.ask("j")
    assert topic.due_at <= harness.now
    harness.hub.keep_picture("j")
    assert topic.due_at == float("inf")
    assert not await harness.all(blind)


async def test_a_watcher_that_never_acknowledges_is_no_longer_painted_for() -> None:
    harness = HubHarness()
    outbox = harness.watcher()
    topic = harness.hub.topic("j")
    for seq in range(1, 40):
        harness.show(seq)
        await harness.all(outbox)
        harness.now += 1
    assert topic.due_at == float("inf")
    outbox.acknowledge("j", 1)
    assert topic.due_at <= harness.now
    assert await harness.all(outbox) == [39]


async def test_a_busy_job_does_not_starve_another_on_the_same_connection() -> None:
    harness = HubHarness()
    outbox = harness.connect()
    for job in ("a", "b"):
        harness.hub.subscribe(outbox, job, FrameOptions(64, 10.0, window=4))
    heard = []
    for seq in range(1, 5):
        for job in ("a", "b"):
            harness.hub.set_picture(job, picture_of(seq), seq=seq, step=seq)
        due = outbox.take(harness.now)
        assert isinstance(due, FrameDue)
        await harness.hub.take_frame(due)
        heard.append(due.subscription.topic.job)
        harness.now += 0.2
    assert sorted(heard) == ["a", "a", "b", "b"]


async def test_late_watchers_of_a_live_job_get_the_last_frame_unless_seen() -> None:
    harness = HubHarness()
    harness.show(5)
    late, seen = harness.connect(), harness.connect()
    harness.hub.subscribe(late, "j", FRAMES, after=None)
    harness.hub.subscribe(seen, "j", FRAMES, after=5)
    assert await harness.all(late) == [5]
    assert await harness.all(seen) == []


@pytest.mark.parametrize(
    ("asked", "longest", "given"), [(512, 300, 300), (300, 300, 300), (300, 2000, 256), (16, 2000, 16)]
)
def test_frame_classes_never_exceed_what_was_asked(asked: int, longest: int, given: int) -> None:
    max_px, quality = frame_class(FrameOptions(asked, 10.0, 77), longest)
    assert (max_px, quality) == (given, 75)


def test_every_size_has_a_class_at_most_a_quarter_smaller() -> None:
    for asked in range(16, 8193):
        max_px, _ = frame_class(FrameOptions(asked, 10.0), 100_000)
        assert 0.75 * asked <= max_px <= asked
