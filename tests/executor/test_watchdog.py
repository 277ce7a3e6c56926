from __future__ import annotations

import asyncio

import pytest

from duostyle.executor.watchdog import Watchdog
from tests.support.clock import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_an_engine_without_work_never_stalls(clock: Clock) -> None:
    dog = Watchdog(1.0, clock=clock)
    clock.now = 10**6
    assert dog.stalled_s == 0.0
    dog.begin(0.01)
    dog.rest()
    clock.now *= 2
    assert dog.stalled_s == 0.0


def test_it_stalls_when_nothing_moves_and_recovers_when_it_does(clock: Clock) -> None:
    dog = Watchdog(60.0, clock=clock)
    dog.begin(0.01)
    clock.now = 60.0
    assert dog.stalled_s == 0.0
    clock.now = 61.0
    assert dog.stalled_s == 61.0
    dog.moved(1.0, 0.01)
    assert dog.stalled_s == 0.0
    clock.now = 121.5
    assert dog.stalled_s == 60.5


def test_the_limit_grows_with_the_evaluation_that_is_expected(clock: Clock) -> None:
    dog = Watchdog(60.0, clock=clock)
    # nothing measured: ten times twelve seconds a megapixel
    dog.begin(4.0)
    assert dog.limit_s == pytest.approx(480.0)
    # measured on a coarse level: half a megapixel in one second, so eight seconds for all four
    dog.moved(1.0, 0.5)
    assert dog.limit_s == pytest.approx(80.0)
    # one quick evaluation does not make it impatient at once
    dog.moved(0.01, 0.5)
    assert dog.limit_s == pytest.approx(72.0)
    dog.begin(0.1)
    assert dog.limit_s == 60.0, "never less than what was set"


async def test_the_log_tells_once(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    dog = Watchdog(1.0, clock=clock)
    reporting = asyncio.create_task(dog.report(0.0))
    dog.begin(0.001)
    clock.now = 5.0

    async def some_rounds() -> None:
        for _ in range(10):
            await asyncio.sleep(0)

    await some_rounds()
    assert caplog.messages == ["the engine is stalled"]
    assert vars(caplog.records[0])["quiet_s"] == 5
    dog.moved(0.1, 0.001)
    await some_rounds()
    assert caplog.messages[1:] == ["the engine is running again"]
    reporting.cancel()
