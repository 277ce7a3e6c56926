"""The line of waiting jobs: who is where, how long it takes, and telling their watchers when that changes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from duostyle.engine.api import Control
from duostyle.executor.task import Task
from duostyle.job import Job, JobStatus
from duostyle.jobs.estimate import Estimate, final_megapixels
from duostyle.live.hub import Hub
from duostyle.picture import Picture
from duostyle.protocol.outgoing import Queued

_TELL_EVERY_S = 2.0
_NOTICEABLE_S, _NOTICEABLE_SHARE = 2.0, 0.2


@dataclass(eq=False, slots=True)
class Entry:
    """One unfinished job with all that belongs to it alone.

    `verdict` is set once, by whoever decides how the job ends. `begun`: its pictures are being or have been decoded
    and `task` is there soon. `best`: the picture a paused job stands at. `told`: position and seconds left as its
    watchers know them. `troubles` counts how often the store kept it from beginning.
    """

    job: Job
    control: Control = field(default_factory=Control)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    pictured: asyncio.Event = field(default_factory=asyncio.Event)
    task: Task | None = None
    best: Picture | None = None
    begun: bool = False
    on_engine: bool = False
    verdict: JobStatus | None = None
    forget: bool = False
    troubles: int = 0
    told: tuple[int, float | None] | None = None

    @property
    def megapixels(self) -> float:
        return final_megapixels(self.job.params.size, *self.job.pixels)


class Line:
    """Waiting entries in order; `running` is the one on the engine. Position 0 runs, 1 is next."""

    def __init__(self, hub: Hub, estimate: Estimate, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._hub = hub
        self._estimate = estimate
        self._clock = clock
        self._told_at = clock()
        self._waiting: list[Entry] = []
        self._arrived = asyncio.Event()
        self.running: Entry | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, entry: Entry, *, first: bool = False) -> None:
        """To the end, or to the front for a job that had begun already."""
        self._waiting.insert(0 if first else len(self._waiting), entry)
        self._arrived.set()

    def remove(self, entry: Entry) -> None:
        """Out of the line, if it is in it; the others move up."""
        if entry in self._waiting:
            self._waiting.remove(entry)
            self.tell()

    async def next(self) -> Entry:
        """Take the first entry, waiting for one. It is `running` from now on."""
        while not self._waiting:
            self._arrived.clear()
            await self._arrived.wait()
        self.running = self._waiting.pop(0)
        self.running.told = None
        return self.running

    def place(self, entry: Entry) -> tuple[int | None, float | None]:
        """Position, and seconds until its picture is ready; None where unknown or of no meaning."""
        if entry.job.status is JobStatus.RUNNING:
            return 0, entry.job.eta_s
        for waiting, position, eta_s in self._places():
            if waiting is entry:
                return position, eta_s
        return None, None

    def tell(self) -> None:
        """Send `queued` to the watchers of every job whose position or (noticeably) time left has changed."""
        self._told_at = self._clock()
        for entry, position, eta_s in self._places():
            if entry.told is not None and not _differs(entry.told, (position, eta_s)):
                continue
            entry.told = (position, eta_s)
            self._hub.queued(entry.job.id, Queued(job=entry.job.id, position=position, eta_s=eta_s).text())

    def tell_now_and_then(self) -> None:
        """`tell`, but at most every two seconds: for the steps of the running job."""
        if self._waiting and self._clock() >= self._told_at + _TELL_EVERY_S:
            self.tell()

    def _places(self) -> list[tuple[Entry, int, float | None]]:
        left_s: float | None = 0.0
        if self.running is not None and self.running.verdict is None:
            left_s = self.running.job.eta_s
        places = []
        for position, entry in enumerate(self._waiting, start=1):
            own_s = self._estimate.seconds(entry.job.params, megapixels=entry.megapixels)
            left_s = None if left_s is None or own_s is None else left_s + own_s
            places.append((entry, position, None if left_s is None else round(left_s, 1)))
        return places


def _differs(old: tuple[int, float | None], new: tuple[int, float | None]) -> bool:
    if old[0] != new[0]:
        return True
    if old[1] is None or new[1] is None:
        return old[1] is not new[1]
    return abs(new[1] - old[1]) > max(_NOTICEABLE_S, _NOTICEABLE_SHARE * old[1])
