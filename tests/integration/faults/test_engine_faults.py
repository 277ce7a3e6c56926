"""What goes wrong in the engine: that job fails with a reason that helps, the next one is painted, probes tell."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from duostyle.errors import EngineError, OutOfMemory
from duostyle.executor.watchdog import Watchdog
from duostyle.jobs.runner import too_large
from duostyle.web import app
from tests.support.contract import ENDS
from tests.support.fake_engine import FakeEngine
from tests.support.harness import rig
from tests.support.real_server.http_client import Client
from tests.support.real_server.running import Running
from tests.support.real_server.socket_client import socket


@pytest.mark.parametrize(
    ("size", "offer"),
    [(2048, 1408), (512, 320), (128, 64), (100, 64), (64, None)],
)
def test_a_smaller_size_is_offered_where_there_is_one(size: int, offer: int | None) -> None:
    error = too_large(size).as_dict()
    assert (error["code"], error["field"], error["got"], error.get("limit")) == (
        "out_of_memory",
        "params.size",
        size,
        offer,
    )
    assert str(size) in error["message"]
    assert offer is None or f"{offer} px" in error["message"]


@pytest.mark.parametrize("where", ["begin", "step"])
@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OutOfMemory("no room"), "out_of_memory"),
        (MemoryError(), "out_of_memory"),
        (EngineError("no gradient"), "engine_failed"),
        (ZeroDivisionError("secret"), "internal"),
    ],
)
async def test_that_job_fails_and_the_next_is_painted(tmp_path: Path, where: str, error: Exception, code: str) -> None:
    engine = FakeEngine(steps=3, gated=True)
    if where == "begin":
        engine.begin_error = error
    else:
        engine.fail_at, engine.error = 2, error
    async with rig(tmp_path, engine) as built:
        first = await built.submit(size=256)
        ear = built.watch()
        await built.jobs.queries.watch(ear.outbox, first.job, None)
        engine.release(2)
        heard = await ear.until("failed", "state")
        if heard[-1]["type"] == "state" and heard[-1]["status"] != "failed":
            await ear.until("failed")
        told = (await built.jobs.queries.state(first.job))["error"]
        assert told["code"] == code
        assert "secret" not in told["message"]
        if code == "out_of_memory":
            assert (told["limit"], told["got"]) == (128, 256)
        assert engine.trimmed == 1
        engine.begin_error, engine.fail_at = None, 0
        second = await built.submit()
        await built.jobs.queries.watch(ear.outbox, second.job, None)
        engine.release(3)
        heard = await ear.until("completed", "state")
        if heard[-1]["type"] == "state" and heard[-1]["status"] != "completed":
            await ear.until("completed")
        assert len(engine.threads) == 1, "the thread lives on"


@pytest.mark.real_server
async def test_readyz_and_metrics_tell_of_a_wedged_engine(
    start: Callable[..., Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(app, "Watchdog", functools.partial(Watchdog, clock=lambda: now[0]))
    engine = FakeEngine(steps=2, gated=True)
    running = start(engine, stall_s=0.2)

    async def stalled_s(raw: httpx.AsyncClient) -> float:
        (line,) = (
            line
            for line in (await raw.get("/metrics")).text.splitlines()
            if line.startswith("duostyle_engine_stalled_seconds ")
        )
        return float(line.split()[1])

    async with httpx.AsyncClient(base_url=running.url) as raw, socket(running.url) as watcher:
        http = Client(raw)
        assert (await raw.get("/readyz")).status_code == 200
        accepted = await http.submit(size=64)
        state = await watcher.watch(accepted["job"])
        if state["total_steps"] == 0:
            await watcher.until("started")
        assert (await raw.get("/readyz")).status_code == 200
        now[0] = 100.0
        answer = await raw.get("/readyz")
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "engine_stalled")
        assert int(answer.headers["retry-after"]) > 0
        assert await stalled_s(raw) > 0.2
        assert (await raw.get("/livez")).status_code == 200
        engine.release(2)
        await watcher.until(*ENDS)
        assert (await raw.get("/readyz")).status_code == 200
        assert await stalled_s(raw) == 0.0
