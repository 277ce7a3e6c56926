"""The engine thread: tasks one after another, steps through one slot, and what a pause or a cancel leaves."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import threading
import weakref

import pytest

from duostyle.executor.engine_thread import EngineThread
from duostyle.executor.watchdog import Watchdog
from duostyle.picture import Picture
from tests.executor.conftest import Heard, running
from tests.support.fake_engine import FakeEngine, FakePainter, picture_of
from tests.support.harness import GUARD_S, soon


def tell_when_asked_for_its_picture(painter: FakePainter) -> threading.Event:
    """Of the painting, not of a step: that happens when its last step was made."""
    asked = threading.Event()
    picture = painter.picture

    def telling(*, deep: bool = False) -> Picture:
        asked.set()
        return picture(deep=deep)

    painter.picture = telling  # type: ignore[method-assign]
    return asked


async def test_a_task_is_painted_to_its_end() -> None:
    async with running(FakeEngine(steps=4)) as thread:
        heard = Heard(pictures=True)
        outcome = await soon(thread.run(heard.task))
        assert (outcome.how, outcome.picture, outcome.error) == ("done", picture_of(4), None)
        assert outcome.report is not None
        assert outcome.report["evaluations"] == 4
        assert [plan.total_steps for plan in heard.plans] == [4]
        assert heard.reports[-1].step.step == 4
        assert sum(report.evaluations for report in heard.reports) == 4
        assert heard.reports[-1].picture == picture_of(4)


async def test_pictures_are_taken_only_when_wanted_and_not_outside_the_engine() -> None:
    engine = FakeEngine(steps=3)
    async with running(engine) as thread:
        heard = Heard()
        await soon(thread.run(heard.task))
        assert engine.pictures_taken == 0
        assert heard.reports[-1].picture is None
        with pytest.raises(RuntimeError):
            heard.reports[-1].step.picture()


async def test_steps_wait_in_one_slot_and_a_picture_is_not_lost() -> None:
    engine = FakeEngine(steps=6, gated=True)
    async with running(engine) as thread:
        heard = Heard(pictures=True)
        painting = asyncio.create_task(thread.run(heard.task))
        engine.release()
        await heard.step(1)
        # the loop is held here while the engine makes all its steps
        made = tell_when_asked_for_its_picture(engine.painters[0])
        heard.wanted = False
        engine.release(5)
        assert made.wait(GUARD_S)
        await soon(painting)
        assert len(heard.reports) <= 4, "steps that nobody could see were merged"
        assert sum(report.evaluations for report in heard.reports) == 6


async def test_everything_of_the_engine_happens_on_its_own_thread() -> None:
    engine = FakeEngine(steps=1)
    async with running(engine) as thread:
        for _ in range(3):
            await soon(thread.run(Heard().task))
        assert len(engine.threads) == 1
        assert threading.get_native_id() not in engine.threads
        assert thread.alive


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has priorities per thread")
async def test_the_engine_thread_has_a_lower_priority() -> None:
    engine = FakeEngine(steps=1)
    async with running(engine) as thread:
        await soon(thread.until_loaded())
        (native_id,) = engine.threads
        mine = os.getpriority(os.PRIO_PROCESS, os.getpid())
        # the whole process may be at a low priority already, and none goes below the lowest
        assert os.getpriority(os.PRIO_PROCESS, native_id) == min(mine + 10, 19)


async def test_cancelled_keeps_the_picture() -> None:
    engine = FakeEngine(steps=9, gated=True)
    async with running(engine) as thread:
        heard = Heard()
        painting = asyncio.create_task(thread.run(heard.task))
        engine.release(2)
        await heard.step(2)
        heard.task.control.cancel()
        outcome = await soon(painting)
        assert (outcome.how, outcome.picture) == ("cancelled", picture_of(2))


async def test_cancelled_before_the_first_step_has_no_picture() -> None:
    async with running(FakeEngine(gated=True)) as thread:
        heard = Heard()
        heard.task.control.cancel()
        outcome = await soon(thread.run(heard.task))
        assert (outcome.how, outcome.picture) == ("cancelled", None)


async def test_a_paused_task_goes_on_exactly_there() -> None:
    engine = FakeEngine(steps=3, gated=True)
    async with running(engine) as thread:
        heard = Heard()
        painting = asyncio.create_task(thread.run(heard.task))
        engine.release()
        await heard.step(1)
        heard.task.control.pause()
        outcome = await soon(painting)
        assert (outcome.how, outcome.picture) == ("paused", picture_of(1))
        other = Heard()
        engine.release(3)
        assert (await soon(thread.run(other.task))).how == "done", "another runs meanwhile"
        heard.task.control.resume()
        engine.release(2)
        assert (await soon(thread.run(heard.task))).picture == picture_of(3)
        assert len(engine.painters) == 2


async def test_the_watchdog_hears_of_every_move() -> None:
    now = [0.0]
    engine = FakeEngine(steps=2, gated=True)
    thread = EngineThread(engine, Watchdog(5.0, clock=lambda: now[0]))
    await thread.start()
    try:
        heard = Heard()
        painting = asyncio.create_task(thread.run(heard.task))
        engine.turns.release()
        await heard.step(1)
        now[0] = 100.0
        assert thread.watchdog.stalled_s == 100.0
        engine.turns.release()
        await soon(painting)
        assert thread.watchdog.stalled_s == 0.0, "it has nothing to do"
        now[0] = 1000.0
        assert thread.watchdog.stalled_s == 0.0
    finally:
        await soon(thread.stop())


async def test_loading_happens_in_the_background() -> None:
    engine = FakeEngine(steps=1)
    engine.loading.clear()
    async with running(engine) as thread:
        assert not thread.loaded
        assert thread.device == "loading"
        engine.loading.set()
        await soon(thread.until_loaded())
        assert thread.loaded
        assert thread.device == "fake"


async def test_nothing_runs_after_stop() -> None:
    thread = EngineThread(FakeEngine())
    await thread.start()
    await soon(thread.stop())
    assert not thread.alive
    assert (await soon(thread.run(Heard().task))).how == "failed"


async def test_the_thread_keeps_nothing_of_a_task_that_ended() -> None:
    engine = FakeEngine(steps=1)
    async with running(engine) as thread:
        heard = Heard()
        await soon(thread.run(heard.task))
        watched = weakref.ref(engine.painters.pop())
        del heard
        # the answer comes before the thread lets go: once another task has run it has surely done so
        await soon(thread.run(Heard().task))
        gc.collect()
        assert watched() is None
