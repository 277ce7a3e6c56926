"""A time in which the data folder cannot be used: it begins with an error and ends when a probe of the folder succeeds.

Only callers that must not lose their work wait here. Pure asyncio.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from duostyle.errors import StorageUnavailable

_log = logging.getLogger(__name__)


Probe = Callable[[], Awaitable[None]]
Sleep = Callable[[float], Awaitable[None]]


class Outage:
    """`probe` raises StorageUnavailable as long as the outage lasts; it is tried every `every_s` seconds."""

    def __init__(self, probe: Probe, *, every_s: float, sleep: Sleep = asyncio.sleep) -> None:
        self._probe, self._sleep = probe, sleep
        self._every_s = every_s
        self._over, self._begun = asyncio.Event(), asyncio.Event()
        self._over.set()
        self._task: asyncio.Task[None] | None = None
        self.abandoned = False
        # why it began, for whoever operates the server
        self.reason = ""

    @property
    def lasts(self) -> bool:
        """True from the error on until a probe succeeds, also when it was abandoned."""
        return self._begun.is_set()

    def begin(self, error: StorageUnavailable) -> None:
        """The folder has just failed with `error`. Does nothing when the outage is known."""
        if self.lasts or self.abandoned:
            return
        cause = error.__cause__
        # an OSError's own text has the file's name, which is nobody's business
        self.reason = (cause.strerror if isinstance(cause, OSError) else None) or str(cause or error)
        _log.error("the data folder cannot be used", extra={"reason": str(cause or error)})
        self._begun.set()
        self._over.clear()
        self._task = asyncio.create_task(self._until_it_works())

    async def until_over(self) -> None:
        """Return at once when nothing is wrong, or when it was abandoned."""
        await self._over.wait()

    async def until_begun(self) -> None:
        """Return at once while it lasts."""
        await self._begun.wait()

    def abandon(self) -> None:
        """Release all waiting callers: the process is about to end."""
        self.abandoned = True
        self._over.set()
        if self._task is not None:
            self._task.cancel()

    async def watch(self, look: Probe, every_s: float) -> None:
        """Begin an outage when `look` raises StorageUnavailable, every `every_s` seconds. Never returns."""
        while True:
            await self._sleep(every_s)
            if self.lasts:
                continue
            try:
                await look()
            except StorageUnavailable as error:
                self.begin(error)
            except Exception:
                _log.exception("looking at the data folder failed")

    async def _until_it_works(self) -> None:
        while True:
            await self._sleep(self._every_s)
            try:
                await self._probe()
            except StorageUnavailable:
                continue
            except Exception:
                # without this task the outage would last forever
                _log.exception("checking the data folder failed")
                continue
            break
        _log.warning("the data folder can be used again")
        self._begun.clear()
        self._over.set()
