"""Threads that must not hold up the event loop, and the cores that they may use."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

ENGINE_NICE, HELPER_NICE = 10, 5


def lower_priority(nice: int) -> None:
    """Lower the priority of this thread alone, by `nice` from that of the process; only Linux can do that."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            # the system clips values beyond the lowest priority
            of_process = os.getpriority(os.PRIO_PROCESS, os.getpid())
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), of_process + nice)


def quiet_pool(threads: int, name: str) -> ThreadPoolExecutor:
    """A pool for blocking work, in priority below the event loop and above the engine."""
    return ThreadPoolExecutor(threads, name, initializer=lower_priority, initargs=(HELPER_NICE,))


def usable_cores() -> int:
    """How many cores this process may use, at least 1."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
