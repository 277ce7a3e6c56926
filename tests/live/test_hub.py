"""What watchers are told, in which order and how often, and what a connection that takes nothing costs."""

from __future__ import annotations

import asyncio
import json

import pytest

from duostyle.errors import TooManyRequests
from duostyle.live.hub import Hub
from duostyle.live.outbox import MAX_RARE, Close
from duostyle.metrics import Metrics
from duostyle.protocol.outgoing import text
from duostyle.settings import Settings
from tests.support.fake_engine import picture_of
from tests.support.hub_harness import FRAMES, HubHarness


async def test_progress_newest_wins_and_is_paced() -> None:
    harness = HubHarness()
    outbox = harness.watcher()
    for number in range(50):
        harness.hub.send_progress("j", text("progress", n=number))
    taken = outbox.take(harness.now)
    assert isinstance(taken, str)
    assert json.loads(taken)["n"] == 49
    harness.hub.send_progress("j", text("progress", n=50))
    assert outbox.take(harness.now) is None
    assert outbox.due_at() == pytest.approx(harness.now + 0.105)
    harness.now += 0.106
    assert isinstance(outbox.take(harness.now), str)
    assert harness.sample("duostyle_progress_skipped_total") == 49


async def test_never_more_than_ten_progress_messages_in_a_second() -> None:
    harness = HubHarness()
    outbox = harness.watcher()
    times = []
    for _ in range(3000):
        harness.now += 0.001
        harness.hub.send_progress("j", text("progress"))
        if outbox.take(harness.now) is not None:
            times.append(harness.now)
    assert len(times) >= 28
    assert all(later - first >= 1.0 for first, later in zip(times, times[10:], strict=False))


async def test_rare_messages_come_first_and_in_order() -> None:
    harness = HubHarness()
    outbox = harness.watcher()
    harness.hub.send_progress("j", text("progress"))
    for kind in ("started", "updated", "paused"):
        harness.hub.tell("j", text(kind))
    assert await harness.all(outbox) == ["started", "updated", "paused", "progress"]


async def test_a_progress_not_due_is_dropped_at_the_end() -> None:
    harness = HubHarness()
    outbox = harness.watcher(frames=None)
    harness.hub.send_progress("j", text("progress"))
    assert await harness.all(outbox) == ["progress"]
    harness.hub.send_progress("j", text("progress"))
    harness.hub.end("j", text("completed"))
    assert await harness.all(outbox) == ["completed"]
    harness.now += 10
    assert await harness.all(outbox) == []


async def test_a_stalled_watcher_costs_bounded_memory_and_delays_nobody() -> None:
    harness = HubHarness()
    stalled, healthy = harness.watcher(), harness.watcher()
    for seq in range(1, 1001):
        harness.now += 0.2
        harness.hub.send_progress("j", text("progress"))
        harness.show(seq)
        assert await harness.all(healthy) == ["progress", seq]
        healthy.acknowledge("j", seq)
    assert len(stalled.subscriptions["j"].unacknowledged) == 0
    assert stalled.rare_waiting == 0
    assert await harness.all(stalled) == ["progress", 1000]


async def test_too_many_rare_messages_close_the_connection() -> None:
    harness = HubHarness()
    outbox, other = harness.watcher(), harness.watcher()
    for _ in range(MAX_RARE + 1):
        harness.hub.tell("j", text("updated"))
        assert await harness.all(other) == ["updated"]
    assert await harness.all(outbox) == [Close(1013)]
    assert outbox.rare_waiting == 0


async def test_subscriptions_are_limited_but_may_be_renewed() -> None:
    harness = HubHarness()
    outbox = harness.connect()
    for job in "abc":
        harness.hub.subscribe(outbox, job, None)
    with pytest.raises(TooManyRequests):
        harness.hub.subscribe(outbox, "d", None)
    harness.hub.subscribe(outbox, "a", FRAMES)
    assert harness.sample("duostyle_watchers") == 3
    harness.hub.disconnect(outbox)
    assert harness.sample("duostyle_watchers") == 0
    assert harness.sample("duostyle_sockets") == 0
    assert not harness.hub.watched("a")


async def test_any_number_of_jobs_may_have_ended_without_a_word() -> None:
    hub = Hub(settings=Settings(max_subscriptions=1000), metrics=Metrics(), encode=HubHarness().encode)
    outbox = hub.connect(lambda: None)
    for number in range(1000):
        # each has been seen already, so there is nothing to say about it
        hub.show(outbox, str(number), picture_of(1), FRAMES, seq=1, step=1, after=1)
    assert outbox.take(100.0) is None
    assert outbox.subscriptions == {}


async def test_who_has_heard_of_the_end_is_no_watcher_any_more() -> None:
    harness = HubHarness()
    outbox = harness.watcher()
    assert harness.sample("duostyle_watchers") == 1
    harness.hub.end("j", text("completed"))
    assert await harness.all(outbox) == ["completed"]
    assert harness.sample("duostyle_watchers") == 0


async def test_shutdown_is_told_then_closed_also_to_newcomers() -> None:
    harness = HubHarness()
    outbox = harness.watcher()
    harness.hub.send_progress("j", text("progress"))
    harness.hub.shutdown(5.0)
    newcomer = harness.connect()
    for one in (outbox, newcomer):
        assert await harness.all(one) == ["shutdown", Close(1012)]
        harness.hub.disconnect(one)
    await asyncio.wait_for(harness.hub.until_empty(), 5)
