"""Threads that must not hold up the event loop."""

from __future__ import annotations

import contextlib
import os
import sys
import threading

ENGINE_NICE, HELPER_NICE = 10, 5


def lower_priority(nice: int) -> None:
    """Of this thread alone; only Linux can do that."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), nice)
