from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import pytest

from duostyle.engine.api import Checkpoint
from duostyle.errors import NotFound, StorageUnavailable
from duostyle.job import Job, JobStatus, hash_key
from duostyle.jobs import registry
from duostyle.jobs.queue import ActiveJob, Event
from duostyle.jobs.registry import Registry
from duostyle.metrics import Metrics
from duostyle.params import StyleParams
from duostyle.storage.outage import Outage
from duostyle.storage.store import Store
from tests.support.harness import soon


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    made = Store(tmp_path)
    await made.open()
    yield made
    await made.close()


def job(name: str, status: JobStatus, **changed: object) -> Job:
    params = StyleParams(style_weight=7.0)
    made = Job(name * 22, hash_key("k"), "client", "c", ("s", "t"), params, created_at=1.0, status=status)
    for field, value in changed.items():
        setattr(made, field, value)
    return made


async def test_an_ended_job_comes_back_from_the_store_as_it_was(store: Store) -> None:
    ended = job(
        "a",
        JobStatus.CANCELLED,
        has_result=True,
        partial=True,
        seq=9,
        frame_seq=8,
        step=4,
        total_steps=5,
        elapsed_s=2.5,
        costs={"total": 1.0, "content": 0.5, "style": [0.25, 0.25], "tv": 0.0},
        error=None,
        started_at=2.0,
        ended_at=3.0,
    )
    await store.save_job(ended)
    back = await Registry(store, Metrics()).recall("a" * 22)
    for field in dataclasses.fields(Job):
        assert getattr(back, field.name) == getattr(ended, field.name), field.name


async def test_memory_keeps_the_newest_and_the_store_the_rest(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_ENDED_AT_HAND", 2)
    kept = Registry(store, Metrics())
    for name in "abc":
        one = job(name, JobStatus.COMPLETED)
        await store.save_job(one)
        kept.end(ActiveJob(one), one)
    with pytest.raises(NotFound):
        kept.at_hand("a" * 22)
    assert (await kept.recall("a" * 22)).id == "a" * 22
    assert kept.at_hand("a" * 22).id == "a" * 22
    with pytest.raises(NotFound):
        kept.at_hand("b" * 22)


async def test_recovery_queues_the_unfinished_in_their_order_but_leaves_paused_ones(store: Store) -> None:
    for name, status in zip("abcd", ("running", "completed", "paused", "queued"), strict=True):
        await store.save_job(job(name, JobStatus(status), seq=40, step=3))
    after = Registry(store, Metrics())
    recovered = await after.recover(now=9.0)
    assert [one.job.id[0] for one in recovered] == ["a", "c", "d"]
    assert [one.job.status.value for one in recovered] == ["queued", "paused", "queued"]
    assert all(one.job.seq > 10_000 and one.job.step == 0 for one in recovered)
    assert after.at_hand("b" * 22).status is JobStatus.COMPLETED
    assert [row.status for row in await store.jobs()] == ["queued", "completed", "paused", "queued"]


async def test_what_has_a_checkpoint_goes_before_what_never_began(store: Store) -> None:
    for name in "abc":
        await store.save_job(job(name, JobStatus.QUEUED, step=3, costs={"total": 1.0}))
    await store.checkpoints.save("b" * 22, Checkpoint({"step": 3}, {}))
    recovered = await Registry(store, Metrics()).recover(now=9.0)
    assert [(one.job.id[0], one.job.step) for one in recovered] == [("b", 3), ("a", 0), ("c", 0)]
    assert [one.job.costs is None for one in recovered] == [False, True, True]


@pytest.mark.parametrize(
    ("status", "starts", "then"),
    [
        ("running", 2, "queued"),
        ("running", 3, "failed"),
        ("queued", 3, "queued"),
        ("paused", 2, "paused"),
        ("paused", 3, "failed"),
    ],
)
async def test_a_job_that_ended_the_process_three_times_is_given_up(
    store: Store, status: str, starts: int, then: str
) -> None:
    await store.save_job(job("a", JobStatus(status), starts=starts, seq=40))
    await store.save_job(job("b", JobStatus.QUEUED))
    await store.checkpoints.save("a" * 22, Checkpoint({"step": 1}, {}))
    after = Registry(store, Metrics())
    recovered = [one.job.id[0] for one in await after.recover(now=9.0)]
    assert recovered == (["b"] if then == "failed" else ["a", "b"])
    row = await store.job("a" * 22)
    assert row is not None
    assert (row.status, row.starts) == (then, starts)
    if then == "failed":
        assert row.error is not None
        assert (row.error["code"], row.ended_at) == ("engine_failed", 9.0)
        assert "died 3 times" in row.error["message"]
        assert after.at_hand("a" * 22).seq > 40
        assert await store.checkpoints.load("a" * 22) is None


async def test_a_job_of_another_version_is_left_alone(store: Store) -> None:
    kept = Registry(store, Metrics())
    for name, status in (("a", JobStatus.QUEUED), ("b", JobStatus.COMPLETED)):
        old = job(name, status)
        # as a version with other limits stored them
        old.params = StyleParams.model_construct(size=5)
        await store.save_job(old)
    assert await kept.recover(now=9.0) == []
    with pytest.raises(NotFound):
        await kept.recall("b" * 22)


class FlakyStore:
    """What the registry needs of a store whose disk is `full` at times; `saved` has every status that it took."""

    def __init__(self) -> None:
        self.full = False
        self.saved: list[JobStatus] = []
        self.outage = Outage(self._probe, every_s=0.001)

    async def save_job(self, job: Job) -> None:
        await asyncio.sleep(0)
        if self.full:
            error = StorageUnavailable("full")
            self.outage.begin(error)
            raise error
        self.saved.append(job.status)

    async def _probe(self) -> None:
        if self.full:
            raise StorageUnavailable("full")

    async def until_caught_up(self, registry: Registry) -> None:
        self.full = False
        await soon(self.outage.until_over())
        for _ in range(20):
            await asyncio.sleep(0)
        assert registry.late_saves == 0


@pytest.fixture
def flaky() -> FlakyStore:
    return FlakyStore()


@pytest.fixture
def kept(flaky: FlakyStore) -> Registry:
    return Registry(cast(Store, flaky), Metrics())


async def test_what_could_not_be_saved_is_saved_as_it_is_then(flaky: FlakyStore, kept: Registry) -> None:
    active = await kept.add(job("a", JobStatus.QUEUED))
    flaky.full = True
    active.apply(Event.TAKE)
    await kept.save_or_later(active.job)
    active.apply(Event.PAUSE)
    await kept.save_or_later(active.job)
    assert (flaky.saved, kept.late_saves) == ([JobStatus.QUEUED], 1)
    await flaky.until_caught_up(kept)
    assert flaky.saved == [JobStatus.QUEUED, JobStatus.PAUSED]


async def test_a_late_save_never_comes_after_the_end(flaky: FlakyStore, kept: Registry) -> None:
    active = await kept.add(job("a", JobStatus.QUEUED))
    active.apply(Event.TAKE)
    flaky.full = True
    await kept.save_or_later(active.job)
    active.apply(Event.END)
    ended = dataclasses.replace(active.job, status=JobStatus.COMPLETED)
    ending = asyncio.create_task(kept.save_end(ended))
    await asyncio.sleep(0)
    await flaky.until_caught_up(kept)
    await soon(ending)
    assert flaky.saved == [JobStatus.QUEUED, JobStatus.COMPLETED]


async def test_a_save_that_fails_while_the_job_ends_is_dropped(flaky: FlakyStore, kept: Registry) -> None:
    active = await kept.add(job("a", JobStatus.QUEUED))
    active.apply(Event.TAKE)
    flaky.full = True
    saving = asyncio.create_task(kept.save_or_later(active.job))
    await asyncio.sleep(0)
    active.apply(Event.END)
    await soon(saving)
    assert kept.late_saves == 0


async def test_what_cannot_be_stored_is_not_accepted(flaky: FlakyStore, kept: Registry) -> None:
    flaky.full = True
    with pytest.raises(StorageUnavailable):
        await kept.add(job("a", JobStatus.QUEUED))
    assert kept.active == {}
    flaky.outage.abandon()


async def test_a_stop_ends_the_wait_for_the_disk(flaky: FlakyStore, kept: Registry) -> None:
    flaky.full = True
    ending = asyncio.create_task(kept.save_end(job("a", JobStatus.COMPLETED)))
    for _ in range(5):
        await asyncio.sleep(0)
    flaky.outage.abandon()
    with pytest.raises(StorageUnavailable):
        await soon(ending)


async def test_unfinished_jobs_are_counted_when_it_is_asked_for(flaky: FlakyStore) -> None:
    metrics = Metrics()
    kept = Registry(cast(Store, flaky), metrics)
    active = await kept.add(job("a", JobStatus.QUEUED))
    await kept.add(job("b", JobStatus.QUEUED))
    active.apply(Event.TAKE)
    counts = [metrics.value(f"duostyle_jobs_{name}") for name in ("waiting", "running", "paused")]
    assert counts == [1, 1, 0]
