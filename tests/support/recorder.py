"""A reporter of `duostyle paint` that remembers what was reported to it."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from typing import Any

from duostyle.cli.progress import Reporter
from duostyle.engine.api import Step


class Recorder(Reporter):
    """Remembers the end; presses Ctrl-C `presses` times at step `at`."""

    def __init__(self, at: int = 0, presses: int = 1) -> None:
        self.at, self.presses = at, presses
        self.steps: list[int] = []
        self.ends: list[tuple[str, Mapping[str, Any]]] = []

    def step(self, step: Step) -> None:
        self.steps.append(step.step)
        if step.step == self.at:
            for _ in range(self.presses):
                signal.raise_signal(signal.SIGINT)

    def end(self, kind: str, facts: Mapping[str, Any]) -> None:
        self.ends.append((kind, facts))
