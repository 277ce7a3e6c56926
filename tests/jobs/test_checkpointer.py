"""When a checkpoint is due, and that one that cannot be written harms nobody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from duostyle.engine.api import Checkpoint, Costs, Step
from duostyle.errors import StorageUnavailable
from duostyle.jobs.checkpointer import Checkpointer, Watch
from duostyle.metrics import Metrics
from duostyle.settings import Settings
from duostyle.storage.store import Store
from tests.support.clock import Clock
from tests.support.fake_engine import picture_of
from tests.support.harness import soon


def step(number: int, step_s: float = 0.0, total: int = 100) -> Step:
    return Step(number, total, 1, 1, 8, 6, Costs(1, 1, (), 0), step_s, 0.0, 0.0, lambda: picture_of(number))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = Store(tmp_path)
    await store.open()
    yield store
    await store.close()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def checkpointer(tmp_path: Path, store: Store, metrics: Metrics, clock: Clock) -> Checkpointer:
    settings = Settings(data_dir=tmp_path, checkpoint_s=10, checkpoint_evaluations=25)
    return Checkpointer(settings, store, metrics, clock=clock)


def due(watch: Watch, numbers: range) -> list[int]:
    found = []
    for number in numbers:
        if watch.wants(step(number)):
            found.append(number)
            watch.busy = False
    return found


async def test_due_after_so_many_evaluations(checkpointer: Checkpointer) -> None:
    assert due(checkpointer.watch(), range(1, 80)) == [20, 40, 60]
    assert due(checkpointer.watch(30), range(31, 80)) == [50, 70]


async def test_due_before_so_many_seconds_have_passed(checkpointer: Checkpointer, clock: Clock) -> None:
    watch, found = checkpointer.watch(), []
    for number in range(1, 13):
        clock.now = 3.0 * number
        if watch.wants(step(number, step_s=3.0)):
            found.append(clock.now)
            watch.busy = False
    # one later and it would have been 12 s
    assert found == [9.0, 18.0, 27.0, 36.0]


async def test_never_two_at_once_and_not_at_the_end(checkpointer: Checkpointer, clock: Clock) -> None:
    watch = checkpointer.watch()
    clock.now = 100.0
    assert not watch.wants(step(5, total=5))
    assert watch.wants(step(1))
    clock.now = 200.0
    assert not watch.wants(step(2))
    watch.busy = False
    assert watch.wants(step(3))


async def test_a_job_that_began_afresh_after_all(checkpointer: Checkpointer) -> None:
    assert due(checkpointer.watch(90), range(1, 60)) == [21, 41]


async def test_offered_ones_are_written_and_told(checkpointer: Checkpointer, store: Store) -> None:
    watch, told = checkpointer.watch(), asyncio.Event()
    watch.busy = True

    async def on_kept() -> None:
        told.set()

    checkpointer.offer("a", watch, Checkpoint({"step": 4}, {}), on_kept)
    await soon(told.wait())
    await soon(checkpointer.stop())
    assert not watch.busy
    back = await store.checkpoints.load("a")
    assert back is not None
    assert back.step == 4
    store.checkpoints.discard("a")
    assert await store.checkpoints.load("a") is None


async def test_a_disk_that_fails_costs_only_the_checkpoint(
    checkpointer: Checkpointer, store: Store, metrics: Metrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def failing(job_id: str, checkpoint: Checkpoint) -> None:
        raise StorageUnavailable("full")

    monkeypatch.setattr(store.checkpoints, "save", failing)
    watch = checkpointer.watch()
    watch.busy = True

    async def on_kept() -> None:
        raise AssertionError("it was not kept")

    checkpointer.offer("a", watch, Checkpoint({"step": 4}, {}), on_kept)
    await soon(checkpointer.stop())
    assert not watch.busy
    assert b'duostyle_checkpoints_total{outcome="failed"} 1.0' in metrics.text()
