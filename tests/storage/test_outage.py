from __future__ import annotations

import asyncio

from duostyle.errors import StorageUnavailable
from duostyle.storage.outage import Outage
from tests.support.harness import soon


class Probe:
    """Fails as often as told, and says when it was called."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.calls = 0

    async def __call__(self) -> None:
        self.calls += 1
        if self.calls <= self.failures:
            raise StorageUnavailable("still full")


async def test_it_lasts_until_the_probe_succeeds() -> None:
    probe = Probe(2)
    outage = Outage(probe, every_s=0.001)
    await soon(outage.until_over())
    assert not outage.lasts
    outage.begin(StorageUnavailable("full"))
    assert outage.lasts
    await soon(outage.until_begun())
    await soon(outage.until_over())
    assert not outage.lasts
    assert probe.calls == 3


async def test_a_known_outage_is_probed_by_one_task() -> None:
    probe = Probe(1)
    outage = Outage(probe, every_s=0.001)
    for _ in range(5):
        outage.begin(StorageUnavailable("full"))
    await soon(outage.until_over())
    assert probe.calls == 2


async def test_it_may_come_again() -> None:
    outage = Outage(Probe(0), every_s=0.001)
    for _ in range(2):
        outage.begin(StorageUnavailable("full"))
        assert outage.lasts
        await soon(outage.until_over())


async def test_nobody_waits_for_an_abandoned_one() -> None:
    outage = Outage(Probe(10**6), every_s=0.001)
    outage.begin(StorageUnavailable("full"))
    waiting = asyncio.create_task(outage.until_over())
    await asyncio.sleep(0)
    assert not waiting.done()
    outage.abandon()
    await soon(waiting)
    assert outage.abandoned
    outage.begin(StorageUnavailable("full again"))
    await soon(outage.until_over())
