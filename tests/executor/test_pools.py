"""Blocking work goes on beside the loop, and frames never wait for it."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Iterator

import pytest

from duostyle.executor.pools import HelperPools
from duostyle.picture import Picture
from tests.support.harness import soon


@pytest.fixture
def pools() -> Iterator[HelperPools]:
    made = HelperPools()
    yield made
    made.close()


async def test_offload_hands_on_results_and_errors(pools: HelperPools) -> None:
    assert await soon(pools.offload(max, 3, 5)) == 5
    with pytest.raises(ValueError, match="invalid literal"):
        await soon(pools.offload(int, "x"))
    jpeg = await soon(pools.encode_jpeg(Picture(4, 2, bytes(24)), 2, 75))
    assert jpeg.startswith(b"\xff\xd8")


async def test_a_busy_helper_pool_does_not_hold_up_frames(pools: HelperPools) -> None:
    gate = threading.Event()
    busy = [asyncio.create_task(pools.offload(gate.wait, 10)) for _ in range(4)]
    try:
        assert await soon(pools.encode_jpeg(Picture(1, 1, bytes(3)), 1, 75))
        assert not any(task.done() for task in busy)
    finally:
        gate.set()
        await soon(asyncio.gather(*busy))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has priorities per thread")
async def test_helpers_come_after_the_loop(pools: HelperPools) -> None:
    mine = os.getpriority(os.PRIO_PROCESS, os.getpid())
    helper = await soon(pools.offload(threading.get_native_id))
    # the whole process may be at a low priority already, and none goes below the lowest
    assert os.getpriority(os.PRIO_PROCESS, helper) == min(mine + 5, 19)


async def test_nothing_is_taken_after_close(pools: HelperPools) -> None:
    pools.close()
    with pytest.raises(RuntimeError):
        await pools.offload(max, 3, 5)
