"""When an evaluation is given up for the sake of a live change, which would wait for its end otherwise.

Evaluations of large pictures take many seconds, and what one that began before the change says is of no use to anybody.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from duostyle.engine.api import Control

T = TypeVar("T")


class _GivenUp(Exception):
    """A live change came."""


class Patience:
    """Never gives up twice in a row: changes that keep coming must not stop all progress."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._willing = False
        self._gave_up = False

    def check(self) -> None:
        """To be called often in an evaluation. Raises Cancelled when cancelled."""
        self._control.check()
        if self._willing and self._control.update_waits:
            raise _GivenUp

    def outlast(self, evaluate: Callable[[], T]) -> T | None:
        """What `evaluate` gives, or None when a change came meanwhile: then nothing has happened."""
        self._willing = not self._gave_up
        try:
            found = evaluate()
        except _GivenUp:
            self._gave_up = True
            return None
        finally:
            self._willing = False
        self._gave_up = False
        return found
