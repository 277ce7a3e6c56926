"""An engine thread that stops with its test, and a task that keeps what was heard of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from duostyle.engine.api import Control, Plan, Request
from duostyle.executor.engine_thread import EngineThread
from duostyle.executor.task import StepReport, Task
from duostyle.params import StyleParams
from tests.support.fake_engine import FakeEngine, picture_of
from tests.support.harness import soon


@asynccontextmanager
async def running(engine: FakeEngine) -> AsyncIterator[EngineThread]:
    thread = EngineThread(engine)
    await thread.start()
    try:
        yield thread
    finally:
        engine.loading.set()
        await soon(thread.stop())


class Heard:
    """A task, and what was heard of it."""

    def __init__(self, *, pictures: bool = False) -> None:
        self.plans: list[Plan] = []
        self.reports: list[StepReport] = []
        self.news = asyncio.Event()
        self.wanted = pictures
        self.task = Task(
            Request(picture_of(0), (picture_of(1),), StyleParams()),
            Control(),
            on_begin=self.plans.append,
            on_step=self._on_step,
            wants_picture=lambda: self.wanted,
        )

    def _on_step(self, report: StepReport) -> None:
        self.reports.append(report)
        self.news.set()

    async def step(self, number: int) -> None:
        while not self.reports or self.reports[-1].step.step < number:
            self.news.clear()
            await soon(self.news.wait())
