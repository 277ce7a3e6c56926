"""Whatever clients do at once, every job ends exactly once, and by nobody's doing but its owner's."""

from __future__ import annotations

import asyncio
import random
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from bench.faults.interleave import play
from duostyle.errors import InternalError
from tests.support.fake_engine import FakeEngine
from tests.support.harness import rig
from tests.support.random_course import Course

PLENTY: dict[str, Any] = {"max_queue": 1000, "max_jobs_per_client": 1000, "max_fps": 60, "progress_per_s": 60}


class Interleavings(RuleBasedStateMachine):
    """Each rule begins a move and returns at once; only submitting is waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.folder = tempfile.TemporaryDirectory()

    @initialize()
    def open(self) -> None:
        engine = FakeEngine(gated=True)
        built = self.runner.run(self.stack.enter_async_context(rig(Path(self.folder.name), engine, **PLENTY)))
        self.course = Course(built)

    def run(self, work: Any) -> None:
        self.runner.run(work)

    @rule(iterations=st.integers(1, 5))
    def submit(self, iterations: int) -> None:
        self.run(self.course.submit(iterations))

    @precondition(lambda self: self.course.played)
    @rule(data=st.data(), move=st.sampled_from(["cancel", "pause", "pause", "resume", "resume"]))
    def steer(self, data: st.DataObject, move: str) -> None:
        self.run(self.now(lambda: self.course.steer(self.some(data, self.course.played), move)))

    @precondition(lambda self: len(self.course.played) > 1)
    @rule(data=st.data(), move=st.sampled_from(["cancel", "pause", "resume"]))
    def meddle(self, data: st.DataObject, move: str) -> None:
        which, other = self.some(data, self.course.played), self.some(data, self.course.played)
        self.run(self.now(lambda: self.course.meddle(which, other, move)))

    @precondition(lambda self: self.course.played)
    @rule(data=st.data())
    def update(self, data: st.DataObject) -> None:
        self.run(self.now(lambda: self.course.update(self.some(data, self.course.played))))

    @rule(steps=st.integers(1, 8))
    def paint(self, steps: int) -> None:
        self.course.step(steps)

    @precondition(lambda self: self.course.played)
    @rule(data=st.data())
    def watch(self, data: st.DataObject) -> None:
        self.run(self.now(lambda: self.course.watch(self.some(data, self.course.played))))

    @precondition(lambda self: self.course.watchers)
    @rule(data=st.data(), back=st.booleans())
    def lose(self, data: st.DataObject, back: bool) -> None:
        which = self.some(data, self.course.watchers)
        self.run(self.now(lambda: self.course.come_back(which) if back else self.course.lose(which)))

    @rule(turns=st.integers(1, 30))
    def breathe(self, turns: int) -> None:
        self.run(self.course.breathe(turns))

    def some(self, data: st.DataObject, among: list[Any]) -> int:
        return data.draw(st.integers(0, len(among) - 1))

    async def now(self, move: Any) -> None:
        move()

    def teardown(self) -> None:
        async def close() -> None:
            async with self.stack:
                if hasattr(self, "course"):
                    await self.course.end()

        try:
            self.runner.run(close())
        finally:
            self.runner.close()
            self.folder.cleanup()


Interleavings.TestCase.settings = settings(
    max_examples=20, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
TestInterleavings = Interleavings.TestCase


async def test_the_course_that_the_benchmark_plays(tmp_path: Path) -> None:
    async with rig(tmp_path, FakeEngine(gated=True), **PLENTY) as built:
        for seed in range(20):
            await play(Course(built), random.Random(seed))


async def test_a_cancel_that_hits_another_job_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with rig(tmp_path, FakeEngine(gated=True), **PLENTY) as built:
        course = Course(built)
        await course.submit(5)
        await course.submit(5)
        right, other = built.jobs.commands.cancel, course.played[1].accepted

        async def wrong(job_id: str, key: str, **options: Any) -> bool:
            return await right(other.job, other.key, **options)

        monkeypatch.setattr(built.jobs.commands, "cancel", wrong)
        course.steer(0, "cancel")
        with pytest.raises(AssertionError, match="only its own cancel"):
            await course.end()


async def test_a_second_terminal_message_is_noticed(tmp_path: Path) -> None:
    async with rig(tmp_path, FakeEngine(gated=True), **PLENTY) as built:
        course = Course(built)
        await course.submit(1)
        watcher = course.played[0].witness
        course.step(1)
        await watcher.until_the_end()
        watcher.heard.append(watcher.heard[-1])
        with pytest.raises(AssertionError):
            watcher.check()
        with pytest.raises(AssertionError):
            await course.end()


def test_the_machine_fails_when_a_job_fails(tmp_path: Path) -> None:
    async def one() -> None:
        engine = FakeEngine(gated=True)
        engine.fail_at, engine.error = 1, InternalError("told to fail")
        async with rig(tmp_path, engine, **PLENTY) as built:
            course = Course(built)
            await course.submit(2)
            with pytest.raises(AssertionError):
                await course.end()

    asyncio.run(one())
