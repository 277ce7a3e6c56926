"""A few of what `python -m bench.faults.crash` and `python -m bench.faults.soak` do at length."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest

from bench.faults.crash import MOST_STEPS, Crashes, report
from bench.faults.ledger import leftovers
from bench.faults.soak import Soak
from tests.support.real_server.server_process import ServerProcess

pytestmark = [
    pytest.mark.real_server,
    # several processes one after the other, which a busy machine starts slowly
    pytest.mark.timeout(300),
    pytest.mark.skipif(sys.platform != "linux", reason="processes are looked at through /proc"),
]


async def test_a_few_kills_lose_nothing(tmp_path: Path) -> None:
    crashes = Crashes(tmp_path, random.Random(3), at_once=3, most_s=0.8)
    await crashes.run(3)
    ledger = crashes.ledger
    assert ledger.wrong == [], report(ledger)
    assert sum(ledger.kills.values()) == 3
    assert max(ledger.lost_steps, default=0) <= MOST_STEPS
    assert ledger.jobs
    assert leftovers(tmp_path) == []


async def test_clients_that_come_and_go_leave_nothing_behind(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, {"steps": 2, "proves": True, "size": (64, 48)}) as server:
        server.until_ready()
        soak = Soak(server, random.Random(1))
        await soak.prepare()
        # pools of threads and caches fill with the first ones
        await soak.run(20, clients=6)
        before = soak.footprint()
        await soak.run(40, clients=6)
        after = soak.footprint()
    # a pool of two may still have come up with one
    assert after.threads <= before.threads + 2
    assert after.tasks <= before.tasks
    # the database may open its log, and our own connection may still be closing
    assert after.descriptors <= before.descriptors + 2
    assert after.resident_kib - before.resident_kib <= 4096
    assert set(soak.ends) <= {"completed", "cancelled"}
