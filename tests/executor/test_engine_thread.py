from __future__ import annotations

import asyncio
import gc
import os
import sys
import threading
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from duostyle.engine.api import Checkpoint, Control, Plan, Request
from duostyle.errors import EngineError, OutOfMemory, WeightsError
from duostyle.executor.engine_thread import Worker
from duostyle.executor.task import Glimpse, Task
from duostyle.executor.watchdog import Watchdog
from duostyle.params import StyleParams
from duostyle.picture import Picture
from tests.support.fake_engine import FakeEngine, FakePainter, picture_of
from tests.support.harness import GUARD_S, soon


@asynccontextmanager
async def running(engine: FakeEngine) -> AsyncIterator[Worker]:
    worker = Worker(engine)
    await worker.start()
    try:
        yield worker
    finally:
        engine.loading.set()
        await soon(worker.stop())


class Heard:
    """A task, and what was heard of it."""

    def __init__(self, *, pictures: bool = False) -> None:
        self.plans: list[Plan] = []
        self.glimpses: list[Glimpse] = []
        self.news = asyncio.Event()
        self.wanted = pictures
        self.task = Task(
            Request(picture_of(0), (picture_of(1),), StyleParams()),
            Control(),
            on_begin=self.plans.append,
            on_step=self._on_step,
            wants_picture=lambda: self.wanted,
        )

    def _on_step(self, glimpse: Glimpse) -> None:
        self.glimpses.append(glimpse)
        self.news.set()

    async def step(self, number: int) -> None:
        while not self.glimpses or self.glimpses[-1].step.step < number:
            self.news.clear()
            await soon(self.news.wait())


def tell_when_asked_for_its_picture(painter: FakePainter) -> threading.Event:
    """Of the painting, not of a step: that happens when its last step was made."""
    asked = threading.Event()
    picture = painter.picture

    def telling() -> Picture:
        asked.set()
        return picture()

    painter.picture = telling  # type: ignore[method-assign]
    return asked


async def test_a_task_is_painted_to_its_end() -> None:
    async with running(FakeEngine(steps=4)) as worker:
        heard = Heard(pictures=True)
        ended = await soon(worker.run(heard.task))
        assert (ended.how, ended.picture, ended.error) == ("done", picture_of(4), None)
        assert ended.report is not None
        assert ended.report["evaluations"] == 4
        assert [plan.total_steps for plan in heard.plans] == [4]
        assert heard.glimpses[-1].step.step == 4
        assert sum(glimpse.evaluations for glimpse in heard.glimpses) == 4
        assert heard.glimpses[-1].picture == picture_of(4)


async def test_pictures_are_taken_only_when_wanted_and_not_outside_the_engine() -> None:
    engine = FakeEngine(steps=3)
    async with running(engine) as worker:
        heard = Heard()
        await soon(worker.run(heard.task))
        assert engine.pictures_taken == 0
        assert heard.glimpses[-1].picture is None
        with pytest.raises(RuntimeError):
            heard.glimpses[-1].step.picture()


async def test_steps_wait_in_one_slot_and_a_picture_is_not_lost() -> None:
    engine = FakeEngine(steps=6, gated=True)
    async with running(engine) as worker:
        heard = Heard(pictures=True)
        painting = asyncio.create_task(worker.run(heard.task))
        engine.release()
        await heard.step(1)
        # the loop is held here while the engine makes all its steps
        made = tell_when_asked_for_its_picture(engine.painters[0])
        heard.wanted = False
        engine.release(5)
        assert made.wait(GUARD_S)
        await soon(painting)
        assert len(heard.glimpses) <= 4, "steps that nobody could see were merged"
        assert sum(glimpse.evaluations for glimpse in heard.glimpses) == 6


async def test_everything_of_the_engine_happens_on_its_own_thread() -> None:
    engine = FakeEngine(steps=1)
    async with running(engine) as worker:
        for _ in range(3):
            await soon(worker.run(Heard().task))
        assert len(engine.threads) == 1
        assert threading.get_native_id() not in engine.threads
        assert worker.alive


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has priorities per thread")
async def test_the_engine_thread_has_a_lower_priority() -> None:
    engine = FakeEngine(steps=1)
    async with running(engine) as worker:
        await soon(worker.until_loaded())
        (thread,) = engine.threads
        mine = os.getpriority(os.PRIO_PROCESS, os.getpid())
        # the whole process may be at a low priority already, and none goes below the lowest
        assert os.getpriority(os.PRIO_PROCESS, thread) == min(mine + 10, 19)
        helper = await soon(worker.offload(threading.get_native_id))
        assert os.getpriority(os.PRIO_PROCESS, helper) == min(mine + 5, 19)


async def test_cancelled_keeps_the_picture() -> None:
    engine = FakeEngine(steps=9, gated=True)
    async with running(engine) as worker:
        heard = Heard()
        painting = asyncio.create_task(worker.run(heard.task))
        engine.release(2)
        await heard.step(2)
        heard.task.control.cancel()
        ended = await soon(painting)
        assert (ended.how, ended.picture) == ("cancelled", picture_of(2))


async def test_cancelled_before_the_first_step_has_no_picture() -> None:
    async with running(FakeEngine(gated=True)) as worker:
        heard = Heard()
        heard.task.control.cancel()
        ended = await soon(worker.run(heard.task))
        assert (ended.how, ended.picture) == ("cancelled", None)


async def test_a_paused_task_goes_on_exactly_there() -> None:
    engine = FakeEngine(steps=3, gated=True)
    async with running(engine) as worker:
        heard = Heard()
        painting = asyncio.create_task(worker.run(heard.task))
        engine.release()
        await heard.step(1)
        heard.task.control.pause()
        ended = await soon(painting)
        assert (ended.how, ended.picture) == ("paused", picture_of(1))
        other = Heard()
        engine.release(3)
        assert (await soon(worker.run(other.task))).how == "done", "another runs meanwhile"
        heard.task.control.resume()
        engine.release(2)
        assert (await soon(worker.run(heard.task))).picture == picture_of(3)
        assert len(engine.painters) == 2


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (EngineError("no gradient"), "engine_failed"),
        (MemoryError(), "out_of_memory"),
        (RuntimeError("secret detail"), "internal"),
    ],
)
async def test_an_exception_fails_that_task_only(error: Exception, code: str) -> None:
    engine = FakeEngine(steps=3)
    engine.fail_at, engine.error = 2, error
    async with running(engine) as worker:
        ended = await soon(worker.run(Heard().task))
        assert (ended.how, ended.picture) == ("failed", picture_of(1))
        assert ended.error is not None
        assert ended.error["code"] == code
        assert "secret" not in ended.error["message"]
        engine.fail_at, engine.begin_error = 0, error
        assert (await soon(worker.run(Heard().task))).how == "failed"
        engine.begin_error = None
        assert (await soon(worker.run(Heard().task))).how == "done"


class Forgetful(FakeEngine):
    """Its paintings cannot give their picture."""

    def __init__(self, error: Exception) -> None:
        super().__init__(steps=1)
        self.forgets = error

    def begin(self, request: Request, control: Control, checkpoint: Checkpoint | None = None) -> FakePainter:
        painter = super().begin(request, control, checkpoint)

        def picture() -> Picture:
            raise self.forgets

        painter.picture = picture  # type: ignore[method-assign]
        return painter


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OutOfMemory("too large"), "out_of_memory"),
        (MemoryError(), "out_of_memory"),
        (RuntimeError("secret"), "internal"),
    ],
)
async def test_a_picture_that_cannot_be_had_at_the_end_fails_the_task(error: Exception, code: str) -> None:
    async with running(Forgetful(error)) as worker:
        ended = await soon(worker.run(Heard().task))
        assert (ended.how, ended.picture) == ("failed", None)
        assert ended.error is not None
        assert ended.error["code"] == code


async def test_memory_is_given_back_after_a_failure_and_only_then() -> None:
    engine = FakeEngine(steps=2)
    async with running(engine) as worker:
        await soon(worker.run(Heard().task))
        assert engine.trimmed == 0
        engine.fail_at, engine.error = 2, MemoryError()
        heard = Heard()
        assert (await soon(worker.run(heard.task))).how == "failed"
        assert engine.trimmed == 1
        assert heard.task.painter is None
        assert heard.task.request is None


async def test_the_watchdog_hears_of_every_move() -> None:
    now = [0.0]
    engine = FakeEngine(steps=2, gated=True)
    worker = Worker(engine, Watchdog(5.0, clock=lambda: now[0]))
    await worker.start()
    try:
        heard = Heard()
        painting = asyncio.create_task(worker.run(heard.task))
        engine.turns.release()
        await heard.step(1)
        now[0] = 100.0
        assert worker.watchdog.stalled_s == 100.0
        engine.turns.release()
        await soon(painting)
        assert worker.watchdog.stalled_s == 0.0, "it has nothing to do"
        now[0] = 1000.0
        assert worker.watchdog.stalled_s == 0.0
    finally:
        await soon(worker.stop())


async def test_loading_happens_in_the_background() -> None:
    engine = FakeEngine(steps=1)
    engine.loading.clear()
    async with running(engine) as worker:
        assert not worker.loaded
        assert worker.device == "loading"
        engine.loading.set()
        await soon(worker.until_loaded())
        assert worker.loaded
        assert worker.device == "fake"


async def test_a_failed_load_is_told_and_fails_tasks() -> None:
    engine = FakeEngine()
    engine.load_error = WeightsError("no weights here")
    async with running(engine) as worker:
        with pytest.raises(WeightsError):
            await soon(worker.until_loaded())
        assert not worker.loaded
        ended = await soon(worker.run(Heard().task))
        assert ended.error is not None
        assert ended.error["code"] == "weights_unavailable"


async def test_nothing_runs_after_stop() -> None:
    worker = Worker(FakeEngine())
    await worker.start()
    await soon(worker.stop())
    assert not worker.alive
    assert (await soon(worker.run(Heard().task))).how == "failed"


async def test_the_thread_keeps_nothing_of_a_task_that_ended() -> None:
    engine = FakeEngine(steps=1)
    async with running(engine) as worker:
        heard = Heard()
        await soon(worker.run(heard.task))
        watched = weakref.ref(engine.painters.pop())
        del heard
        # the answer comes before the thread lets go: once another task has run it has surely done so
        await soon(worker.run(Heard().task))
        gc.collect()
        assert watched() is None


async def test_offload_hands_on_results_and_errors() -> None:
    async with running(FakeEngine()) as worker:
        assert await soon(worker.offload(max, 3, 5)) == 5
        with pytest.raises(ValueError, match="invalid literal"):
            await soon(worker.offload(int, "x"))
        jpeg = await soon(worker.encode_preview(Picture(4, 2, bytes(24)), 2, 75))
        assert jpeg.startswith(b"\xff\xd8")


async def test_a_busy_helper_pool_does_not_hold_up_previews() -> None:
    async with running(FakeEngine()) as worker:
        gate = threading.Event()
        busy = [asyncio.create_task(worker.offload(gate.wait, 10)) for _ in range(4)]
        try:
            assert await soon(worker.encode_preview(Picture(1, 1, bytes(3)), 1, 75))
            assert not any(task.done() for task in busy)
        finally:
            gate.set()
            await soon(asyncio.gather(*busy))
