"""Short calls of the engine: at once while nothing is painted, else between two convolutions of the painting."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from duostyle.engine.api import Engine
from duostyle.errors import BadRequest, InternalError, OutOfMemory, ShuttingDown, TooManyRequests, WeightsError
from duostyle.executor.engine_calls import MAX_CALLS, PAINTING_SHARE, EngineCall, EngineCalls
from duostyle.executor.engine_thread import EngineThread
from tests.executor.conftest import Heard, running
from tests.support.fake_engine import FakeEngine
from tests.support.harness import GUARD_S, soon

Check = Callable[[], None]


async def test_a_call_is_made_on_the_engine_thread() -> None:
    engine = FakeEngine()
    async with running(engine) as thread:
        where = await soon(thread.ask(lambda given, check: (given, threading.get_native_id())))
        assert where == (engine, next(iter(engine.threads)))


async def test_a_painting_holds_no_call_up() -> None:
    async with running(FakeEngine(steps=2, gated=True)) as thread:
        heard = Heard()
        painting = asyncio.create_task(thread.run(heard.task))
        # the gated painting waits for its first step, and looks at its control meanwhile
        assert await soon(thread.ask(lambda engine, check: "done")) == "done"
        assert not painting.done()
        thread_engine = thread._engine
        assert isinstance(thread_engine, FakeEngine)
        thread_engine.release(2)
        assert (await soon(painting)).how == "done"


async def test_calls_are_done_in_order() -> None:
    done: list[int] = []
    async with running(FakeEngine()) as thread:
        calls = [thread.ask(lambda engine, check, n=n: done.append(n)) for n in range(5)]  # type: ignore[misc]
        await soon(asyncio.gather(*calls))
    assert done == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        (BadRequest("no", field="params.masks"), BadRequest),
        (RuntimeError("a bug"), InternalError),
        (MemoryError(), OutOfMemory),
    ],
)
async def test_what_a_call_raises_comes_back(
    raised: Exception, told: type[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    def work(engine: Engine, check: Check) -> None:
        raise raised

    async with running(FakeEngine()) as thread:
        with pytest.raises(told):
            await soon(thread.ask(work))
        # and the thread goes on
        assert await soon(thread.ask(lambda engine, check: 1)) == 1


async def test_what_nobody_waits_for_is_stopped() -> None:
    begun, stopped = threading.Event(), threading.Event()

    def work(engine: Engine, check: Check) -> None:
        begun.set()
        try:
            for _ in range(int(GUARD_S * 1000)):
                check()
                threading.Event().wait(0.001)
        finally:
            stopped.set()

    async with running(FakeEngine()) as thread:
        asking = asyncio.create_task(thread.ask(work))
        await asyncio.to_thread(begun.wait, GUARD_S)
        asking.cancel()
        # before the thread takes the next one
        assert await soon(thread.ask(lambda engine, check: "next")) == "next"
        assert stopped.is_set()


async def test_only_so_many_wait() -> None:
    async with running(FakeEngine()) as thread:
        begun, gate = threading.Event(), threading.Event()

        def wait(engine: Engine, check: Check) -> None:
            begun.set()
            gate.wait(GUARD_S)

        asked = [asyncio.create_task(thread.ask(wait))]
        await asyncio.to_thread(begun.wait, GUARD_S)
        asked += [asyncio.create_task(thread.ask(lambda engine, check: None)) for _ in range(MAX_CALLS)]
        await asyncio.sleep(0)
        with pytest.raises(TooManyRequests) as caught:
            await soon(thread.ask(lambda engine, check: None))
        assert (caught.value.reached, caught.value.limit) == ("max_waiting_previews", MAX_CALLS)
        gate.set()
        await soon(asyncio.gather(*asked))


async def test_without_a_model_calls_say_why() -> None:
    engine = FakeEngine()
    engine.load_error = WeightsError("the weights are missing")
    async with running(engine) as thread:
        with pytest.raises(WeightsError):
            await soon(thread.ask(lambda engine, check: None))


async def test_a_stopped_thread_takes_none() -> None:
    async with running(FakeEngine()) as thread:
        await soon(thread.stop())
        with pytest.raises(ShuttingDown):
            await soon(thread.ask(lambda engine, check: None))
    with pytest.raises(ShuttingDown):
        await soon(EngineThread(FakeEngine()).ask(lambda engine, check: None))


async def test_what_was_asked_before_the_end_is_done() -> None:
    async with running(FakeEngine()) as thread:
        begun, gate = threading.Event(), threading.Event()

        def wait(engine: Engine, check: Check) -> None:
            begun.set()
            gate.wait(GUARD_S)

        first = asyncio.create_task(thread.ask(wait))
        await asyncio.to_thread(begun.wait, GUARD_S)
        stopping = asyncio.create_task(thread.stop())
        await asyncio.sleep(0)
        # nothing more is taken, and what was taken is done
        with pytest.raises(ShuttingDown):
            await soon(thread.ask(lambda engine, check: None))
        gate.set()
        await soon(asyncio.gather(first, stopping))


async def test_a_painting_gets_its_share_of_the_time() -> None:
    now = 100.0
    calls = EngineCalls(lambda: now)

    def put() -> EngineCall[object]:
        call: EngineCall[object] = EngineCall(lambda engine, check: None, asyncio.get_running_loop().create_future())
        calls.add(call)
        return call

    first, second = put(), put()
    assert calls.take(painting=True) is first
    calls.done(took_s=0.5)
    assert calls.take(painting=True) is None
    now += 0.5 * PAINTING_SHARE - 0.01
    assert calls.take(painting=True) is None
    now += 0.02
    assert calls.take(painting=True) is second
    calls.done(took_s=9.0)
    third = put()
    # nothing is painted: nothing to wait for
    assert calls.take(painting=False) is third
    assert calls.take(painting=False) is None
