"""What an engine that fails costs: its own task and nothing else."""

from __future__ import annotations

import pytest

from duostyle.engine.api import Checkpoint, Control, Request
from duostyle.errors import EngineError, OutOfMemory, WeightsError
from duostyle.picture import Picture
from tests.executor.conftest import Heard, running
from tests.support.fake_engine import FakeEngine, FakePainter, picture_of
from tests.support.harness import soon


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (EngineError("no gradient"), "engine_failed"),
        (MemoryError(), "out_of_memory"),
        (RuntimeError("secret detail"), "internal"),
    ],
)
async def test_an_exception_fails_that_task_only(error: Exception, code: str) -> None:
    engine = FakeEngine(steps=3)
    engine.fail_at, engine.error = 2, error
    async with running(engine) as thread:
        outcome = await soon(thread.run(Heard().task))
        assert (outcome.how, outcome.picture) == ("failed", picture_of(1))
        assert outcome.error is not None
        assert outcome.error["code"] == code
        assert "secret" not in outcome.error["message"]
        engine.fail_at, engine.begin_error = 0, error
        assert (await soon(thread.run(Heard().task))).how == "failed"
        engine.begin_error = None
        assert (await soon(thread.run(Heard().task))).how == "done"


class Forgetful(FakeEngine):
    """Its paintings cannot give their picture."""

    def __init__(self, error: Exception) -> None:
        super().__init__(steps=1)
        self.forgets = error

    def begin(self, request: Request, control: Control, checkpoint: Checkpoint | None = None) -> FakePainter:
        painter = super().begin(request, control, checkpoint)

        def picture(*, deep: bool = False) -> Picture:
            raise self.forgets

        painter.picture = picture  # type: ignore[method-assign]
        return painter


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OutOfMemory("too large"), "out_of_memory"),
        (MemoryError(), "out_of_memory"),
        (RuntimeError("secret"), "internal"),
    ],
)
async def test_a_picture_that_cannot_be_had_at_the_end_fails_the_task(error: Exception, code: str) -> None:
    async with running(Forgetful(error)) as thread:
        outcome = await soon(thread.run(Heard().task))
        assert (outcome.how, outcome.picture) == ("failed", None)
        assert outcome.error is not None
        assert outcome.error["code"] == code


async def test_memory_is_given_back_after_a_failure_and_only_then() -> None:
    engine = FakeEngine(steps=2)
    async with running(engine) as thread:
        await soon(thread.run(Heard().task))
        assert engine.trimmed == 0
        engine.fail_at, engine.error = 2, MemoryError()
        heard = Heard()
        assert (await soon(thread.run(heard.task))).how == "failed"
        assert engine.trimmed == 1
        assert heard.task.painter is None
        assert heard.task.request is None


async def test_a_failed_load_is_told_and_fails_tasks() -> None:
    engine = FakeEngine()
    engine.load_error = WeightsError("no weights here")
    async with running(engine) as thread:
        with pytest.raises(WeightsError):
            await soon(thread.until_loaded())
        assert not thread.loaded
        outcome = await soon(thread.run(Heard().task))
        assert outcome.error is not None
        assert outcome.error["code"] == "weights_unavailable"
