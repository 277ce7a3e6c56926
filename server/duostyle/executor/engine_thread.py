"""The engine thread: owns the model for good, paints one task after another, hands steps to the loop.

One of the places where work passes between threads. The thread runs at a lower priority than the event loop, so that
the server answers at once while the model computes.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import gc
import logging
import queue
import threading
import time
from collections.abc import Callable
from typing import Any, Literal, ParamSpec, TypeVar, cast

from duostyle.engine.api import Cancelled, Checkpoint, CheckpointRefused, Engine, Painter, Request, Step, steering
from duostyle.errors import DuostyleError, InternalError, OutOfMemory, ShuttingDown, TooManyRequests
from duostyle.executor.engine_calls import MAX_CALLS, EngineCall, EngineCalls
from duostyle.executor.task import RunOutcome, Task
from duostyle.executor.watchdog import Watchdog
from duostyle.threads import ENGINE_NICE, lower_priority

_log = logging.getLogger(__name__)
_STOP_S = 1.0
_STALL_S = 120.0

P = ParamSpec("P")
T = TypeVar("T")
_WAKE: Literal["wake"] = "wake"
# a task with the future of its outcome and what the log says about whoever asks; None ends the thread
_Item = tuple[Task, "asyncio.Future[RunOutcome]", contextvars.Context] | Literal["wake"] | None


class EngineThread:
    """The thread and the queue of its tasks. Public methods and all callbacks run on the loop that called `start`.
    Call `stop` when no task runs any more."""

    def __init__(self, engine: Engine, watchdog: Watchdog | None = None) -> None:
        self._engine = engine
        self.watchdog = watchdog or Watchdog(_STALL_S)
        self._tasks: queue.SimpleQueue[_Item] = queue.SimpleQueue()
        self._calls = EngineCalls()
        self._thread = threading.Thread(target=self._live, name="duostyle-engine", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._gone = asyncio.Event()
        self._loaded = asyncio.Event()
        self._stopping = False
        self.load_error: DuostyleError | None = None

    @property
    def loaded(self) -> bool:
        """Whether the model is loaded (False while it loads and when loading failed)."""
        return self._loaded.is_set() and self.load_error is None

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    @property
    def device(self) -> str:
        """Where the engine computes, as it names it; "loading" until it knows."""
        return self._engine.device if self.loaded else "loading"

    @property
    def precision(self) -> str:
        """The numbers that the engine computes with, `float32` or `bfloat16`; "loading" until it knows."""
        return self._engine.precision if self.loaded else "loading"

    async def start(self) -> None:
        """Start the engine thread, which loads the model while everything else goes on."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    async def until_loaded(self) -> None:
        """Wait for the end of loading. Raises what loading raised."""
        await self._loaded.wait()
        self.check_loadable()

    def check_loadable(self) -> None:
        """Raises what loading raised, if it has failed."""
        if self.load_error is not None:
            # raised any number of times: the traceback would grow with each
            raise self.load_error.with_traceback(None)

    async def stop(self) -> None:
        """End the engine thread after its task; give up on one that hangs (it dies with the process)."""
        self._stopping = True
        if self._thread.is_alive():
            self._tasks.put(None)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_STOP_S):
                    await self._gone.wait()
                    # the thread sets `_gone` last, so it ends within an instant
                    self._thread.join()

    async def run(self, task: Task) -> RunOutcome:
        """Paint until done, paused, cancelled or failed. Raises none of the engine's errors."""
        if self._loop is None or self._stopping or not self._thread.is_alive():
            return RunOutcome("failed", error=ShuttingDown("the engine is not running").as_dict())
        future: asyncio.Future[RunOutcome] = self._loop.create_future()
        # with what the log says about whoever asks
        self._tasks.put((task, future, contextvars.copy_context()))
        return await future

    async def ask(self, work: Callable[[Engine, Callable[[], None]], T]) -> T:
        """What `work` returns on the engine thread: soon, even while a task is painted there; first come first served.

        It is given the engine and a check to call often, which raises when nobody waits any more. Raises what `work`
        raises, what loading raised, TooManyRequests and ShuttingDown.
        """
        if self._loop is None or self._stopping or not self._thread.is_alive():
            raise ShuttingDown("the engine is not running")
        if self._calls.waiting >= MAX_CALLS:
            raise TooManyRequests("too many previews wait", limit=MAX_CALLS, reached="max_waiting_previews")
        call: EngineCall[T] = EngineCall(work, self._loop.create_future())
        self._calls.add(cast(EngineCall[object], call))
        # wakes the thread when it has nothing to paint; else the painting's checks see it
        self._tasks.put(_WAKE)
        try:
            return await call.future
        finally:
            call.drop()

    # Everything below runs on the engine thread.

    def _live(self) -> None:
        lower_priority(ENGINE_NICE)
        try:
            self._engine.load()
        except DuostyleError as error:
            _log.error("the engine could not be loaded", extra={"reason": error.message})
            self.load_error = error
        except Exception:
            _log.exception("the engine could not be loaded")
            self.load_error = InternalError("the engine could not be loaded")
        self._call_soon(self._loaded.set)
        while (item := self._tasks.get()) is not None:
            if isinstance(item, str):
                self._run_call(painting=False)
                continue
            task, future, context = item
            outcome = context.run(self._paint, task)
            self.watchdog.rest()
            if outcome.how == "failed":
                self._clean_up()
            self._call_soon(_settle, future, outcome)
            # keep no reference to this task while waiting for the next one
            del item, task, future, context, outcome
        self._call_soon(self._gone.set)

    def _paint(self, task: Task) -> RunOutcome:
        if self.load_error is not None:
            return RunOutcome("failed", error=self.load_error.as_dict())
        try:
            task.control.on_check = lambda: self._run_call(painting=True)
            first_run = task.painter is None
            if task.painter is None:
                request, task.request = task.request, None
                if request is None:
                    raise InternalError("the task has nothing to paint")
                self.watchdog.begin(request.params.size**2 / 1e6)
                task.painter = self._begin(task, request)
                del request
            painter = task.painter
            self.watchdog.begin(painter.plan.width * painter.plan.height / 1e6)
            if first_run:
                self._call_soon(task.on_begin, painter.plan)
            while not painter.run(lambda step: self._step(task, step)):
                # when resumed before the engine stopped, go on at once
                if task.control.paused:
                    picture = painter.picture() if painter.step else None
                    return RunOutcome(
                        "paused", picture=picture, checkpoint=_checkpoint_of(painter), steering=steering(painter)
                    )
            return self._end(task, "done")
        except Cancelled:
            return self._end(task, "cancelled")
        except Exception as error:
            return self._end(task, "failed", _known(error, "the engine failed; the server's log has the details"))

    def _run_call(self, *, painting: bool) -> None:
        """Make one call, if it is the turn of one."""
        call = self._calls.take(painting=painting)
        if call is None:
            return
        begin, answer = time.perf_counter(), None
        failure: DuostyleError | None = None
        try:
            call.check()
            if self.load_error is not None:
                raise self.load_error
            answer = call.work(self._engine, call.check)
        except Cancelled:
            failure = ShuttingDown("nobody waits for this any more")
        except Exception as error:
            failure = _known(error, "the engine failed; the server's log has the details")
        self._calls.done(time.perf_counter() - begin)
        if isinstance(failure, OutOfMemory):
            self._clean_up()
        self._call_soon(_answer, call.future, answer, failure)

    def _begin(self, task: Task, request: Request) -> Painter:
        checkpoint, task.checkpoint = task.checkpoint, None
        try:
            return self._engine.begin(request, task.control, checkpoint)
        except CheckpointRefused as refusal:
            _log.warning("a job starts over without its checkpoint", extra={"reason": str(refusal)})
        return self._engine.begin(request, task.control)

    def _end(
        self, task: Task, how: Literal["done", "cancelled", "failed"], error: DuostyleError | None = None
    ) -> RunOutcome:
        painter, task.painter = task.painter, None
        if painter is None:
            return RunOutcome(how, error=_wire(error))
        picture = report = None
        if painter.step or how == "done":
            try:
                picture, report = painter.picture(deep=True), dict(painter.report())
            except Exception as unread:
                problem = _known(unread, "the finished picture could not be read from the engine")
                if how == "done":
                    how, error = "failed", problem
        checkpoint = _checkpoint_of(painter) if how == "cancelled" else None
        return RunOutcome(how, picture, report, _wire(error), checkpoint, steering(painter))

    def _clean_up(self) -> None:
        """Release the memory of a painting that failed: the next one needs it."""
        gc.collect()
        try:
            self._engine.trim()
        except Exception:
            _log.exception("the engine could not release memory")

    def _step(self, task: Task, step: Step) -> None:
        self.watchdog.moved(step.step_s, step.width * step.height / 1e6)
        begin = time.perf_counter()
        picture = step.picture() if task.wants_picture() else None
        picture_s = time.perf_counter() - begin
        if task.painter is not None and task.wants_checkpoint(step):
            self._call_soon(task.on_checkpoint, task.painter.checkpoint())
        if task.put(step, picture, picture_s):
            self._call_soon(task.hand_over)

    def _call_soon(self, call: Callable[P, None], *args: P.args, **_: P.kwargs) -> None:
        # a closed loop takes no more calls
        with contextlib.suppress(RuntimeError):
            if self._loop is not None:
                self._loop.call_soon_threadsafe(call, *args)


def _answer(future: asyncio.Future[object], answer: object, failure: DuostyleError | None) -> None:
    if future.done():
        return
    if failure is None:
        future.set_result(answer)
    else:
        future.set_exception(failure)


def _settle(future: asyncio.Future[RunOutcome], outcome: RunOutcome) -> None:
    if not future.done():
        future.set_result(outcome)


def _checkpoint_of(painter: Painter) -> Checkpoint | None:
    try:
        return painter.checkpoint()
    except Exception:
        _log.exception("the engine could not provide a checkpoint")
        return None


def _known(error: Exception, message: str) -> DuostyleError:
    """`error` as one of ours; an unforeseen one is logged and becomes an InternalError with `message`."""
    if isinstance(error, DuostyleError):
        return error
    if isinstance(error, MemoryError):
        return OutOfMemory()
    _log.error(message, exc_info=error)
    return InternalError(message)


def _wire(error: DuostyleError | None) -> dict[str, Any] | None:
    return error.as_dict() if error is not None else None
