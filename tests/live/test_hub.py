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
from tests.support.hub_harness import FRAMES, Desk


async def test_progress_newest_wins_and_is_paced() -> None:
    desk = Desk()
    outbox = desk.watcher()
    for number in range(50):
        desk.hub.progress("j", text("progress", n=number))
    taken = outbox.take(desk.now)
    assert isinstance(taken, str)
    assert json.loads(taken)["n"] == 49
    desk.hub.progress("j", text("progress", n=50))
    assert outbox.take(desk.now) is None
    assert outbox.due_at() == pytest.approx(desk.now + 0.105)
    desk.now += 0.106
    assert isinstance(outbox.take(desk.now), str)
    assert desk.sample("duostyle_progress_skipped_total") == 49


async def test_never_more_than_ten_progress_messages_in_a_second() -> None:
    desk = Desk()
    outbox = desk.watcher()
    times = []
    for _ in range(3000):
        desk.now += 0.001
        desk.hub.progress("j", text("progress"))
        if outbox.take(desk.now) is not None:
            times.append(desk.now)
    assert len(times) >= 28
    assert all(later - first >= 1.0 for first, later in zip(times, times[10:], strict=False))


async def test_rare_messages_come_first_and_in_order() -> None:
    desk = Desk()
    outbox = desk.watcher()
    desk.hub.progress("j", text("progress"))
    for kind in ("started", "updated", "paused"):
        desk.hub.tell("j", text(kind))
    assert await desk.all(outbox) == ["started", "updated", "paused", "progress"]


async def test_a_progress_not_due_is_dropped_at_the_end() -> None:
    desk = Desk()
    outbox = desk.watcher(frames=None)
    desk.hub.progress("j", text("progress"))
    assert await desk.all(outbox) == ["progress"]
    desk.hub.progress("j", text("progress"))
    desk.hub.end("j", text("completed"))
    assert await desk.all(outbox) == ["completed"]
    desk.now += 10
    assert await desk.all(outbox) == []


async def test_a_stalled_watcher_costs_bounded_memory_and_delays_nobody() -> None:
    desk = Desk()
    stalled, healthy = desk.watcher(), desk.watcher()
    for seq in range(1, 1001):
        desk.now += 0.2
        desk.hub.progress("j", text("progress"))
        desk.show(seq)
        assert await desk.all(healthy) == ["progress", seq]
        healthy.acknowledge("j", seq)
    assert len(stalled.subscriptions["j"].unacknowledged) == 0
    assert stalled.rare_waiting == 0
    assert await desk.all(stalled) == ["progress", 1000]


async def test_too_many_rare_messages_close_the_connection() -> None:
    desk = Desk()
    outbox, other = desk.watcher(), desk.watcher()
    for _ in range(MAX_RARE + 1):
        desk.hub.tell("j", text("updated"))
        assert await desk.all(other) == ["updated"]
    assert await desk.all(outbox) == [Close(1013)]
    assert outbox.rare_waiting == 0


async def test_subscriptions_are_limited_but_may_be_renewed() -> None:
    desk = Desk()
    outbox = desk.connect()
    for job in "abc":
        desk.hub.subscribe(outbox, job, None)
    with pytest.raises(TooManyRequests):
        desk.hub.subscribe(outbox, "d", None)
    desk.hub.subscribe(outbox, "a", FRAMES)
    assert desk.sample("duostyle_watchers") == 3
    desk.hub.disconnect(outbox)
    assert desk.sample("duostyle_watchers") == 0
    assert desk.sample("duostyle_sockets") == 0
    assert not desk.hub.watched("a")


async def test_any_number_of_jobs_may_have_ended_without_a_word() -> None:
    hub = Hub(settings=Settings(max_subscriptions=1000), metrics=Metrics(), encode=Desk().encode)
    outbox = hub.connect(lambda: None)
    for number in range(1000):
        # each has been seen already, so there is nothing to say about it
        hub.show(outbox, str(number), picture_of(1), FRAMES, seq=1, step=1, after=1)
    assert outbox.take(100.0) is None
    assert outbox.subscriptions == {}


async def test_who_has_heard_of_the_end_is_no_watcher_any_more() -> None:
    desk = Desk()
    outbox = desk.watcher()
    assert desk.sample("duostyle_watchers") == 1
    desk.hub.end("j", text("completed"))
    assert await desk.all(outbox) == ["completed"]
    assert desk.sample("duostyle_watchers") == 0


async def test_shutdown_is_told_then_closed_also_to_newcomers() -> None:
    desk = Desk()
    outbox = desk.watcher()
    desk.hub.progress("j", text("progress"))
    desk.hub.shutdown(5.0)
    newcomer = desk.connect()
    for one in (outbox, newcomer):
        assert await desk.all(one) == ["shutdown", Close(1012)]
        desk.hub.disconnect(one)
    await asyncio.wait_for(desk.hub.until_empty(), 5)
