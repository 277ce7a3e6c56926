"""What passes between the loop and the engine thread: what to paint, its progress, how it ended."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NoReturn

from duostyle.engine.api import Checkpoint, Control, Painter, Plan, Request, Step, steering
from duostyle.picture import Picture


@dataclass(slots=True)
class StepReport:
    """The newest step as the loop sees it; its `step.picture` must not be called.

    `picture` with its `picture_step` when one was taken since the last report, which took `picture_s` seconds of the
    engine's time; `evaluations` since then. `steering` as `duostyle.engine.api.steering` gives it.
    """

    step: Step
    picture: Picture | None
    picture_step: int
    evaluations: int
    picture_s: float = 0.0
    steering: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """How a run of a task ended. `picture`: the best so far, None before the first step. `error`: an `as_dict` of one.

    `checkpoint` when it was paused or cancelled: from there it can go on. `steering`: how it was steered.
    """

    how: Literal["done", "paused", "cancelled", "failed"]
    picture: Picture | None = None
    report: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    checkpoint: Checkpoint | None = None
    steering: dict[str, Any] | None = None


@dataclass(eq=False, slots=True)
class Task:
    """One painting and its callbacks. A paused task may be run again and goes on exactly there.

    `on_begin`, `on_step` and `on_checkpoint` are called on the loop; `wants_picture` and `wants_checkpoint` on the
    engine thread. It goes on from `checkpoint` when there is one that fits.
    """

    request: Request | None
    control: Control
    on_begin: Callable[[Plan], None]
    on_step: Callable[[StepReport], None]
    wants_picture: Callable[[], bool]
    wants_checkpoint: Callable[[Step], bool] = lambda step: False
    on_checkpoint: Callable[[Checkpoint], None] = lambda checkpoint: None
    checkpoint: Checkpoint | None = None
    painter: Painter | None = None
    _changes: int = 0
    _steering: dict[str, Any] | None = None
    _slot: StepReport | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def put(self, step: Step, picture: Picture | None, picture_s: float) -> bool:
        """Leave a step where the loop finds the newest; on the engine thread. True when the loop must be notified.

        Steps that the loop was too slow to see are merged into one report; of their pictures the newest is kept.
        """
        if self.painter is not None and len(self.painter.changes) != self._changes:
            self._changes, self._steering = len(self.painter.changes), steering(self.painter)
        # the step's own `picture` refers to the engine's tensors: it stays on this thread
        report = StepReport(replace(step, picture=no_picture), picture, step.step, 1, picture_s, self._steering)
        with self._lock:
            waiting = self._slot
            if waiting is not None:
                report.evaluations += waiting.evaluations
                if picture is None:
                    report.picture, report.picture_step = waiting.picture, waiting.picture_step
                    report.picture_s = waiting.picture_s
            self._slot = report
        return waiting is None

    def hand_over(self) -> None:
        """Report the newest step; on the loop."""
        with self._lock:
            report, self._slot = self._slot, None
        if report is not None:
            self.on_step(report)


def no_picture() -> NoReturn:
    """Stands for `step.picture` off the engine thread. Raises RuntimeError."""
    raise RuntimeError("a step's picture can only be taken inside the engine's callback")
