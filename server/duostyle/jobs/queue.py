"""The active jobs: the phases that each goes through, and the queue of those that wait.

The queue knows each job's position and expected time, and tells the watchers when they change.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from duostyle.engine.api import Control
from duostyle.errors import InternalError
from duostyle.executor.task import Task
from duostyle.job import Job, JobStatus
from duostyle.live.hub import Hub
from duostyle.params import StyleParams
from duostyle.picture import Picture
from duostyle.protocol.outgoing import Queued

_ANNOUNCE_EVERY_S = 2.0
_NOTICEABLE_S, _NOTICEABLE_SHARE = 2.0, 0.2
_NEW_SHARE = 0.5

# Position (1: next) and seconds until the picture is ready, None while unknown.
Place = tuple[int, float | None]


class Phase(StrEnum):
    """Where an active job is. What clients see of it is its `JobStatus`."""

    WAITING = "waiting"  # in the queue
    PAINTING = "painting"  # with the runner, which loads its pictures and gives it to the engine
    PAUSING = "pausing"  # still with the runner; the engine releases it after this evaluation
    SUSPENDED = "suspended"  # paused, neither in the queue nor with the runner
    CANCELLING = "cancelling"  # it will end as cancelled, once the engine releases it
    FINISHING = "finishing"  # with the completion, which stores its end


class Event(StrEnum):
    """What moves a job from phase to phase."""

    TAKE = "take"  # by the runner, from the queue
    PAUSE = "pause"
    RESUME = "resume"
    LET_GO = "let go"  # by the runner, before the end: paused, interrupted, or the store could not be read
    CANCEL = "cancel"
    END = "end"


NEXT_PHASE: dict[tuple[Phase, Event], Phase] = {
    (Phase.WAITING, Event.TAKE): Phase.PAINTING,
    (Phase.WAITING, Event.PAUSE): Phase.SUSPENDED,
    (Phase.WAITING, Event.CANCEL): Phase.CANCELLING,
    (Phase.PAINTING, Event.PAUSE): Phase.PAUSING,
    (Phase.PAINTING, Event.LET_GO): Phase.WAITING,
    (Phase.PAINTING, Event.CANCEL): Phase.CANCELLING,
    (Phase.PAINTING, Event.END): Phase.FINISHING,
    (Phase.PAUSING, Event.RESUME): Phase.PAINTING,
    (Phase.PAUSING, Event.LET_GO): Phase.SUSPENDED,
    (Phase.PAUSING, Event.CANCEL): Phase.CANCELLING,
    # the pause came while the last step was computed
    (Phase.PAUSING, Event.END): Phase.FINISHING,
    (Phase.SUSPENDED, Event.RESUME): Phase.WAITING,
    (Phase.SUSPENDED, Event.CANCEL): Phase.CANCELLING,
    (Phase.CANCELLING, Event.END): Phase.FINISHING,
}
# In the last two phases a job keeps the status it had: clients learn of an end once it is stored.
STATUS_IN: dict[Phase, JobStatus] = {
    Phase.WAITING: JobStatus.QUEUED,
    Phase.PAINTING: JobStatus.RUNNING,
    Phase.PAUSING: JobStatus.PAUSED,
    Phase.SUSPENDED: JobStatus.PAUSED,
}


@dataclass(eq=False, slots=True)
class ActiveJob:
    """One active job with all that belongs to it alone. The loop owns it; the engine thread sees `control`, `task`.

    `lock` is held while a client's change is made and stored. `shown` is set with the first picture, `ended` when the
    job has ended. `best`: the picture that a paused job stands at. `forget`: it is deleted with its end.
    `failed_starts` counts how often the store kept it from beginning.
    """

    job: Job
    phase: Phase = field(init=False)
    control: Control = field(default_factory=Control)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    shown: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    task: Task | None = None
    best: Picture | None = None
    forget: bool = False
    failed_starts: int = 0

    def __post_init__(self) -> None:
        self.phase = Phase.SUSPENDED if self.job.status is JobStatus.PAUSED else Phase.WAITING

    def apply(self, event: Event) -> None:
        """Go on to the next phase, and to the status that belongs to it. Raises InternalError where there is none."""
        phase = NEXT_PHASE.get((self.phase, event))
        if phase is None:
            raise InternalError(f"the event '{event}' is illegal for a job that is {self.phase}")
        self.phase = phase
        status = STATUS_IN.get(phase, self.job.status)
        if status is not self.job.status:
            self.job.move(status)

    @property
    def alive(self) -> bool:
        """Its end is not decided."""
        return self.phase not in (Phase.CANCELLING, Phase.FINISHING)

    @property
    def megapixels(self) -> float:
        """Of the finished picture."""
        return final_megapixels(self.job.params.size, *self.job.pixels)

    @property
    def with_runner(self) -> bool:
        """It is on the engine or about to be, and its end is not decided."""
        return self.phase in (Phase.PAINTING, Phase.PAUSING)


class Estimate:
    """How long a waiting job will take, judged by what earlier jobs of this process took. Pure.

    Painting costs seconds per megapixel and step, so two numbers are learned: that rate (newer jobs count more), and
    how many steps each preset came to. Instant pictures have no such steps, and a rate of their own. Nothing is guessed
    before something was measured.
    """

    def __init__(self) -> None:
        self._rate: float | None = None
        self._guess: float | None = None
        self._steps: dict[str, int] = {}
        # seconds per megapixel
        self._instant: float | None = None

    def learn(self, params: StyleParams, *, megapixels: float, steps: int, seconds: float) -> None:
        """A job with a final picture of `megapixels` took `seconds` for `steps`."""
        if params.preset == "instant":
            self._instant = seconds / megapixels if megapixels > 0 else self._instant
            return
        if params.iterations is None:
            self._steps[params.preset] = steps
        if megapixels > 0 and steps > 0 and seconds > 0:
            rate = seconds / (megapixels * steps)
            self._rate = rate if self._rate is None else self._rate + _NEW_SHARE * (rate - self._rate)

    def expect(self, params: StyleParams, *, megapixels: float, steps: int, seconds: float) -> None:
        """The running job is expected to take `seconds` for `steps`; used until a job has really ended."""
        if params.preset == "instant":
            return
        if params.iterations is None:
            self._steps.setdefault(params.preset, steps)
        if megapixels > 0 and steps > 0 and seconds > 0:
            self._guess = seconds / (megapixels * steps)

    def seconds(self, params: StyleParams, *, megapixels: float) -> float | None:
        """For a whole job with a final picture of `megapixels`; None while unknown."""
        if params.preset == "instant":
            return None if self._instant is None else self._instant * megapixels
        steps = params.iterations or self._steps.get(params.preset)
        rate = self._guess if self._rate is None else self._rate
        return None if rate is None or steps is None else rate * megapixels * steps


def final_megapixels(size_px: int, width: int, height: int) -> float:
    """Of a painting whose longest side is `size_px`, for content of `width` x `height` px."""
    return size_px * size_px * min(width, height) / max(width, height) / 1e6


class JobQueue:
    """Waiting jobs in order; `running` is the one that the runner has. All methods run on the loop.

    Position 0 runs, 1 is next. `estimate` learns from jobs that end. `error`, once there is one, says why no job is
    painted until the server is fixed and restarted.
    """

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._waiting: list[ActiveJob] = []
        self._announced: dict[str, Place] = {}
        self._announced_at = hub.clock()
        self._arrived = asyncio.Event()
        self.estimate = Estimate()
        self.running: ActiveJob | None = None
        self.error: Mapping[str, Any] | None = None

    def hold(self, error: Mapping[str, Any]) -> None:
        """No job of the queue will be painted by this process; all watchers are told why. The jobs stay queued."""
        self.error = error
        self._announced.clear()
        self.announce()

    def add(self, active: ActiveJob) -> Place:
        """Append the job; returns its position and time left."""
        self._insert(len(self._waiting), active)
        position = len(self._waiting)
        self._announced[active.job.id] = position, self._places()[-1][2]
        return self._announced[active.job.id]

    def add_first(self, active: ActiveJob) -> None:
        """Insert at the front, for a job that had begun already; all watchers are told."""
        self._insert(0, active)
        self.announce()

    def remove(self, active: ActiveJob) -> None:
        """Remove the job, if it is queued; the others move up."""
        if active in self._waiting:
            self._waiting.remove(active)
            self._announced.pop(active.job.id, None)
            self.announce()

    async def next(self) -> ActiveJob:
        """Take the first job, waiting for one if necessary. It is `running` until `done`."""
        while not self._waiting:
            self._arrived.clear()
            await self._arrived.wait()
        self.running = self._waiting.pop(0)
        self._announced.pop(self.running.job.id, None)
        return self.running

    def done(self) -> None:
        """The runner has finished with the job that it took."""
        self.running = None
        self.announce()

    def place(self, active: ActiveJob) -> tuple[int | None, float | None]:
        """Position, and seconds until its picture is ready; None where unknown or meaningless."""
        if active.job.status is JobStatus.RUNNING:
            return 0, active.job.eta_s
        for waiting, position, eta_s in self._places():
            if waiting is active:
                return position, eta_s
        return None, None

    def announce(self) -> None:
        """Send `queued` to the watchers of every job whose position or (noticeably) time left has changed."""
        self._announced_at = self._hub.clock()
        for active, position, eta_s in self._places():
            known = self._announced.get(active.job.id)
            if known is not None and not _differs(known, (position, eta_s)):
                continue
            self._announced[active.job.id] = position, eta_s
            message = Queued(job=active.job.id, position=position, eta_s=eta_s, error=self.error)
            self._hub.send_queued(active.job.id, message.text())

    def announce_now_and_then(self) -> None:
        """`announce`, but at most every two seconds: for the steps of the running job."""
        if self._waiting and self._hub.clock() >= self._announced_at + _ANNOUNCE_EVERY_S:
            self.announce()

    def _insert(self, index: int, active: ActiveJob) -> None:
        self._waiting.insert(index, active)
        self._arrived.set()

    def _places(self) -> list[tuple[ActiveJob, int, float | None]]:
        left_s: float | None = 0.0
        if self.running is not None and self.running.alive:
            left_s = self.running.job.eta_s
        places = []
        for position, active in enumerate(self._waiting, start=1):
            own_s = self.estimate.seconds(active.job.params, megapixels=active.megapixels)
            left_s = None if left_s is None or own_s is None else left_s + own_s
            places.append((active, position, None if left_s is None else round(left_s, 1)))
        return places


def _differs(old: Place, new: Place) -> bool:
    if old[0] != new[0]:
        return True
    if old[1] is None or new[1] is None:
        return old[1] is not new[1]
    return abs(new[1] - old[1]) > max(_NOTICEABLE_S, _NOTICEABLE_SHARE * old[1])
