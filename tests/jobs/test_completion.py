"""The end of a job when something goes wrong with it: told once, and never before it is stored."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from duostyle.errors import NotFinished
from duostyle.imaging import decode as images
from tests.support.contract import ENDS
from tests.support.fake_engine import FakeEngine, picture_of
from tests.support.harness import Ear, Rig, rig, soon


async def painted(built: Rig) -> tuple[str, Ear]:
    """A job of one step, watched, whose step is about to be made."""
    accepted = await built.submit(iterations=1)
    ear = built.watch()
    await built.jobs.queries.watch(ear.outbox, accepted.job, None)
    await ear.until_begun()
    built.engine.release()
    return accepted.job, ear


async def test_a_result_that_cannot_be_encoded_fails_its_job_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with rig(tmp_path, FakeEngine(gated=True)) as built:
        offload = built.pools.offload

        async def broken(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
            if "label" in kwargs:
                raise MemoryError
            return await offload(function, *args, **kwargs)

        monkeypatch.setattr(built.pools, "offload", broken)
        job, ear = await painted(built)
        end = (await ear.until(*ENDS))[-1]
        assert (end["type"], end["error"]["code"], end["partial"]) == ("failed", "internal", False)
        with pytest.raises(NotFinished):
            await built.jobs.queries.result(job, "png", partial=True)
        assert built.jobs.registry.active == {}
        monkeypatch.setattr(built.pools, "offload", offload)
        _, ear = await painted(built)
        assert (await ear.until(*ENDS))[-1]["type"] == "completed"


async def test_an_end_that_a_stop_cuts_off_is_told_by_the_next_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with rig(tmp_path, FakeEngine(gated=True)) as built:
        offload, encoding = built.pools.offload, asyncio.Event()

        async def stuck(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
            if "label" in kwargs:
                encoding.set()
                await asyncio.Event().wait()
            return await offload(function, *args, **kwargs)

        monkeypatch.setattr(built.pools, "offload", stuck)
        job, ear = await painted(built)
        await soon(encoding.wait())
        await soon(built.jobs.stop(within_s=0.01))
        row = await built.store.job(job)
        assert row is not None
        assert (row.status, row.has_result) == ("running", False)
        assert job in built.jobs.registry.active
        while not ear.quiet():
            assert (await ear.next())["type"] not in ENDS
    async with rig(tmp_path, FakeEngine()) as built:
        ear = built.watch()
        await built.jobs.queries.watch(ear.outbox, job, None)
        heard = await ear.until("completed", "state")
        if heard[-1].get("status", "completed") != "completed":
            await ear.until("completed")
        assert images.decode(await built.jobs.queries.result(job, "png")) == picture_of(1)
